"""publish: every output of a job into the store, the manifest last.

Readers trust manifests: what no manifest names was never published. A second publication of a job replaces the first
one whole: new objects first, then the manifest, then the old run's objects go.
"""

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import quote

from blocks.published import published
from blocks.storage import ArtifactStore
from ecg_audio import layout, workspace
from ecg_audio.analysis import Analysis
from ecg_audio.errors import EcgError, ResultNotFound
from ecg_audio.results import manifest
from ecg_audio.results.manifest import Origin
from ecg_audio.results.outcome import TABLES, Outputs
from tasks.stage import Work, stage

TAKES_BACK_S = 3600.0
"""How long a compaction is waited for that may hold rows of an earlier result."""

_Shown = tuple[str | None, Literal["video", "audio"]]
"""The address of a report's recording, and whether it has a picture."""


@dataclass(frozen=True, slots=True)
class _Output:
    name: str
    key: str
    path: Path


@stage()
def publish(
    work: Work,
    analysis: Analysis,
    frames: str | None,
    media: Path | None = None,
    asked: str | None = None,
    original: bytes | None = None,
    origin: Origin | None = None,
) -> Outputs:
    """Write a job's outputs and make them the job's published result.

    Args:
        work: see `Work`.
        analysis: the result.
        frames: key of its voice frames; None: there are none.
        media: the source, where it is a file of this machine that stays: the report page plays it.
        asked: the request's digest, for whoever wants to know whether the same was asked before.
        original: the document of the machine's own result, where this one is a correction of it. The report then shows
            the recording that the report before it showed.
        origin: what decided the result beside the recording; of a correction it is what it was.

    Raises:
        PublishFailed: the store does not take them; the job's earlier result, if any, stands untouched as far as its
            manifest, and nothing half-written is left.
    """
    artifacts = work.store
    with workspace.scratch("publish") as folder:
        outputs = _rendered(analysis, frames, artifacts, folder, media, original)
        earlier = published(artifacts, analysis.job_id)
        before = {output.key for output in earlier.outputs.values()} if earlier else set()
        new = {output.key for output in outputs}
        try:
            for done, output in enumerate(outputs):
                artifacts.upload(output.key, output.path)
                work.report(done / (len(outputs) + 1))
            _put_back(artifacts, {output.key: output.path for output in outputs if output.key in before})
            written = manifest.build(
                analysis,
                {output.name: manifest.output(output.key, output.path.read_bytes()) for output in outputs},
                request=asked,
                origin=earlier.origin if earlier and original is not None else origin,
                original_run_id=earlier.analysed_by if earlier and original is not None else None,
            )
            artifacts.write(layout.manifest(analysis.job_id), manifest.dumps(written))
        except EcgError:
            for key in new - before:
                artifacts.delete(key)
            raise
        for key in before - new:
            artifacts.delete(key)
        _take_back(artifacts, analysis, before - new)
        return addresses(artifacts, written)


def _put_back(artifacts: ArtifactStore, anew: dict[str, Path]) -> None:
    """Files under the keys of an earlier result, which a compaction may take for the earlier ones."""
    if anew:
        from ecg_audio.results import compaction

        compaction.put_back(artifacts, anew)


def _take_back(artifacts: ArtifactStore, analysis: Analysis, old: set[str]) -> None:
    """Rows of an earlier result that another day's compacted file holds: this day's count no more by themselves."""
    days = {part.removeprefix("date=") for key in old for part in PurePosixPath(key).parts if part.startswith("date=")}
    if days:
        from ecg_audio.results import compaction

        # nobody comes again for these rows: the manifest that told of their day is gone
        compaction.strip(artifacts, analysis.job_id, days - {analysis.created_at[:10]}, waits_s=TAKES_BACK_S)


def _rendered(
    analysis: Analysis,
    frames: str | None,
    artifacts: ArtifactStore,
    folder: Path,
    media: Path | None,
    original: bytes | None,
) -> list[_Output]:
    """All outputs as local files, in upload order: the table `recordings`, which readers join on, comes last."""
    from ecg_audio.captions import ass, cues, html, sounds, srt, styling, vtt
    from ecg_audio.results import backend, document, frame_file, rttm, tables

    bounds = cues.CueSettings.for_language(analysis.text_language)
    lines = cues.cues(analysis.segments, bounds)
    omitted = cues.left_out(analysis.segments)
    texts: dict[str, str | bytes] = {
        "analysis": document.dumps(analysis),
        "backend": json.dumps(backend.document(analysis), ensure_ascii=False, allow_nan=False),
        "rttm": rttm.dumps(analysis),
        "srt": srt.dumps(lines),
        "vtt": vtt.dumps(lines, left_out=omitted),
        "ass": ass.dumps(lines, title=analysis.title, left_out=omitted),
    }
    for preset in styling.PRESETS[:-1]:  # the plain file of each format is in the default style, the last
        texts[f"presets/{preset}.vtt"] = vtt.dumps(lines, preset, left_out=omitted)
        texts[f"presets/{preset}.ass"] = ass.dumps(lines, preset, title=analysis.title, left_out=omitted)
    if original is not None:
        texts["original"] = original
    if analysis.events is not None:
        heard = cues.cues(analysis.segments, bounds, sounds.sounds(analysis))
        texts |= {
            "presets/sdh.srt": srt.dumps(heard),
            "presets/sdh.vtt": vtt.dumps(heard, "plain", left_out=omitted),
            "presets/sdh.ass": ass.dumps(heard, "plain", title=analysis.title, left_out=omitted),
        }
    with ExitStack() as stack:
        measured = stack.enter_context(artifacts.local(frames)) if frames else None
        shown = _shown_before(artifacts, analysis.job_id) if original is not None else None
        href, kind = shown or _shown(analysis, artifacts, media)
        texts["report"] = html.page(
            analysis, frame_file.read_frames(measured) if measured else None, media_href=href, media_kind=kind
        )
        made = tables.write_tables(analysis, measured, folder)
    outputs = []
    for name, text in texts.items():
        key = layout.output(analysis.run_id, name)
        path = folder / PurePosixPath(key).name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        outputs.append(_Output(name, key, path))
    day = analysis.created_at[:10]
    outputs += [
        _Output(f"tables/{table}", layout.table(table, day, analysis.job_id), made[table])
        for table in reversed(TABLES)
        if table in made
    ]
    return outputs


def _shown(analysis: Analysis, artifacts: ArtifactStore, media: Path | None) -> _Shown:
    """The page's media by relative address: the video where it is a file here, else the stored audio."""
    beside = PurePosixPath("../..", analysis.recording.key)
    here = Path(artifacts.uri(layout.run(analysis.run_id)))
    shown = os.path.relpath(media, here) if media and here.is_absolute() else str(beside)
    return quote(shown), "video" if analysis.recording.has_video and shown != str(beside) else "audio"


def _shown_before(artifacts: ArtifactStore, job_id: str) -> _Shown | None:
    """What the job's published report shows: the folders of all runs lie beside each other, so it is the same here."""
    from ecg_audio.captions import html

    try:
        earlier = published(artifacts, job_id)
        return html.media_of(artifacts.read(earlier.outputs["report"].key).decode()) if earlier else None
    except (KeyError, ResultNotFound):
        return None


def addresses(artifacts: ArtifactStore, written: manifest.Manifest) -> Outputs:
    """Where the outputs of a published result lie."""
    uris = {name: artifacts.uri(output.key) for name, output in written.outputs.items()}
    return Outputs.model_validate(
        {
            **{name: uris[name] for name in Outputs.model_fields if name in uris},
            "manifest": artifacts.uri(layout.manifest(written.job_id)),
            "presets": {name.split("/")[1]: uri for name, uri in uris.items() if name.startswith("presets/")},
            "tables": {table: uris[f"tables/{table}"] for table in TABLES if f"tables/{table}" in uris},
        }
    )
