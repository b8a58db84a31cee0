"""Objects in S3, from a server that speaks its protocol on loopback."""

import hashlib
import random

import boto3
import pytest
from moto.server import ThreadedMotoServer

from ecg_audio.errors import DownloadFailed, DownloadRefused, NotMedia, SourceEmpty, SourceNotFound, TooLarge
from ecg_audio.media import s3
from ecg_audio.media.fetch import fetch
from ecg_audio.media.source import S3Source, classify
from ecg_audio.media.transfer import Timeouts
from ecg_audio.request import Limits
from tests.support.media.servers import send, serving, trickle

DATA = b"RIFF" + random.Random(0).randbytes(700_000)
SHA = hashlib.sha256(DATA).hexdigest()
BUCKET = "media-bucket"
KEYS = ["plain.mp4", "내 영상/회의 1.mp4", "a+b 100%.mp4", "what? #1.mp4", "50%25 off.mp4", " lead.mp4"]


@pytest.fixture(scope="module")
def server():
    """An S3 server, with a bucket of objects whose names are hard."""
    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture(scope="module")
def bucket(server):
    """The bucket, filled."""
    client = boto3.client(
        "s3", endpoint_url=server, region_name="us-east-1", aws_access_key_id="k", aws_secret_access_key="s"
    )
    client.create_bucket(Bucket=BUCKET)
    for key in KEYS:
        client.put_object(Bucket=BUCKET, Key=key, Body=DATA, ACL="public-read")
    client.put_object(Bucket=BUCKET, Key="empty.mp4", Body=b"")
    client.put_object(Bucket=BUCKET, Key="page.mp4", Body=b"<html></html>")
    return client


@pytest.fixture(autouse=True)
def environment(monkeypatch, server, tmp_path):
    """boto3 finds the server and credentials, and nothing of this machine's own."""
    for name in ("AWS_PROFILE", "AWS_ROLE_ARN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL_S3": server,
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("form", ["s3://{}/{}", "https://{}.s3.us-east-1.amazonaws.com/{}"])
def test_keys_as_they_are(tmp_path, bucket, form, key):
    """Keys with spaces, Korean, plus, percent, hash and question mark work in both forms, unencoded."""
    fractions = []
    media = fetch(classify(form.format(BUCKET, key)), tmp_path, limits=Limits(), report=fractions.append)
    assert (media.sha256, media.size_bytes, media.name) == (SHA, len(DATA), key.rpartition("/")[2])
    assert fractions[-1] == 1.0


def test_an_encoded_key(tmp_path, bucket):
    """An https address whose key is percent-encoded after all finds its object too."""
    url = f"https://{BUCKET}.s3.amazonaws.com/%EB%82%B4%20%EC%98%81%EC%83%81/%ED%9A%8C%EC%9D%98%201.mp4"
    assert fetch(classify(url), tmp_path, limits=Limits()).sha256 == SHA


def test_without_credentials_the_request_is_unsigned(tmp_path, bucket, monkeypatch):
    """A public object is read where there are no credentials at all."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    client = s3.connect(None, Timeouts())
    signed = []
    client.meta.events.register(
        "before-send.s3", lambda request, **_: signed.append(request.headers.get("Authorization"))
    )
    client.head_object(Bucket=BUCKET, Key="plain.mp4")
    assert signed == [None]
    assert fetch(S3Source(BUCKET, ("plain.mp4",)), tmp_path, limits=Limits()).sha256 == SHA


def test_a_finished_download_is_reused(tmp_path, bucket):
    """The same object again is not transferred again."""
    source = S3Source(BUCKET, ("plain.mp4",))
    first = fetch(source, tmp_path, limits=Limits())
    changed = (tmp_path / first.path).stat().st_mtime_ns
    assert fetch(source, tmp_path, limits=Limits()) == first
    assert (tmp_path / first.path).stat().st_mtime_ns == changed


@pytest.mark.parametrize(
    ("key", "limits", "error"),
    [
        ("nothing.mp4", Limits(), SourceNotFound),
        ("empty.mp4", Limits(), SourceEmpty),
        ("page.mp4", Limits(), NotMedia),
        ("plain.mp4", Limits(max_bytes=1000), TooLarge),
    ],
)
def test_what_is_wrong_with_an_object(tmp_path, bucket, key, limits, error):
    """Missing, empty, text and too large objects are named, and nothing is left behind."""
    with pytest.raises(error):
        fetch(S3Source(BUCKET, (key,)), tmp_path, limits=limits)
    assert list(tmp_path.iterdir()) == []


def test_no_such_bucket(tmp_path, bucket):
    """A missing bucket is a missing object."""
    with pytest.raises(SourceNotFound):
        fetch(S3Source("no-such-bucket", ("a.mp4",)), tmp_path, limits=Limits())


def object_server(breaks):
    """An S3 server of one object whose n-th body breaks off after so many bytes."""
    bodies = iter(breaks)

    def answer(handler, _number):
        begin = int((handler.headers.get("Range") or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        handler.send_response(206 if begin else 200)
        handler.send_header("Content-Length", str(len(DATA) - begin))
        handler.send_header("ETag", '"tag"')
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(DATA[begin:][: next(bodies, None)])
            handler.close_connection = True

    return answer


def test_a_broken_transfer_is_resumed(tmp_path, monkeypatch):
    """After a break only the rest of the same object is asked for."""
    with serving(object_server([600_000, 50_000])) as site:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", site.url(""))
        source = S3Source(BUCKET, ("a.mp4",))
        media = s3.download(source, tmp_path, limits=Limits(), report=lambda _f: None, timeouts=Timeouts(pause_s=0.001))
    assert media.sha256 == SHA
    asked = [request for request in site.requests if "range" in request]
    assert asked, "started over"
    assert all(request["if-match"] == '"tag"' for request in asked)


@pytest.mark.parametrize(("status", "error"), [(403, DownloadRefused), (503, DownloadFailed)])
def test_what_s3_may_answer(tmp_path, monkeypatch, status, error):
    """Access denied is final, slow-down can be tried again."""
    with serving(lambda handler, _n: send(handler, status)) as site, pytest.raises(error):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", site.url(""))
        fetch(S3Source(BUCKET, ("a.mp4",)), tmp_path, limits=Limits())


def test_nobody_listens(tmp_path, monkeypatch):
    """An endpoint that cannot be reached can be tried again."""
    with serving(lambda *_: None) as site:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", site.url(""))
    with pytest.raises(DownloadFailed):
        fetch(S3Source(BUCKET, ("a.mp4",)), tmp_path, limits=Limits())


def test_the_name_of_an_object_commands_no_terminal(tmp_path, bucket):
    """A key may hold any character; the name for people holds none that moves a cursor."""
    bucket.put_object(Bucket=BUCKET, Key="x/a\x1b[2J\x9bb.mp4", Body=DATA)
    media = fetch(S3Source(BUCKET, ("x/a\x1b[2J\x9bb.mp4",)), tmp_path, limits=Limits())
    assert (media.sha256, media.name) == (SHA, "a[2Jb.mp4")


@pytest.mark.parametrize("where", ["header", "body"])
def test_an_object_that_trickles(tmp_path, monkeypatch, where):
    """A header or a body that comes a byte at a time is given up, though botocore waits for whole pieces."""
    timeouts = Timeouts(silence_s=20, pause_s=0.001, credit_s=0.5)
    described = object_server([])

    def answer(handler, number):
        if where == "body" and handler.command == "HEAD":
            described(handler, number)
        elif where == "body":
            trickle(handler, f'HTTP/1.1 200 OK\r\nContent-Length: {len(DATA)}\r\nETag: "tag"\r\n\r\n'.encode(), b"R")
        else:
            trickle(handler, b"HTTP/1.1 200 OK\r\nX-More: ", b"x")

    with serving(answer) as site:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", site.url(""))
        source = S3Source(BUCKET, ("a.mp4",))
        with pytest.raises(DownloadFailed, match=r"in time|too slow"):
            s3.download(source, tmp_path, limits=Limits(), report=lambda _f: None, timeouts=timeouts)
