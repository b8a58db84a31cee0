"""What a source string means: a file, an address, an S3 object or a platform's page. No network is touched."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ecg_audio.errors import SourceEmpty, SourceForbidden, SourceInvalid, SourceNotFound

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(//)?")
_S3_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9._-]*)\.)?s3(?:[.-](?:dualstack|accelerate|fips|website))*"
    r"(?:[.-](?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\.amazonaws\.com(?:\.cn)?",
    re.IGNORECASE,
)
_HOST = re.compile(r"""[^\s%"<>\\^`{|}]+""")
_SIGNED = re.compile(r"(?:^|&)(?:X-Amz-Signature|Signature)=", re.IGNORECASE)
_S3_QUERY = re.compile(r"(?:X-Amz-|x-id=|versionId=|response-|AWSAccessKeyId=|Expires=)", re.IGNORECASE)
_VERSION = re.compile(r"(?:^|&)versionId=([^&]+)")
_PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
_MEDIA_NAME = re.compile(
    r".*\.(mp4|avi|mov|mkv|webm|wav|mp3|flac|aac|m4[av]|mk[av]|og[gav]|opus|mpe?g|ts|wm[av]|flv|3gp|aiff?|caf|amr)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A plain file on this machine."""

    path: Path

    @property
    def display(self) -> str:
        """The file's name, without its folder."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class HttpSource:
    """An http(s) address, fetched exactly as given: signatures stay as they are."""

    url: str

    @property
    def display(self) -> str:
        """The address without credentials, query and fragment."""
        return _bare(urlsplit(self.url))


@dataclass(frozen=True, slots=True)
class S3Source:
    """An object in S3, read with the operator's own credentials where there are some.

    Attributes:
        keys: what the key may be, likeliest first: an address may or may not be percent-encoded.
        region: as the address names it; None: the environment's.
    """

    bucket: str
    keys: tuple[str, ...]
    region: str | None = None
    version: str | None = None

    @property
    def display(self) -> str:
        """The object as s3://bucket/key."""
        return f"s3://{self.bucket}/{self.keys[0]}"


@dataclass(frozen=True, slots=True)
class PlatformSource:
    """A page of a site that yt-dlp knows by name."""

    url: str

    @property
    def display(self) -> str:
        """The address without credentials and fragment; the query stays where it names the video."""
        parts = urlsplit(self.url)
        video = re.search(r"(?:^|&)(v=[\w-]+)", parts.query)
        return _bare(parts) + (f"?{video[1]}" if video else "")


Source = FileSource | HttpSource | S3Source | PlatformSource


def classify(source: str) -> Source:
    """Say what a source is, and check what can be checked without a network.

    Raises:
        SourceNotFound: there is no such file.
        SourceEmpty: the file has no bytes.
        SourceInvalid: it is a folder, a device, not readable, or an address without a host, bucket or key.
        SourceForbidden: its scheme is none of http, https and s3.
    """
    scheme = _SCHEME.match(source)
    # "talk: part 1.mp4" is a file name as well as a scheme
    if scheme is None or (not scheme[2] and Path(source).exists()):
        return _file(source)
    kind = scheme[1].lower()
    if kind == "s3" and scheme[2]:
        return _s3_uri(source)
    if kind in {"http", "https"} and scheme[2]:
        return _address(source)
    raise SourceForbidden(f"sources of the scheme {kind}: are never opened")


def is_media_name(name: str) -> bool:
    """Whether a file name or key ends as recordings do."""
    return _MEDIA_NAME.fullmatch(name) is not None


def printable(name: str) -> str:
    """An untrusted name without the characters that command terminals or break lines."""
    return "".join(character for character in name if character.isprintable())


def _file(name: str) -> FileSource:
    try:
        path = Path(name).expanduser()
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise SourceNotFound(f"there is no file {name}") from None
    except (OSError, ValueError, RuntimeError) as error:
        raise SourceInvalid(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(status.st_mode):
        raise SourceInvalid(f"{name} is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise SourceInvalid(f"{name} is not a regular file")
    if status.st_size == 0:
        raise SourceEmpty(f"{name} is empty")
    if not os.access(path, os.R_OK):
        raise SourceInvalid(f"{name} may not be read by this user")
    return FileSource(path)


def _s3_uri(uri: str) -> S3Source:
    bucket, _, key = uri[len("s3://") :].partition("/")
    if not bucket or not key:
        raise SourceInvalid(f"{uri} does not name a bucket and a key: s3://bucket/key")
    return S3Source(bucket, (key,))


def _address(url: str) -> Source:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # raises if it is none
    except ValueError as error:
        raise SourceInvalid(f"not an address: {error}") from None
    if not host:
        raise SourceInvalid("the address has no host")
    if not _HOST.fullmatch(host):
        raise SourceInvalid(f"{host} is no host name")
    if match := _S3_HOST.fullmatch(host):
        # parsed by hand: keys in such addresses are not encoded, so '#' and '?' belong to the name
        _, _, rest = url.partition("://")[2].partition("/")
        path, mark, query = rest.rpartition("?")
        if not mark or not _S3_QUERY.match(query):
            path, query = rest, ""
        if _SIGNED.search(query) or "Signature=" in parts.query:
            return HttpSource(url)
        bucket, key = (match["bucket"], path) if match["bucket"] else path.partition("/")[::2]
        if not bucket or not key:
            raise SourceInvalid(f"{_bare(parts)} does not name a bucket and a key")
        version = _VERSION.search(query)
        decoded = unquote(key)
        # a name with control characters in it is nobody's recording: it is not looked for
        keys = (key, decoded) if _PERCENT.search(key) and decoded.isprintable() else (key,)
        return S3Source(bucket, keys, match["region"], version[1] if version else None)
    if not _MEDIA_NAME.fullmatch(parts.path) and _on_platform(url):
        return PlatformSource(url)
    return HttpSource(url)


def _on_platform(url: str) -> bool:
    """Whether yt-dlp has an extractor of its own for the address. Imported here: it takes a second."""
    from yt_dlp.extractor import gen_extractor_classes

    return any(kind.ie_key() not in _NO_SITE and kind.suitable(url) for kind in gen_extractor_classes())


_NO_SITE = {"Generic", "GenericEmbed", "CommonMistakes", "UnicodeBOM", "URLSearch", "BlobIE"}


def _bare(parts: SplitResult) -> str:
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme.lower()}://{host}{port}{parts.path}"
