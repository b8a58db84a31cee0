"""`ecg captions`: every option does what it says, and a value that cannot be meant is named."""

import math
from itertools import pairwise
from pathlib import Path

import pysubs2
import pytest
from typer.testing import CliRunner, Result

from deployments.cli.main import app
from ecg_audio.captions.text import width
from ecg_audio.errors import InvalidRequest, SourceNotFound
from ecg_audio.results import document
from tests.support.results import factory


@pytest.fixture
def analysis(tmp_path: Path) -> Path:
    """A published analysis of two speakers."""
    path = tmp_path / "analysis.json"
    path.write_bytes(document.dumps(factory.analysis(words=60)))
    return path


def captions(analysis: Path, *options: str) -> Result:
    """Run `ecg captions` on the analysis."""
    return CliRunner().invoke(app, ["captions", str(analysis), *options], catch_exceptions=False)


def longest(subtitle: str) -> float:
    """The longest line of an SRT document."""
    return max(
        width(line, 42 / 16)
        for event in pysubs2.SSAFile.from_string(subtitle, "srt")
        for line in event.text.split("\\N")
    )


def test_what_was_made_is_said(analysis: Path, tmp_path: Path) -> None:
    """A file's name comes with its format, its length, how many cues it has, its style and its profile."""
    for name, options, facts in (
        ("a.ass", ("--format", "ass", "--profile", "bbc"), ("ass · 1920x1080 · ", " cues · expressive · bbc")),
        ("a.srt", ("--format", "srt"), ("srt · ", " cues")),
        ("a.txt", ("--format", "txt"), ("txt · ", " s")),
    ):
        told = captions(analysis, "--to", str(tmp_path / name), *options).stderr.strip().splitlines()[-1]
        assert told.startswith(f"wrote {tmp_path / name}: {facts[0]}") and told.endswith(facts[1])
    cues = len(pysubs2.load(str(tmp_path / "a.srt")))
    said = captions(analysis, "--to", str(tmp_path / "b.srt"), "--format", "srt").stderr
    assert f" · {cues} cues" in said


def test_lines_are_as_long_and_as_many_as_asked(analysis: Path) -> None:
    """--max-chars, --lines and --cps bound what is written; --portrait has short lines."""
    usual, short = (captions(analysis, "--format", "srt", *more).output for more in ((), ("--max-chars", "24")))
    assert longest(short) <= 24 < longest(usual)
    assert longest(captions(analysis, "--format", "srt", "--portrait").output) <= 26
    single = pysubs2.SSAFile.from_string(captions(analysis, "--format", "srt", "--lines", "1").output, "srt")
    assert all("\\N" not in event.text for event in single)
    slow = pysubs2.SSAFile.from_string(captions(analysis, "--format", "srt", "--cps", "8").output, "srt")
    assert sum(event.duration for event in slow) > sum(
        event.duration for event in pysubs2.SSAFile.from_string(usual, "srt")
    )


def test_a_result_that_was_not_judged_is_told(analysis: Path) -> None:
    """Where no word was judged all look plain, and styled captions say so; text without a look has nothing to say."""
    found = document.loads(analysis.read_bytes())
    assert "judged" not in captions(analysis).stderr
    bare = [
        segment.model_copy(
            update={"words": tuple(word.model_copy(update={"emphasis": None}) for word in segment.words)}
        )
        for segment in found.segments
    ]
    analysis.write_bytes(document.dumps(found.model_copy(update={"segments": tuple(bare)})))
    assert "judged" in captions(analysis).stderr
    assert not any(
        "judged" in captions(analysis, *more).stderr for more in (("--format", "srt"), ("--preset", "plain"))
    )


def test_upright_captions_are_larger_and_stand_higher(analysis: Path) -> None:
    """--portrait makes a picture of 9:16 whose letters fill its width and whose foot is left free."""
    usual, upright = (pysubs2.SSAFile.from_string(captions(analysis, *more).output) for more in ((), ("--portrait",)))
    assert (upright.info["PlayResX"], upright.info["PlayResY"]) == ("1080", "1920")
    style, before = upright.styles["Default"], usual.styles["Default"]
    assert style.fontsize / 1080 > 1.8 * before.fontsize / 1920
    assert style.marginv == pytest.approx(0.2 * 1920, abs=1)


@pytest.mark.parametrize("name", [None, "netflix", "bbc", "ebu", "social"])
def test_upright_lines_are_short_in_every_profile(analysis: Path, name: str | None) -> None:
    """--portrait keeps lines to 26 characters in any profile, in letters as large; --max-chars prevails."""
    asked = ("--portrait", *(("--profile", name) if name else ()))
    assert 16 < longest(captions(analysis, "--format", "srt", *asked).output) <= 26
    upright = pysubs2.SSAFile.from_string(captions(analysis, *asked).output)
    plain = pysubs2.SSAFile.from_string(captions(analysis, "--portrait").output)
    assert upright.styles["Default"].fontsize == plain.styles["Default"].fontsize
    assert captions(analysis, *asked, "--check").exit_code == 0
    assert longest(captions(analysis, "--format", "srt", *asked, "--max-chars", "36").output) > 26


def test_upright_web_captions_say_so(analysis: Path) -> None:
    """--portrait reaches WebVTT and EBU-TT-D: cues stand higher, in a size that upright video has room for."""
    usual, upright = (captions(analysis, "--format", "vtt", *more).output for more in ((), ("--portrait",)))
    assert " line:" not in usual and "font-size: 122%" not in usual
    assert upright.count(" line:") == upright.count("-->") and "font-size: 122%" in upright
    usual, upright = (captions(analysis, "--format", "ebuttd", *more).output for more in ((), ("--portrait",)))
    assert 'fontSize="80%"' in usual and 'extent="90% 84%"' in usual
    assert 'fontSize="51%"' in upright and 'extent="90% 70%"' in upright


@pytest.mark.parametrize(
    ("given", "rate"), [("25", 25), ("24000/1001", 24_000 / 1001), ("23.976", 24_000 / 1001), ("59.94", 60_000 / 1001)]
)
@pytest.mark.parametrize("name", [None, "netflix"])
def test_cues_keep_to_the_frames_asked_for(analysis: Path, given: str, rate: float, name: str | None) -> None:
    """--fps puts every time on a frame: in ASS the first of its hundredths, elsewhere to the millisecond."""
    asked = ("--fps", given, *(("--profile", name) if name else ()))
    for written, before_s, after_s in (("srt", 0.0006, 0.0006), ("ass", 0.0, 0.0101)):
        found = pysubs2.SSAFile.from_string(captions(analysis, *asked, "--format", written).output)
        for time_s in (ms / 1000 for event in found for ms in (event.start, event.end)):
            frame_s = math.ceil((time_s - before_s) * rate - 1e-6) / rate
            assert -before_s - 1e-9 <= frame_s - time_s <= after_s
        gaps = [after.start - before.end for before, after in pairwise(found)]
        assert min(gaps) >= 1000 * (2 if name else max(2, math.ceil(0.1 * rate))) / rate - 10.1
    assert captions(analysis, *asked, "--check").exit_code == 0


@pytest.mark.parametrize("given", ["fast", "0", "9", "241", "-25", "1/0", "nan", "1e999999", "24000/", "２５", ""])
def test_rates_that_cannot_be_meant_are_named(given: str) -> None:
    """A bad --fps is refused by name with what would do, before the result is looked for."""
    with pytest.raises(InvalidRequest, match=r"--fps .*: must be 10 to 240 frames a second, like 25, 23\.976"):
        captions(Path("nowhere.json"), f"--fps={given}")


@pytest.mark.parametrize("written", ["txt", "md"])
def test_transcripts_name_speakers_as_asked(analysis: Path, tmp_path: Path, written: str) -> None:
    """In a transcript --names never names nobody, change and nothing name two speakers, always one as well."""
    never, change, always, usual = (
        captions(analysis, "--format", written, *more).output
        for more in (("--names", "never"), ("--names", "change"), ("--names", "always"), ())
    )
    assert "Speaker" not in never
    assert change == always == usual and "Speaker 1" in usual and "Speaker 2" in usual
    alone = tmp_path / "alone.json"
    both = factory.analysis(words=60)
    first = tuple(segment for segment in both.segments if segment.speaker == "SPEAKER_00")
    alone.write_bytes(document.dumps(both.model_copy(update={"segments": first})))
    assert "Speaker" not in captions(alone, "--format", written).output
    assert "Speaker 1" in captions(alone, "--format", written, "--names", "always").output


def test_names_are_shown_as_asked(analysis: Path) -> None:
    """--names never shows none, and always more than change does."""
    counts = [
        captions(analysis, "--format", "srt", "--names", mode).output.count("Speaker 1: ")
        for mode in ("never", "change", "always")
    ]
    assert counts[0] == 0 < counts[1] <= counts[2]


def test_shared_colours_without_names_are_said(tmp_path: Path) -> None:
    """Nine speakers have eight colours: without their names somebody must say so; with names nobody need."""
    voices = tuple(factory.VOICES[index % 4] for index in range(9))
    crowd = tmp_path / "crowd.json"
    crowd.write_bytes(document.dumps(factory.analysis(words=120, speakers=voices)))
    assert "9 speakers share 8 colours" in captions(crowd, "--names", "never").stderr
    assert "share" not in captions(crowd).stderr


def test_a_style_file_is_taken(analysis: Path, tmp_path: Path) -> None:
    """--style replaces the preset by a table of one's own."""
    table = tmp_path / "mine.toml"
    table.write_text("follow = false\nintensity = 0\n")
    assert "\\k" in captions(analysis).output
    assert "\\k" not in captions(analysis, "--style", str(table)).output


def test_intensity_goes_with_a_style_and_a_preset_does_not(analysis: Path, tmp_path: Path) -> None:
    """--intensity scales a style of one's own, whose own stands without it, and --preset beside it is refused."""
    table = tmp_path / "mine.toml"
    table.write_text("intensity = 0.5\n")
    half, own = captions(analysis, "--intensity", "0.5").output, captions(analysis, "--style", str(table)).output
    assert own == half != captions(analysis).output
    assert captions(analysis, "--style", str(table), "--intensity", "1").output == captions(analysis).output
    for preset in ("expressive", "sdh"):
        with pytest.raises(InvalidRequest, match=f"--preset {preset} --style .*: give one of them"):
            captions(analysis, "--style", str(table), "--preset", preset)


def test_colours_that_cannot_be_read_are_told(analysis: Path, tmp_path: Path) -> None:
    """A style file's text under 4.5 : 1 on its ground is named with its figure; our own style has none."""
    table = tmp_path / "mine.toml"
    table.write_text('[palette]\nunsaid = "#444444"\ndark = ["#FFFFFF", "#222244"]\n')
    told = captions(analysis, "--style", str(table)).stderr
    assert "palette.unsaid #444444 is 2.1 : 1 from its ground #08080B" in told
    assert "palette.dark[1] #222244 is 1.3 : 1" in told and "palette.dark[0]" not in told.replace("whispered", "")
    table.write_text("intensity = 1\n")
    assert captions(analysis, "--style", str(table)).stderr == ""


def test_transcripts_are_text_to_read(analysis: Path) -> None:
    """Txt and md hold every word, names and times; marks in words are letters."""
    plain, marked = (captions(analysis, "--format", name).output for name in ("txt", "md"))
    words = [word.text for word in factory.analysis(words=60).words]
    assert "".join(plain.split()).count("".join(words[:6])) >= 1
    assert "[0:00] Speaker 1\n" in plain
    assert "**Speaker 1** · 0:00" in marked
    assert "<b>" in plain and "\\<b\\>" in marked and "<b>" not in marked


def test_the_verdict_is_the_exit_code(analysis: Path) -> None:
    """--check prints a summary and each finding with cue, rule and figure; warnings alone are no failure."""
    good = captions(analysis, "--check", "--profile", "netflix")
    assert good.exit_code == 0
    assert "0 errors" in good.output and "by netflix" in good.output


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--preset", "loud"), "--preset loud: must be one of plain, karaoke, expressive"),
        (("--format", "doc"), "--format doc: must be one of ass, vtt, srt, ebuttd, txt, md"),
        (("--profile", "hulu"), "profile hulu: must be one of netflix"),
        (("--names", "often"), "--names often: must be one of never, change, always"),
        (("--size", "big"), "--size big: must be like 1280x720"),
    ],
)
def test_bad_values_are_named(analysis: Path, options: tuple[str, ...], says: str) -> None:
    """What cannot be meant is refused with the option, the value and what there is."""
    with pytest.raises(InvalidRequest, match=says):
        captions(analysis, *options)
    with pytest.raises(SourceNotFound, match="nowhere"):
        captions(analysis, "--style", "nowhere.toml")


def test_numbers_out_of_bounds_are_named(analysis: Path) -> None:
    """A line of 200 characters is a mistake in what was asked."""
    assert captions(analysis, "--max-chars", "200").exit_code == 2


def test_errors_end_with_exit_code_1(analysis: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Captions that break a bound are named, cue by cue, and the command fails."""
    from ecg_audio.captions import cues

    whole = cues.cues
    monkeypatch.setattr(cues, "cues", lambda segments, *_others: whole(segments, cues.CueSettings(line_width=60)))
    bad = captions(analysis, "--check", "--max-chars", "24")
    assert bad.exit_code == 1
    assert "error   cue 1 at 0:00  line length: " in bad.output
