"""Pauses and sounds in captions: in every format, in the captions' language, within bounds, and only where wanted."""

import json
import random
import tomllib
from pathlib import Path
from typing import get_args

import pysubs2
import pytest
from typer.testing import CliRunner, Result

from deployments.cli.main import app
from ecg_audio.analysis import Event, EventKind, Segment
from ecg_audio.captions import sounds
from ecg_audio.captions.cues import CueSettings, cues
from ecg_audio.captions.phrases import line_text
from ecg_audio.captions.profiles import profile
from ecg_audio.captions.sounds import Sound, label
from ecg_audio.captions.verdict import violations
from ecg_audio.results import document
from tests.captions.conftest import make_segment
from tests.captions.test_profiles import NUMBERS, SCRIPTS, talk
from tests.support.results import factory

FORMATS = ("ass", "vtt", "srt", "ebuttd", "txt", "md")
LAUGHTER = Event(kind="laughter", start_s=11.0, end_s=14.0, found_by="recogniser", score=0.4)
PAUSE = Event(kind="pause", start_s=16.0, end_s=19.4, found_by="frames")


def saved(folder: Path, **changes: object) -> Path:
    """A result of two speakers, with laughter and a silence after their last word, to be captioned."""
    path = folder / "analysis.json"
    made = factory.analysis(words=24, **{"events": (LAUGHTER, PAUSE), **changes})
    path.write_bytes(document.dumps(made))
    return path


def captions(analysis: Path, *options: str) -> Result:
    """Run `ecg captions` on the analysis."""
    return CliRunner().invoke(app, ["captions", str(analysis), *options], catch_exceptions=False)


@pytest.mark.parametrize("caption_format", FORMATS)
def test_every_format_names_sounds_where_wanted(caption_format: str, tmp_path: Path) -> None:
    """In the preset sdh, or with --sounds in any other; not by default, and not with --no-sounds."""
    result = saved(tmp_path)
    marked = "\\[laughter\\]" if caption_format == "md" else "[laughter]"

    def named(*options: str) -> bool:
        text = captions(result, "--format", caption_format, *options).stdout
        assert text.strip()
        return marked in text and "3 s of silence" in text

    assert named("--preset", "sdh") and named("--preset", "karaoke", "--sounds")
    assert not named() and not named("--preset", "sdh", "--no-sounds")


def test_sdh_says_who_speaks(tmp_path: Path) -> None:
    """The names stand at each change of speaker, and before no sound."""
    text = captions(saved(tmp_path), "--format", "srt", "--preset", "sdh").stdout
    assert "Speaker 1:" in text and "Speaker 2:" in text
    assert not [line for line in text.splitlines() if "[laughter]" in line and "Speaker" in line]


def test_a_result_that_knows_nothing_of_sounds_says_so(tmp_path: Path) -> None:
    """An older document is read, has no events (rather than none of them), and captions tell."""
    result = saved(tmp_path)
    text = result.read_text()
    written = document.loads(text).model_dump(mode="json", exclude={"events", "event_kinds", "event_model"})
    older = document.loads(json.dumps(written | {"schema_version": "2.0"}))
    assert older.events is None and older.event_kinds == ()
    result.write_bytes(document.dumps(older))
    told = captions(result, "--format", "srt", "--preset", "sdh")
    assert told.exit_code == 0 and "-->" in told.stdout
    assert "without looking for them" in told.stderr
    assert "without looking for them" not in captions(result, "--format", "srt").stderr


@pytest.mark.parametrize(
    ("language", "laughter", "pause"),
    [
        ("en", "[laughter]", "[3 s of silence]"),
        ("ko", "[웃음소리]", "[3초간 침묵]"),
        ("de", "[Gelächter]", "[3 s Stille]"),
        ("es", "[risas]", "[3 s de silencio]"),
        ("tlh", "[laughter]", "[3 s of silence]"),
    ],
)
def test_labels_are_in_the_captions_language(language: str, laughter: str, pause: str) -> None:
    """Where it is known, else English."""
    assert (label(LAUGHTER, language), label(PAUSE, language)) == (laughter, pause)


def test_every_language_has_a_word_for_every_kind() -> None:
    """No table of the file is half filled, and no label is wider than the narrowest line."""
    table = tomllib.loads((Path(sounds.__file__).parent / "sounds.toml").read_text("utf-8"))
    assert {"en", "ko", "de", "es"} <= set(table)
    for words in table.values():
        assert set(words) == set(get_args(EventKind))
        assert all(len(text.format(seconds=120)) <= 24 for text in words.values())


def test_a_sound_between_words_has_a_cue_of_its_own() -> None:
    """From its beginning, when what was said before it has been read."""
    segments = (make_segment("first we talk"), make_segment("then we go on", 8.0))
    first, second, third = cues(segments, CueSettings(), (Sound(3.0, 6.0, "[laughter]"),))
    assert [cue.texts for cue in (first, second, third)] == [("first we talk",), ("[laughter]",), ("then we go on",)]
    assert (second.start_s, second.speakers) == (3.0, (None,))
    assert 6.0 <= second.end_s <= third.start_s


def test_without_time_it_stands_above_the_next_words() -> None:
    """As a line of a cue that has one to spare; the speaker's name is still before the words."""
    segments = (
        make_segment("a question", speaker="SPEAKER_00"),
        make_segment("an answer", 1.2, speaker="SPEAKER_01"),
    )
    found = cues(segments, CueSettings(), (Sound(0.9, 1.15, "[laughter]"),))
    assert [cue.texts for cue in found][-1] == ("[laughter]", "Speaker 2: an answer")
    assert not any(text.startswith("- [") for cue in found for text in cue.texts)


def test_a_full_cue_stays_as_it_is() -> None:
    """Where there is neither time nor a line, words come first."""
    segments = (make_segment("these are rather many words that fill the only line of each of their cues"),)
    bounds = CueSettings(max_lines=1)
    found = cues(segments, bounds, (Sound(1.0, 1.4, "[noise]"),))
    assert [cue.texts for cue in found] == [cue.texts for cue in cues(segments, bounds)]


def _sounds(segments: tuple[Segment, ...], seed: int, language: str) -> tuple[Sound, ...]:
    """Sounds anywhere in a conversation, some between its segments."""
    dice = random.Random(seed)
    last_s = max(segment.end_s for segment in segments) + 10
    found = []
    for _ in range(8):
        start_s = round(dice.uniform(0, last_s), 3)
        kind = dice.choice(get_args(EventKind))
        event = Event(kind=kind, start_s=start_s, end_s=start_s + dice.uniform(0.3, 12), found_by="frames")
        found.append(Sound(event.start_s, event.end_s, label(event, language)))
    return tuple(sorted(found, key=lambda sound: sound.start_s))


@pytest.mark.parametrize("language", SCRIPTS)
@pytest.mark.parametrize("name", NUMBERS)
def test_sounds_break_no_bound(name: str, language: str) -> None:
    """Over many conversations with sounds: no error, and no lost word."""
    bounds = profile(name).settings(language)
    shown = 0
    for seed in range(12):
        segments = talk(seed, language)
        heard = _sounds(segments, seed, language)
        found = cues(segments, bounds, heard)
        verdict = violations(found, bounds)
        assert [one for one in verdict if one.severity == "error"] == []
        said = [word.text for cue in found for word in cue.words if not word.sound]
        assert sorted(said) == sorted(word.text for cue in cues(segments, bounds) for word in cue.words)
        named = [line_text(line) for cue in found for line in cue.lines if line[0].sound]
        assert set(named) <= {sound.text for sound in heard} | {part for s in heard for part in s.text.split()}
        shown += len(named)
    assert shown > 12


def test_cues_of_sounds_can_be_parsed(tmp_path: Path) -> None:
    """An independent reader finds the label as text of its own cue or line in SRT and ASS."""
    result = saved(tmp_path)
    for caption_format in ("srt", "ass"):
        text = captions(result, "--format", caption_format, "--preset", "sdh").stdout
        lines = [line for event in pysubs2.SSAFile.from_string(text) for line in event.plaintext.split("\n")]
        assert "[laughter]" in lines and "[3 s of silence]" in lines
