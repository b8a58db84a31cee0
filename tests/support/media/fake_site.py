"""A platform of our own for yt-dlp: its pages are `https://fake.site/PORT/KIND`, its media come from loopback."""

from pathlib import Path

import yt_dlp
from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.utils import ExtractorError, GeoRestrictedError

from ecg_audio.media import platforms
from ecg_audio.media.transfer import Timeouts
from ecg_audio.progress import Report
from ecg_audio.request import Limits


class FakeSiteIE(InfoExtractor):
    """What a page of the platform holds."""

    _VALID_URL = r"https?://fake\.site/(?P<port>\d+)/(?P<id>\w+)"

    def _real_extract(self, url: str) -> dict:
        port, kind = self._match_valid_url(url).group("port", "id")
        if kind == "login":
            raise ExtractorError("Sign in to confirm you're not a bot. Use --cookies", expected=True)
        if kind == "abroad":
            raise GeoRestrictedError("not here")
        if kind == "gone":
            raise ExtractorError("Video unavailable: it has been removed", expected=True)
        if kind == "elsewhere":
            return self.url_result("https://no.extractor.example/page")
        if kind == "list":
            return self.playlist_result([self.url_result(f"https://fake.site/{port}/video")] * 2, "l", "a list")
        if kind == "page":
            self._download_webpage(f"http://127.0.0.1:{port}/page", kind)
        info = {"id": kind, "title": "A talk / 강연", "duration": 99_999 if kind == "long" else 5}
        audio = {"format_id": "a", "url": f"http://127.0.0.1:{port}/{kind}.m4a", "ext": "m4a", "vcodec": "none"}
        video = {"format_id": "v", "url": f"http://127.0.0.1:{port}/video.mp4", "ext": "mp4", "acodec": "none"}
        if kind == "metadata":
            audio["url"] = "http://169.254.169.254/latest/meta-data"
        if kind == "local":
            audio["url"] = "file:///etc/passwd"
        return {**info, "is_live": kind == "live", "formats": [video, audio]}


def install() -> None:
    """Make yt-dlp of this process know the platform."""
    known = yt_dlp.YoutubeDL.add_default_info_extractors

    def add(site: yt_dlp.YoutubeDL) -> None:
        site.add_info_extractor(FakeSiteIE())
        known(site)

    yt_dlp.YoutubeDL.add_default_info_extractors = add


def collect(url: str, scratch: Path, limits: Limits, cookies: Path | None, *, report: Report) -> tuple[str, str]:
    """`platforms.collect` in a child that knows the platform."""
    install()
    return REAL_COLLECT(url, scratch, limits, cookies, report=report)


def collect_impatiently(
    url: str, scratch: Path, limits: Limits, cookies: Path | None, *, report: Report
) -> tuple[str, str]:
    """`collect` with next to no timeouts."""
    platforms.PATIENCE = Timeouts(credit_s=1.0, least_bytes_per_s=16_000.0)
    return collect(url, scratch, limits, cookies, report=report)


REAL_COLLECT = platforms.collect
