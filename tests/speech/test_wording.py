"""Words and speakers are compared with the truth by hand-computed answers; dialogues know their own truth."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from benchmarks.dialogues import SAMPLE_RATE_HZ, dialogues, shared_out
from benchmarks.wording import Spoken, attributed, plain, plain_words


def said(text: str, speakers: str) -> list[Spoken]:
    """Each word with the speaker of its letter; "-" is nobody."""
    return [(word, None if speaker == "-" else speaker) for word, speaker in zip(text.split(), speakers, strict=True)]


def test_a_perfect_transcript_has_no_errors_whatever_the_speakers_are_called() -> None:
    """Names are matched one to one: A and B may be Y and X."""
    score = attributed(said("a b c d", "AABB"), said("a b c d", "YYXX"))
    assert (score.right_words, score.aligned_words, score.wrong_speaker_words, score.concatenated_errors) == (
        4,
        4,
        0,
        0,
    )
    assert (score.speakers, score.reference_speakers) == (2, 2)


def test_a_word_of_the_wrong_speaker_counts_once_and_twice() -> None:
    """One wrong speaker is one word of the WDER; in cpWER it is missing here and superfluous there."""
    score = attributed(said("a b c d e", "AAABB"), said("a b c d e", "XXYYY"))
    assert (score.wrong_speaker_words, score.concatenated_errors) == (1, 2)


def test_only_words_with_a_counterpart_can_have_the_wrong_speaker() -> None:
    """A misheard word counts for the speakers, a lost and an invented one do not."""
    score = attributed(said("a b c d", "AABB"), said("a x c e", "XXYY"))
    assert (score.right_words, score.aligned_words, score.wrong_speaker_words) == (2, 4, 0)
    lost = attributed(said("a b c d", "AABB"), said("a c d", "XYY"))
    assert (lost.right_words, lost.aligned_words, lost.wrong_speaker_words, lost.concatenated_errors) == (3, 3, 0, 1)


def test_a_compound_written_in_one_word_is_its_two_words() -> None:
    """It loses no word, as "coldhearted" for "cold hearted"; a word that the reference has itself stays one."""
    score = attributed(said("so cold hearted he", "AAAB"), said("so coldhearted he", "XXY"))
    assert (score.right_words, score.aligned_words, score.concatenated_errors) == (4, 4, 0)
    kept = attributed(said("with in within", "AAA"), said("within", "X"))
    assert (kept.right_words, kept.concatenated_errors) == (1, 2)


def test_one_voice_split_in_two_is_wrong_for_the_smaller_part() -> None:
    """Only one of the parts can be the speaker; the other's words are wrong, and superfluous in cpWER."""
    score = attributed(said("a b c d", "AAAA"), said("a b c d", "XXXY"))
    assert (score.wrong_speaker_words, score.concatenated_errors, score.speakers) == (1, 2, 2)


def test_words_of_nobody_are_wrong() -> None:
    """A word whose speaker is unknown is not its speaker's."""
    score = attributed(said("a b", "AA"), said("a b", "X-"))
    assert (score.wrong_speaker_words, score.concatenated_errors) == (1, 2)


def test_nothing_found_is_all_words_lost() -> None:
    """No division, no alignment: as many errors as words."""
    score = attributed(said("a b", "AB"), [])
    assert (score.aligned_words, score.concatenated_errors, score.speakers) == (0, 2, 0)


def test_words_are_compared_without_punctuation_and_titles_are_spelled_out() -> None:
    """As the references are written."""
    assert plain("Mr. Dashwood's cold-hearted!") == ["mister", "dashwood's", "cold", "hearted"]
    assert plain_words([("ill-disposed.", "A")]) == [("ill", "A"), ("disposed", "A")]


def test_words_are_shared_out_among_pieces_by_what_was_heard() -> None:
    """Misheard pieces still get their own words, all of them in order."""
    words = ("ask", "not", "what", "your", "country", "can", "do")
    assert shared_out(words, [("asked", "nod"), ("but", "your", "country"), ("can", "you")]) == [
        ("ask", "not"),
        ("what", "your", "country"),
        ("can", "do"),
    ]


@pytest.fixture
def material(tmp_path: Path) -> Path:
    """Two readers: three tones each, with pauses between them, and a word for each tone."""
    random = np.random.default_rng(0)
    for reader in ("ann-1", "bob-1"):
        tone = random.standard_normal(SAMPLE_RATE_HZ) * 0.1
        pause = np.zeros(SAMPLE_RATE_HZ // 2)
        soundfile.write(tmp_path / f"{reader}.wav", np.concatenate([tone, pause] * 3), SAMPLE_RATE_HZ)
        (tmp_path / f"{reader}.txt").write_text(" ".join(f"{reader[:3]}{index}" for index in ("a", "b", "c")))
    return tmp_path


def test_a_dialogue_knows_who_speaks_when(material: Path) -> None:
    """Turns alternate, gaps are -0.3 to 0.5 s, sound is where the truth says, and a seed says the same again."""
    heard = iter(["anna", "annb", "annc", "boba", "bobb", "bobc"] * 2)

    def hear(_: NDArray[np.float32]) -> str:
        return next(heard)

    (dialogue,) = dialogues(material, [7], hear)
    assert len(dialogue.said) == 6
    assert all(a.speaker != b.speaker for a, b in zip(dialogue.said, dialogue.said[1:], strict=False))
    gaps_s = [b.start_s - a.end_s for a, b in zip(dialogue.said, dialogue.said[1:], strict=False)]
    assert all(-0.3 <= gap_s <= 0.5 for gap_s in gaps_s)
    assert {word for word, speaker in dialogue.words if speaker == "ann"} == {"anna", "annb", "annc"}
    sounding = np.zeros(len(dialogue.samples), dtype=bool)
    for part in dialogue.said:
        sounding[round(part.start_s * SAMPLE_RATE_HZ) : round(part.end_s * SAMPLE_RATE_HZ)] = True
    power = np.square(dialogue.samples)
    assert power[sounding].mean() > 10 * power[~sounding].mean()
    (again,) = dialogues(material, [7], hear)
    assert np.array_equal(again.samples, dialogue.samples)
