"""Voices that people asked to be known again, and whose a speaker's voice is, if any of theirs.

The set is open: most speakers are nobody who is known, so a voice gets a name only where it is as alike as voices of
two people hardly are. `python -m benchmarks.voices` measures that.
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field

from ecg_audio.analysis import Model, Naming, Span, Turn
from ecg_audio.speech.joining import joined, without

SURE = 0.85
"""The cosine from which on two voices are taken for one."""
MAYBE = 0.78
"""And from which on that is worth a question."""
LEAST_S = 5.0
"""Of speech, for a voice to be remembered, and for a name to be sure: a vector of less is as much of what was said as
of who said it."""
HEARD_S = 3.0
"""Of speech, for anything to be said at all."""
MOST_S = 60.0
"""More does not make a vector surer."""
SHORTEST_S = 0.4
"""A stretch shorter than this is as much of the turns before and after."""


class KnownVoice(Model):
    """A voice under the name that a person gave it. It is another person's data: opt-in, and gone when it is forgotten.

    `encoder` names what made the vector; `speech_s` is how much speech it was made of.
    """

    name: str
    encoder: str
    vector: tuple[float, ...] = Field(repr=False)
    speech_s: float
    remembered_at: str  # ISO 8601, UTC


def alone(turns: Sequence[Turn]) -> dict[str, tuple[Span, ...]]:
    """Where each speaker is heard and nobody else: the longest stretches, up to `MOST_S`, in order of time."""
    found: dict[str, tuple[Span, ...]] = {}
    for speaker in dict.fromkeys(turn.speaker for turn in turns):
        own = [(turn.start_s, turn.end_s) for turn in turns if turn.speaker == speaker]
        others = sorted((turn.start_s, turn.end_s) for turn in turns if turn.speaker != speaker)
        free = [piece for stretch in joined(own) for piece in without(stretch, others)]
        chosen, left_s = [], MOST_S
        for start_s, end_s in sorted(free, key=lambda one: (one[0] - one[1], one[0])):
            if end_s - start_s < SHORTEST_S or left_s < SHORTEST_S:
                break
            chosen.append(Span(start_s=start_s, end_s=min(end_s, start_s + left_s)))
            left_s -= end_s - start_s
        found[speaker] = tuple(sorted(chosen, key=lambda span: span.start_s))
    return found


def seconds(spans: Sequence[Span]) -> float:
    """How long stretches are together."""
    return sum(span.end_s - span.start_s for span in spans)


def namings(
    known: Sequence[KnownVoice], heard: Mapping[str, tuple[tuple[float, ...], float]], encoder: str
) -> dict[str, Naming]:
    """Who the speakers of a recording are, where their voices say so.

    A known voice names one speaker for sure, the one that is most like it; of others it is a suggestion.

    Args:
        known: all known voices; those of another encoder say nothing.
        heard: the vector of each speaker, and of how many seconds of speech it was made.
        encoder: what made these vectors.
    """
    same = [voice for voice in known if voice.encoder == encoder]
    pairs = sorted(
        (
            (round(float(np.dot(voice.vector, vector)), 3), voice.name, speaker)
            for voice, (speaker, (vector, speech_s)) in itertools.product(same, heard.items())
            if speech_s >= HEARD_S
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    found: dict[str, Naming] = {}
    given: set[str] = set()
    for similarity, name, speaker in pairs:
        if similarity < MAYBE or speaker in found:
            continue
        sure = similarity >= SURE and heard[speaker][1] >= LEAST_S and name not in given
        found[speaker] = Naming(name=name, by="voice", sure=sure, similarity=similarity)
        if sure:
            given.add(name)
    return found
