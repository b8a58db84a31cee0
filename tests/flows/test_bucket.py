"""Whole jobs whose source, store and cache are in S3."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from blocks import bucket
from blocks.bucket import BucketStore
from blocks.storage import open_store
from ecg_audio.analysis import Edits, SegmentEdit
from ecg_audio.errors import JobConflict, PublishFailed
from ecg_audio.request import AnalysisRequest
from ecg_audio.results import manifest
from ecg_audio.results.outcome import TABLES, Outcome
from flows.analyze import analyze
from flows.revise import revise
from tasks import retrying
from tasks.publish import publish
from tests.support.s3 import S3Service
from tests.support.stub_engine import StubEngine

pytestmark = [pytest.mark.usefixtures("prefect_server", "stub"), pytest.mark.slow]

Ask = Callable[..., AnalysisRequest]


@pytest.fixture
def asked(s3: S3Service, ask: Ask, talk: Path, monkeypatch: pytest.MonkeyPatch) -> AnalysisRequest:
    """A request whose source is an object with a hard name, and whose store is a folder of the same bucket."""
    for name, value in s3.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(publish.task, "retry_delay_seconds", [0.05])
    name = s3.bucket()
    s3.client.upload_file(str(talk), name, "videos/내 영상 1.mp4")
    block = f"{type(s3).__name__.lower()}-{name}"
    s3.block(name, "ecg results").save(block)
    return ask(source=f"s3://{name}/videos/내 영상 1.mp4", store=f"s3-bucket/{block}")


def stored(asked: AnalysisRequest) -> BucketStore:
    """The store of a request."""
    store = open_store(asked.store)
    assert isinstance(store, BucketStore)
    return store


def published(store: BucketStore) -> manifest.Manifest:
    """The manifest of the job; every output is as it says."""
    found = manifest.loads(store.read("results/job-1/manifest.json"))
    manifest.verify(found, store.read)
    return found


def statuses(ended: Outcome) -> dict[str, str]:
    """How each stage went."""
    return {stage.name: stage.status for stage in ended.stages}


def test_the_whole_way_in_a_bucket(asked: AnalysisRequest, stub: StubEngine, tmp_path: Path) -> None:
    """All that a job makes are objects; a second run is cached, and a revision replaces what it has published."""
    store = stored(asked)
    first = analyze(asked)
    assert (first.status, first.words, first.speakers) == ("completed", 4, 2)
    before = published(store)
    folders = {key.split("/")[0] for key in store.keys("")}
    assert folders == {"recordings", "cache", "runs", "results", "features", "jobs"}
    (flac,) = (key for key in store.keys("recordings") if key.endswith(".flac"))
    records = store.keys(f"cache/{Path(flac).stem}")
    assert [Path(key).name.partition("-")[0] for key in records] == [
        "align",
        "diarize",
        "extract",
        "find_events",
        "measure",
        "transcribe",
    ]
    link = store.link(before.outputs["backend"].key, 60)
    assert httpx.get(link).json() == json.loads(store.read(before.outputs["backend"].key))

    second = analyze(asked)
    cached = {name for name, status in statuses(second).items() if status == "cached"}
    assert cached == {"extract", "measure", "transcribe", "align", "diarize", "find_events"}
    assert stub.log.read_text().count("transcribe") == 1
    after = published(store)
    second_document = store.read(after.outputs["analysis"].key)
    assert after.run_id != before.run_id and {key.split("/")[1] for key in store.keys("runs")} == {after.run_id}
    assert len(store.keys("features")) == len(TABLES)

    edits = Edits(speakers={"SPEAKER_00": "쉴라"}, segments={1: SegmentEdit(text="good buy")})
    assert revise("job-1", edits, asked.store, base=after.run_id).words == 4
    revised = published(store)
    assert "buy" in store.read(revised.outputs["srt"].key).decode()
    assert json.loads(store.read(revised.outputs["analysis"].key))["segments"][0]["speaker"] == "쉴라"
    assert store.read(revised.outputs["original"].key) == second_document
    assert {key.split("/")[1] for key in store.keys("runs")} == {revised.run_id}
    assert len(store.keys("features")) == len(TABLES)
    with pytest.raises(JobConflict, match="revision 1"):
        revise("job-1", edits, asked.store, base=after.run_id)
    assert not list(tmp_path.rglob("*.flac")), "a copy is left on this machine"


@contextmanager
def outage(s3: S3Service, monkeypatch: pytest.MonkeyPatch, *, back: bool) -> Iterator[list[str]]:
    """Let the service go away before the captions are uploaded; with `back`, it returns when an upload has failed."""
    monkeypatch.setattr(bucket, "ATTEMPTS", 2)
    bucket._client.cache_clear()
    upload, said = BucketStore.upload, []

    def interrupted(store: BucketStore, key: str, path: Path) -> None:
        if key.endswith(".srt") and not said:
            s3.stop()
            said.append("gone")
        try:
            upload(store, key, path)
        except PublishFailed:
            if back and said == ["gone"]:
                s3.start()
                said.append("back")
            raise

    monkeypatch.setattr(BucketStore, "upload", interrupted)
    try:
        yield said
    finally:
        if said == ["gone"]:
            s3.start()
        bucket._client.cache_clear()


def test_a_bucket_that_goes_away_and_comes_back(
    asked: AnalysisRequest, s3: S3Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An outage in the middle of publishing is survived by the task's next try; one whole result is there."""
    with outage(s3, monkeypatch, back=True) as said:
        assert analyze(asked).status == "completed"
    assert said == ["gone", "back"]
    store = stored(asked)
    assert {key.split("/")[1] for key in store.keys("runs")} == {published(store).run_id}


def test_a_bucket_that_is_away_when_a_job_begins(
    asked: AnalysisRequest, s3: S3Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the flow itself asks of its store is asked again, later; the job is done as if nothing had been."""
    monkeypatch.setattr(bucket, "ATTEMPTS", 1)
    monkeypatch.setattr(retrying, "DELAYS_S", [0.2, 2.0, 30.0])
    bucket._client.cache_clear()
    s3.stop()
    back = threading.Timer(0.5, s3.start)
    back.start()
    try:
        assert analyze(asked).status == "completed"
    finally:
        back.join()
        bucket._client.cache_clear()
    assert published(stored(asked)).job_id == "job-1"


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_a_bucket_that_stays_away(asked: AnalysisRequest, s3: S3Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """When it does not come back the job is a PUBLISH_ERROR, and the job's earlier result stands as it was."""
    analyze(asked)
    before = published(stored(asked))
    with outage(s3, monkeypatch, back=False), pytest.raises(PublishFailed):
        analyze(asked)
    assert published(stored(asked)) == before
