"""What buckets do beyond what all stores do, on both S3 services."""

import os
from pathlib import Path

import httpx
import pytest

from blocks import bucket
from blocks.bucket import BucketStore
from ecg_audio.errors import PublishFailed, StoreRefused
from ecg_audio.results import copies, reading
from tests.support.results import corpus, factory
from tests.support.s3 import Rclone, S3Service

LONG = "/".join(["회의 녹음 " * 8] * 4) + "/끝.json"


@pytest.fixture
def store(s3: S3Service) -> BucketStore:
    """An empty folder of a bucket."""
    return BucketStore("s3-bucket/test", s3.block(s3.bucket(), "some folder/내부"))


def test_a_large_object_goes_in_parts_and_comes_back_whole(
    store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than 8 MB is a multipart upload; what is read is what was sent, and nothing local is left."""
    monkeypatch.setenv("ECG_WORK_DIR", str(tmp_path / "work"))
    content = os.urandom(17_000_000)
    (tmp_path / "large").write_bytes(content)
    parts: list[str] = []
    store.client.meta.events.register("before-call.s3.UploadPart", lambda model, **_: parts.append(model.name))
    store.upload("large file.bin", tmp_path / "large")
    with store.local("large file.bin") as path:
        assert path.name == "large file.bin" and path.read_bytes() == content
    assert not list((tmp_path / "work").rglob("*.bin"))
    assert len(parts) == 3


def test_hard_keys(store: BucketStore) -> None:
    """Blanks, Korean letters, plus, percent and a length of hundreds of bytes survive writing, listing and removing."""
    keys = sorted([LONG, "a+b 100%.json", "what? #1.json", "50%25 off.json"])
    for key in keys:
        store.write(key, key.encode())
    assert store.keys("") == keys
    assert [store.read(key).decode() for key in keys] == keys
    for key in keys:
        store.delete(key)
    assert store.keys("") == []


def test_a_link_reads_without_credentials(store: BucketStore) -> None:
    """Anybody with the link has the object, by plain HTTP, under any key."""
    store.write(LONG, b"for everybody")
    address = store.link(LONG, 60)
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in address
    assert httpx.get(address).content == b"for everybody"


def test_a_link_takes_an_upload(store: BucketStore) -> None:
    """A PUT to the link makes the object."""
    address = store.upload_link("videos/내 영상.mp4", 60, content_type="video/mp4", size_bytes=5)
    assert httpx.put(address, content=b"bytes", headers={"Content-Type": "video/mp4"}).status_code == 200
    assert store.read("videos/내 영상.mp4") == b"bytes"


def test_arrow_reads_tables_from_the_bucket(store: BucketStore, tmp_path: Path) -> None:
    """Analysts' frames come straight from the bucket, by the block's address and keys."""
    analysis = factory.analysis()
    published = corpus.publish(tmp_path, [analysis])
    for path in published.rglob("*.parquet"):
        store.upload(path.relative_to(published).as_posix(), path)
    filesystem, root = store.arrow()
    words = reading.words(root, job_id=analysis.job_id, filesystem=filesystem)
    assert sorted(words["text"]) == sorted(word.text for word in analysis.words)


def test_tables_of_a_bucket_are_copied(store: BucketStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second question opens the copy; what is gone from the bucket is gone from the answer."""
    monkeypatch.setenv("ECG_CACHE_DIR", str(tmp_path / "cache"))
    for name in ("FEWEST", "BESIDE", "SETTLED_S"):
        monkeypatch.setattr(copies, name, -2)  # the smallest table, and as soon as it is written
    analyses = [factory.analysis(6, seed=seed, created_at="2026-03-05T08:00:00Z") for seed in range(3)]
    published = corpus.publish(tmp_path / "published", analyses)
    for path in (published / "features").rglob("*.parquet"):
        if path.parent.parent.name in ("recordings", "words"):
            store.upload(path.relative_to(published).as_posix(), path)
    filesystem, root = store.arrow()
    assert len(reading.words(root, filesystem=filesystem)) == 18
    [copy] = (tmp_path / "cache").rglob("words-*/*.parquet")
    assert len(reading.words(root, filesystem=filesystem)) == 18
    assert copy.exists()
    store.delete(f"features/words/date=2026-03-05/{analyses[0].job_id}.parquet")
    assert len(reading.words(root, filesystem=filesystem)) == 12
    assert not copy.exists()


def test_links_hold_for_what_they_were_made(rclone: Rclone) -> None:
    """Another key, another size or a later time than was signed is refused."""
    store = BucketStore("s3-bucket/test", rclone.block(rclone.bucket()))
    store.write("a", b"1")
    assert httpx.get(store.link("b", 60).replace("/b?", "/a?")).status_code == 403
    assert httpx.put(store.upload_link("c", 60, size_bytes=5), content=b"longer").status_code == 403
    assert httpx.get(store.link("a", -1)).status_code in {400, 403}
    assert not store.exists("c")


def test_what_is_wrong_with_a_bucket_is_named(s3: S3Service, tmp_path: Path) -> None:
    """A missing bucket is a PUBLISH_ERROR for every verb, and no reason to ask again."""
    store = BucketStore("s3-bucket/none", s3.block("no-such-bucket"))
    (tmp_path / "file").write_bytes(b"1")
    for verb in (store.check, lambda: store.upload("k", tmp_path / "file"), lambda: store.keys("")):
        with pytest.raises(StoreRefused, match="NoSuchBucket"):
            verb()


def test_wrong_credentials_are_named(rclone: Rclone) -> None:
    """A signature that the service refuses is a PUBLISH_ERROR without the secret in it, and asked for once."""
    block = rclone.block(rclone.bucket())
    block.credentials = block.credentials.model_copy(update={"aws_access_key_id": "nobody"})
    with pytest.raises(StoreRefused, match="InvalidAccessKeyId") as refused:
        BucketStore("s3-bucket/none", block).check()
    assert "a-secret-of-tests" not in str(refused.value)


def test_a_service_that_is_gone_is_a_publish_error(s3: S3Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is away every verb fails by name, within its retries; when it is back all is there."""
    monkeypatch.setattr(bucket, "ATTEMPTS", 2)
    bucket._client.cache_clear()
    store = BucketStore("s3-bucket/test", s3.block(s3.bucket()))
    store.write("k", b"kept")
    s3.stop()
    try:
        for verb in (store.check, lambda: store.read("k"), lambda: store.exists("k"), lambda: list(store.objects(""))):
            with pytest.raises(PublishFailed, match="cannot") as failed:
                verb()
            assert failed.value.retryable
    finally:
        s3.start()
        bucket._client.cache_clear()
    assert store.read("k") == b"kept"
