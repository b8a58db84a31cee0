"""Words as CTM (time-marked conversation), what word scorers such as sclite and meeteval read."""

from ecg_audio.analysis import Analysis
from ecg_audio.results.rttm import name


def dumps(analysis: Analysis) -> str:
    """Write a line for each word in order of time: `<file> 1 <start> <duration> <word> [<confidence>]`.

    Times are seconds to the millisecond. A word without a confidence has none in its line. White space inside a word
    becomes `_`, since it would begin another field.

    The format is that of NIST's SCTK documentation ("CTM File Format").
    """
    file = name(analysis.job_id)
    lines = []
    for word in sorted(analysis.words, key=lambda word: (word.start_s, word.end_s)):
        start_ms, end_ms = round(word.start_s * 1000), round(word.end_s * 1000)
        confidence = "" if word.confidence is None else f" {word.confidence:.3f}"
        text = "_".join(word.text.split()) or "_"
        lines.append(f"{file} 1 {start_ms / 1000:.3f} {(end_ms - start_ms) / 1000:.3f} {text}{confidence}\n")
    return "".join(lines)
