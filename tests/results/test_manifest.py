"""The manifest of a published result."""

import hashlib
import json
from datetime import UTC, datetime

import pytest

from ecg_audio.errors import InvalidRequest, PublishFailed, ResultNotFound
from ecg_audio.results import manifest
from tests.support.results import factory

FILES = {"runs/1/analysis.json": b"{}", "runs/1/표.rttm": b"", "features/words/date=2026-03-14/j.parquet": b"PAR1"}


def _manifest() -> manifest.Manifest:
    outputs = {key.rpartition(".")[2]: manifest.output(key, content) for key, content in FILES.items()}
    return manifest.build(factory.analysis(), outputs, created_at=datetime(2026, 3, 14, 10, 0, tzinfo=UTC))


def test_each_output_is_described_by_size_hash_and_type() -> None:
    """The figures are those of the bytes."""
    described = manifest.output("runs/1/captions.VTT", b"WEBVTT\n")
    assert described.size_bytes == 7
    assert described.sha256 == hashlib.sha256(b"WEBVTT\n").hexdigest()
    assert described.media_type == "text/vtt"
    assert manifest.media_type("runs/1/unknown") == "application/octet-stream"


def test_a_manifest_survives_its_file() -> None:
    """What is written is read back equal, and says which job and schema it belongs to."""
    written = manifest.dumps(_manifest())
    assert manifest.loads(written) == _manifest()
    content = json.loads(written)
    assert content["job_id"] == factory.analysis().job_id
    assert content["created_at"] == "2026-03-14T10:00:00Z"
    assert list(content["outputs"]) == sorted(content["outputs"])


def test_a_whole_result_verifies() -> None:
    """While every byte is there, every file is read and none is named."""
    read: list[str] = []

    def reading(key: str) -> bytes:
        read.append(key)
        return FILES[key]

    manifest.verify(_manifest(), reading)
    assert sorted(read) == sorted(FILES)


@pytest.mark.parametrize("wrong", [b"{ }", b"[]", b""])
def test_a_torn_result_does_not_verify(wrong: bytes) -> None:
    """Another size or content is found, and the file named."""
    files = FILES | {"runs/1/analysis.json": wrong}
    with pytest.raises(PublishFailed, match=r"runs/1/analysis\.json"):
        manifest.verify(_manifest(), files.__getitem__)


def test_another_file_is_not_a_manifest() -> None:
    """An analysis, or nothing at all, is told apart by name."""
    for other in (b"", b"{}", b'{"job_id": "x"}'):
        with pytest.raises(ResultNotFound):
            manifest.loads(other)


def test_a_newer_manifest_is_refused() -> None:
    """A major version that this software does not know is not guessed at."""
    newer = _manifest().model_copy(update={"schema_version": "2.0"})
    with pytest.raises(InvalidRequest, match=r"2\.0"):
        manifest.loads(manifest.dumps(newer))
