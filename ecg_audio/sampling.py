"""What a recording's sound is after extraction: mono, and so many samples a second."""

from typing import Final

RATE_HZ: Final = 16_000
