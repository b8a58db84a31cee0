"""What publishers ask of captions: the figures of `profiles.toml` as the settings that cues are made and judged by."""

import tomllib
from functools import cache
from math import ceil
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ecg_audio.captions.reading import CueSettings, pace
from ecg_audio.errors import InvalidRequest


class Profile(BaseModel):
    """One publisher's figures. `languages` holds, by ISO 639 code, what differs in a language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    sources: tuple[str, ...]
    figures: dict[str, Any]
    languages: dict[str, dict[str, Any]] = {}

    def settings(self, language: str, frames_per_s: float | None = None) -> CueSettings:
        """The bounds for text in a language, on the frames of a video; None: at the rate that the profile has.

        A reading speed of Latin letters is none of another script's: what a profile does not name is ours.
        """
        figures = self.figures | pace(language) | self.languages.get(language, {})
        rate = frames_per_s or figures["frames_per_s"]
        gap_frames, gap_s = figures.pop("min_gap_frames", None), figures.pop("min_gap_s", None)
        figures["frames_per_s"] = rate
        figures["min_gap_s"] = (gap_frames or _frames(gap_s, rate)) / rate
        figures["close_gap_s"] = _frames(figures["close_gap_s"], rate) / rate
        return CueSettings.model_validate(figures)


def _frames(time_s: float, frames_per_s: float) -> int:
    """The nearest whole number of frames; of two as near the smaller, so half a second of 25 is 12."""
    return ceil(time_s * frames_per_s - 0.5)


@cache
def profiles() -> dict[str, Profile]:
    """All profiles by name."""
    table = tomllib.loads((Path(__file__).parent / "profiles.toml").read_text("utf-8"))
    return {name: _profile(dict(fields)) for name, fields in table.items()}


def profile(name: str) -> Profile:
    """One profile.

    Raises:
        InvalidRequest: there is none of that name.
    """
    try:
        return profiles()[name]
    except KeyError:
        raise InvalidRequest(f"profile {name}: must be one of {', '.join(profiles())}") from None


def _profile(fields: dict[str, Any]) -> Profile:
    kept = {name: fields.pop(name) for name in ("about", "sources", "languages") if name in fields}
    return Profile(**kept, figures=fields)
