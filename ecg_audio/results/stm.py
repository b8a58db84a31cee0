"""Segments as STM (segment time marks), what scorers of attributed words such as meeteval read."""

from ecg_audio.analysis import Analysis
from ecg_audio.results.intervals import NOBODY
from ecg_audio.results.rttm import name


def dumps(analysis: Analysis) -> str:
    """Write a line for each segment in order of time: `<file> 1 <speaker> <start> <end> <text>`.

    Times are seconds to the millisecond. The format is that of NIST's SCTK documentation ("STM File Format").
    """
    file = name(analysis.job_id)
    return "".join(
        f"{file} 1 {name(segment.speaker or NOBODY)} {segment.start_s:.3f} {segment.end_s:.3f} "
        f"{' '.join(segment.text.split())}\n"
        for segment in sorted(analysis.segments, key=lambda segment: (segment.start_s, segment.end_s))
    )
