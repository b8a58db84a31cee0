"""Downloads from servers that behave well, badly, and maliciously."""

import hashlib
import random
import time
import zlib
from dataclasses import replace

import pytest

from ecg_audio.address import Permit
from ecg_audio.child import Child
from ecg_audio.errors import (
    DownloadFailed,
    DownloadRefused,
    InsufficientResources,
    NotMedia,
    SourceEmpty,
    SourceForbidden,
    SourceInvalid,
    SourceNotFound,
    TooLarge,
)
from ecg_audio.media import coding, http, transfer
from ecg_audio.media.fetch import fetch
from ecg_audio.media.source import FileSource, HttpSource, classify
from ecg_audio.media.transfer import Timeouts
from ecg_audio.request import Limits
from tests.support.media import bombs
from tests.support.media.servers import file_server, reset, send, serving, trickle

DATA = b"RIFF" + random.Random(0).randbytes(700_000)
SHA = hashlib.sha256(DATA).hexdigest()
QUICK = Timeouts(connect_s=1, silence_s=1, resumes=3, pause_s=0.001)


@pytest.fixture(autouse=True)
def loopback(monkeypatch):
    """The tests' own servers may be spoken to, and only at this one address."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.1/32")


def get(url, folder, *, limits=None, report=lambda _fraction: None, timeouts=QUICK):
    """Download with little timeouts."""
    permit = Permit.from_environment()
    return http.download(url, folder, limits=limits or Limits(), report=report, permit=permit, timeouts=timeouts)


def test_a_file_stays_where_it_lies(tmp_path):
    """A local file is hashed in place: nothing is copied, and progress ends at 1."""
    path = tmp_path / "a.mp4"
    path.write_bytes(DATA)
    fractions = []
    media = fetch(classify(str(path)), tmp_path / "downloads", limits=Limits(), report=fractions.append)
    assert (media.path, media.sha256, media.size_bytes, media.name) == (str(path), SHA, len(DATA), "a.mp4")
    assert fractions[-1] == 1.0
    assert not (tmp_path / "downloads").exists()


def test_a_file_larger_than_the_limit(tmp_path):
    """A local file beyond the limit is TOO_LARGE before it is read."""
    (tmp_path / "a.mp4").write_bytes(DATA)
    with pytest.raises(TooLarge):
        fetch(FileSource(tmp_path / "a.mp4"), tmp_path, limits=Limits(max_bytes=1000))


def test_a_file_that_went_away(tmp_path):
    """A file removed or emptied between classifying and reading is still a named error."""
    with pytest.raises(SourceNotFound):
        fetch(FileSource(tmp_path / "a.mp4"), tmp_path, limits=Limits())
    with pytest.raises(SourceInvalid):
        fetch(FileSource(tmp_path), tmp_path, limits=Limits())
    (tmp_path / "a.mp4").touch()
    with pytest.raises(SourceEmpty):
        fetch(FileSource(tmp_path / "a.mp4"), tmp_path, limits=Limits())


def test_a_download(tmp_path):
    """A download is whole, hashed, named after the address, and reports its progress."""
    fractions = []
    with serving(file_server(DATA)) as site:
        source = classify(site.url("/videos/내 영상.mp4?token=1"))
        media = fetch(source, tmp_path, limits=Limits(), report=fractions.append)
    assert (media.sha256, media.size_bytes, media.name) == (SHA, len(DATA), "내 영상.mp4")
    assert (tmp_path / media.path).read_bytes() == DATA
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert not list(tmp_path.glob("*.part"))


def test_a_finished_download_is_reused(tmp_path):
    """The same address again, also signed anew, asks only whether the file is still current."""
    with serving(file_server(DATA)) as site:
        first = get(site.url("/a.mp4?X-Amz-Signature=1&x=2"), tmp_path)
        again = get(site.url("/a.mp4?X-Amz-Signature=2&x=2"), tmp_path)
    assert first == again
    assert "if-none-match" in site.requests[1]


def test_nothing_secret_is_written_down(tmp_path):
    """What lies beside a download does not hold the address's credentials or query."""
    with serving(file_server(DATA)) as site:
        get(site.url("/a.mp4?token=sesame").replace("//", "//user:sesame@"), tmp_path)
    assert "sesame" not in "".join(path.read_text() for path in tmp_path.glob("*.json"))


def test_a_changed_file_is_fetched_anew(tmp_path):
    """A finished download is replaced when the server has other content by now."""
    new = DATA[::-1]
    with serving(lambda handler, number: file_server(DATA if number == 0 else new)(handler, number)) as site:
        get(site.url(), tmp_path)
        media = get(site.url(), tmp_path)
    assert media.sha256 == hashlib.sha256(new).hexdigest()


def test_a_broken_download_is_resumed(tmp_path):
    """After a reset only what is missing is asked for, and the whole is right."""
    with serving(file_server(DATA, breaks=(300_000, 100_000))) as site:
        media = get(site.url(), tmp_path)
    assert media.sha256 == SHA
    assert len(site.requests) == 3
    begins = [int(asked["range"].removeprefix("bytes=").removesuffix("-")) for asked in site.requests[1:]]
    assert 0 < begins[0] < begins[1] < len(DATA)


def test_a_later_process_resumes(tmp_path):
    """What one attempt left behind, the next one continues."""
    with serving(file_server(DATA, breaks=(300_000, 0, 0, 0, 0))) as site:
        with pytest.raises(DownloadFailed):
            get(site.url(), tmp_path)
        assert list(tmp_path.glob("*.part"))
        assert not list(tmp_path.glob("*.media"))
        media = get(site.url(), tmp_path)
    assert media.sha256 == SHA
    assert "range" in site.requests[-1]


def test_a_server_without_validators_is_asked_for_the_whole(tmp_path):
    """Where nobody can tell whether a rest would fit, the download starts over."""
    with serving(file_server(DATA, etag=False, breaks=(300_000,))) as site:
        media = get(site.url(), tmp_path)
    assert media.sha256 == SHA
    assert "range" not in site.requests[1]


def test_a_file_that_changes_meanwhile(tmp_path):
    """A resume that the server answers with new content from the beginning is taken from the beginning."""
    new = b"RIFF" + random.Random(5).randbytes(500_000)
    breaking = file_server(DATA, breaks=(300_000,))
    with serving(lambda h, n: breaking(h, n) if n == 0 else file_server(new)(h, n)) as site:
        assert get(site.url(), tmp_path).sha256 == hashlib.sha256(new).hexdigest()


@pytest.mark.parametrize("content_range", ["bytes 5-9/10", "nonsense", ""])
def test_a_wrong_rest_is_not_believed(tmp_path, content_range):
    """A partial answer for another range than asked is thrown away, and the whole is fetched."""

    def answer(handler, number):
        if number == 1:
            send(handler, 206, b"wrong", Content_Range=content_range, ETag='"x"')
        else:
            file_server(DATA, breaks=(300_000,))(handler, number)

    with serving(answer) as site:
        assert get(site.url(), tmp_path).sha256 == SHA


def test_reset_again_and_again(tmp_path):
    """A server that always breaks off is DOWNLOAD_ERROR, retryable, after a bounded number of requests."""

    def answer(handler, _number):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(DATA)))
        handler.end_headers()
        handler.wfile.write(DATA[:1000])
        reset(handler)

    with serving(answer) as site, pytest.raises(DownloadFailed) as failure:
        get(site.url(), tmp_path)
    assert failure.value.retryable
    assert failure.value.code == "DOWNLOAD_ERROR"
    assert len(site.requests) == QUICK.resumes + 1
    assert list(tmp_path.iterdir()) == [], "without a validator nothing half-written stays"


def test_a_body_shorter_than_announced(tmp_path):
    """A server that announces more than it sends has not delivered."""

    def answer(handler, _number):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(DATA) + 10))
        handler.end_headers()
        handler.wfile.write(DATA)
        handler.close_connection = True

    with serving(answer) as site, pytest.raises(DownloadFailed):
        get(site.url(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451])
def test_a_refusal_is_final(tmp_path, status):
    """A refused request is not tried again, and says its status."""
    with serving(lambda handler, _n: send(handler, status)) as site, pytest.raises(DownloadRefused, match=str(status)):
        get(site.url(), tmp_path)
    assert len(site.requests) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_a_busy_server_can_be_tried_again(tmp_path, status):
    """Too many requests and server errors are retryable; the retrying is left to the task."""
    with serving(lambda handler, _n: send(handler, status)) as site, pytest.raises(DownloadFailed, match=str(status)):
        get(site.url(), tmp_path)
    assert len(site.requests) == 1


def test_nobody_listens(tmp_path):
    """A refused connection is DOWNLOAD_ERROR, and retryable."""
    with serving(lambda *_: None) as site:
        url = site.url()
    with pytest.raises(DownloadFailed, match="cannot be reached"):
        get(url, tmp_path)


def test_too_large_by_announcement(tmp_path):
    """An announced size beyond the limit is refused before the body."""

    def answer(handler, _number):
        handler.send_response(200)
        handler.send_header("Content-Length", "6000000000")
        handler.end_headers()
        reset(handler)

    with serving(answer) as site, pytest.raises(TooLarge):
        get(site.url(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_too_large_while_running(tmp_path):
    """A body of unannounced size is stopped at the limit, and removed."""
    sent = []

    def answer(handler, _number):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while True:
            handler.wfile.write(b"10000\r\n" + bytes(65536) + b"\r\n")
            sent.append(65536)

    with serving(answer) as site, pytest.raises(TooLarge):
        get(site.url(), tmp_path, limits=Limits(max_bytes=1_000_000))
    assert sum(sent) < 50_000_000
    assert list(tmp_path.iterdir()) == []


def test_a_web_page_is_not_downloaded_to_its_end(tmp_path):
    """A page is NOT_MEDIA by its first bytes, whatever its type and name say."""

    def answer(handler, _number):
        handler.send_response(200)
        handler.send_header("Content-Type", "video/mp4")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        page = b"<!DOCTYPE html>" + b"<p>hello</p>" * 1000
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(page), page))
        time.sleep(5)

    with serving(answer) as site:
        started = time.monotonic()
        with pytest.raises(NotMedia):
            get(site.url("/a.mp4"), tmp_path)
        assert time.monotonic() - started < 0.9, "waited for the rest of the page"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("body", [b"<html></html>", b'{"error": "no"}', "안녕".encode()])
def test_a_short_page(tmp_path, body):
    """A short text is recognised when it is complete."""
    with serving(lambda handler, _n: send(handler, 200, body)) as site, pytest.raises(NotMedia):
        get(site.url(), tmp_path)


def test_nothing_at_all(tmp_path):
    """An empty body is SOURCE_EMPTY."""
    with serving(lambda handler, _n: send(handler, 200)) as site, pytest.raises(SourceEmpty):
        get(site.url(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_coded_body_is_decoded(tmp_path):
    """A server that compresses although it was asked not to is understood."""
    import gzip

    body = gzip.compress(DATA)
    with serving(lambda handler, _n: send(handler, 200, body, Content_Encoding="gzip", ETag='"x"')) as site:
        assert get(site.url(), tmp_path).sha256 == SHA


@pytest.mark.parametrize("size", [1, 1000, len(DATA)])
def test_a_coded_body_of_several_members(tmp_path, size):
    """A gzip body of several members, in pieces of any size, is all of them."""
    import gzip

    members = b"".join(gzip.compress(DATA[begin : begin + 300_000]) for begin in range(0, len(DATA), 300_000))
    pieces = (members[begin : begin + size] for begin in range(0, len(members), size))
    assert b"".join(coding.plain(pieces)) == DATA


@pytest.mark.parametrize("body", [b"RIFF, as it is", zlib.compress(DATA)[:-100]])
def test_a_body_that_is_not_coded_as_it_says(tmp_path, body):
    """A body that was never compressed, or that ends in the middle, is refused by name."""
    with (
        serving(lambda handler, _n: send(handler, 200, body, Content_Encoding="deflate")) as site,
        pytest.raises(DownloadRefused, match="compressed"),
    ):
        get(site.url(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("named", ["gzip, gzip", "gzip, gzip, gzip", "br", "zstd", "identity, gzip, br", "compress"])
def test_several_codings_are_refused(tmp_path, named):
    """More than one coding, or one that is not undone here, is refused before anything is unpacked."""
    with (
        serving(lambda handler, _n: send(handler, 200, b"\x1f\x8b", Content_Encoding=named)) as site,
        pytest.raises(DownloadRefused, match="compressed"),
    ):
        get(site.url(), tmp_path)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_bomb_stays_within_its_memory(tmp_path, layers):
    """Gigabytes in a few hundred bytes end at a limit, in a process that may take 300 MB."""
    body = bombs.packed(layers)
    header = ", ".join(["gzip"] * layers)
    with (
        serving(lambda handler, _n: send(handler, 200, body, Content_Encoding=header)) as site,
        Child("the bombed", memory_bytes=300_000_000) as child,
        pytest.raises(TooLarge if layers == 1 else DownloadRefused),
    ):
        child.call(bombs.download, site.url(), str(tmp_path), 50_000_000)
    assert list(tmp_path.iterdir()) == []


def test_redirects_are_followed(tmp_path):
    """A redirect on the same and to another address leads to the file."""
    with serving(file_server(DATA)) as site:

        def answer(handler, number):
            send(handler, 302, Location="/b" if number == 0 else site.url("/c.mp4"))

        with serving(answer) as door:
            assert get(door.url("/a"), tmp_path).sha256 == SHA


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:{port}/a", "http://10.0.0.1/a", "http://169.254.169.254/latest/",
        "http://[::1]:{port}/a", "http://[::ffff:10.0.0.1]/a", "http://0/a", "http://2130706434:{port}/a",
        "file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/", "data:text/plain,hello",
    ],
)  # fmt: skip
def test_a_redirect_into_the_dark(tmp_path, target, monkeypatch):
    """A redirect to a private address or another scheme is SOURCE_FORBIDDEN, and nothing is connected."""

    def answer(handler, _number):
        send(handler, 302, Location=target.format(port=handler.server.server_port))

    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.1/32")
    with serving(answer) as site, pytest.raises(SourceForbidden):
        get(site.url(), tmp_path)
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    "target", ["http://[::1", "http://a:b:c/", "http://xn--/", "http://a..b/", "http://é" + "é" * 99]
)
def test_a_redirect_to_no_address_is_named_at_once(tmp_path, target):
    """What is no address now is none on another try."""
    with serving(lambda handler, _n: send(handler, 302, Location=target)) as site:
        with pytest.raises((SourceForbidden, SourceInvalid)):
            get(site.url(), tmp_path)
        assert len(site.requests) == 1


@pytest.mark.parametrize("host", ["xn--", "a..b", "a" * 300, "[::1]x"])
def test_an_address_that_is_none_is_named_at_once(tmp_path, host):
    """Names that no resolver takes are not tried again."""
    with pytest.raises(SourceInvalid):
        get(f"http://{host}/a.mp4", tmp_path)


def test_private_addresses_are_refused_by_default(tmp_path, monkeypatch):
    """Without an allow-list a server on loopback is never spoken to."""
    monkeypatch.delenv("ECG_ALLOWED_NETWORKS")
    with serving(file_server(DATA)) as site:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(SourceForbidden):
                fetch(HttpSource(site.url("/a.mp4", host)), tmp_path, limits=Limits())
        assert site.requests == []


def test_proxies_of_the_environment_are_not_used(tmp_path, monkeypatch):
    """A proxy would hide which machine is spoken to."""
    with serving(lambda handler, _n: send(handler, 200, b"RIFFproxy\0")) as proxy, serving(file_server(DATA)) as site:
        monkeypatch.setenv("http_proxy", proxy.url(""))
        monkeypatch.setenv("ALL_PROXY", proxy.url(""))
        assert get(site.url(), tmp_path).sha256 == SHA
        assert proxy.requests == []


def test_redirects_in_circles(tmp_path):
    """A redirect without end is refused."""
    with serving(lambda handler, _n: send(handler, 302, Location="/again")) as site, pytest.raises(DownloadRefused):
        get(site.url(), tmp_path)
    assert len(site.requests) == http.REDIRECTS + 1


def test_a_server_that_says_nothing(tmp_path):
    """Silence beyond the timeouts is DOWNLOAD_ERROR."""
    with serving(lambda *_: time.sleep(2)) as site, pytest.raises(DownloadFailed):
        get(site.url(), tmp_path, timeouts=Timeouts(silence_s=0.2, resumes=1, pause_s=0.001))


IMPATIENT = Timeouts(connect_s=5, silence_s=20, resumes=3, pause_s=0.001, credit_s=0.5)
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n"


@pytest.mark.parametrize(
    ("head", "repeated"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"),
        (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (BODY + b"\r\n", b"\0"),
        (BODY + b"Content-Encoding: gzip\r\n\r\n", b"\x1f\x8b\x08" + bytes(7)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n\0\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x"),
    ],
    ids=["status", "header", "hints", "body", "coded body", "chunks", "chunk header"],
)
def test_whatever_trickles_is_given_up(tmp_path, head, repeated):
    """Header, hints, body and chunks that come a byte at a time are ended, though no read is ever silent."""
    with serving(lambda handler, _n: trickle(handler, head, repeated)) as site:
        with pytest.raises((DownloadFailed, DownloadRefused)):
            get(site.url(), tmp_path, timeouts=IMPATIENT)
        assert len(site.requests) <= IMPATIENT.resumes + 1


def test_breaking_off_buys_no_time(tmp_path):
    """A server that brings every attempt one byte forward and then breaks off is given up too."""
    timeouts = replace(IMPATIENT, credit_s=2.0)
    with (
        serving(file_server(DATA, breaks=(20, *(1,) * 100_000))) as site,
        pytest.raises(DownloadFailed, match="too slow"),
    ):
        get(site.url(), tmp_path, timeouts=timeouts)
    assert len(site.requests) > IMPATIENT.resumes + 1, "each attempt counted as a failure"


def test_a_slow_line_is_borne_with(tmp_path):
    """Whoever sends as fast as the floor rate takes longer than the credit, and is heard to the end."""
    timeouts = Timeouts(connect_s=5, silence_s=20, credit_s=1.5, least_bytes_per_s=len(DATA) / 20)

    def answer(handler, _number):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(DATA)))
        handler.end_headers()
        for begin in range(0, len(DATA), len(DATA) // 10):
            handler.wfile.write(DATA[begin : begin + len(DATA) // 10])
            time.sleep(0.16)

    with serving(answer) as site:
        assert get(site.url(), tmp_path, timeouts=timeouts).sha256 == SHA


def test_five_gigabytes_on_a_slow_line():
    """The floor rate that ships lets 5 GB over half a megabit a second, in less than a day."""
    assert Timeouts().least_bytes_per_s * 8 <= 512_000
    assert Timeouts().credit_s + Limits().max_bytes / Timeouts().least_bytes_per_s < 24 * 3600


def test_a_full_disk(tmp_path, monkeypatch):
    """A full disk is a named error, and the half-written file is gone."""
    import errno
    import os

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with serving(file_server(DATA)) as site, pytest.raises(InsufficientResources):
        get(site.url(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_torn_note_is_no_obstacle(tmp_path):
    """Whatever an earlier process left broken beside the download, it starts over."""
    with serving(file_server(DATA)) as site:
        files = transfer.DownloadFiles(tmp_path, http.identity(site.url()))
        files.part.write_bytes(b"half")
        for note in (b"", b"{", b"[]", b'{"identity": 1}', b'{"identity": "x", "name": "y", "etag": "z"}', b"\xff"):
            files.part.with_suffix(".json").write_bytes(note)
            assert get(site.url(), tmp_path).sha256 == SHA


def test_names_are_for_people(tmp_path):
    """The name comes from the address or the server, without folders or control characters."""
    for given, shown in {
        'attachment; filename="../../etc/pass\twd.mp4"': "passwd.mp4",
        'attachment; filename="C:\\\\x\\\\a b.mp4"': "a b.mp4",
        "inline": "a.mp4",
    }.items():
        with serving(lambda handler, _n, given=given: send(handler, 200, DATA, Content_Disposition=given)) as site:
            assert get(site.url("/x/a.mp4"), tmp_path / shown).name == shown
