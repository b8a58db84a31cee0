"""Speaker turns as RTTM (Rich Transcription Time Marked), the format that diarization scorers read.

One line a turn, as in NIST's RT-09 evaluation plan, appendix A:
`SPEAKER <file> 1 <onset> <duration> <NA> <NA> <speaker> <NA> <NA>`.
"""

import math
import re

from ecg_audio.analysis import Analysis, Turn
from ecg_audio.errors import InvalidRequest

_UNSAFE = re.compile(r"[^\w.-]+")
_OTHER_TYPES = {
    "SEGMENT",
    "NOSCORE",
    "NO_RT_METADATA",
    "LEXEME",
    "NON-LEX",
    "NON-SPEECH",
    "FILLER",
    "EDIT",
    "IP",
    "SU",
    "CB",
    "A/P",
    "SPKR-INFO",
}


def dumps(analysis: Analysis) -> str:
    """Write the turns, overlap included, in order of time and to the millisecond.

    The file id is the job id. A character that a name cannot have in RTTM (white space above all) becomes `_`.
    """
    file_id = name(analysis.job_id)
    lines = []
    for turn in sorted(analysis.turns, key=lambda turn: (turn.start_s, turn.end_s, turn.speaker)):
        # both ends are rounded, not the duration, so that turns that meet still meet
        start_ms, end_ms = round(turn.start_s * 1000), round(turn.end_s * 1000)
        onset, duration = start_ms / 1000, (end_ms - start_ms) / 1000
        lines.append(f"SPEAKER {file_id} 1 {onset:.3f} {duration:.3f} <NA> <NA> {name(turn.speaker)} <NA> <NA>\n")
    return "".join(lines)


def loads(text: str) -> tuple[Turn, ...]:
    """Read the turns of an RTTM file, in the file's order; comments and other types of line are skipped.

    Raises:
        InvalidRequest: a line is not RTTM; the message names it.

    >>> [turn] = loads("SPEAKER talk 1 0.500 1.250 <NA> <NA> Ana <NA> <NA>")
    >>> turn.speaker, turn.end_s
    ('Ana', 1.75)
    """
    return tuple(
        _turn(number, line.split())
        for number, line in enumerate(text.splitlines(), start=1)
        if line.strip() and not line.lstrip().startswith(";") and line.split()[0] not in _OTHER_TYPES
    )


def _turn(number: int, fields: list[str]) -> Turn:
    if fields[0] != "SPEAKER" or len(fields) < 8:
        raise InvalidRequest(f"RTTM line {number} is not a SPEAKER line of at least 8 fields", hint=_HINT)
    try:
        start_s, duration_s = float(fields[3]), float(fields[4])
    except ValueError as error:
        raise InvalidRequest(f"RTTM line {number}: the times are not numbers", hint=_HINT) from error
    if not (math.isfinite(start_s) and math.isfinite(duration_s) and start_s >= 0 and duration_s >= 0):
        raise InvalidRequest(f"RTTM line {number}: the times are negative or infinite", hint=_HINT)
    return Turn(speaker=fields[7], start_s=start_s, end_s=round(start_s + duration_s, 6))


_HINT = "RTTM is text: SPEAKER <file> 1 <onset> <duration> <NA> <NA> <speaker> <NA> <NA>, one turn a line."


def name(text: str) -> str:
    """A name as NIST's formats can hold it: what is no letter, digit, dot or dash becomes `_`."""
    return _UNSAFE.sub("_", text) or "_"
