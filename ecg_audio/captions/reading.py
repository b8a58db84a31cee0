"""What readers can take: the bounds that cues keep to, and how well they were kept."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_PACES = {"ko": (12.0, 14.0), "ja": (4.0, 7.0), "zh": (9.0, 11.0)}  # Netflix's guides: characters/s for adults


class CueSettings(BaseModel):
    """The bounds that cues keep to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    line_width: Annotated[int, Field(ge=8, le=120, description="Narrow characters on a line.")] = 42
    wide_line_width: Annotated[int, Field(ge=4, le=60, description="Full-width characters on a line.")] = 16
    max_lines: Literal[1, 2] = 2
    target_cps: Annotated[float, Field(gt=0, description="Characters a second to aim at.")] = 17.0
    max_cps: Annotated[float, Field(gt=0, description="Characters a second that are hard to read.")] = 20.0
    min_s: Annotated[float, Field(gt=0.3, le=5)] = 1.0
    max_s: Annotated[float, Field(gt=1, le=30)] = 7.0
    pause_s: Annotated[float, Field(gt=0, description="A silence this long always ends a cue.")] = 1.0
    close_gap_s: Annotated[float, Field(ge=0.08, le=1, description="Shorter gaps between cues are closed.")] = 0.5

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.target_cps > self.max_cps:
            raise ValueError("target_cps is larger than max_cps")
        return self

    @classmethod
    def for_language(cls, language: str) -> "CueSettings":
        """The settings for an ISO 639 code: some scripts say more with a character, and are read more slowly."""
        if language not in _PACES:
            return cls()
        target_cps, max_cps = _PACES[language]
        return cls(target_cps=target_cps, max_cps=max_cps)

    @property
    def wide(self) -> float:
        """The room of a full-width character, in narrow ones."""
        return self.line_width / self.wide_line_width
