"""The report page as a document: self-contained, inert whatever was recognised, honest about what is missing."""

import base64
import hashlib
import html.parser
import json
import math
import re
from typing import Any

import numpy as np
import pytest

from ecg_audio.analysis import LOOPING, Analysis, Notice
from ecg_audio.captions import html as report
from ecg_audio.captions.payload import payload
from ecg_audio.captions.styling import Style
from ecg_audio.captions.text import omission
from tests.support.results import factory

EXPRESSIVE = Style.preset("expressive")
HOSTILE = "</script><script>alert(1)</script><!-- $script ${data} \u2028 & \u202e \"'"


def page(analysis: Analysis, frames: dict[str, np.ndarray] | None = None, **options: Any) -> str:
    """A page of `analysis` without its recording, unless the options say otherwise."""
    return report.page(analysis, frames, **{"media_href": None, "media_kind": "audio", **options})


class Outline(html.parser.HTMLParser):
    """The elements of a document with their attributes, and the text of each script and style."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {"script": [], "style": [], "title": []}
        self._open: str | None = None
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: D102
        self.elements.append((tag, dict(attrs)))
        if tag in self.texts:
            self.texts[tag].append("")
            self._open = tag

    def handle_endtag(self, tag: str) -> None:  # noqa: D102
        self._open = None

    def handle_data(self, data: str) -> None:  # noqa: D102
        if self._open:
            self.texts[self._open][-1] += data


def embedded(document: str) -> dict[str, Any]:
    """The data in a page."""
    found: dict[str, Any] = json.loads(Outline(document).texts["script"][0])
    return found


def test_policy_admits_only_the_pages_own_script_and_style() -> None:
    """The content security policy names the digests of the one script and the one style sheet, and nothing else."""
    outline = Outline(page(factory.analysis()))
    policy = next(a["content"] for tag, a in outline.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    _, script = outline.texts["script"]
    (sheet,) = outline.texts["style"]
    digests = [
        "'sha256-" + base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() + "'" for t in (script, sheet)
    ]
    assert [rules["script-src"], rules["style-src"]] == digests
    assert rules["default-src"] == "'none'"


def test_page_loads_nothing() -> None:
    """No element points at another document: no link, no source, no image, no style attribute, no handler."""
    for tag, attributes in Outline(page(factory.analysis())).elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
        assert not {"src", "style", "srcset"} & set(attributes), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("href") or "#").startswith("#")


def test_hostile_text_ends_no_element() -> None:
    """Text that closes scripts, opens comments or names the template's marks stays text."""
    base = factory.analysis(words=6)
    words = tuple(word.model_copy(update={"text": HOSTILE, "suspect": HOSTILE}) for word in base.segments[0].words)
    segment = base.segments[0].model_copy(update={"words": words, "text": HOSTILE, "suspect": HOSTILE})
    changed = base.model_copy(
        update={"segments": (segment,), "title": HOSTILE, "notices": (Notice(code="X", message=HOSTILE),)}
    )
    plain, hostile = Outline(page(base)), Outline(page(changed, media_href=HOSTILE))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in plain.elements]
    data = embedded(page(changed, media_href=HOSTILE))
    assert "alert(1)" in data["words"]["text"][0]
    assert "\u202e" not in data["words"]["text"][0]
    assert data["media"]["href"] == HOSTILE


def test_data_holds_what_was_measured_and_null_for_the_rest() -> None:
    """Every word's figures are those of the analysis, rounded; an absent one is null, never a default."""
    analysis = factory.analysis()
    data = payload(analysis, None, EXPRESSIVE)
    columns = data["words"]
    assert len(columns["text"]) == len(analysis.words)
    for index, word in enumerate(analysis.words):
        assert (columns["start"][index], columns["end"][index]) == (
            round(word.start_s * 1000),
            round(word.end_s * 1000),
        )
        assert columns["timing"][index] == word.timing[0]
        f0 = word.voice.f0_median_hz if word.voice else None
        assert columns["f0"][index] == (None if f0 is None else round(f0))
        assert (columns["confidence"][index] is None) == (word.confidence is None)
        assert columns["suspect"].get(index) == word.suspect
    assert None in columns["f0"]
    assert data["curves"] is None


def test_page_says_how_many_words_its_captions_leave_out() -> None:
    """Loops stay in the transcript with their mark, go from the captions, and are counted among the notices."""
    base = factory.analysis(words=6)
    first = base.segments[0]
    words = tuple(word.model_copy(update={"suspect": LOOPING}) for word in first.words)
    looped = first.model_copy(update={"words": words})
    data = payload(base.model_copy(update={"segments": (looped, *base.segments[1:])}), None, EXPRESSIVE)
    assert ["CAPTIONS_SHORTENED", f"{omission(len(words))} in the captions"] in data["notices"]
    assert len(data["words"]["text"]) == len(base.words)
    shown = [word for _, _, lines in data["cues"] for line in lines for word in line[1::4]]
    assert len(shown) == len(base.words) - len(words)
    assert "CAPTIONS_SHORTENED" not in {code for code, _ in payload(base, None, EXPRESSIVE)["notices"]}


def test_curves_are_the_frames_within_a_step() -> None:
    """A decoded curve is the frames' within half a step of its byte; unvoiced frames are 0, and stay unvoiced."""
    f0 = np.full(1001, np.nan, np.float32)
    f0[100:600] = np.geomspace(80, 400, 500)
    level = np.linspace(-90, -1, 1001).astype(np.float32)
    curves = payload(factory.analysis(), {"rms_dbfs": level, "f0_hz": f0}, EXPRESSIVE)["curves"]
    decoded = np.frombuffer(base64.b64decode(curves["f0"]), np.uint8)
    assert len(decoded) == math.ceil(1001 / 2)
    assert curves["step"] == pytest.approx(0.02)
    low, high = curves["f0_hz"]
    heard = low * (high / low) ** ((decoded[50:300].astype(float) - 1) / 254)
    assert (
        np.abs(np.log2(heard / np.fmax(f0[100:600:2], f0[101:601:2]))).max() < 0.5 * math.log2(high / low) / 254 + 1e-6
    )
    assert not decoded[:50].any()
    assert not decoded[300:].any()
    loud = np.frombuffer(base64.b64decode(curves["level"]), np.uint8)
    assert (loud > 0).all()
    assert (np.diff(loud.astype(int)) >= 0).all()


def test_absent_speaker_and_empty_recording_make_a_page() -> None:
    """No speech, no speakers, no models: the page says so instead of failing."""
    data = embedded(page(factory.empty()))
    assert (data["words"]["text"], data["cues"], data["speakers"]) == ([], [], [])
    assert data["facts"]["diarization"] is None
    assert [code for code, _ in data["notices"]] == ["NO_SPEECH"]


def test_captions_of_the_page_are_the_cues() -> None:
    """The page shows the same captions as the other formats, in the speakers' same order."""
    from ecg_audio.captions.cues import cues

    analysis = factory.analysis(words=60, speakers=3)
    data = payload(analysis, None, EXPRESSIVE)
    shown = ["".join(str(text) for line in lines for text in line[2::4]) for _, _, lines in data["cues"]]
    said = ["".join(word.text for word in cue.words) for cue in cues(analysis.segments)]
    assert ["".join(text.split()) for text in shown] == ["".join(text.split()) for text in said]


def test_template_has_every_mark_once_and_in_order() -> None:
    """Each part of the template is filled, and nothing is left over."""
    document = page(factory.analysis())
    assert not re.findall(r"\{\{\w+\}\}", document)


@pytest.mark.slow
def test_an_hour_makes_a_small_page() -> None:
    """An hour of talk (10 000 words, 360 000 frames) makes a page of less than 3 MB."""
    analysis = factory.analysis(words=10_000, speakers=4)
    frames = {"rms_dbfs": np.full(360_000, -30, np.float32), "f0_hz": np.full(360_000, 150, np.float32)}
    document = page(analysis, frames)
    assert len(document.encode()) < 3_000_000
