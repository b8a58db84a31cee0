"""A published result as one ZIP archive that somebody else can check, cite and make again."""

import hashlib
import io
import json
import shlex
import zipfile
from collections.abc import Mapping
from datetime import datetime

from ecg_audio.analysis import Analysis

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
provenance.json      what was analysed, with which models, and the command that makes this again
SHA256SUMS           `sha256sum --check SHA256SUMS` says whether all files are whole

The recording itself is not in here. Its SHA-256 is in provenance.json.
"""


def archive(analysis: Analysis, files: Mapping[str, bytes]) -> bytes:
    """Put files and what is to be known about them into a ZIP archive. The same files give the same bytes.

    Args:
        analysis: the result that the files are of.
        files: contents by their path in the archive.

    Returns:
        The archive: the files, README.txt, provenance.json, and SHA256SUMS over all of them.
    """
    about = _README.format(
        title=analysis.title, version=analysis.software_version, schema=analysis.schema_version
    ).encode()
    origin = (json.dumps(provenance(analysis), indent=2, ensure_ascii=False) + "\n").encode()
    contents = dict(sorted({**files, "README.txt": about, "provenance.json": origin}.items()))
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


def provenance(analysis: Analysis) -> dict[str, object]:
    """What was analysed, with what, and how to do it again."""
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
                "language_requested",
                "task",
                "initial_prompt",
                "hotwords",
            }
        ),
        "source_sha256": analysis.recording.sha256,
        "stream_index": analysis.recording.stream_index,
        "notices": [notice.model_dump() for notice in analysis.notices],
        "command": shlex.join(_command(analysis)),
    }


def _command(analysis: Analysis) -> list[str]:
    """What makes this result again, given the source, this version of the software and these models.

    A number of speakers that was asked for is not in a result, so it is not in here.
    """
    command = ["ecg", "analyze", analysis.source, "--job-id", analysis.job_id, "--models", analysis.models_requested]
    command += ["--language", analysis.language_requested]
    if analysis.task == "translate":
        command.append("--translate")
    if any(speaker.embedding for speaker in analysis.speakers):
        command.append("--voice-vectors")
    if analysis.initial_prompt:
        command += ["--initial-prompt", analysis.initial_prompt]
    if analysis.hotwords:
        command += ["--hotwords", analysis.hotwords]
    return command
