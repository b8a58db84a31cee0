"""Expression: the transcript with its voice."""

import numpy as np
import pytest

from ecg_audio.analysis import Segment, Span, SpokenWord, Turn, VoiceFeatures
from ecg_audio.voice.expression import express
from ecg_audio.voice.frames import measure

RATE_HZ = 16_000
WORD_S = 0.3


def tone(f0_hz, level, seconds):
    """A voice-like sound: 12 harmonics."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return level * sum(np.sin(2 * np.pi * k * f0_hz * t) / k for k in range(1, 13))


@pytest.fixture(scope="module")
def conversation():
    """Two speakers, ten words each, in turn: A around 110 Hz, B around 220 Hz; B's word 7 is 12 dB louder."""
    sound, words, at = [], {"A": [], "B": []}, 0.0
    for index in range(20):
        speaker, number = "AB"[index % 2], index // 2
        f0_hz = {"A": 110.0, "B": 220.0}[speaker] * 2 ** (number / 120)
        level = (0.05 + 0.001 * number) * (4.0 if (speaker, number) == ("B", 7) else 1.0)
        sound += [tone(f0_hz, level, WORD_S), np.zeros(int(0.1 * RATE_HZ))]
        words[speaker].append(SpokenWord(text="word", start_s=at, end_s=at + WORD_S, speaker=speaker))
        at += WORD_S + 0.1
    segments = tuple(
        Segment(id=i, start_s=w.start_s, end_s=w.end_s, speaker=w.speaker, text=w.text, words=(w,))
        for i, w in enumerate(sorted(words["A"] + words["B"], key=lambda w: w.start_s))
    )
    turns = tuple(Turn(speaker=s.speaker, start_s=s.start_s, end_s=s.end_s) for s in segments)
    samples = np.concatenate(sound).astype(np.float32)
    batches = list(measure([samples]))
    frames = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    return segments, turns, frames, len(samples) / RATE_HZ


def test_every_word_segment_and_speaker_has_its_own_voice(conversation):
    """Pitch lands where it was put, for each word and over each speaker's turns."""
    expression = express(*conversation)
    for segment in expression.segments:
        base_hz = {"A": 110.0, "B": 220.0}[segment.speaker]
        (word,) = segment.words
        assert base_hz * 0.99 < word.voice.f0_median_hz < base_hz * 1.07
        assert segment.voice.words_per_s == pytest.approx(1 / WORD_S)
        assert 10 <= len(segment.voice.volume_peaks) <= 200
    assert [speaker.id for speaker in expression.speakers] == ["A", "B"]
    for speaker, base_hz in zip(expression.speakers, (110.0, 220.0), strict=True):
        assert base_hz * 0.99 < speaker.pitch.median_hz < base_hz * 1.07
        assert speaker.words == speaker.segments == 10
        assert speaker.speaking_s == pytest.approx(10 * WORD_S)
        assert speaker.words_per_minute == pytest.approx(60 / WORD_S)


def test_filled_pauses_are_their_speakers(conversation):
    """In a segment of known language a filled pause is counted for who said it, and for the recording."""
    (first, *others), *rest = conversation
    um = first.words[0].model_copy(update={"text": "Um,"})
    expression = express((first.model_copy(update={"words": (um,), "language": "en"}), *others), *rest)
    assert [speaker.tempo.filled_pause_count for speaker in expression.speakers] == [1, None]
    assert expression.tempo.filled_pause_s == pytest.approx(WORD_S)


def test_a_loud_word_stands_out_from_its_own_speaker(conversation):
    """The one word said 12 dB louder is loud for its speaker, and alone emphatic; everything else is normal."""
    expression = express(*conversation)
    names = {(s.speaker, s.id // 2): s.words[0].relative.volume for s in expression.segments}
    assert names.pop(("B", 7)) == "loud"
    assert set(names.values()) == {"normal"}
    louder = {(s.speaker, s.id // 2): s.words[0].emphasis.louder for s in expression.segments}
    assert louder.pop(("B", 7)) > 0
    assert set(louder.values()) == {0.0}


def test_a_speaker_of_few_words_is_not_compared(conversation):
    """Seven words do not make a habit: nothing is called relative."""
    segments, turns, frames, duration_s = conversation
    expression = express(segments[:14], turns[:14], frames, duration_s)
    assert all(segment.words[0].relative is None for segment in expression.segments)


def test_without_turns_speakers_are_measured_over_their_segments(conversation):
    """A recording without diarization still describes who the segments name."""
    segments, _turns, frames, duration_s = conversation
    with_turns, without = express(*conversation), express(segments, (), frames, duration_s)
    assert with_turns.speakers == without.speakers


def test_silence_has_no_baseline():
    """Nothing said in silence: no words, no speakers, no statistics."""
    batches = list(measure([np.zeros(RATE_HZ, np.float32)]))
    expression = express((), (), batches[0], 1.0)
    assert expression.volume is None
    assert expression.pitch is None
    assert expression.speakers == ()
    assert expression.voice.silence_ratio == 1.0
    assert expression.voice.rms_dbfs is None
    assert expression.voice.f0_mean_hz is None


def test_no_feature_is_a_constant():
    """Two voices, noise and silence share no figure: every voice feature is measured, none is made up."""
    random = np.random.default_rng(5)
    t = np.arange(2 * RATE_HZ) / RATE_HZ

    def voice(f0_hz, octaves_per_s, syllables_per_s, noise):
        phase = 2 * np.pi * np.cumsum(f0_hz * 2 ** (octaves_per_s * t)) / RATE_HZ
        loud = np.maximum(0.0, np.sin(np.pi * syllables_per_s * t)) ** 2
        return loud * sum(np.sin(k * phase) / k for k in range(1, 9)) + noise * random.normal(size=len(t))

    sounds = [
        0.2 * voice(110.0, 0.1, 3.0, 0.02),
        0.05 * voice(220.0, -0.3, 7.0, 0.1),
        0.1 * random.normal(size=len(t)),
        np.zeros(len(t)),
    ]
    heard = []
    for words, sound in enumerate(sounds, 1):
        spoken = tuple(SpokenWord(text="la", start_s=0.1 * i, end_s=0.1 * i + 0.1) for i in range(words))
        segment = Segment(id=0, start_s=0.0, end_s=2.0, speaker="A", text="la", words=spoken)
        (batch,) = measure([sound.astype(np.float32)], clipped=(Span(start_s=0.0, end_s=0.5 * words),))
        heard.append(express((segment,), (), batch, 2.0).segments[0].voice)
    for name in VoiceFeatures.model_fields:
        values = {getattr(voice, name) for voice in heard} - {None}
        assert len(values) >= 2, f"{name} is {values} for everything"


def test_words_in_which_the_source_is_clipped():
    """A word says which share of it lies in clipped stretches; where nobody looked for them it says nothing."""
    sound = tone(120, 0.1, 2.0).astype(np.float32)
    words = tuple(SpokenWord(text="la", start_s=0.5 * i, end_s=0.5 * i + 0.4) for i in range(4))
    segment = Segment(id=0, start_s=0.0, end_s=2.0, speaker="A", text="la la la la", words=words)
    shares = {}
    for clipped in (None, (), (Span(start_s=0.4, end_s=0.7), Span(start_s=1.0, end_s=1.45))):
        (batch,) = measure([sound], clipped=clipped)
        heard = express((segment,), (), batch, 2.0).segments[0].words
        shares[clipped] = [word.voice.clipped_ratio for word in heard]
    assert shares.pop(None) == [None] * 4
    assert shares.pop(()) == [0.0] * 4
    assert next(iter(shares.values())) == pytest.approx([0.0, 0.5, 1.0, 0.0], abs=0.03)
