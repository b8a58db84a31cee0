"""Formats that nobody publishes: made of a result when somebody asks for one. What makes them blocks."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ecg_audio.analysis import Analysis
from ecg_audio.captions import transcript
from ecg_audio.errors import FormatUnavailable, ResultNotFound
from ecg_audio.results import exports
from ecg_audio.results.manifest import Manifest, Output
from gateway.results import Published

Format = Literal["txt", "md", "ebuttd", "textgrid", "eaf", "ctm", "stm", "rttm", "egemaps", "bundle"]
NEEDS: Mapping[str, str] = {"ebuttd": "budoux", "egemaps": "pyarrow", "bundle": "pyarrow"}
"""The package that a format is made with and the control image is without: it breaks lines, or reads tables."""
_TEXT = "text/plain; charset=utf-8"
_MEDIA_TYPES = {
    "md": "text/markdown; charset=utf-8",
    "ebuttd": "application/ttml+xml",
    "eaf": "text/xml; charset=utf-8",
}


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was made: what is in it, its media type, and how its name ends."""

    content: bytes
    media_type: str
    ending: str


def offered(written: Manifest) -> list[str]:
    """Which formats this gateway can make of a result, beside what is published of it."""
    names = [name for name in get_args(Format) if name not in written.outputs and _can_make(name)]
    return [name for name in names if name != "egemaps" or exports.FRAMES in written.outputs]


def made(published: Published, wanted: Format) -> Made:
    """A result in a format.

    Raises:
        FormatUnavailable: it is made with a package that is not installed here.
        ResultNotFound: it is made of what this result does not have, or no longer.
        PublishFailed: the store does not answer.
    """
    if not _can_make(wanted):
        raise FormatUnavailable(f"this gateway cannot make {wanted}: it has no {NEEDS[wanted]}")
    analysis = published.analysis
    if wanted == "bundle":
        return Made(_archive(published, analysis), "application/zip", "zip")
    if wanted == "egemaps":
        frames = published.manifest.outputs.get(exports.FRAMES)
        if frames is None:
            raise ResultNotFound("this result has no voice frames", hint="Its notices say why.")
        csv = exports.egemaps(analysis, published.store.read(frames.key))
        return Made(csv.encode(), "text/csv; charset=utf-8", "egemaps.csv")
    ending, text = _text(analysis, wanted)
    return Made(text.encode(), _MEDIA_TYPES.get(wanted, _TEXT), ending)


def _text(analysis: Analysis, wanted: str) -> tuple[str, str]:
    """The ending of the file's name, and what is in it."""
    if wanted == "txt":
        return wanted, transcript.plain(analysis)
    if wanted == "md":
        return wanted, transcript.markdown(analysis)
    if wanted == "ebuttd":
        from ecg_audio.captions import cues, ebuttd

        language = analysis.text_language
        lines = cues.cues(analysis.segments, cues.CueSettings.for_language(language))
        return "ebuttd.xml", ebuttd.dumps(lines, language=language)
    ending, dumps = exports.FORMATS[wanted]
    return ending, dumps(analysis)


def output(published: Published, name: str) -> tuple[Output, Path | str | bytes]:
    """One output, and what to read it from, or what is in it: the rows of a table whose file has been compacted.

    Raises:
        ResultNotFound: there is none of this name, or it is gone.
        FormatUnavailable: it has been compacted, and this gateway cannot read tables.
        PublishFailed: the store does not answer.
    """
    try:
        return published.place(name)
    except ResultNotFound:
        described = published.manifest.outputs.get(name)
        if described is None or not name.startswith("tables/"):
            raise
    if not _can_make("bundle"):
        raise FormatUnavailable(f"{name} lies in its day's file, and this gateway has no {NEEDS['bundle']} to read it")
    return described, _rows(published, described.key)


def _rows(published: Published, key: str) -> bytes:
    from ecg_audio.results import compaction

    return compaction.read(published.store, key)


def _archive(published: Published, analysis: Analysis) -> bytes:
    return exports.archive(analysis, published.manifest, lambda key: _rows(published, key))


def _can_make(name: str) -> bool:
    return name not in NEEDS or importlib.util.find_spec(NEEDS[name]) is not None
