"""What a source string means."""

import os
import subprocess
import sys

import pytest

from ecg_audio.errors import SourceEmpty, SourceForbidden, SourceInvalid, SourceNotFound
from ecg_audio.media.source import FileSource, HttpSource, PlatformSource, S3Source, classify


def test_a_file_keeps_its_path_and_shows_its_name(tmp_path):
    """A plain file is taken as it is; people see its name without the folder."""
    path = tmp_path / "회의 #1.mp4"
    path.write_bytes(b"x")
    assert classify(str(path)) == FileSource(path)
    assert classify(str(path)).display == "회의 #1.mp4"


def test_a_file_whose_name_looks_like_a_scheme(tmp_path, monkeypatch):
    """An existing file is a file even if its name holds a colon."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk: part 1.mp4").write_bytes(b"x")
    assert isinstance(classify("talk: part 1.mp4"), FileSource)


def test_no_such_file(tmp_path):
    """A path that leads nowhere is SOURCE_NOT_FOUND."""
    (tmp_path / "file").write_bytes(b"x")
    for name in ("nothing.mp4", "no/folder.mp4", "file/inside.mp4"):
        with pytest.raises(SourceNotFound):
            classify(str(tmp_path / name))


def test_an_empty_file(tmp_path):
    """A file of no bytes is SOURCE_EMPTY."""
    (tmp_path / "a.mp4").touch()
    with pytest.raises(SourceEmpty):
        classify(str(tmp_path / "a.mp4"))


def test_what_is_no_regular_file(tmp_path):
    """Folders, devices, pipes and impossible names are SOURCE_INVALID, at once."""
    os.mkfifo(tmp_path / "pipe")
    for name in (str(tmp_path), "/dev/null", "/dev/zero", str(tmp_path / "pipe"), "a" * 5000, "a\0b"):
        with pytest.raises(SourceInvalid):
            classify(name)


def test_an_unreadable_file(tmp_path, monkeypatch):
    """A file that this user may not read is SOURCE_INVALID."""
    (tmp_path / "a.mp4").write_bytes(b"x")
    monkeypatch.setattr(os, "access", lambda *_: False)  # the superuser may read everything
    with pytest.raises(SourceInvalid, match="may not be read"):
        classify(str(tmp_path / "a.mp4"))


@pytest.mark.parametrize(
    "source",
    [
        "file:///etc/passwd", "FILE:///etc/passwd", "file:/etc/passwd", "ftp://host/a.mp4", "gopher://host/1",
        "gopher:x", "data:audio/wav;base64,AAAA", "concat:a.mp4|b.mp4", "pipe:0", "rtmp://host/live", "ssh://host/a",
        "crypto:file", "hls+http://host/a",
    ],
)  # fmt: skip
def test_schemes_that_are_never_opened(source):
    """Anything but http, https and s3 with a scheme is SOURCE_FORBIDDEN."""
    with pytest.raises(SourceForbidden):
        classify(source)


@pytest.mark.parametrize(
    "source", ["http://", "https:///a.mp4", "http://[::1", "http://host:99999/a", "s3://b", "s3:///k"]
)
def test_addresses_that_name_nothing(source):
    """An address without a host, or an S3 one without bucket or key, is SOURCE_INVALID."""
    with pytest.raises(SourceInvalid):
        classify(source)


KEY = "videos/anonymous/20260101_120000_1a2b3c4d_내 영상 #1 + 100%?.mp4"


@pytest.mark.parametrize(
    ("source", "bucket", "region"),
    [
        ("s3://my-bucket/{}", "my-bucket", None),
        ("https://my-bucket.s3.ap-northeast-2.amazonaws.com/{}", "my-bucket", "ap-northeast-2"),
        ("https://my-bucket.s3.amazonaws.com/{}", "my-bucket", None),
        ("https://my.bucket.s3.us-east-1.amazonaws.com/{}", "my.bucket", "us-east-1"),
        ("https://s3.eu-west-1.amazonaws.com/my-bucket/{}", "my-bucket", "eu-west-1"),
        ("https://s3-eu-west-1.amazonaws.com/my-bucket/{}", "my-bucket", "eu-west-1"),
        ("https://my-bucket.s3-us-west-2.amazonaws.com/{}", "my-bucket", "us-west-2"),
        ("https://my-bucket.s3.dualstack.us-gov-west-1.amazonaws.com/{}", "my-bucket", "us-gov-west-1"),
        ("https://s3.amazonaws.com/my-bucket/{}", "my-bucket", None),
        ("https://my-bucket.s3.cn-north-1.amazonaws.com.cn/{}", "my-bucket", "cn-north-1"),
    ],
)
def test_every_spelling_of_an_s3_object(source, bucket, region):
    """Bucket, region and the raw, unencoded key are found in every form of S3 address."""
    assert classify(source.format(KEY)) == S3Source(bucket, (KEY,), region)


def test_an_s3_key_that_may_be_encoded():
    """A key with percent signs is tried as it stands first, then decoded; '+' is never a space."""
    found = classify("https://b.s3.amazonaws.com/%EB%82%B4%20a+b.mp4?versionId=v1")
    assert found == S3Source("b", ("%EB%82%B4%20a+b.mp4", "내 a+b.mp4"), None, "v1")
    assert classify("s3://b/100%25.mp4") == S3Source("b", ("100%25.mp4",))


@pytest.mark.parametrize("code", ["%1b", "%0a", "%0D", "%00", "%7F", "%C2%9B", "%E2%80%A8"])
def test_no_name_is_decoded_into_commands(code):
    """Escapes, line breaks and their kin in a key stay as they were written."""
    assert classify(f"https://b.s3.amazonaws.com/a{code}[2J.mp4") == S3Source("b", (f"a{code}[2J.mp4",))


@pytest.mark.parametrize("host", ["a b", "a%20b", "a<b", "a^b", "fe80::1%25eth0]x", 'a"b', "[::1", "[zz]"])
def test_a_host_that_is_none_is_named_at_once(host):
    """What can be no host's name is invalid, not away."""
    with pytest.raises(SourceInvalid):
        classify(f"http://{host}/a.mp4")


@pytest.mark.parametrize(
    "query",
    ["X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=K&X-Amz-Signature=s", "AWSAccessKeyId=K&Signature=s&Expires=9"],
)
def test_a_signed_s3_address_is_fetched_as_it_is(query):
    """A signature holds for one exact address, so that is what is fetched; people never see it."""
    url = f"https://b.s3.us-east-1.amazonaws.com/a.mp4?{query}"
    assert classify(url) == HttpSource(url)
    assert classify(url).display == "https://b.s3.us-east-1.amazonaws.com/a.mp4"


def test_what_people_see_holds_no_secrets():
    """Credentials, queries and fragments are not shown."""
    shown = classify("HTTPS://user:password@example.com:8443/a b.mp4?token=secret#fragment").display
    assert shown == "https://example.com:8443/a b.mp4"


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ&token=x", "https://youtu.be/dQw4w9WgXcQ",
        "https://vimeo.com/123456", "https://www.tiktok.com/@x/video/7123456789012345678",
    ],
)  # fmt: skip
def test_pages_of_platforms(url):
    """A page that yt-dlp has an extractor of its own for is a platform's."""
    assert classify(url) == PlatformSource(url)
    assert "token" not in classify(url).display


@pytest.mark.parametrize(
    "url",
    ["https://example.com/watch/1", "http://localhost:8080/x", "https://example.com/a.mp4?v=1", "http://10.0.0.1/a"],
)
def test_other_addresses_are_plain(url):
    """What only a generic extractor would take is a plain download."""
    assert classify(url) == HttpSource(url)


def test_importing_it_is_light():
    """Neither yt-dlp nor FFmpeg nor an HTTP client is imported before it is needed, and a file never needs them."""
    code = (
        "import sys, ecg_audio.media.source as s, ecg_audio.media.fetch, ecg_audio.media.probe, ecg_audio.media.decode;"
        "s.classify(sys.executable);"
        "print([m for m in ('yt_dlp', 'av', 'httpx', 'boto3', 'soxr', 'soundfile', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
