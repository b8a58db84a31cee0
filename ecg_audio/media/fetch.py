"""Getting hold of a source: a local file whose content is known by its hash."""

import hashlib
from pathlib import Path

from ecg_audio.analysis import Media, Notice
from ecg_audio.errors import SourceEmpty, SourceInvalid, SourceNotFound, TooLarge
from ecg_audio.media.source import FileSource, HttpSource, PlatformSource, S3Source, Source
from ecg_audio.progress import Report, silent
from ecg_audio.request import Limits

CHUNK_BYTES = 1 << 20


def fetch(
    source: Source, folder: Path, *, limits: Limits, report: Report = silent, cookies: Path | None = None
) -> Media:
    """Make a source a local file. A file stays where it lies; everything else is downloaded into `folder`.

    A download that broke off is resumed and a finished one is reused, also by a later process, as long as the far side
    still has the same content.

    Args:
        source: what `classify` made of the request's source.
        folder: where downloads go; it belongs to this job alone.
        limits: the largest size allowed; enforced while bytes arrive.
        report: gets the finished fraction.
        cookies: a Netscape cookie file for platforms; it is copied, never changed.

    Raises:
        SourceNotFound: the file or object is gone.
        SourceEmpty: it has no bytes.
        SourceInvalid: the file cannot be read.
        SourceForbidden: an address on the way is not allowed.
        TooLarge: it is larger than the limit.
        TooLong: the platform says that it is longer than the limit.
        NotMedia: the address serves text, such as a web page.
        DownloadRefused: the far side said no.
        DownloadFailed: the transfer broke, or the far side cannot answer now.
        SiteBlocked: the platform refuses automated downloads, or wants a login.
        InsufficientResources: the disk is full.
    """
    match source:
        case FileSource(path):
            return _hashed(path, limits, report)
        case HttpSource(url):
            from ecg_audio.address import Permit
            from ecg_audio.media.http import download

            return download(url, folder, limits=limits, report=report, permit=Permit.from_environment())
        case S3Source():
            from ecg_audio.media.s3 import download as download_object

            return download_object(source, folder, limits=limits, report=report)
        case PlatformSource(url):
            from ecg_audio.media.platforms import download as download_sound

            return download_sound(url, folder, limits=limits, report=report, cookies=cookies)


def _hashed(path: Path, limits: Limits, report: Report) -> Media:
    """The file as far as it goes now: what comes later, if it is being written, is no part of what is analysed."""
    digest = hashlib.sha256()
    done = 0
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            if not size:
                raise SourceEmpty(f"{path.name} is empty")
            if size > limits.max_bytes:
                raise TooLarge(f"{path.name} has {size / 1e9:.2f} GB, the limit is {limits.max_bytes / 1e9:.2f} GB")
            while piece := file.read(CHUNK_BYTES):
                digest.update(piece)
                done += len(piece)
                report(min(1.0, done / size))
                if done > limits.max_bytes:
                    raise TooLarge(f"{path.name} grows beyond the limit of {limits.max_bytes / 1e9:.2f} GB")
            grows = done != size or path.stat().st_size != size
    except FileNotFoundError:
        raise SourceNotFound(f"there is no file {path}") from None
    except OSError as error:
        raise SourceInvalid(f"{path} cannot be read: {error.strerror}") from error
    growing = Notice(
        code="MEDIA_GROWING",
        message=f"{path.name} was still being written: its first {done} bytes were analysed, nothing that came later.",
    )
    return Media(
        path=str(path.absolute()),
        sha256=digest.hexdigest(),
        size_bytes=done,
        name=path.name,
        notices=(growing,) if grows else (),
    )
