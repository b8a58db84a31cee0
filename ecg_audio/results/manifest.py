"""The manifest of one published result: what there is, how large, and that it is whole.

It is written last, under `results/{job_id}/manifest.json`. Without it nothing is published.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue, ValidationError

from ecg_audio.analysis import Analysis, Model
from ecg_audio.errors import InvalidRequest, PublishFailed, ResultNotFound

MANIFEST_VERSION = "1.2"

MEDIA_TYPES = {
    # by the key's ending
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".rttm": "text/plain; charset=utf-8",
    ".srt": "application/x-subrip",
    ".vtt": "text/vtt",
    ".ass": "text/x-ssa",
    ".html": "text/html; charset=utf-8",
    ".flac": "audio/flac",
    ".mp4": "video/mp4",
}


class Output(Model):
    """One published file, in the artifact store under `key`."""

    key: str
    size_bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    media_type: str


class Origin(Model):
    """What decided a result beside the recording: enough to make it again."""

    options: dict[str, JsonValue]  # the request's fields that are not what they are by themselves
    settings: dict[str, str]  # of the models, by variable, where they are not what they are by themselves
    engine: dict[str, str]  # models with digests of their content, packages, what the models were run with


class Manifest(Model):
    """What one job published. `outputs` goes by name: analysis, backend, rttm, srt, ..., tables/recordings, ..."""

    schema_version: str = MANIFEST_VERSION
    job_id: str
    run_id: str
    created_at: str  # ISO 8601, UTC: when it was published
    status: Literal["completed", "partial"]
    software_version: str
    analysis_schema_version: str
    request: str | None = None  # digest of what was asked; None: not known
    origin: Origin | None = None  # None: an older version did not say
    original_run_id: str | None = None  # that analysed the recording, where a person has corrected what it found
    outputs: dict[str, Output]

    @property
    def analysed_by(self) -> str:
        """The run that analysed the recording, whoever has revised the result since."""
        return self.original_run_id or self.run_id


def output(key: str, content: bytes) -> Output:
    """Describe a file that is published under `key`."""
    return Output(
        key=key, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), media_type=media_type(key)
    )


def media_type(key: str) -> str:
    """The media type of a key by its ending; `application/octet-stream` where that says nothing."""
    ending = f".{key.rpartition('.')[2].lower()}"
    return MEDIA_TYPES.get(ending, "application/octet-stream")


def build(
    analysis: Analysis,
    outputs: Mapping[str, Output],
    *,
    request: str | None = None,
    origin: Origin | None = None,
    original_run_id: str | None = None,
    created_at: datetime | None = None,
) -> Manifest:
    """The manifest of an analysis whose outputs are all in the store by now.

    Args:
        analysis: what was published.
        outputs: each file by its name, as `output` describes it.
        request: the digest of what was asked.
        origin: what decided the result beside the recording.
        original_run_id: the run that analysed the recording, where this is a correction of what it found.
        created_at: an aware time; None takes now.
    """
    moment = (created_at or datetime.now(UTC)).astimezone(UTC)
    return Manifest(
        job_id=analysis.job_id,
        run_id=analysis.run_id,
        created_at=moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
        status=analysis.status,
        software_version=analysis.software_version,
        analysis_schema_version=analysis.schema_version,
        request=request,
        origin=origin,
        original_run_id=original_run_id,
        outputs=dict(sorted(outputs.items())),
    )


def dumps(manifest: Manifest) -> bytes:
    """Write a manifest as UTF-8 JSON, its outputs in order of name."""
    return (manifest.model_dump_json(indent=2) + "\n").encode()


def loads(document: bytes | str) -> Manifest:
    """Read a manifest.

    Raises:
        ResultNotFound: this is not a manifest.
        InvalidRequest: its major schema version is not ours.
    """
    try:
        manifest = Manifest.model_validate_json(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ResultNotFound(f"this is not a manifest: {first['msg']}") from error
    if manifest.schema_version.partition(".")[0] != MANIFEST_VERSION.partition(".")[0]:
        raise InvalidRequest(
            f"the manifest has schema version {manifest.schema_version}, this software reads {MANIFEST_VERSION}",
            hint="Read it with the version of ecg that wrote it.",
        )
    return manifest


def verify(manifest: Manifest, read: Callable[[str], bytes]) -> None:
    """Check that every output is in the store as the manifest says.

    Args:
        manifest: what should be there.
        read: returns the bytes under a key; what it raises is passed on.

    Raises:
        PublishFailed: a file has another size or content.
    """
    for name, expected in manifest.outputs.items():
        found = output(expected.key, read(expected.key))
        if (found.size_bytes, found.sha256) != (expected.size_bytes, expected.sha256):
            raise PublishFailed(
                f"{name} ({expected.key}) is not what was published: "
                f"{found.size_bytes} bytes where the manifest says {expected.size_bytes}"
            )
