"""From a voice to typography: louder is heavier and larger, higher stands higher, slower is set wider.

The mapping follows de Lacerda Pataca, Watkins, Peiris, Lee and Huenerfauth, "Visualization of Speech Prosody and
Emotion in Captions" (CHI 2023): weight for loudness, baseline shift for pitch, letter spacing for duration, colour for
valence; legibility first. What stands out is judged where it is measured (`voice/emphasis.py`): most words do not, and
are plain. No word shows more than two things at once. All functions are pure; the figures stand in `styling.toml`.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecg_audio.analysis import Emotion, Emphasis
from ecg_audio.captions.cues import Cue, CueWord
from ecg_audio.captions.text import joined
from ecg_audio.errors import InvalidRequest, SourceNotFound

Preset = Literal["plain", "karaoke", "expressive"]
PRESETS: tuple[Preset, ...] = ("plain", "karaoke", "expressive")

USUAL_WEIGHT = 400
MOST_AT_ONCE = 2  # of loudness, pitch, length, whisper and emotion: more cannot be read

Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[int, Field(ge=100, le=900)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Loudness(_Table):
    """Weight and size of the most emphatic words, soft and loud."""

    weight_quiet: Weight
    weight_loud: Weight
    size_quiet: Annotated[float, Field(ge=0.5, le=1)]
    size_loud: Annotated[float, Field(ge=1, le=2)]


class Pitch(_Table):
    """Baseline shift of the most emphatic words, low and high, em."""

    shift_low_em: Annotated[float, Field(ge=-0.5, le=0)]
    shift_high_em: Annotated[float, Field(ge=0, le=0.5)]


class Duration(_Table):
    """Letter spacing of the most emphatic words, quick and slow, em."""

    spacing_quick_em: Annotated[float, Field(ge=-0.1, le=0)]
    spacing_slow_em: Annotated[float, Field(ge=0, le=0.5)]


class Whisper(_Table):
    """How whispered words look."""

    italic: bool
    opacity: Annotated[float, Field(ge=0.5, le=1)]


class Accents(_Table):
    """Colours under words that an emotion model heard something in."""

    least_confidence: Fraction
    negative: Colour
    positive: Colour
    joy: Colour
    sadness: Colour
    anger: Colour
    fear: Colour
    surprise: Colour
    disgust: Colour


class Palette(_Table):
    """Speakers' hues, on dark and on light ground, in the same order; what captions stand on; words still to come."""

    dark: Annotated[tuple[Colour, ...], Field(min_length=1)]
    light: Annotated[tuple[Colour, ...], Field(min_length=1)]
    ground: Colour
    unsaid: Colour


class Style(_Table):
    """The whole table."""

    intensity: Fraction
    speaker_colours: bool
    follow: bool
    loudness: Loudness
    pitch: Pitch
    duration: Duration
    whisper: Whisper
    emotion: Accents
    palette: Palette

    @classmethod
    def preset(cls, name: Preset, intensity: float = 1.0) -> "Style":
        """One of the three looks: `plain` text; `karaoke`, words that light up; `expressive`, all of it."""
        table = _default()
        if name == "plain":
            return table.model_copy(update={"intensity": 0.0, "speaker_colours": False, "follow": False})
        return table.model_copy(update={"intensity": 0.0 if name == "karaoke" else intensity})

    @classmethod
    def load(cls, path: Path) -> "Style":
        """A style from a TOML file; what the file leaves out is as in the default.

        Raises:
            SourceNotFound: there is no such file.
            InvalidRequest: it is not TOML, or a value is unknown or out of its bounds.
        """
        try:
            given = tomllib.loads(path.read_text("utf-8"))
        except OSError as error:
            raise SourceNotFound(f"style {path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidRequest(f"style {path} is not TOML: {error}") from None
        merged = _default().model_dump()
        for name, value in given.items():
            both = isinstance(value, dict) and isinstance(merged.get(name), dict)
            merged[name] = {**merged[name], **value} if both else value
        try:
            return cls.model_validate(merged)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise InvalidRequest(f"style {path}: {field}: {first['msg']}") from None


@cache
def _default() -> Style:
    return Style.model_validate(tomllib.loads((Path(__file__).parent / "styling.toml").read_text("utf-8")))


@dataclass(frozen=True, slots=True)
class Look:
    """How one word is set; the default is plain text. `opacity` is against the captions' ground, see `paled`."""

    weight: int = USUAL_WEIGHT
    size: float = 1.0
    shift_em: float = 0.0
    spacing_em: float = 0.0
    italic: bool = False
    opacity: float = 1.0
    accent: str | None = None


PLAIN = Look()


def look(word: CueWord, style: Style) -> Look:
    """How `word` is set in `style`: what stands out most, two things at most. What was not measured stays plain."""
    if style.intensity == 0:
        return PLAIN
    coloured = accent(word.emotion, style)
    whispered = word.relative is not None and word.relative.volume == "whisper"
    room = MOST_AT_ONCE - (coloured is not None) - whispered
    loudness, pitch, slowness = (part * style.intensity for part in _strongest(word.emphasis or Emphasis(), room))
    return Look(
        weight=10
        * round(_between(style.loudness.weight_quiet, USUAL_WEIGHT, style.loudness.weight_loud, loudness) / 10),
        size=round(_between(style.loudness.size_quiet, 1.0, style.loudness.size_loud, loudness), 2),
        shift_em=_hundredths(_between(style.pitch.shift_low_em, 0.0, style.pitch.shift_high_em, pitch)),
        spacing_em=0.0
        if joined(word.text)
        else _hundredths(_between(style.duration.spacing_quick_em, 0.0, style.duration.spacing_slow_em, slowness)),
        italic=whispered and style.whisper.italic,
        opacity=round(1 - (1 - style.whisper.opacity) * style.intensity, 2) if whispered else 1.0,
        accent=coloured,
    )


def _strongest(emphasis: Emphasis, room: int) -> tuple[float, ...]:
    """Loudness, pitch and slowness, of which the `room` strongest are kept; equals in this order."""
    parts = (emphasis.louder or 0.0, emphasis.higher or 0.0, emphasis.slower or 0.0)
    kept = sorted(range(len(parts)), key=lambda index: -abs(parts[index]))[:room]
    return tuple(part if index in kept else 0.0 for index, part in enumerate(parts))


def accent(emotion: Emotion | None, style: Style) -> str | None:
    """The accent colour of an emotion; None where there is none, it is neutral, or the model was not sure."""
    table = style.emotion
    if emotion is None or style.intensity == 0:
        return None
    if emotion.confidence is not None and emotion.confidence < table.least_confidence:
        return None
    if emotion.valence is not None:
        if abs(emotion.valence) < 0.15:
            return None
        return table.positive if emotion.valence > 0 else table.negative
    if emotion.label is None or emotion.label == "neutral":
        return None
    colour: str = getattr(table, emotion.label)
    return colour


def hues(cues: tuple[Cue, ...], palette: tuple[str, ...]) -> dict[str | None, str]:
    """A colour for each speaker, in the order in which they first speak; nobody known gets none."""
    order = dict.fromkeys(speaker for cue in cues for speaker in cue.speakers if speaker is not None)
    return {speaker: palette[index % len(palette)] for index, speaker in enumerate(order)}


def paled(colour: str, opacity: float, style: Style) -> str:
    """`colour` at `opacity` on the captions' ground, as a colour of its own: what is see-through shows the video."""
    mixed = (
        round(int(colour[at : at + 2], 16) * opacity + int(style.palette.ground[at : at + 2], 16) * (1 - opacity))
        for at in (1, 3, 5)
    )
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def _between(low: float, usual: float, high: float, deviation: float) -> float:
    return usual + deviation * (high - usual if deviation > 0 else usual - low)


def _hundredths(value: float) -> float:
    # finer steps cannot be seen; the sum turns -0.0 into 0.0
    return round(value, 2) + 0.0
