import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from prefect_aws import AwsClientParameters, AwsCredentials, S3Bucket

from blocks.bucket import BucketStore
from blocks.storage import ArtifactStore, FolderStore, open_store, result_storage
from ecg_audio.errors import PublishFailed, ResultNotFound


@pytest.fixture(scope="module")
def s3_endpoint() -> Iterator[str]:
    """An S3 service on a free loopback port."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtifactStore:
    """Each kind of store, empty."""
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    endpoint = request.getfixturevalue("s3_endpoint")
    bucket = f"bucket-{abs(hash(tmp_path))}"
    keys = {"aws_access_key_id": "id", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket=bucket)
    credentials = AwsCredentials(**keys, aws_client_parameters=AwsClientParameters(endpoint_url=endpoint))
    return BucketStore(
        "s3-bucket/test", S3Bucket(bucket_name=bucket, bucket_folder="some/where", credentials=credentials)
    )


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


def test_a_bucket_that_is_not_there_is_a_publish_error(s3_endpoint: str) -> None:
    """A missing bucket is PUBLISH_ERROR, not a traceback of boto3's."""
    credentials = AwsCredentials(
        aws_access_key_id="id",
        aws_secret_access_key="secret",
        region_name="us-east-1",
        aws_client_parameters=AwsClientParameters(endpoint_url=s3_endpoint),
    )
    with pytest.raises(PublishFailed, match="NoSuchBucket"):
        BucketStore("s3-bucket/none", S3Bucket(bucket_name="no-such-bucket", credentials=credentials)).check()


def test_a_folder_that_is_a_file_is_a_publish_error(tmp_path: Path) -> None:
    """A store whose folder cannot be one says so."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishFailed, match="cannot be used"):
        FolderStore(tmp_path / "file").check()
    with pytest.raises(PublishFailed):
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
