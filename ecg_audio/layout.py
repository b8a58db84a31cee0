"""Where the objects of a store lie. Every key is made here, so what one part writes another part finds."""

import hashlib
import re
import unicodedata
from typing import Final

CACHE: Final = "cache"
"""Records of finished stages, a folder for each content."""
RECORDINGS: Final = "recordings"
DELIVERIES: Final = "deliveries"
CLAIMS: Final = f"{DELIVERIES}/claims"
BATCHES: Final = "batches"
FORGETTING: Final = "forgetting"
REWRITING: Final = "+rewriting"
"""How the names of claims on tables' days begin: `+` is in no job's id."""
TABLES: Final = "features"
UPLOADS: Final = "videos"
VOICES: Final = "voices"
"""Voices that somebody asked to be known again, a file each. No other object holds one of their vectors."""

RESULTS: Final = ("results", "runs", "jobs", BATCHES)
"""Folders that tell of jobs: manifests, what they name, what a job left, how batches went."""
OWN: Final = frozenset({*RESULTS, RECORDINGS, CACHE, TABLES, DELIVERIES, FORGETTING, VOICES})
"""The folders of a store that hold what jobs made; uploads lie beside them."""

OUTPUTS: Final = {
    "analysis": "analysis.json",
    "backend": "backend.json",
    "rttm": "speakers.rttm",
    "report": "report.html",
    "original": "original.json",
    "burnt": "burnt.mp4",
}
"""Files that runs make beside tables and captions, by the names that they have in a manifest."""
PARTITION: Final = re.compile(
    rf"{TABLES}/(?P<table>[a-z]+)/date=(?P<day>\d{{4}}-\d{{2}}-\d{{2}})/(?P<job>[^/]+)\.parquet"
)
"""Keys of tables' files."""
UPLOAD: Final = re.compile(rf"{UPLOADS}/[^/]+/\d{{8}}_\d{{6}}_[0-9a-f]{{8}}_[^/]+")
"""Keys of uploads: by user, time and chance."""
UPLOADED_AS: Final = re.compile(r"\d{8}_\d{6}_[0-9a-f]{8}_")
"""How the name of an upload begins, before the name that its sender gave it."""
CACHED: Final = re.compile(rf"{CACHE}/([0-9a-f]{{64}}|sources)/[a-z_]+-[0-9a-f]{{32}}")


def manifest(job_id: str) -> str:
    """What a job has published."""
    return f"results/{job_id}/manifest.json"


def run(run_id: str) -> str:
    """The folder of what one run made."""
    return f"runs/{run_id}"


def output(run_id: str, name: str) -> str:
    """One of a run's `OUTPUTS`, or its captions in a format (`srt`) or style (`presets/karaoke.vtt`)."""
    file = OUTPUTS.get(name) or f"captions.{name.removeprefix('presets/')}"
    return f"{run(run_id)}/{file}"


def batch(batch_id: str) -> str:
    """A batch's summary."""
    return f"{BATCHES}/{batch_id}/summary.json"


def table(name: str, day: str, job_id: str) -> str:
    """A job's part of a table, by the day of its result (2026-01-31)."""
    return f"{TABLES}/{name}/date={day}/{job_id}.parquet"


def trace(job_id: str) -> str:
    """What a job left in the store."""
    return f"jobs/{job_id}.json"


def receipt(job_id: str) -> str:
    """How a job's last callback went."""
    return f"{DELIVERIES}/{job_id}.json"


def told_revision(job_id: str, run_id: str) -> str:
    """In the place of a job's id, for the receipt of the callback that tells of its revision: `+` is in no job's id."""
    return f"{job_id}+revised+{run_id}"


def begun(job_id: str) -> str:
    """In the place of a job's id, for the claim on that id while a command works under it."""
    return f"{job_id}+begun"


def rewriting(name: str, day: str) -> str:
    """In the place of a job's id, for the claim on a table's day while its file of many jobs is rewritten."""
    return f"{REWRITING}+{name}+{day}"


def forgetting(job_id: str) -> str:
    """What is to go with a job that is being forgotten."""
    return f"{FORGETTING}/{job_id}.json"


def recording(sha256: str, audio_stream: int | None = None) -> str:
    """A source's sound, by its content, and by the stream where one was asked for."""
    chosen = "" if audio_stream is None else f".stream{audio_stream}"
    return f"{RECORDINGS}/{sha256[:2]}/{sha256}{chosen}.flac"


def channel(recording: str, number: int) -> str:
    """One channel of a recording, beside it."""
    return f"{recording.removesuffix('.flac')}.channel{number}.flac"


def frames(recording: str, version: str) -> str:
    """Voice frames, beside the recording or channel that they were measured in, by the version of the code."""
    return f"{recording.removesuffix('.flac')}.{version}.frames.parquet"


def records(content: str | None) -> str:
    """The folder of cached records about one content, by its digest; None: about sources."""
    return f"{CACHE}/{content or 'sources'}"


def voice(name: str) -> str:
    """A known voice. Names are people's words, so that keys are made of their digests; case makes no other voice."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return f"{VOICES}/{hashlib.sha256(plain.encode()).hexdigest()[:32]}.json"


def upload(user: str, name: str) -> str:
    """An uploaded recording."""
    return f"{UPLOADS}/{user}/{name}"
