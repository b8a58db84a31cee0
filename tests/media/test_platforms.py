"""Downloads from a platform's page, by a platform of our own on loopback."""

import gc
import hashlib
import random
from collections.abc import Iterator

import pytest
import yt_dlp

from ecg_audio.child import Child, ChildError
from ecg_audio.errors import (
    DownloadFailed,
    DownloadRefused,
    EcgError,
    ProcessingTimeout,
    SiteBlocked,
    SourceForbidden,
    TooLarge,
    TooLong,
)
from ecg_audio.media import platforms
from ecg_audio.progress import silent
from ecg_audio.request import Limits
from tests.support.media import bombs, fake_site
from tests.support.media.servers import file_server, send, serving, trickle

# yt-dlp leaves its sockets to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


DATA = b"\0\0\0\x18ftyp" + random.Random(0).randbytes(300_000)


@pytest.fixture
def known_site(monkeypatch):
    """This process's yt-dlp knows the platform, for one test."""
    monkeypatch.setattr(yt_dlp.YoutubeDL, "add_default_info_extractors", yt_dlp.YoutubeDL.add_default_info_extractors)
    fake_site.install()


def run(kind, folder, *, port=1, limits=None, cookies=None):
    """Download in this process."""
    url = f"https://fake.site/{port}/{kind}"
    return platforms.run(url, folder, limits or Limits(), cookies, report=silent)


def test_the_sound_alone_is_downloaded(tmp_path, monkeypatch):
    """A page becomes its best audio track, through a child, under its title, and nothing else is left."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.1")
    monkeypatch.setattr(platforms, "collect", fake_site.collect)
    fractions = []
    with serving(file_server(DATA)) as site:
        url = f"https://fake.site/{site.port}/talk"
        media = platforms.download(url, tmp_path, limits=Limits(), report=fractions.append)
        asked = len(site.requests)
        assert platforms.download(url, tmp_path, limits=Limits(), report=silent) == media
        assert len(site.requests) == asked, "downloaded again"
    assert media.sha256 == hashlib.sha256(DATA).hexdigest()
    assert media.name == "A talk / 강연"
    assert {asked[":path"] for asked in site.requests} == {"/talk.m4a"}
    assert fractions[-1] == 1.0
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".media"]


@pytest.mark.parametrize("kind", ["page", "metadata"])
def test_a_page_that_leads_into_the_dark(tmp_path, monkeypatch, kind):
    """Whatever address a page or an extractor comes up with, a private one is never connected to."""
    monkeypatch.delenv("ECG_ALLOWED_NETWORKS", raising=False)
    monkeypatch.setattr(platforms, "collect", fake_site.collect)
    with serving(file_server(DATA)) as site, pytest.raises(SourceForbidden):
        platforms.download(f"https://fake.site/{site.port}/{kind}", tmp_path, limits=Limits(), report=silent)
    assert site.requests == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("login", SiteBlocked),
        ("abroad", SiteBlocked),
        ("gone", DownloadRefused),
        ("elsewhere", DownloadRefused),
        ("list", DownloadRefused),
        ("live", DownloadRefused),
        ("local", DownloadRefused),
        ("long", TooLong),
    ],
)
def test_what_a_page_may_answer(tmp_path, known_site, kind, error):
    """Logins, regions, lists, live streams, removed videos and foreign pages are named, final errors."""
    with pytest.raises(error) as failure:
        run(kind, tmp_path)
    assert not failure.value.retryable
    assert "\x1b" not in failure.value.message
    assert "ERROR" not in failure.value.message


@pytest.mark.parametrize(("status", "error"), [(403, SiteBlocked), (404, DownloadRefused), (503, DownloadFailed)])
def test_a_media_server_that_refuses(tmp_path, known_site, status, error):
    """A media server's refusal is told apart from its being busy."""
    with serving(lambda handler, _n: send(handler, status)) as site, pytest.raises(error):
        run("talk", tmp_path, port=site.port)


def test_nobody_listens(tmp_path, known_site):
    """A network failure can be tried again."""
    with serving(lambda *_: None) as site:
        port = site.port
    with pytest.raises(DownloadFailed):
        run("talk", tmp_path, port=port)


def test_the_size_limit_holds_while_running(tmp_path, known_site):
    """A track beyond the limit is stopped."""
    with serving(file_server(DATA)) as site, pytest.raises(TooLarge):
        run("talk", tmp_path, port=site.port, limits=Limits(max_bytes=1000))


def test_cookies_are_used_and_never_changed(tmp_path, known_site):
    """The operator's cookie file is read, and stays as it is."""
    cookies = tmp_path / "cookies.txt"
    cookies.write_text("# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\tsecret\n")
    cookies.chmod(0o400)
    before = cookies.read_bytes()
    (tmp_path / "scratch").mkdir()
    with serving(file_server(DATA)) as site:
        run("talk", tmp_path / "scratch", port=site.port, cookies=cookies)
    assert site.requests[0]["cookie"] == "session=secret"
    assert cookies.read_bytes() == before


def test_a_downloader_that_fails_unforeseen(tmp_path, monkeypatch):
    """An unforeseen exception in the child is a named error without a traceback."""

    class Broken:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def call(self, *_arguments, **_options):
            raise ChildError("KeyError: 'x'", "Traceback ...")

    monkeypatch.setattr(platforms, "Child", lambda *_a, **_o: Broken())
    with pytest.raises(EcgError, match="KeyError"):
        platforms.download("https://fake.site/1/talk", tmp_path, limits=Limits(), report=silent)


def test_a_long_recording_may_take_as_long_as_its_bytes_do(tmp_path, monkeypatch):
    """The end is that of the largest permitted download at the lowest permitted rate: no fixed hour."""
    asked = {}

    class Slow(Child):
        def call(self, *_arguments, **options):
            asked.update(options)
            raise ProcessingTimeout("over")

    monkeypatch.setattr(platforms, "Child", Slow)
    limits = Limits(max_bytes=16_000 * 86_400)
    with pytest.raises(DownloadFailed, match="over"):
        platforms.download("https://fake.site/1/talk", tmp_path, limits=limits, report=silent)
    assert asked["timeout_s"] == 180.0 + 86_400.0


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX-More: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"])
def test_a_media_server_that_trickles(tmp_path, monkeypatch, head):
    """A header or a track that comes a byte at a time is given up, whatever yt-dlp waits for."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.1")
    monkeypatch.setattr(platforms, "collect", fake_site.collect_impatiently)
    with (
        serving(lambda handler, _n: trickle(handler, head, b"x")) as site,
        pytest.raises(DownloadFailed, match="too slow"),
    ):
        platforms.download(f"https://fake.site/{site.port}/talk", tmp_path, limits=Limits(), report=silent)


def test_a_page_that_is_a_bomb(tmp_path, monkeypatch):
    """A page that unpacks to gigabytes ends at the downloader's memory, and is a refusal."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.1")
    monkeypatch.setattr(platforms, "collect", fake_site.collect)
    monkeypatch.setattr(platforms, "MEMORY_BYTES", 400_000_000)
    body = bombs.packed(3)
    with (
        serving(lambda handler, _n: send(handler, 200, body, Content_Encoding="gzip, gzip, gzip")) as site,
        pytest.raises(DownloadRefused, match="larger than"),
    ):
        platforms.download(f"https://fake.site/{site.port}/page", tmp_path, limits=Limits(), report=silent)
