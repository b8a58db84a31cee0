"""Recordings in which one person speaks in each channel: the channels are listened to one by one, and say who spoke."""

import bisect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from ecg_audio.analysis import Diarization, Notice, Span, Transcript, Turn
from ecg_audio.progress import Report, part
from ecg_audio.request import AUTO, UNKNOWN, SpeakerCount
from ecg_audio.speech import diarization, language, suspect
from ecg_audio.speech.islands import Islands
from ecg_audio.speech.joining import joined

S = TypeVar("S", bound=Span)

MODEL = "one speaker a channel"
"""In the place of a diarization model's name."""
PAUSE_S = 0.3
"""A shorter pause does not end a turn."""
UNSAID_S = 0.3
"""Speech in which no word was found is a turn too, where it is longer."""
FADING_S = 0.3
"""What sounds before and after a word for longer is not the word's: breath, reverberation, noise."""

Ask = Callable[[int, str, Report], Transcript]
"""Recognises the channel of this index, in this language."""


def transcribed(numbers: Sequence[int], ask: Ask, asked: str, report: Report) -> Transcript:
    """What is said in all channels.

    People who talk with each other mostly speak one language. So a channel whose own is doubtful is heard again in that
    of the channel in which most is said.

    Args:
        numbers: of the channels, in the source.
        ask: recognises a channel.
        asked: the language that is asked for, or `auto`.
        report: hears the finished fraction.
    """
    found = [ask(index, asked, part(report, index, len(numbers))) for index in range(len(numbers))]
    main = max(found, key=_spoken_s)
    for index, one in enumerate(found):
        doubtful = one.language_probability is not None and one.language_probability < language.DOUBTED_BELOW
        if asked == AUTO and one.utterances and doubtful and one.language != main.language:
            found[index] = ask(index, main.language, part(report, len(numbers) - 1, len(numbers)))
    return merged(dict(zip(numbers, found, strict=True)))


def merged(found: dict[int, Transcript]) -> Transcript:
    """Transcripts of single channels as one, in order of time; each utterance and stretch of speech has its channel."""
    main = max(found.values(), key=_spoken_s)
    own = {
        number: one.model_copy(
            update={
                "utterances": tuple(each.model_copy(update={"channel": number}) for each in one.utterances),
                "speech": tuple(each.model_copy(update={"channel": number}) for each in one.speech),
            }
        )
        for number, one in found.items()
    }
    return main.model_copy(
        update={
            "utterances": _in_time(one.utterances for one in own.values()),
            "speech": _in_time(one.speech for one in own.values()),
            "notices": _notices(own),
        }
    )


def of(transcript: Transcript, number: int) -> Transcript:
    """What is said in one channel; the notices are left with the whole."""
    return transcript.model_copy(
        update={
            "utterances": tuple(each for each in transcript.utterances if each.channel == number),
            "speech": tuple(each for each in transcript.speech if each.channel == number),
            "notices": (),
        }
    )


def name(number: int) -> str:
    """The speaker of a channel."""
    return f"SPEAKER_{number:02d}"


def turns(transcript: Transcript, sound: Mapping[int, Islands | None], asked: SpeakerCount = UNKNOWN) -> Diarization:
    """Who spoke when, as the channels have it: a turn is what sounds in a channel around its words and speech.

    Args:
        transcript: with its words.
        sound: of each channel, where it sounds; None: that was not measured, and turns are speech and words themselves.
        asked: how many speakers the request tells of.
    """
    found = [
        Turn(speaker=name(number), start_s=round(start_s, 3), end_s=round(end_s, 3))
        for number, heard in sound.items()
        for start_s, end_s in joined(_sounding(of(transcript, number), heard), PAUSE_S)
    ]
    found.sort(key=lambda turn: (turn.start_s, turn.end_s, turn.speaker))
    speaking = len({turn.speaker for turn in found})
    return Diarization(
        model=MODEL,
        turns=tuple(found),
        exclusive=(),  # utterances know their channel: nothing is attributed by turns
        notices=diarization.count_notices(asked, speaking),
    )


def _sounding(own: Transcript, sound: Islands | None) -> Iterator[tuple[float, float]]:
    """Where words and speech without words sound, in order of time, each as far as its stretch of sound reaches."""
    words = [word for utterance in own.utterances for word in utterance.words if word.suspect is None]
    said = [(word.start_s, word.end_s) for word in words]
    said += [(speech.start_s, speech.end_s) for speech in suspect.wordless(own.speech, words, UNSAID_S)]
    heard = joined((speech.start_s, speech.end_s) for speech in own.speech)
    for start_s, end_s in joined(said, PAUSE_S):
        if sound is None:
            yield start_s, end_s
            continue
        first = int(np.searchsorted(sound.end_s, start_s, "right"))
        last = int(np.searchsorted(sound.start_s, end_s)) - 1
        if first > last:
            continue  # nothing sounds there
        from_s, until_s = float(sound.start_s[first]), float(sound.end_s[last])
        # an aligner may end a last word early: where speech is heard on, what sounds is still the word's
        yield (
            from_s if from_s >= _around(start_s, heard)[0] - FADING_S else start_s,
            until_s if until_s <= _around(end_s, heard)[1] + FADING_S else end_s,
        )


def _around(at_s: float, heard: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The speech around an instant; the instant itself where there is none."""
    index = bisect.bisect_right(heard, at_s, key=lambda edges: edges[0]) - 1
    return heard[index] if index >= 0 and heard[index][1] >= at_s else (at_s, at_s)


def _notices(own: dict[int, Transcript]) -> tuple[Notice, ...]:
    """Those of all channels, each once; what only some say, with their channels.

    That one channel is silent is no news: its speaker said nothing.
    """
    said: dict[Notice, list[int]] = {}
    for number, one in own.items():
        for notice in one.notices:
            said.setdefault(notice, []).append(number)
    return tuple(
        notice
        if len(numbers) == len(own)
        else notice.model_copy(update={"message": f"channel {', '.join(map(str, numbers))}: {notice.message}"})
        for notice, numbers in said.items()
        if len(numbers) == len(own) or notice.code != "NO_SPEECH"
    )


def _spoken_s(transcript: Transcript) -> float:
    return sum(one.end_s - one.start_s for one in transcript.utterances)


def _in_time(groups: Iterable[Iterable[S]]) -> tuple[S, ...]:
    return tuple(sorted((one for group in groups for one in group), key=_times))


def _times(span: Span) -> tuple[float, float]:
    return span.start_s, span.end_s
