"""Who said each word: words of a transcript, turns of a diarization, segments of both."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ecg_audio import spacing
from ecg_audio.analysis import Diarization, Segment, SpokenWord, Transcript, Turn, Utterance, VoiceTrack, Word
from ecg_audio.speech import channels
from ecg_audio.speech.likeliest import best_path

NEAREST_TURN_S = 0.5  # a word in a gap between turns may belong to a turn this close
PAUSE_S = 0.8  # a longer silence begins a new segment
LONGEST_SEGMENT_S = 30.0

# log-likelihoods, chosen on spliced dialogues (see benchmarks.accuracy)
TURN_WEIGHT = 5.0  # of a word that lies in a speaker's turn
WHOLE_WORD_S = 0.2  # a shorter word weighs less
EDGE_S = 0.25  # by so much may an edge between two long turns be wrong
LONG_TURN_S = 0.8  # a shorter turn is a remark, and its edges are taken as they are
NEAR_SHARE = 0.3  # of a word that lies in no turn, for the nearest one
POINTS = 9  # of a word, at which turns are looked up
VOICE_PER_S = 40.0  # of a unit of cosine, for each second of the word
LONGEST_VOICE_S = 0.6
LEAST_LIKE = 0.6  # a cosine below this says that nobody known speaks

SENTENCE_COST = 0.5  # of another speaker after the end of a sentence or an utterance,
PAUSE_COST = 1.0  # after a pause,
CLAUSE_COST = 2.5  # after a comma,
PHRASE_COST = 5.0  # and within a phrase;
UNPUNCTUATED_COST = 2.0
REMARK_DISCOUNT = 3.0  # where a remark begins or ends between the two words
LONG_PAUSE_S = 0.3
TURN_EDGE_S = 0.15

SENTENCE_ENDS = ".?!…。？！।؟"
CLAUSE_ENDS = ",;:、，；：،"
CLOSING = "\"'”’»)]}」』"

Said = tuple[SpokenWord, bool]  # a word, and whether a space stands before it


def attribute(transcript: Transcript, diarization: Diarization | None) -> tuple[Segment, ...]:
    """Give each word its speaker and cut the words into segments.

    The likeliest sequence of speakers is found (Viterbi). A word speaks for the speaker in whose turn it lies, an edge
    between two long turns being uncertain by 0.25 s, and for the one whose voice sounds there. Another speaker costs
    little after a sentence or a pause and much within a phrase, less where a short turn begins or ends there:
    so a sentence stays whole unless turns and voice say otherwise, and a remark put in by somebody else stays theirs.
    Suspect words follow their neighbours. Where no turn is within 0.5 s and no known voice sounds, the speaker is None.

    A segment ends where the speaker changes, at a pause of 0.8 s, at the end of an utterance, and, where it would be
    longer than 30 s, at the end of a sentence, else at the longest pause, of its second half. Its times span its words,
    its text has the spaces of the utterance's.

    Where utterances have channels, one person each, these say who spoke: segments of two channels may overlap.

    Args:
        transcript: its utterances in order of time.
        diarization: None when it failed or was not wanted: all speakers are None.

    Returns:
        Segments with ids 0, 1, ...; all words of the transcript in their order.
    """
    numbers = sorted({utterance.channel for utterance in transcript.utterances if utterance.channel is not None})
    if numbers:
        return _by_channel([channels.of(transcript, number) for number in numbers])
    words = [word for utterance in transcript.utterances for word in utterance.words]
    starts = set(itertools.accumulate(len(utterance.words) for utterance in transcript.utterances))
    owners = iter(_owners(words, starts, diarization) if diarization else [(None, None)] * len(words))
    groups = (
        (utterance, group) for utterance in transcript.utterances for group in _groups(list(_said(utterance, owners)))
    )
    return tuple(_segment(number, utterance, group) for number, (utterance, group) in enumerate(groups))


def _by_channel(transcripts: Sequence[Transcript]) -> tuple[Segment, ...]:
    """The segments of channels, in order of time."""
    groups = [
        (utterance, group)
        for transcript in transcripts
        for utterance in transcript.utterances
        for group in _groups(list(_said(utterance, itertools.repeat((channels.name(utterance.channel or 0), None)))))
    ]
    groups.sort(key=lambda pair: pair[1][0][0].start_s)
    return tuple(_segment(number, utterance, group) for number, (utterance, group) in enumerate(groups))


def ends_sentence(text: str) -> bool:
    """Whether a word is the last of a sentence, by its punctuation."""
    return text.rstrip(CLOSING).endswith(tuple(SENTENCE_ENDS))


# Speakers

Owner = tuple[str | None, float | None]  # a speaker, and how probable it is


def _owners(words: Sequence[Word], utterance_starts: set[int], diarization: Diarization) -> list[Owner]:
    turns = sorted(diarization.exclusive, key=lambda turn: turn.start_s)
    speakers = sorted({turn.speaker for turn in (*turns, *diarization.turns)})
    if not words or not speakers:
        return [(None, None)] * len(words)
    evidence = _Evidence(turns, diarization.voices, speakers)
    scores = np.array([evidence.of(word) for word in words])
    known = np.array([evidence.known(word) for word in words])
    trusted = np.array([word.suspect is None for word in words])
    costs = _costs(words, utterance_starts, evidence.remark_edges_s)
    scores = np.where(trusted[:, None], scores, 0.0)
    probability = _probabilities(scores, costs)
    return [
        (speakers[state], round(float(probability[index, state]), 3)) if known[index] else (None, None)
        for index, state in enumerate(best_path(scores, costs))
    ]


class _Evidence:
    """What turns and voices say about single words."""

    def __init__(self, turns: Sequence[Turn], voices: VoiceTrack | None, speakers: Sequence[str]) -> None:
        self._speakers = {speaker: index for index, speaker in enumerate(speakers)}
        self._turns = turns
        self._starts_s = np.array([turn.start_s for turn in turns])
        self._ends_s = np.array([turn.end_s for turn in turns])
        self._owner = np.array([self._speakers[turn.speaker] for turn in turns], dtype=int)
        self._blurred = np.array(
            [
                before.speaker != after.speaker
                and after.start_s - before.end_s < EDGE_S
                and min(before.end_s - before.start_s, after.end_s - after.start_s) >= LONG_TURN_S
                for before, after in itertools.pairwise(turns)
            ],
            dtype=bool,
        )
        self.remark_edges_s = np.array(
            [
                edge_s
                for turn in turns
                if turn.end_s - turn.start_s < LONG_TURN_S
                for edge_s in (turn.start_s, turn.end_s)
            ]
        )
        """Where short turns begin and end."""
        self._first_s, self._hop_s = (voices.first_s, voices.hop_s) if voices else (0.0, 0.0)
        self._voices = (
            np.array([voices.similarity.get(speaker, ()) for speaker in speakers], dtype=float) if voices else None
        )

    def of(self, word: Word) -> NDArray[np.float64]:
        """Log-likelihood of the word under each speaker, up to a constant, (speakers,)."""
        length_s = word.end_s - word.start_s
        weight = TURN_WEIGHT * min(1.0, max(length_s, 0.02) / WHOLE_WORD_S)
        scores = weight * self._shares(word)
        voice = self._voice(word)
        return scores if voice is None else scores + VOICE_PER_S * min(length_s, LONGEST_VOICE_S) * voice

    def known(self, word: Word) -> bool:
        """Whether there is a turn close by, or a voice that is known."""
        if len(self._turns):
            distance_s = np.maximum(self._starts_s - word.end_s, word.start_s - self._ends_s)
            if distance_s.min() <= NEAREST_TURN_S:
                return True
        voice = self._voice(word)
        return voice is not None and bool(voice.max() >= LEAST_LIKE)

    def _voice(self, word: Word) -> NDArray[np.float64] | None:
        """Cosines around the middle of the word, (speakers,); None where nothing sounds or is known."""
        if self._voices is None or not self._voices.shape[1]:
            return None
        at = max(0.0, (word.start_s + word.end_s) / 2 - self._first_s) / self._hop_s
        first = min(int(at), self._voices.shape[1] - 1)
        last = min(first + 1, self._voices.shape[1] - 1)
        mean = (1 - (at - first)) * self._voices[:, first] + (at - first) * self._voices[:, last]
        found: NDArray[np.float64] | None = None if np.isnan(mean).any() else mean
        return found

    def _shares(self, word: Word) -> NDArray[np.float64]:
        """How much of the word lies in each speaker's turns, (speakers,), sums to 1 or, where no turn is near, to 0."""
        shares = np.zeros(len(self._speakers))
        first = max(0, int(np.searchsorted(self._ends_s, word.start_s - NEAREST_TURN_S)) - 1)
        last = int(np.searchsorted(self._starts_s, word.end_s + NEAREST_TURN_S))
        for index in range(first, min(last + 1, len(self._turns))):
            shares[self._owner[index]] += self._share(word, index)
        if not shares.any():
            distance_s = np.maximum(self._starts_s - word.end_s, word.start_s - self._ends_s)
            if len(distance_s) and distance_s.min() <= NEAREST_TURN_S:
                shares[self._owner[int(distance_s.argmin())]] = NEAR_SHARE
        return np.asarray(shares / max(1.0, float(shares.sum())))

    def _share(self, word: Word, index: int) -> float:
        """The part of the word in one turn, whose uncertain edges rise from nothing to all over twice `EDGE_S`."""
        start_s, end_s = self._starts_s[index], self._ends_s[index]
        rise_s = EDGE_S if index and self._blurred[index - 1] else 0.0
        fall_s = EDGE_S if index < len(self._blurred) and self._blurred[index] else 0.0
        at_s = word.start_s + (np.arange(POINTS) + 0.5) / POINTS * (word.end_s - word.start_s)
        inside = np.ones(POINTS)
        inside *= np.clip((at_s - start_s + rise_s) / (2 * rise_s), 0, 1) if rise_s else at_s >= start_s
        inside *= np.clip((end_s + fall_s - at_s) / (2 * fall_s), 0, 1) if fall_s else at_s <= end_s
        return float(inside.mean())


def _costs(words: Sequence[Word], utterance_starts: set[int], edges_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """What it costs that another speaker says word `n` than said the word before it, (words,)."""
    trusted = [word.text for word in words if word.suspect is None]
    punctuated = any(ends_sentence(text) for text in trusted)
    costs = np.zeros(len(words))
    for index, (before, word) in enumerate(itertools.pairwise(words), 1):
        cost = PHRASE_COST if punctuated else UNPUNCTUATED_COST
        if before.text.rstrip(CLOSING).endswith(tuple(CLAUSE_ENDS)):
            cost = min(cost, CLAUSE_COST)
        if len(edges_s):
            middle_s = (before.end_s + word.start_s) / 2
            slack_s = TURN_EDGE_S + (word.start_s - before.end_s) / 2
            if np.abs(edges_s - middle_s).min() <= slack_s:
                cost = max(PAUSE_COST, cost - REMARK_DISCOUNT)
        if word.start_s - before.end_s >= LONG_PAUSE_S:
            cost = min(cost, PAUSE_COST)
        if index in utterance_starts or ends_sentence(before.text):
            cost = min(cost, SENTENCE_COST)
        costs[index] = cost
    return costs


def _probabilities(scores: NDArray[np.float64], costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The probability of each state at each word, (words, states).

    Staying is free and a change into word `n` costs `costs[n]`, whichever the two states are.
    """
    count, states = scores.shape
    change = 1.0 - np.eye(states)
    forward, backward = np.zeros((count, states)), np.zeros((count, states))
    forward[0] = scores[0]
    for index in range(1, count):
        forward[index] = (
            np.logaddexp.reduce(forward[index - 1][:, None] - costs[index] * change, axis=0) + scores[index]
        )
    for index in range(count - 1, 0, -1):
        ahead = backward[index] + scores[index]
        backward[index - 1] = np.logaddexp.reduce(ahead[None, :] - costs[index] * change, axis=1)
    joint = forward + backward
    probability: NDArray[np.float64] = np.exp(joint - np.logaddexp.reduce(joint, axis=1)[:, None])
    return probability


# Segments


def _said(utterance: Utterance, owners: Iterator[Owner]) -> Iterator[Said]:
    spaced = spacing.before_each([word.text for word in utterance.words], utterance.text)
    for word, space in zip(utterance.words, spaced, strict=True):
        speaker, confidence = next(owners)
        yield SpokenWord(**word.model_dump(), speaker=speaker, speaker_confidence=confidence), space


def _groups(said: list[Said]) -> Iterator[list[Said]]:
    """Cut an utterance's words where the speaker changes, after a pause, and before a segment grows too long."""
    cuts = [
        index
        for index, ((before, _), (word, _)) in enumerate(itertools.pairwise(said), 1)
        if word.speaker != before.speaker or word.start_s - before.end_s >= PAUSE_S
    ]
    for first, last in itertools.pairwise([0, *cuts, len(said)]):
        if first < last:
            yield from _short(said[first:last])


def _short(said: list[Said]) -> Iterator[list[Said]]:
    """Cut what is too long, where a sentence ends if one does in the second half of the time."""
    start_s = said[0][0].start_s
    fitting = next(
        (index for index, (word, _) in enumerate(said) if index and word.end_s - start_s > LONGEST_SEGMENT_S), len(said)
    )
    if fitting == len(said):
        yield said
        return
    late = [index for index in range(1, fitting + 1) if said[index - 1][0].end_s - start_s >= LONGEST_SEGMENT_S / 2]
    sentences = [index for index in late if ends_sentence(said[index - 1][0].text)]
    pauses_s = [said[index][0].start_s - said[index - 1][0].end_s for index in late]
    at = sentences[-1] if sentences else fitting
    if not sentences and late and max(pauses_s) > 0:
        at = late[int(np.argmax(pauses_s))]
    yield said[:at]
    yield from _short(said[at:])


def _segment(number: int, utterance: Utterance, group: list[Said]) -> Segment:
    words = [word for word, _ in group]
    return Segment(
        id=number,
        start_s=min(word.start_s for word in words),
        end_s=max(word.end_s for word in words),
        speaker=words[0].speaker,
        text=spacing.joined([word.text for word in words], [space for _, space in group]),
        words=tuple(words),
        language=utterance.language,
        suspect=utterance.suspect,
    )
