"""A download over http(s), from permitted addresses only."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode

import httpx

from ecg_audio.address import GuardedTransport, Permit
from ecg_audio.analysis import Media
from ecg_audio.errors import DownloadFailed, DownloadRefused, SourceForbidden, SourceInvalid
from ecg_audio.media.coding import coding, plain
from ecg_audio.media.source import printable
from ecg_audio.media.transfer import DownloadFiles, Interrupted, Pace, Timeouts, Transfer, persist, receive
from ecg_audio.progress import Report
from ecg_audio.request import Limits

REDIRECTS = 8
HEADERS = {
    "User-Agent": "ecg-audio-analyzer",
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # a coded body can be neither resumed nor checked against its length
}
_TRY_LATER = {408, 425, 429}
_NO_ADDRESS = "Invalid URL in location header"
"""How httpx says it of a redirect; the class of the error is that of any broken answer."""
_SIGNATURE = re.compile(r"X-Amz-.*|Signature|Expires|AWSAccessKeyId|Key-Pair-Id|Policy", re.IGNORECASE)
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


def download(
    url: str, folder: Path, *, limits: Limits, report: Report, permit: Permit, timeouts: Timeouts | None = None
) -> Media:
    """Download `url` into `folder`, which belongs to this job alone.

    Raises:
        SourceInvalid: it is no address.
        SourceForbidden: an address or a redirect on the way is not allowed.
        DownloadRefused: the server said no.
        DownloadFailed: it broke, more often than is borne with, is too slow, or cannot answer now.
        NotMedia: it serves text, such as a web page.
        SourceEmpty: it serves nothing.
        TooLarge: it is larger than the limit.
        InsufficientResources: the disk is full.
    """
    timeouts = timeouts or Timeouts()
    pace = Pace(timeouts)
    try:
        files = DownloadFiles(folder, identity(url))
        _ = httpx.URL(url).host  # raises if it is none
    except (httpx.InvalidURL, UnicodeError) as error:
        raise SourceInvalid(f"not an address: {error}") from None
    timeout = httpx.Timeout(timeouts.silence_s, connect=timeouts.connect_s)
    transport = GuardedTransport(permit, pace.left_s)
    with httpx.Client(transport=transport, timeout=timeout, headers=HEADERS, trust_env=False) as client:

        def attempt() -> Media:
            try:
                return _attempt(client, url, files, limits, report, pace)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                raise DownloadFailed(f"{httpx.URL(url).host} cannot be reached: {_said(error)}") from error
            except httpx.HTTPError as error:
                raise Interrupted(_said(error)) from error

        return persist(attempt, files, timeouts, pace)


def identity(url: str) -> str:
    """What stays the same of an address when it is signed anew."""
    parsed = httpx.URL(url)
    query = [
        pair for pair in parse_qsl(parsed.query.decode(), keep_blank_values=True) if not _SIGNATURE.fullmatch(pair[0])
    ]
    return str(parsed.copy_with(username=None, password=None, fragment=None, query=urlencode(query).encode() or None))


def _attempt(client: httpx.Client, url: str, files: DownloadFiles, limits: Limits, report: Report, pace: Pace) -> Media:
    finished, unfinished = files.finished(), files.unfinished()
    headers: dict[str, str] = {}
    if finished:
        headers |= {"If-None-Match": finished.etag} if finished.etag else {}
        headers |= {"If-Modified-Since": finished.modified} if finished.modified else {}
    elif unfinished:
        headers |= {"Range": f"bytes={unfinished[1]}-", "If-Range": unfinished[0].validator or ""}
    with _following(client, url, headers, pace) as response:
        if response.status_code == 304 and finished:
            report(1.0)
            return files.media(finished)
        resumed = response.status_code == 206 and unfinished and _fits(response, *unfinished)
        if response.status_code in {206, 416} and not resumed:
            files.clear()
            raise Interrupted("the server does not have the rest of what it began with")
        _refuse(response)
        transfer, begin = unfinished if resumed and unfinished else (_described(response, url, files), 0)
        body = response.iter_raw()
        if coding(response.headers.get("content-encoding")):
            body = plain(body)
        return receive(body, transfer, files, begin=begin, limits=limits, report=report, pace=pace)


@contextmanager
def _following(client: httpx.Client, address: str, headers: dict[str, str], pace: Pace) -> Iterator[httpx.Response]:
    """The response at the end of the redirects; each of them connects anew, and so is judged anew."""
    url = httpx.URL(address)
    for _ in range(REDIRECTS + 1):
        try:
            with pace.answer():
                response = client.send(client.build_request("GET", url, headers=headers), stream=True)
        except (httpx.InvalidURL, httpx.RemoteProtocolError, UnicodeError) as error:
            if isinstance(error, httpx.RemoteProtocolError) and _NO_ADDRESS not in str(error):
                raise  # it broke in another way
            # httpx looks at where a redirect leads
            raise SourceForbidden(f"{url.host} redirects to something that is no http address") from error
        try:
            location = response.headers.get("location")
            if response.status_code not in {301, 302, 303, 307, 308} or not location:
                yield response
                return
        finally:
            response.close()
        url = url.join(location)
        if url.scheme not in {"http", "https"} or not url.host:
            raise SourceForbidden(f"the address redirects to {url.scheme}:, which is never opened")
    raise DownloadRefused(f"{url.host} redirects in circles")


def _fits(response: httpx.Response, known: Transfer, held: int) -> bool:
    """Whether the body is the rest of what is here."""
    match = _CONTENT_RANGE.match(response.headers.get("content-range", ""))
    same = known.etag is None or response.headers.get("etag", known.etag) == known.etag
    return same and match is not None and int(match[1]) == held


def _refuse(response: httpx.Response) -> None:
    status, host = response.status_code, response.url.host
    if status in {200, 206}:
        return
    if status in _TRY_LATER or status >= 500:
        raise DownloadFailed(f"{host} cannot answer now: HTTP {status} {response.reason_phrase}")
    raise DownloadRefused(f"{host} refuses: HTTP {status} {response.reason_phrase}")


def _described(response: httpx.Response, url: str, files: DownloadFiles) -> Transfer:
    length = response.headers.get("content-length", "")
    coded = coding(response.headers.get("content-encoding")) is not None
    return Transfer(
        identity=files.identity,
        name=_name(response, url),
        etag=None if coded else response.headers.get("etag"),
        modified=None if coded else response.headers.get("last-modified"),
        length=int(length) if length.isdigit() and not coded else None,
    )


def _name(response: httpx.Response, url: str) -> str:
    given = re.search(r'filename="?([^";]+)', response.headers.get("content-disposition", ""))
    last = given[1] if given else unquote(httpx.URL(url).path.rstrip("/"))
    return printable(last.replace("\\", "/").rpartition("/")[2])[:200] or httpx.URL(url).host


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
