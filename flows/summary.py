"""What operators see of a finished job in Prefect's UI: a summary, its stages, its time line, and tags to filter by."""

import base64
import html
from collections.abc import Iterable
from uuid import UUID

from prefect import runtime
from prefect.artifacts import create_image_artifact, create_markdown_artifact, create_table_artifact
from prefect.client.orchestration import get_client

from ecg_audio.analysis import Analysis, Segment, Turn
from ecg_audio.captions.names import displayed
from ecg_audio.captions.text import clean
from ecg_audio.duration import length
from ecg_audio.results.outcome import Outcome
from ecg_audio.sound_quality import sound_quality
from flows import runs

LENGTH = "ecg.length_s"
"""The label of a run that says how long its recording is."""
LINES, LONGEST_LINE = 5, 160
"""Of the transcript, in lines and characters: enough to see whether it is the right recording."""
WIDTH_PX, ROW_PX, MARGIN_PX = 960, 28, 110
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")  # Okabe and Ito


def summarise(analysis: Analysis, ended: Outcome) -> None:
    """Leave artifacts and tags on the current flow run."""
    create_markdown_artifact(_markdown(analysis, ended), key="summary", description=f"Job {ended.job_id}")
    create_table_artifact(_stages(ended), key="stages", description="Stages, their times, and what was cached")
    if analysis.turns:
        picture = base64.b64encode(_timeline(analysis.turns, analysis.recording.duration_s).encode()).decode()
        create_image_artifact(f"data:image/svg+xml;base64,{picture}", key="timeline", description="Who spoke when")
    runs.tag(f"language:{analysis.language}", f"outcome:{ended.status}")
    with get_client(sync_client=True) as client:
        labels: dict[str, bool | int | float | str] = {LENGTH: round(analysis.recording.duration_s, 1)}
        client.update_flow_run_labels(UUID(str(runtime.flow_run.id)), labels)


def _markdown(analysis: Analysis, ended: Outcome) -> str:
    assert ended.outputs
    lines = [
        f"## {_inert(analysis.title)}",
        f"**{ended.status}** · {length(analysis.recording.duration_s)} · {ended.words} words · "
        f"{ended.speakers} speakers · {analysis.language} · {_inert(analysis.transcription_model)}",
        *([f"sound: {_inert(sound)}"] if (sound := sound_quality(analysis.recording)) else []),
        f"[**Open the report**]({report})"
        if (report := ended.outputs.report).startswith("http")
        else f"**Open the report**: `ecg open {ended.job_id}`",
        "",
        *(f"- ⚠ {_inert(warning.message)} `{warning.code}`" for warning in ended.warnings),
        "",
        *_beginning(analysis),
        "",
        "| output | where |",
        "|---|---|",
    ]
    places = ended.outputs.model_dump(exclude={"tables", "presets"}) | ended.outputs.tables
    lines += [f"| {name} | {_linked(place)} |" for name, place in places.items()]
    return "\n".join(lines)


def _beginning(analysis: Analysis) -> list[str]:
    """The first lines of the transcript, each with its speaker's name."""
    first = sorted(analysis.segments, key=lambda segment: segment.start_s)[:LINES]
    return [f"> **{_inert(displayed(one.speaker))}** {_inert(_shortened(one))}  " for one in first]


def _shortened(segment: Segment) -> str:
    text = clean(segment.text)
    return text if len(text) <= LONGEST_LINE else text[: LONGEST_LINE - 1].rstrip() + "…"


def _linked(place: str) -> str:
    return f"[{place}]({place})" if place.startswith("http") else f"`{place}`"


def _inert(text: str) -> str:
    """Untrusted text, without power over the page."""
    return html.escape(text, quote=False).translate({ord(mark): f"\\{mark}" for mark in "\\`*_[]|#"})


def _stages(ended: Outcome) -> list[dict[str, object]]:
    return [
        {
            "stage": stage.name,
            "status": stage.status,
            "seconds": stage.duration_s,
            "× real time": stage.real_time_ratio,
            "error": stage.error_code,
        }
        for stage in ended.stages
    ]


def _timeline(turns: Iterable[Turn], duration_s: float) -> str:
    """An SVG with one row a speaker."""
    rows: dict[str, list[Turn]] = {}
    for turn in turns:
        rows.setdefault(turn.speaker, []).append(turn)
    height = ROW_PX * len(rows) + 24
    scale = (WIDTH_PX - MARGIN_PX - 10) / max(duration_s, 0.001)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height}" font-family="sans-serif" '
        f'font-size="13"><rect width="{WIDTH_PX}" height="{height}" fill="#fff"/>'
    ]
    for row, (speaker, spoken) in enumerate(rows.items()):
        top = row * ROW_PX + 4
        parts.append(f'<text x="4" y="{top + 15}" fill="#222">{html.escape(clean(displayed(speaker)))}</text>')
        parts += [
            f'<rect x="{MARGIN_PX + turn.start_s * scale:.1f}" y="{top}" rx="2" '
            f'width="{max(1.0, (turn.end_s - turn.start_s) * scale):.1f}" height="{ROW_PX - 8}" '
            f'fill="{COLOURS[row % len(COLOURS)]}"/>'
            for turn in spoken
        ]
    parts.append(f'<text x="{MARGIN_PX}" y="{height - 6}" fill="#555">0 s</text>')
    parts.append(f'<text x="{WIDTH_PX - 8}" y="{height - 6}" fill="#555" text-anchor="end">{length(duration_s)}</text>')
    return "".join(parts) + "</svg>"
