"""Words by PocketSphinx: the US-English model inside its wheel, one stretch of speech at a time.

Its functions are called through a `Child`: light (no torch), one decoder a process, so that cores work side by side.
"""

import functools
import re
from typing import Any

from ecg_audio.analysis import Span, Word
from ecg_audio.progress import Report, silent

SAMPLE_RATE_HZ = 16_000
FRAMES_PER_S = 100
FILLER = re.compile(r"<.*>|\[.*\]|\+\+.*\+\+")  # <s> </s> <sil> [NOISE] ++BREATH++
VARIANT = re.compile(r"\(\d+\)$")  # the dictionary's second pronunciation: read(2)


def prepare(*, report: Report = silent) -> None:
    """Load the model."""
    _decoder()
    report(1.0)


def recognise(path: str, stretch: Span, *, report: Report = silent) -> tuple[Word, ...]:
    """The words in a stretch of a 16 kHz mono file, with times from the start of the file.

    `confidence` is the word's posterior in the lattice (uncalibrated), None where there is no lattice to have one.
    """
    import soundfile

    start, stop = round(stretch.start_s * SAMPLE_RATE_HZ), round(stretch.end_s * SAMPLE_RATE_HZ)
    samples, sample_rate_hz = soundfile.read(path, start=start, stop=stop, dtype="int16", always_2d=True)
    if sample_rate_hz != SAMPLE_RATE_HZ or samples.shape[1] != 1:
        raise ValueError(f"{path} is not {SAMPLE_RATE_HZ} Hz mono")
    decoder = _decoder()
    decoder.reinit_feat()  # else the stretch before, in whichever process, would colour this one
    decoder.start_utt()
    if len(samples):
        # the whole stretch at once: cepstral means are then taken over all of it, not guessed as it comes
        decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()
    words = _words(decoder, start / SAMPLE_RATE_HZ, stop / SAMPLE_RATE_HZ)
    report(1.0)
    return words


def _words(decoder: Any, offset_s: float, end_s: float) -> tuple[Word, ...]:
    if decoder.hyp() is None:
        return ()
    segments = list(decoder.seg())
    # without a best path through the lattice, every segment carries 1.0: that is no posterior
    has_posteriors = any(segment.prob != 1.0 for segment in segments)
    return tuple(
        Word(
            text=VARIANT.sub("", segment.word),
            start_s=round(offset_s + segment.start_frame / FRAMES_PER_S, 3),
            end_s=round(min(end_s, offset_s + (segment.end_frame + 1) / FRAMES_PER_S), 3),
            confidence=min(1.0, segment.prob) if has_posteriors else None,
            timing="engine",
        )
        for segment in segments
        if not FILLER.fullmatch(segment.word)
    )


@functools.cache
def _decoder() -> Any:
    from pocketsphinx import Decoder

    return Decoder(loglevel="FATAL", samprate=float(SAMPLE_RATE_HZ))
