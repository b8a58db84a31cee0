"""download: bring the source's bytes to this machine and name them by their content."""

from contextlib import ExitStack
from pathlib import Path

from blocks.cookies import cookie_file
from ecg_audio import progress
from ecg_audio.analysis import Media
from ecg_audio.media import fetch, source
from ecg_audio.request import Limits
from tasks.keys import download_key
from tasks.stage import stage


@stage("download", key=lambda where, **_: download_key(where))
def download(where: str, limits: Limits, folder: Path, cookies: str | None = None) -> Media:
    """Fetch a source into `folder`; a local file stays where it is.

    Args:
        where: the request's source.
        limits: size limit, enforced while bytes arrive.
        folder: keeps finished and unfinished downloads, so that a later try goes on where this one ended.
        cookies: slug of a `site-cookies` block for platform URLs.
    """
    with progress.current().stage(download.name) as report, ExitStack() as stack:
        jar = stack.enter_context(cookie_file(cookies)) if cookies else None
        return fetch.fetch(source.classify(where), folder, limits=limits, report=report, cookies=jar)
