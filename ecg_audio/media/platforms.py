"""A download from a platform's page, by yt-dlp, in a child process that may only speak to permitted addresses.

The best audio track alone, as the site has it. No configuration files, plugins, cache, post-processors or generic
extractor; what yt-dlp prints stays in the child.
"""

from __future__ import annotations

import logging
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ecg_audio.address import Permit
from ecg_audio.analysis import Media
from ecg_audio.child import Child, ChildError
from ecg_audio.environment import DOWNLOADER
from ecg_audio.errors import (
    DownloadFailed,
    DownloadRefused,
    EcgError,
    InsufficientResources,
    ProcessingTimeout,
    SiteBlocked,
    SourceForbidden,
    WorkerLost,
)
from ecg_audio.media.source import printable
from ecg_audio.media.transfer import DownloadFiles, Pace, Timeouts, adopt, check_size
from ecg_audio.progress import Report
from ecg_audio.request import Limits

MEMORY_BYTES = 1_500_000_000
"""For pages that unpack to more than anybody reads: yt-dlp undoes as many codings as a server names."""
PATIENCE = Timeouts(least_bytes_per_s=16_000.0)
"""Sites send sound little faster than it plays."""
LOOK_S = 1.0
ENVIRONMENT = {"YTDLP_NO_PLUGINS": "1"}
_BLOCKED = (
    "sign in", "log in", "login", "logged in", "cookies", "not a bot", "captcha", "http error 401", "http error 403",
    "http error 429", "private video", "members-only", "age-restricted", "confirm your age", "geo restrict",
    "available in your country", "your ip", "drm", "subscribe", "premium", "paywall", "impersonat",
)  # fmt: skip
_OUTDATED = "Update yt-dlp (sites change), or download the video yourself and give the file."
_NETWORK = ("timed out", "timeout", "connection", "temporary failure", "name or service", "http error 5", "incomplete")


def download(url: str, folder: Path, *, limits: Limits, report: Report, cookies: Path | None = None) -> Media:
    """Download the sound of a platform's video into `folder`, which belongs to this job alone.

    Raises:
        SiteBlocked: the site refuses automated downloads, wants a login, or protects the video.
        DownloadRefused: there is no such video, or it is a list or a live stream.
        DownloadFailed: the network or the site broke.
        SourceForbidden: the page led to an address that is not allowed.
        TooLong: longer than the limit.
        TooLarge: larger than the limit.
    """
    files = DownloadFiles(folder, url)
    if finished := files.finished():
        report(1.0)
        return files.media(finished)  # what a platform shows under one address stays the same for one job
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix="platform-") as scratch,
        Child("the site downloader", memory_bytes=MEMORY_BYTES, variables=DOWNLOADER, environment=ENVIRONMENT) as child,
    ):
        try:
            # the child itself ends what is too slow; this ends a child that cannot
            longest_s = PATIENCE.longest_s(limits.max_bytes)
            file, title = child.call(collect, url, Path(scratch), limits, cookies, report=report, timeout_s=longest_s)
        except (WorkerLost, ProcessingTimeout) as error:
            raise DownloadFailed(f"the download from the page broke: {error}") from error
        except InsufficientResources as error:
            raise DownloadRefused("the page is larger than anybody reads", hint=_OUTDATED) from error
        except ChildError as error:
            raise DownloadRefused(f"yt-dlp does not understand the page: {error}", hint=_OUTDATED) from error
        return adopt(Path(file), title, files, limits)


def collect(url: str, scratch: Path, limits: Limits, cookies: Path | None, *, report: Report) -> tuple[str, str]:
    """The child's side: `download` to a file in `scratch`; returns its path and title. Guards the whole process."""
    refusals = guard_sockets(Permit.from_environment())
    pace = Pace(PATIENCE)
    try:
        with watched(pace.check):
            return run(url, scratch, limits, cookies, report=report, pace=pace)
    except EcgError:
        if refusals:  # yt-dlp wraps what stopped it
            raise refusals[0] from None
        pace.check()
        raise


def guard_sockets(permit: Permit) -> list[SourceForbidden]:
    """Let every socket of this process, from now on, connect to permitted addresses only.

    Returns:
        A list to which every refusal is added.
    """
    refusals: list[SourceForbidden] = []

    def judge(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            host = str(arguments[1][0])
            try:
                permit.check(host, host)
            except SourceForbidden as refusal:
                refusals.append(refusal)
                raise

    sys.addaudithook(judge)
    return refusals


@contextmanager
def watched(look: Callable[[], None]) -> Iterator[None]:
    """Call `look` every second; what it raises ends whatever the main thread, which this must be, waits for."""
    before = signal.signal(signal.SIGALRM, lambda _number, _frame: look())
    signal.setitimer(signal.ITIMER_REAL, LOOK_S, LOOK_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def run(
    url: str, scratch: Path, limits: Limits, cookies: Path | None, *, report: Report, pace: Pace | None = None
) -> tuple[str, str]:
    """`collect`, in a process that need not be guarded; `pace` None: it begins now."""
    import yt_dlp

    with yt_dlp.YoutubeDL(_options(scratch, limits, cookies, pace or Pace(PATIENCE), report)) as site:
        try:
            info = site.extract_info(url, download=False)
            _check(info, limits)
            info = site.process_ie_result(info, download=True)
        except yt_dlp.utils.YoutubeDLError as error:
            raise _named(error) from error
    files = [Path(entry["filepath"]) for entry in info.get("requested_downloads") or () if entry.get("filepath")]
    if len(files) != 1 or not files[0].exists():
        raise DownloadRefused("the page gave no file")
    return str(files[0]), printable(str(info.get("title") or info.get("id") or "")) or "video"


def _options(scratch: Path, limits: Limits, cookies: Path | None, pace: Pace, report: Report) -> dict[str, Any]:
    counted = 0

    def progress(state: dict[str, Any]) -> None:
        nonlocal counted
        done = int(state.get("downloaded_bytes") or 0)
        pace.take(max(0, done - counted))
        counted = done
        check_size(done, limits)
        if total := state.get("total_bytes") or state.get("total_bytes_estimate"):
            report(min(1.0, done / float(total)))

    options: dict[str, Any] = {
        "format": "bestaudio/best",
        "outtmpl": str(scratch / "media.%(ext)s"),
        "allowed_extractors": ["default", "-generic"],
        "enable_file_urls": False,
        "noplaylist": True,
        "extract_flat": "in_playlist",  # a list is refused, so nothing in it is opened
        "quiet": True,
        "no_warnings": True,
        "noprogress": True,
        "logger": logging.Logger("yt-dlp", logging.CRITICAL + 1),  # says nothing: failures are raised
        "color": "no_color",
        "cachedir": False,
        "proxy": "",
        "fixup": "never",
        "postprocessors": [],
        "hls_prefer_native": True,
        "ffmpeg_location": str(scratch / "none"),  # an FFmpeg on this machine would not be guarded
        "socket_timeout": Timeouts().silence_s,
        "retries": 3,
        "fragment_retries": 3,
        "progress_hooks": [progress],
    }
    if cookies is not None:
        # yt-dlp writes its cookies back when it ends: into a copy
        options["cookiefile"] = shutil.copy(cookies, scratch / "cookies.txt")
    return options


def _check(info: dict[str, Any] | None, limits: Limits) -> None:
    if not info:
        raise DownloadRefused("the page has no video")
    if info.get("_type", "video") != "video":
        raise DownloadRefused("the address is a list of videos", hint="Give the address of one video.")
    if info.get("is_live"):
        raise DownloadRefused("the video is live", hint="Wait until the broadcast has ended.")
    limits.check_duration(info.get("duration"))
    check_size(info.get("filesize"), limits)


def _named(error: Any) -> EcgError:
    """The failure behind yt-dlp's exception."""
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, EcgError):
            return cause
    kinds = {type(cause).__name__ for cause in causes}
    said = str(error).removeprefix("ERROR: ").partition("; please report")[0].splitlines()[0]
    text = " ".join(str(cause) for cause in causes).lower()
    if kinds & {"GeoRestrictedError"} or any(sign in text for sign in _BLOCKED):
        return SiteBlocked(said)
    if "UnsupportedError" in kinds:
        return DownloadRefused("the page has no video that can be downloaded")
    if kinds & {"TransportError", "IncompleteRead", "ContentTooShortError"} or any(sign in text for sign in _NETWORK):
        return DownloadFailed(said)
    return DownloadRefused(said)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        inner = getattr(error, "exc_info", None)
        error = (inner[1] if inner else None) or getattr(error, "cause", None) or error.__cause__ or error.__context__
