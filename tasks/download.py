"""download: bring the source's bytes to this machine and name them by their content."""

from contextlib import nullcontext
from pathlib import Path

from blocks.cookies import cookie_file
from ecg_audio.analysis import Media
from ecg_audio.media import fetch, source
from ecg_audio.request import Limits
from tasks.keys import download_key
from tasks.stage import Work, stage


@stage(key=lambda where, **_: download_key(where))
def download(work: Work, where: str, limits: Limits, folder: Path, cookies: str | None = None) -> Media:
    """Fetch a source into `folder`; a local file stays where it is.

    Args:
        work: see `Work`.
        where: the request's source.
        limits: size limit, enforced while bytes arrive.
        folder: keeps finished and unfinished downloads, so that a later try goes on where this one ended.
        cookies: slug of a `site-cookies` block for platform URLs.
    """
    with cookie_file(cookies) if cookies else nullcontext() as jar:
        return fetch.fetch(source.classify(where), folder, limits=limits, report=work.report, cookies=jar)
