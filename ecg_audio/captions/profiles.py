"""What publishers ask of captions: the figures of `profiles.toml` as the settings that cues are made and judged by."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from ecg_audio.captions.reading import CueSettings
from ecg_audio.errors import InvalidRequest


class Profile(BaseModel):
    """One publisher's figures. `languages` holds, by ISO 639 code, what differs in a language."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    sources: tuple[str, ...]
    figures: dict[str, Any]
    languages: dict[str, dict[str, Any]] = {}

    def settings(self, language: str) -> CueSettings:
        """The bounds for text in a language."""
        return CueSettings.model_validate(self.figures | self.languages.get(language, {}))


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
    fields["min_gap_s"] = fields.pop("min_gap_frames") / fields["frames_per_s"]
    fields["close_gap_s"] = fields.pop("close_gap_frames") / fields["frames_per_s"]
    return Profile(**kept, figures=fields)
