"""What readers can take: the bounds that cues keep to, and how well they were kept."""

from math import ceil
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ecg_audio.captions.names import Names

PACES = {"ko": (12.0, 14.0), "ja": (4.0, 7.0), "zh": (9.0, 11.0)}  # Netflix's guides: characters/s for adults


FEWEST_FRAMES, MOST_FRAMES = 10, 240  # a second
UPRIGHT = {"line_width": 26, "wide_line_width": 12}  # what fills the width of 9:16 in letters for arm's length


def pace(language: str) -> dict[str, float]:
    """The reading speeds of a language that is read more slowly than Latin letters; empty for any other."""
    return dict(zip(("target_cps", "max_cps"), PACES.get(language, ()), strict=False))


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
    min_gap_s: Annotated[float, Field(ge=0.008, le=1, description="Between two cues: 2 frames that can be seen.")] = 0.1
    close_gap_s: Annotated[float, Field(ge=0.08, le=2, description="Gaps shorter than this become `min_gap_s`.")] = 0.5
    max_words_per_minute: Annotated[float | None, Field(gt=0, description="A second bound on reading speed.")] = None
    frames_per_s: Annotated[
        float | None, Field(ge=FEWEST_FRAMES, le=MOST_FRAMES, description="Cues come and go with frames.")
    ] = None
    names: Names = "change"
    loops: Annotated[bool, Field(description="Whether to show what a recogniser wrote going in circles.")] = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.target_cps > self.max_cps:
            raise ValueError("target_cps is larger than max_cps")
        if self.min_gap_s > self.close_gap_s:
            raise ValueError("min_gap_s is larger than close_gap_s")
        return self

    @classmethod
    def for_language(cls, language: str) -> "CueSettings":
        """The settings for an ISO 639 code: some scripts say more with a character, and are read more slowly.

        >>> CueSettings.for_language("en").target_cps, CueSettings.for_language("ko").target_cps
        (17.0, 12.0)
        """
        return cls.model_validate(pace(language))

    def upright(self) -> "CueSettings":
        """These bounds with lines no longer than upright video has room for.

        >>> CueSettings().upright().line_width, CueSettings(line_width=20).upright().line_width
        (26, 20)
        """
        return self.model_copy(update={name: min(getattr(self, name), room) for name, room in UPRIGHT.items()})

    def at(self, frames_per_s: float) -> "CueSettings":
        """These bounds on the frames of a video: the gap between two cues is of whole ones, two at least.

        >>> CueSettings().at(24).min_gap_s
        0.125
        """
        gap_s = max(2, ceil(self.min_gap_s * frames_per_s - 1e-6)) / frames_per_s
        close_gap_s = max(gap_s, self.close_gap_s)
        return self.model_copy(update={"frames_per_s": frames_per_s, "min_gap_s": gap_s, "close_gap_s": close_gap_s})

    def reading_s(self, characters: int, words: int) -> float:
        """How long a cue is shown at least, in s, where there is time.

        >>> CueSettings().reading_s(characters=34, words=6)
        2.0
        """
        wished_s = max(self.min_s, characters / self.target_cps)
        return max(wished_s, words * 60 / self.max_words_per_minute) if self.max_words_per_minute else wished_s

    @property
    def wide(self) -> float:
        """The room of a full-width character, in narrow ones."""
        return self.line_width / self.wide_line_width
