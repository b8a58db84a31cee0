"""Recordings with one person a channel: channels are heard one by one, and say who spoke."""

import numpy as np
import pytest

from ecg_audio.analysis import Notice, Speech, Transcript, Utterance, Word
from ecg_audio.progress import silent
from ecg_audio.request import UNKNOWN, SpeakerCount
from ecg_audio.speech import channels, islands
from ecg_audio.speech.attribution import attribute

NO_SPEECH = Notice(code="NO_SPEECH", message="no speech was found")


def said(*words: tuple[str, float, float], language: str = "en", probability: float | None = None, notices=()):
    """What was found in one channel: one utterance of these words, or nothing."""
    spans = tuple(Word(text=text, start_s=start_s, end_s=end_s) for text, start_s, end_s in words)
    edges = {"start_s": spans[0].start_s, "end_s": spans[-1].end_s} if spans else {}
    return Transcript(
        model="test",
        language=language,
        language_probability=probability,
        utterances=(Utterance(text=" ".join(word.text for word in spans), words=spans, **edges),) if spans else (),
        speech=(Speech(segmentation=1.0, silero=1.0, **edges),) if spans else (),
        notices=notices,
    )


CALLER = said(("where", 1.0, 1.3), ("are", 1.3, 1.5), ("you", 1.5, 2.0))
CALLED = said(("at", 1.4, 1.6), ("home", 1.6, 2.2))


def test_channels_become_one_transcript_and_come_apart_again():
    """Utterances stand in order of time with their channels, and each channel is found again as it was."""
    whole = channels.merged({0: CALLER, 1: CALLED})
    assert [(one.channel, one.text) for one in whole.utterances] == [(0, "where are you"), (1, "at home")]
    assert [one.channel for one in whole.speech] == [0, 1]
    again = channels.of(whole, 1)
    assert [word.text for utterance in again.utterances for word in utterance.words] == ["at", "home"]


def test_the_channel_says_who_spoke():
    """Both keep their words where they speak at once, as segments that overlap, each with its channel's speaker."""
    segments = attribute(channels.merged({0: CALLER, 1: CALLED}), None)
    assert [(one.id, one.speaker, one.text) for one in segments] == [
        (0, "SPEAKER_00", "where are you"),
        (1, "SPEAKER_01", "at home"),
    ]
    assert segments[1].start_s < segments[0].end_s
    assert {word.speaker for word in segments[1].words} == {"SPEAKER_01"}


def test_a_doubtful_language_gives_way_to_that_of_the_other():
    """A few words whose language is hard to tell are heard again in the language in which most is said."""
    asked = []

    def ask(index, language, _report):
        asked.append((index, language))
        found = (CALLER, said(("mm", 1.0, 1.2), language="km", probability=0.4))[index]
        return found.model_copy(update={"language": language}) if language != "auto" else found

    whole = channels.transcribed([0, 1], ask, "auto", silent)
    assert asked == [(0, "auto"), (1, "auto"), (1, "en")]
    assert whole.language == "en"


@pytest.mark.parametrize(("probability", "language"), [(0.99, "auto"), (0.4, "en")])
def test_a_language_that_is_sure_or_asked_for_is_kept(probability, language):
    """Two people may speak two languages, and what the request names is obeyed."""
    asked = []

    def ask(index, language, _report):
        asked.append((index, language))
        return (CALLER, said(("да", 1.0, 1.2), language="ru", probability=probability))[index]

    channels.transcribed([0, 1], ask, language, silent)
    assert asked == [(0, language), (1, language)]


def test_notices_name_their_channel():
    """What all channels say stands once, what one says stands with its number; a silent channel is no news."""
    doubt, model = Notice(code="DOUBT", message="hard to tell"), Notice(code="MODEL", message="a small one")
    found = channels.merged(
        {
            0: CALLER.model_copy(update={"notices": (model, doubt)}),
            3: said(notices=(model, NO_SPEECH)),
        }
    )
    assert [notice.message for notice in found.notices] == ["a small one", "channel 0: hard to tell"]
    assert channels.merged({0: said(notices=(NO_SPEECH,)), 1: said(notices=(NO_SPEECH,))}).notices == (NO_SPEECH,)


def sound(*spans: tuple[float, float]) -> islands.Islands:
    """A channel that sounds in these spans, 10 s long."""
    level = np.full(1000, -80.0)
    for start_s, end_s in spans:
        level[round(start_s * 100) : round(end_s * 100)] = (
            -20.0 + np.arange(round(end_s * 100) - round(start_s * 100)) % 7
        )
    return islands.found(level)


def test_turns_reach_as_far_as_words_sound():
    """A turn is what sounds around words, without noise that lasts on, and with speech in which no word was found."""
    whole = channels.merged({0: CALLER, 1: CALLED.model_copy(update={"speech": (
        *CALLED.speech, Speech(start_s=5.0, end_s=6.0, segmentation=1.0, silero=1.0))})})  # fmt: skip
    found = channels.turns(whole, {0: sound((0.9, 2.1), (7.0, 8.0)), 1: sound((1.35, 4.0), (5.1, 5.9))})
    assert [(turn.speaker, turn.start_s, turn.end_s) for turn in found.turns] == [
        ("SPEAKER_00", pytest.approx(0.9, abs=0.02), pytest.approx(2.1, abs=0.02)),
        ("SPEAKER_01", pytest.approx(1.35, abs=0.02), 2.2),
        ("SPEAKER_01", pytest.approx(5.1, abs=0.02), pytest.approx(5.9, abs=0.02)),
    ]
    assert found.model == channels.MODEL


def test_turns_reach_as_far_as_speech_is_heard():
    """Where an aligner ends the last word early, or begins the first one late, the turn is as long as the speech."""
    late = CALLER.model_copy(update={"speech": (Speech(start_s=0.5, end_s=2.5, segmentation=1.0, silero=1.0),)})
    found = channels.turns(channels.merged({0: late}), {0: sound((0.5, 2.55), (2.9, 4.0))})
    assert [(turn.start_s, turn.end_s) for turn in found.turns] == [pytest.approx((0.5, 2.55), abs=0.02)]


def test_turns_without_measured_sound_are_words():
    """Where nothing could be measured, turns span words and speech."""
    found = channels.turns(channels.merged({0: CALLER, 1: CALLED}), {0: None, 1: None}, UNKNOWN)
    assert [(turn.start_s, turn.end_s) for turn in found.turns] == [(1.0, 2.0), (1.4, 2.2)]


def test_another_number_of_speakers_than_channels():
    """Whoever asked for three speakers is told that two channels have two."""
    found = channels.turns(channels.merged({0: CALLER, 1: CALLED}), {0: None, 1: None}, SpeakerCount(exact=3))
    assert [notice.code for notice in found.notices] == ["SPEAKER_COUNT"]
