"""A result that is too large for a callback."""

import json
from pathlib import Path

import httpx
import pytest

from blocks.bucket import BucketStore
from blocks.storage import ArtifactStore, FolderStore
from ecg_audio.delivery import callback
from ecg_audio.results import backend
from tasks.notify import completed
from tests.support.callbacks.receiver import Job, Receiver
from tests.support.results.factory import analysis
from tests.support.s3 import Rclone


def publish_large(store: ArtifactStore) -> dict[str, object]:
    """A wire document of more than 50 MB in the store, as a run's; its content."""
    document = backend.document(analysis())
    document["segments"] *= 1 + callback.LARGEST_BYTES // len(json.dumps(document["segments"], ensure_ascii=False))
    document["metadata"]["total_segments"] = len(document["segments"])
    content = json.dumps(document, ensure_ascii=False).encode()
    assert len(content) > callback.LARGEST_BYTES
    store.write("runs/run-1/backend.json", content)
    return document


def taken(body: bytes) -> dict[str, object]:
    """What the backend's receiver makes of a callback."""
    receiver = Receiver(jobs={"job-1": Job()})
    assert receiver.take({"webhook-id": "1"}, body) == (200, {"status": "received"})
    result = receiver.jobs["job-1"].result
    assert result is not None
    return result


def test_a_result_over_50_mb_is_fetched_by_its_link(rclone: Rclone) -> None:
    """The receiver takes a body with all seven keys, the text and a link; plain HTTP fetches the whole from there."""
    store = BucketStore("s3-bucket/test", rclone.block(rclone.bucket()))
    whole = publish_large(store)
    body = completed("job-1", "run-1", store, "ko")
    assert len(body) < callback.LARGEST_BYTES
    result = taken(body)
    assert (result["text"], result["speakers"]) == (whole["text"], whole["speakers"])
    assert result["metadata"]["result_omitted"] == ["segments.words", "word_segments"]
    assert httpx.get(result["metadata"]["result_url"]).json() == whole


def test_a_folder_has_no_link_and_says_where_the_result_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an address that anybody can fetch none is made up; the metadata names the file."""
    monkeypatch.setattr(callback, "LARGEST_BYTES", 100_000)
    store = FolderStore(tmp_path)
    publish_large(store)
    metadata = taken(completed("job-1", "run-1", store, "en"))["metadata"]
    assert "result_url" not in metadata
    assert metadata["result_location"] == str(tmp_path / "runs/run-1/backend.json")


def test_a_result_that_fits_is_sent_whole(tmp_path: Path) -> None:
    """As it was published, with no word of links."""
    document = backend.document(analysis())
    FolderStore(tmp_path).write("runs/run-1/backend.json", json.dumps(document).encode())
    assert json.loads(completed("job-1", "run-1", FolderStore(tmp_path), "ko"))["result"] == document
