"""Profiles: our writer keeps to every one of them, and a linter that knows only the publishers' numbers agrees."""

import math
import random
import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_audio.analysis import Segment, SpokenWord
from ecg_audio.captions import srt
from ecg_audio.captions.cues import Cue, CueSettings, cues
from ecg_audio.captions.names import NAMES, Names
from ecg_audio.captions.profiles import profile, profiles
from ecg_audio.captions.verdict import violations
from ecg_audio.errors import InvalidRequest
from tests.captions.conftest import make_segment
from tests.captions.test_cues import transcripts

# From the guidelines, not from our table: characters, full-width characters, lines, least s, longest s, characters a
# second, words a minute, frames a second, frames between two cues, frames from which on a gap is a rest.
NUMBERS = {
    "netflix": (42, 16, 2, 20 / 24, 7, 20, None, 24, 2, 12),
    "bbc": (37, 14, 2, 1, 7, 20, 180, 25, 2, 37),
    "ebu": (37, 14, 2, 1.5, 6, 17, 180, 25, 6, 12),
    "social": (26, 12, 2, 0.7, 4, 20, None, 30, 2, 15),
}
Video = tuple[float, int, int]
"""Frames a second, frames between two cues, frames from which on a gap is a rest."""
CPS = {"ko": 14, "zh": 11, "ja": 7}  # Netflix's characters a second; the others name none for these languages
SCRIPTS = {
    "en": ("yes", "I", "think", "that", "possibly", "we", "extraordinarily", "went", "home", "and", "over", "Berlin"),
    "ko": ("그래서", "저는", "학교에", "갔습니다", "네", "아니요", "정말", "좋아요"),
    "zh": ("我们", "去", "公园", "散步", "然后", "回家", "吃饭", "好"),
    "th": ("ฉันบอก", "คุณ", "แล้วว่าอย่า", "เปิด", "ประตู", "นั้น", "เพราะ", "อันตราย"),
    "ja": ("私は", "そのドア", "を", "開け", "ないように", "言い", "ました", "はい"),
    "ar": ("مرحبا", "كيف", "حالك", "اليوم", "نعم", "ذهبنا", "إلى", "البيت"),
}


def talk(seed: int, language: str) -> tuple[Segment, ...]:
    """A conversation of up to three speakers, with pauses, interruptions, sentences and slow and fast speech."""
    dice = random.Random(f"{language} {seed}")
    segments: list[Segment] = []
    at_s = 0.0
    for index in range(dice.randint(1, 6)):
        speaker = dice.choice(["SPEAKER_00", "SPEAKER_01", "SPEAKER_02", None])
        at_s = max(0.0, at_s + dice.choice([-1.5, 0.05, 0.4, 2.5]))
        words = []
        pace = dice.choice([0.12, 0.3, 0.6])
        for _ in range(dice.randint(1, 22)):
            text = dice.choice(SCRIPTS[language]) + dice.choice(["", "", "", ",", "."])
            word_s = pace * dice.uniform(0.7, 1.4)
            words.append(SpokenWord(text=text, start_s=at_s, end_s=at_s + word_s, speaker=speaker))
            at_s += word_s + dice.choice([0, 0, 0.1, 0.7])
        joiner = "" if language in ("zh", "th", "ja") else " "
        text = joiner.join(word.text for word in words)
        segments.append(
            Segment(id=index, start_s=words[0].start_s, end_s=at_s, speaker=speaker, text=text, words=tuple(words))
        )
    return tuple(segments)


def lint(
    document: str, words: list[int], name: str, language: str, video: Video | None = None
) -> set[tuple[int, str, str]]:
    """What an SRT file breaks of a guideline: cue, severity, rule. Written from the numbers above alone."""
    chars, wide, lines, least, longest, cps, wpm, fps, gap, rest = NUMBERS[name]
    fps, gap, rest = video or (fps, gap, rest)
    cps = CPS.get(language, cps)
    blocks = [block.split("\n") for block in document.strip().split("\n\n")] if document.strip() else []
    times = [tuple(_seconds(stamp) for stamp in block[1].split(" --> ")) for block in blocks]
    broken: set[tuple[int, str, str]] = set()
    for at, (block, (start, end)) in enumerate(zip(blocks, times, strict=True)):
        texts = block[2:]
        duration = end - start
        room = longest if at + 1 == len(times) else min(longest, times[at + 1][0] - gap / fps - start)
        said = sum(unicodedata.category(c) not in ("Mn", "Me", "Cf") for text in texts for c in text)
        if len(texts) > lines:
            broken.add((at + 1, "error", "lines"))
        if any(_columns(text, chars / wide) > chars + 1e-6 for text in texts):
            broken.add((at + 1, "error", "line length"))
        if duration > longest + 0.0015:
            broken.add((at + 1, "error", "longest time"))
        if duration < least - 0.0015:
            broken.add((at + 1, "error" if room >= least + 0.0015 else "warning", "shortest time"))
        if said / duration > cps + 0.05:
            could = said / cps < room - 0.0015 and room > duration + 0.003
            broken.add((at + 1, "error" if could else "warning", "reading speed"))
        if wpm and words[at] * 60 / duration > wpm + 0.5:
            could = words[at] * 60 / wpm < room - 0.0015 and room > duration + 0.003
            broken.add((at + 1, "error" if could else "warning", "words"))
        if at + 1 < len(times):
            pause = times[at + 1][0] - end
            if pause < gap / fps - 0.0015:
                broken.add((at + 1, "error", "gap"))
            elif gap / fps + 0.0015 < pause < rest / fps - 0.0015:
                broken.add((at + 1, "error", "flicker"))
    return broken


def _seconds(stamp: str) -> float:
    hours, minutes, seconds = re.split(r":", stamp.replace(",", "."))
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _columns(text: str, wide: float) -> float:
    shown = [c for c in text if unicodedata.category(c) not in ("Mn", "Me", "Cf")]
    return sum(wide if unicodedata.east_asian_width(c) in "WF" else 1 for c in shown)


def _linted(found: tuple[Cue, ...], name: str, language: str, video: Video | None = None) -> set[tuple[int, str, str]]:
    rounded = tuple(replace(cue, start_s=round(cue.start_s, 3), end_s=round(cue.end_s, 3)) for cue in found)
    return lint(srt.dumps(rounded), [len(cue.words) for cue in found], name, language, video)


@pytest.mark.parametrize("language", SCRIPTS)
@pytest.mark.parametrize("name", NUMBERS)
def test_our_writer_breaks_no_bound_that_it_could_keep(name: str, language: str) -> None:
    """Over many conversations the verdict has no error, and an independent linter finds what the verdict found."""
    settings = profile(name).settings(language)
    shown = 0
    for seed in range(30):
        found = cues(talk(seed, language), settings)
        verdict = violations(found, settings)
        assert [one for one in verdict if one.severity == "error"] == []
        assert _linted(found, name, language) == {(one.cue, one.severity, one.rule) for one in verdict}
        shown += len(found)
    assert shown > 100


@pytest.mark.parametrize(
    ("name", "video"),
    [
        ("netflix", (24_000 / 1001, 2, 12)),
        ("netflix", (25.0, 2, 12)),
        ("netflix", (60.0, 2, 30)),
        ("bbc", (50.0, 2, 75)),
        ("ebu", (30_000 / 1001, 7, 15)),
        ("social", (60_000 / 1001, 2, 30)),
    ],
)
def test_bounds_are_kept_on_the_frames_of_any_video(name: str, video: Video) -> None:
    """At another rate than the profile's own, cue times are those of frames, and gaps as many as the guideline asks."""
    settings = profile(name).settings("en", video[0])
    for seed in range(20):
        found = cues(talk(seed, "en"), settings)
        verdict = violations(found, settings)
        assert [one for one in verdict if one.severity == "error"] == []
        assert _linted(found, name, "en", video) == {(one.cue, one.severity, one.rule) for one in verdict}
        for time_s in (time_s for cue in found for time_s in (cue.start_s, cue.end_s)):
            assert time_s * video[0] == pytest.approx(round(time_s * video[0]), abs=1e-6)


@pytest.mark.parametrize("frames_per_s", [10, 24_000 / 1001, 25, 29.97, 60, 240])
def test_default_bounds_are_kept_on_frames(frames_per_s: float) -> None:
    """Without a profile the gap is of whole frames, two at least, and nothing that could be kept is broken."""
    bounds = CueSettings().at(frames_per_s)
    assert bounds.min_gap_s * frames_per_s == pytest.approx(max(2, math.ceil(0.1 * frames_per_s)))
    for seed in range(20):
        found = cues(talk(seed, "en"), bounds)
        assert [one for one in violations(found, bounds) if one.severity == "error"] == []


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("language", CPS)
def test_every_profile_knows_slowly_read_scripts(name: str, language: str) -> None:
    """Korean, Japanese and Chinese have their own speed in each profile, and the verdict finds what is faster."""
    bounds = profile(name).settings(language)
    assert bounds.max_cps == CPS[language]
    (cue,) = cues((make_segment("好" * 10, word_s=4),), bounds)
    hurried = replace(cue, end_s=cue.start_s + 10 / (CPS[language] + 1))
    assert "reading speed" in {one.rule for one in violations((hurried,), bounds)}


@pytest.mark.slow
def test_a_thousand_conversations_have_no_error() -> None:
    """The same, over a thousand conversations, in each script and profile in turn, and the linter agrees."""
    for seed in range(1000):
        language, name = list(SCRIPTS)[seed % len(SCRIPTS)], list(NUMBERS)[seed // len(SCRIPTS) % len(NUMBERS)]
        settings = profile(name).settings(language)
        found = cues(talk(1000 + seed, language), settings)
        verdict = violations(found, settings)
        assert not [one for one in verdict if one.severity == "error"], (seed, name)
        assert _linted(found, name, language) == {(one.cue, one.severity, one.rule) for one in verdict}, (seed, name)


@settings(max_examples=60, deadline=None)
@given(
    transcripts(),
    st.sampled_from(NAMES),
    st.sampled_from([16, 24, 37, 60]),
    st.sampled_from([1, 2]),
    st.sampled_from([None, 24, 29.97]),
)
def test_any_bounds_are_kept(
    segments: tuple[Segment, ...], names: Names, line_width: int, max_lines: int, frames_per_s: float | None
) -> None:
    """Whatever is said, in whatever lengths, with names or without, on whatever frames: no error, gaps everywhere."""
    bounds = CueSettings.model_validate(
        {
            "line_width": line_width,
            "wide_line_width": max(4, round(line_width * 16 / 42)),
            "max_lines": max_lines,
            "names": names,
            "frames_per_s": frames_per_s,
            "min_gap_s": 2 / frames_per_s if frames_per_s else 0.1,
        }
    )
    found = cues(segments, bounds)
    assert [one for one in violations(found, bounds) if one.severity == "error"] == []
    assert all(cue.end_s > cue.start_s for cue in found)


def test_whatever_is_broken_is_found() -> None:
    """Cues that were moved, lengthened and shortened at random: verdict and linter name the same ones."""
    rules: set[str] = set()
    settings = profile("netflix").settings("en")
    for seed in range(40):
        dice = random.Random(seed)
        found = list(cues(talk(seed, "en"), settings))
        for index, cue in enumerate(found):
            length_s = (cue.end_s - cue.start_s) * dice.choice([0.2, 0.6, 1, 1, 3])
            lines = cue.lines * 2 if dice.random() < 0.2 else (cue.words,)
            found[index] = replace(cue, end_s=cue.start_s + round(length_s, 3), lines=lines, labels=())
        verdict = violations(found, settings)
        assert _linted(tuple(found), "netflix", "en") == {(one.cue, one.severity, one.rule) for one in verdict}
        rules |= {one.rule for one in verdict if one.severity == "error"}
    assert rules == {"lines", "line length", "longest time", "shortest time", "reading speed", "gap", "flicker"}


def test_profiles_say_where_their_figures_come_from() -> None:
    """Each profile names its sources; one that nobody has is refused by name, with those there are."""
    assert set(profiles()) == set(NUMBERS)
    assert all(found.sources and found.about for found in profiles().values())
    with pytest.raises(InvalidRequest, match="profile hulu: must be one of netflix, bbc, ebu, social"):
        profile("hulu")


def test_default_bounds_are_kept_too() -> None:
    """Without a profile the writer keeps its own bounds, in every script."""
    for language in SCRIPTS:
        settings = CueSettings.for_language(language)
        for seed in range(20):
            found = violations(cues(talk(seed, language), settings), settings)
            assert [one for one in found if one.severity == "error"] == []
