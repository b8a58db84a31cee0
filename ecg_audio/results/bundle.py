"""A published result as one ZIP archive that somebody else can check, cite and make again."""

import hashlib
import io
import json
import shlex
import zipfile
from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from ecg_audio.analysis import Analysis
from ecg_audio.request import GB, Limits
from ecg_audio.results.manifest import Origin

MODE = 0o644 << 16  # of the files when they are unpacked
FIRST_YEAR = 1980  # a ZIP archive knows no earlier one

_README = """{title}

A recording as ecg-audio-analyzer {version} heard it, schema version {schema}.

analysis.json        the whole result; `analysis.schema.json` describes it
tables/*.parquet     the same as tables, with unit and meaning in each column's metadata
*.TextGrid, *.eaf    words, segments and pauses for Praat and ELAN
*.ctm, *.stm, *.rttm words, segments and turns for scorers
*.egemaps.csv        the voice by the functionals of eGeMAPS, of the whole and of each segment
captions.*           captions; report.html is a page to read
provenance.json      what was analysed, with which settings and models, and the command that makes this again
SHA256SUMS           `sha256sum --check SHA256SUMS` says whether all files are whole

The recording itself is not in here. Its SHA-256 is in provenance.json.
"""


def archive(analysis: Analysis, files: Mapping[str, bytes], origin: Origin | None = None) -> bytes:
    """Put files and what is to be known about them into a ZIP archive. The same files give the same bytes.

    Args:
        analysis: the result that the files are of.
        files: contents by their path in the archive.
        origin: what decided the result beside the recording; None: its version did not say.

    Returns:
        The archive: the files, README.txt, provenance.json, and SHA256SUMS over all of them.
    """
    about = _README.format(
        title=analysis.title, version=analysis.software_version, schema=analysis.schema_version
    ).encode()
    made = (json.dumps(provenance(analysis, origin), indent=2, ensure_ascii=False) + "\n").encode()
    contents = dict(sorted({**files, "README.txt": about, "provenance.json": made}.items()))
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, content in contents.items())
    moment = datetime.fromisoformat(analysis.created_at)
    date_time = (max(moment.year, FIRST_YEAR), moment.month, moment.day, moment.hour, moment.minute, moment.second)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for path, content in {**contents, "SHA256SUMS": sums.encode()}.items():
            entry = zipfile.ZipInfo(path, date_time)
            entry.external_attr = MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, content)
    return packed.getvalue()


def provenance(analysis: Analysis, origin: Origin | None = None) -> dict[str, object]:
    """What was analysed, with what, and how to do it again.

    Args:
        analysis: the result.
        origin: what decided it beside the recording. None: its version did not say; then there are no `settings` and
            no `engine`, and the command has of the options what the result tells.
    """
    return {
        **analysis.model_dump(
            include={
                "job_id",
                "run_id",
                "status",
                "created_at",
                "source",
                "software_version",
                "schema_version",
                "models_requested",
                "transcription_model",
                "diarization_model",
                "emotion_model",
                "event_model",
                "language_requested",
                "task",
                "initial_prompt",
                "hotwords",
            }
        ),
        "source_sha256": analysis.recording.sha256,
        "stream_index": analysis.recording.stream_index,
        "corrections": analysis.revision.number if analysis.revision else 0,
        "notices": [notice.model_dump() for notice in analysis.notices],
        **(origin.model_dump() if origin else {}),
        "command": shlex.join(_command(analysis, origin)),
    }


def _command(analysis: Analysis, origin: Origin | None) -> list[str]:
    """What makes this result again, given the source, this version of the software and these models."""
    settings = [f"{variable}={value}" for variable, value in sorted(origin.settings.items())] if origin else []
    command = [
        *(["env", *settings] if settings else []),
        "ecg",
        "analyze",
        analysis.source,
        "--job-id",
        analysis.job_id,
    ]
    for name, value in (origin.options if origin else _told(analysis)).items():
        command += _option(name, value)
    return command


def _told(analysis: Analysis) -> dict[str, JsonValue]:
    """The options that a result tells of; a number of speakers that was asked for is not among them."""
    told: dict[str, JsonValue] = {"models": analysis.models_requested, "language": analysis.language_requested}
    told |= {"translate": True} if analysis.task == "translate" else {}
    told |= {"voice_vectors": True} if any(speaker.embedding for speaker in analysis.speakers) else {}
    return told | {name: value for name in ("initial_prompt", "hotwords") if (value := getattr(analysis, name))}


def _option(name: str, value: JsonValue) -> list[str]:
    """A field of the request as `ecg analyze` takes it."""
    if name == "limits" and isinstance(value, dict):
        asked = Limits.model_validate(value)
        return ["--max-gb", f"{asked.max_bytes / GB:g}", "--max-hours", f"{asked.max_duration_s / 3600:g}"]
    flag = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{flag}" if value else f"--no-{flag}"]
    return [f"--{flag}", str(value)]
