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

Measure = Literal["loudness", "pitch", "tempo", "emotion", "nothing"]
Colour = Annotated[str, Field(pattern=r"^#[0-9A-Fa-f]{6}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[int, Field(ge=100, le=900)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mapping(_Table):
    """Which measure drives which property."""

    size: Measure
    weight: Measure
    height: Measure
    spacing: Measure
    colour: Measure


class Loudness(_Table):
    """Weight and size of the most emphatic words, soft and loud where loudness drives them."""

    weight_quiet: Weight
    weight_loud: Weight
    size_quiet: Annotated[float, Field(ge=0.5, le=1)]
    size_loud: Annotated[float, Field(ge=1, le=2)]


class Pitch(_Table):
    """Baseline shift of the most emphatic words, low and high where pitch drives it, em."""

    shift_low_em: Annotated[float, Field(ge=-0.5, le=0)]
    shift_high_em: Annotated[float, Field(ge=0, le=0.5)]


class Duration(_Table):
    """Letter spacing of the most emphatic words, quick and slow where tempo drives it, em."""

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
    mapping: Mapping
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
    """How one word is set; the default is plain text. `opacity` is against the captions' ground (`contrast.paled`)."""

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
    mapping = style.mapping
    whispered = word.relative is not None and word.relative.volume == "whisper"
    kept = _strongest(word, style, MOST_AT_ONCE - whispered)

    def driven(measure: Measure, low: float, usual: float, high: float) -> float:
        deviation = kept.get(measure, 0.0) * style.intensity
        return usual + deviation * (high - usual if deviation > 0 else usual - low)

    loudness, pitch, duration = style.loudness, style.pitch, style.duration
    return Look(
        weight=10 * round(driven(mapping.weight, loudness.weight_quiet, USUAL_WEIGHT, loudness.weight_loud) / 10),
        size=round(driven(mapping.size, loudness.size_quiet, 1.0, loudness.size_loud), 2),
        shift_em=_hundredths(driven(mapping.height, pitch.shift_low_em, 0.0, pitch.shift_high_em)),
        spacing_em=0.0
        if joined(word.text)
        else _hundredths(driven(mapping.spacing, duration.spacing_quick_em, 0.0, duration.spacing_slow_em)),
        italic=whispered and style.whisper.italic,
        opacity=round(1 - (1 - style.whisper.opacity) * style.intensity, 2) if whispered else 1.0,
        accent=_colour(mapping.colour, kept, word, style),
    )


def strengths(word: CueWord, style: Style) -> dict[Measure, float]:
    """How far the word is from usual, by each measure, -1 to 1; an emotion by valence where the model gives it.

    An emotion without valence is neither above nor below usual, so it drives a colour alone.
    """
    emphasis = word.emphasis or Emphasis()
    felt = word.emotion.valence if word.emotion and accent(word.emotion, style) else None
    return {
        "loudness": emphasis.louder or 0.0,
        "pitch": emphasis.higher or 0.0,
        "tempo": emphasis.slower or 0.0,
        "emotion": felt or 0.0,
    }


def _strongest(word: CueWord, style: Style, room: int) -> dict[Measure, float]:
    """Of the measures that drive anything, the `room` that stand out most; an emotion comes first, then by strength."""
    mapping = style.mapping
    driving = {mapping.size, mapping.weight, mapping.height, mapping.spacing, mapping.colour}
    coloured = mapping.colour == "emotion" and accent(word.emotion, style) is not None
    found = strengths(word, style)
    order = sorted(found, key=lambda name: -2.0 if name == "emotion" and coloured else -abs(found[name]))
    standing = [name for name in order if name in driving and (found[name] or (name == "emotion" and coloured))]
    return {name: found[name] for name in standing[:room]}


def _colour(measure: Measure, kept: dict[Measure, float], word: CueWord, style: Style) -> str | None:
    if measure not in kept:
        return None
    if measure == "emotion":
        return accent(word.emotion, style)
    return style.emotion.positive if kept[measure] > 0 else style.emotion.negative


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


def _hundredths(value: float) -> float:
    # finer steps cannot be seen; the sum turns -0.0 into 0.0
    return round(value, 2) + 0.0
