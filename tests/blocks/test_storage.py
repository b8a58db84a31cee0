import os
import resource
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prefect.filesystems import LocalFileSystem

from blocks.bucket import BucketStore
from blocks.storage import ArtifactStore, FolderStore, check_source, open_store, result_storage
from ecg_audio.errors import InvalidRequest, PublishFailed, ResultNotFound, SourceForbidden, StoreRefused
from tests.support.s3 import Moto


@pytest.fixture(params=["folder", "moto", "rclone"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    """Each kind of store, empty."""
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    service = request.getfixturevalue(request.param)
    return BucketStore("s3-bucket/test", service.block(service.bucket(), "some/where"))


def test_what_is_written_is_read(store: ArtifactStore, tmp_path: Path) -> None:
    """Bytes and files come back as they were put, under keys with blanks and Korean letters too."""
    (tmp_path / "file").write_bytes(b"from a file")
    store.write("a/b c/회의.json", b"bytes")
    store.upload("a/file.bin", tmp_path / "file")
    assert store.read("a/b c/회의.json") == b"bytes"
    with store.local("a/file.bin") as path:
        assert path.read_bytes() == b"from a file"
    assert store.exists("a/file.bin") and not store.exists("a/file")
    assert store.keys("a") == ["a/b c/회의.json", "a/file.bin"]


def test_a_missing_object_is_named(store: ArtifactStore) -> None:
    """Reading what is not there is RESULT_NOT_FOUND; deleting it is fine."""
    with pytest.raises(ResultNotFound):
        store.read("no/such")
    with pytest.raises(ResultNotFound), store.local("no/such"):
        pass
    store.delete("no/such")


def test_writing_again_replaces(store: ArtifactStore) -> None:
    """A second object under a key takes the place of the first; a deleted one is gone."""
    store.write("k", b"one")
    store.write("k", b"two")
    assert store.read("k") == b"two"
    store.delete("k")
    assert not store.exists("k") and store.keys("") == []


def test_a_usable_store_passes_its_check(store: ArtifactStore) -> None:
    """The check leaves nothing behind."""
    store.check()
    assert store.keys("") == []


def test_a_listing_tells_size_and_time_of_one_folder(store: ArtifactStore) -> None:
    """Objects of a folder whose name another begins with are not among them."""
    store.write("a/1", b"123")
    store.write("ab/2", b"")
    (found,) = store.objects("a")
    assert (found.key, found.size_bytes) == ("a/1", 3)
    assert abs((found.modified - datetime.now(UTC)).total_seconds()) < 60
    assert list(store.objects("none")) == []


def test_an_address_leads_back_to_its_key(store: ArtifactStore) -> None:
    """The key of an address of this store is found; another's is none."""
    assert store.key(store.uri("a/b c.json")) == "a/b c.json"
    assert store.key("/elsewhere/a") is None and store.key("s3://elsewhere/a") is None


def test_a_folder_that_is_a_file_is_a_publish_error(tmp_path: Path) -> None:
    """A store whose folder cannot be one says so."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreRefused, match="cannot be used"):
        FolderStore(tmp_path / "file").check()
    with pytest.raises(StoreRefused):
        FolderStore(tmp_path / "file").write("key", b"")


def test_a_full_disk_leaves_nothing_half_written(tmp_path: Path) -> None:
    """When the disk takes no more, the old object stands and no temporary file is left."""
    store = FolderStore(tmp_path)
    store.write("key", b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(PublishFailed, match="too large"):
            store.write("key", bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert store.read("key") == b"old" and [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_the_default_store_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request's store wins over ECG_STORE, which wins over a folder here."""
    monkeypatch.chdir(tmp_path)
    assert open_store(None).reference == os.fspath(tmp_path / "ecg-results")
    monkeypatch.setenv("ECG_STORE", "elsewhere")
    assert open_store(None).reference == os.fspath(tmp_path / "elsewhere")
    assert open_store("named").reference == os.fspath(tmp_path / "named")
    assert result_storage("named") == tmp_path / "named"
    assert result_storage("s3-bucket/ecg") == "s3-bucket/ecg"


def test_a_store_that_is_none_is_refused() -> None:
    """An address or a block of another kind is no folder's name."""
    for named in ("s3://bucket/folder", "gcs-bucket/ecg"):
        with pytest.raises(InvalidRequest, match="neither a folder nor"):
            open_store(named)


@pytest.mark.usefixtures("prefect_server")
def test_a_folder_block_is_a_folder(tmp_path: Path) -> None:
    """A saved local-file-system block is opened like the folder it names."""
    LocalFileSystem(basepath=str(tmp_path / "kept")).save("kept", overwrite=True)
    store = open_store("local-file-system/kept")
    store.write("a/b", b"1")
    assert (tmp_path / "kept/a/b").read_bytes() == b"1" and store.keys("") == ["a/b"]
    with pytest.raises(InvalidRequest, match="no storage block local-file-system/none"):
        open_store("local-file-system/none")


def test_what_a_job_left_is_no_source(tmp_path: Path) -> None:
    """Recordings and results of a store are refused, by path or link; uploads and files elsewhere are not."""
    store = FolderStore(tmp_path / "store")
    for key in ("recordings/ab/abc.flac", "videos/me/talk.mp4"):
        store.write(key, b"sound")
    (tmp_path / "link.flac").symlink_to(store.path("recordings/ab/abc.flac"))
    for path in (store.path("recordings/ab/abc.flac"), tmp_path / "link.flac"):
        with pytest.raises(SourceForbidden, match="another job left"):
            check_source(store, str(path))
    check_source(store, str(store.path("videos/me/talk.mp4")))


def test_another_name_for_what_a_job_left_is_no_source(tmp_path: Path) -> None:
    """A hard link to a recording of the store is that recording; one to a file of its own is a file."""
    store = FolderStore(tmp_path / "store")
    store.write("recordings/ab/abc.flac", b"sound")
    (tmp_path / "name.flac").hardlink_to(store.path("recordings/ab/abc.flac"))
    with pytest.raises(SourceForbidden, match="another job left"):
        check_source(store, str(tmp_path / "name.flac"))
    (tmp_path / "mine.mp4").write_bytes(b"mine")
    (tmp_path / "mine too.mp4").hardlink_to(tmp_path / "mine.mp4")
    check_source(store, str(tmp_path / "mine too.mp4"))
    check_source(FolderStore(tmp_path / "no store yet"), str(tmp_path / "mine.mp4"))


def test_what_a_job_left_in_a_bucket_is_no_source(moto: Moto) -> None:
    """Neither by s3:// address nor by https address, encoded or not."""
    store = BucketStore("s3-bucket/test", moto.block("bucket", "own folder"))
    for address in (
        "s3://bucket/own folder/recordings/ab/abc.flac",
        "https://bucket.s3.amazonaws.com/own%20folder/recordings/ab/abc.flac",
        "https://s3.eu-west-1.amazonaws.com/bucket/own folder/results/job/manifest.json",
    ):
        with pytest.raises(SourceForbidden):
            check_source(store, address)
    check_source(store, "s3://bucket/own folder/videos/talk.mp4")
    check_source(store, "s3://bucket/recordings/ab/abc.flac")
