"""The report page: one HTML file that shows a recording, what was said in it, and how.

The page needs no server and loads nothing but the recording. Its text is untrusted: it travels as data, reaches
the document as text only, and a content security policy admits no script and no style but the page's own.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ecg_audio.analysis import Analysis
from ecg_audio.captions import fonts
from ecg_audio.captions.payload import payload
from ecg_audio.captions.styling import Preset, Style
from ecg_audio.captions.text import clean

_FOLDER = Path(__file__).parent / "page"
_SCRIPTS = (
    "data",
    "player",
    "captions",
    "overview",
    "events",
    "curves",
    "transcript",
    "search",
    "panels",
    "downloads",
    "mapping",
    "main",
)


def page(
    analysis: Analysis,
    frames: Mapping[str, npt.NDArray[np.float32]] | None,
    *,
    media_href: str | None,
    media_kind: Literal["video", "audio"],
    style: Style | Preset = "expressive",
) -> str:
    """The report of one recording as a self-contained HTML document.

    Args:
        analysis: the result.
        frames: columns of `FRAME_COLUMNS`, each of shape (frames,), NaN where not measured; `rms_dbfs` and `f0_hz`
            are drawn. None draws no curves.
        media_href: address of the recording, absolute or relative to the page. None: the reader is asked for the file.
        media_kind: whether there is a picture.
        style: how voices become typography.
    """
    style = style if isinstance(style, Style) else Style.preset(style)
    data = payload(analysis, frames, style)
    data["media"] = {"href": media_href, "kind": media_kind}
    script = _script()
    embedded = _embedded(data)
    sheet = fonts.faces(embedded) + _asset("report.css") + _asset("events.css") + _palette(style)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(sheet)}'; "
        "media-src 'self' file: blob: data: https: http:; img-src data:; font-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(_asset("report.html")).substitute(
        policy=policy,
        title=html.escape(clean(analysis.title) or "Recording"),
        style=sheet,
        data=embedded,
        script=script,
    )


def media_of(document: str) -> tuple[str | None, Literal["video", "audio"]] | None:
    """Where a report's recording lies, and whether it has a picture, as `page` was told; None: this is no report."""
    found = re.search(r'"media":(\{"href":(?:null|"(?:[^"\\]|\\.)*"),"kind":"(?:video|audio)"\})', document)
    if found is None:
        return None
    told = json.loads(found[1])
    return told["href"], told["kind"]


@cache
def _asset(name: str) -> str:
    return (_FOLDER / name).read_text("utf-8")


@cache
def _script() -> str:
    body = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return f'\n(() => {{\n"use strict";\n{body}\n}})();\n'


def _palette(style: Style) -> str:
    dark = "".join(f"--speaker-{index}:{colour};" for index, colour in enumerate(style.palette.dark))
    light = "".join(f"--speaker-{index}:{colour};" for index, colour in enumerate(style.palette.light))
    dark += f"--unsaid:{style.palette.unsaid};--box:{style.palette.ground};"
    return (
        f":root{{{light}}}\n.stage,:root[data-theme=dark]{{{dark}}}\n"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _embedded(data: dict[str, Any]) -> str:
    """JSON that cannot end the element it stands in, whatever it holds."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")
