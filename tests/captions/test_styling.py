"""From a voice to typography: monotone, bounded, plain where nothing was measured."""

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.analysis import Emotion, Emphasis, RelativeVoice
from ecg_audio.captions.cues import CueWord, cues
from ecg_audio.captions.styling import PLAIN, PRESETS, Look, Style, accent, hues, look
from ecg_audio.errors import InvalidRequest, SourceNotFound
from tests.captions.conftest import Talk
from tests.support.colour_vision import EYES, contrast, difference

EXPRESSIVE = Style.preset("expressive")
STRENGTH = st.none() | st.just(0.0) | st.floats(-1, 1)
EMPHASES = st.builds(Emphasis, louder=STRENGTH, higher=STRENGTH, slower=STRENGTH)
JOY = Emotion(label="joy", confidence=0.9, model="m")


def word(emotion: Emotion | None = None, *, whispered: bool = False, **emphasis: float | None) -> CueWord:
    """A word with this emphasis."""
    return CueWord(
        text="word",
        start_s=0,
        end_s=1,
        relative=RelativeVoice(volume="whisper" if whispered else "normal"),
        emphasis=Emphasis.model_validate(emphasis),
        emotion=emotion,
    )


def shown_at_once(shown: Look) -> int:
    """How many things a look shows: loudness, pitch, length, whisper, emotion."""
    loudness = (shown.weight, shown.size) != (PLAIN.weight, PLAIN.size)
    whisper = shown.italic or shown.opacity < 1
    return sum([loudness, shown.shift_em != 0, shown.spacing_em != 0, whisper, shown.accent is not None])


def test_unmeasured_is_plain() -> None:
    """A word without measurements looks like plain text in every preset; a property without its measure stays plain."""
    bare = CueWord(text="word", start_s=0, end_s=1)
    assert all(look(bare, Style.preset(name)) == PLAIN for name in PRESETS)
    only_loud = look(word(louder=1), EXPRESSIVE)
    assert (only_loud.shift_em, only_loud.spacing_em, only_loud.italic) == (0, 0, False)
    assert only_loud.weight == 900


def test_as_usual_is_plain() -> None:
    """Inside the dead zone a word looks like plain text, however far it is from the middle of it."""
    assert (
        look(word(louder=0, higher=0, slower=0, loudness_db=2.0, pitch_st=-1.5, length_ratio=1.2), EXPRESSIVE) == PLAIN
    )


@pytest.mark.parametrize(
    ("measure", "shown"), [("louder", "weight"), ("louder", "size"), ("higher", "shift_em"), ("slower", "spacing_em")]
)
def test_each_measure_moves_its_own_property(measure: str, shown: str) -> None:
    """Louder is heavier and larger, higher stands higher, slower is wider: usual voices look usual, extremes differ."""
    least, usual, most = (getattr(look(word(**{measure: at}), EXPRESSIVE), shown) for at in (-1.0, 0.0, 1.0))
    assert least < usual < most
    assert usual == getattr(PLAIN, shown)


@given(EMPHASES, st.booleans(), st.sampled_from([None, JOY]), st.floats(0, 1))
def test_never_more_than_two_things_at_once(
    emphasis: Emphasis, whispered: bool, emotion: Emotion | None, intensity: float
) -> None:
    """Of loudness, pitch, length, whisper and emotion a word shows two at most."""
    heard = word(emotion, whispered=whispered, **emphasis.model_dump())
    assert shown_at_once(look(heard, Style.preset("expressive", intensity))) <= 2


@given(EMPHASES)
def test_what_stands_out_most_is_shown(emphasis: Emphasis) -> None:
    """The strongest emphasis is always seen."""
    shown = look(word(**emphasis.model_dump()), EXPRESSIVE)
    parts = {name: abs(getattr(emphasis, name) or 0.0) for name in ("louder", "higher", "slower")}
    strongest = max(parts, key=lambda name: parts[name])
    if parts[strongest] >= 0.5:
        seen = {"louder": shown.weight != 400, "higher": shown.shift_em != 0, "slower": shown.spacing_em != 0}
        assert seen[strongest]


@given(EMPHASES, st.booleans(), st.floats(0, 1))
def test_looks_stay_legible(emphasis: Emphasis, whispered: bool, intensity: float) -> None:
    """Whatever the voice and intensity, every property stays within its bounds."""
    shown = look(word(whispered=whispered, **emphasis.model_dump()), Style.preset("expressive", intensity))
    assert 300 <= shown.weight <= 900
    assert 0.85 <= shown.size <= 1.3
    assert -0.15 <= shown.shift_em <= 0.2
    assert -0.03 <= shown.spacing_em <= 0.15
    assert 0.75 <= shown.opacity <= 1


@given(EMPHASES, st.floats(0.05, 1))
def test_intensity_scales_towards_plain(emphasis: Emphasis, intensity: float) -> None:
    """A lower intensity never stands out more than the full one, and none at all is plain."""
    heard = word(**emphasis.model_dump())
    part, full = look(heard, Style.preset("expressive", intensity)), look(heard, EXPRESSIVE)
    assert abs(part.size - 1) <= abs(full.size - 1) + 1e-9
    assert abs(part.shift_em) <= abs(full.shift_em) + 1e-9
    assert look(heard, Style.preset("expressive", 0.0)) == PLAIN


def mapped(tmp_path: Path, **mapping: str) -> Style:
    """The expressive style with another mapping."""
    file = tmp_path / "mine.toml"
    file.write_text("[mapping]\n" + "".join(f'{name} = "{measure}"\n' for name, measure in mapping.items()))
    return Style.load(file)


def test_any_measure_drives_any_property(tmp_path: Path) -> None:
    """A style of one's own shows pitch by size, loudness by colour, and nothing where nothing is to be shown."""
    style = mapped(tmp_path, size="pitch", weight="nothing", height="tempo", spacing="nothing", colour="loudness")
    high = look(word(higher=1), style)
    assert (high.size, high.weight, high.shift_em) == (style.loudness.size_loud, 400, 0)
    assert look(word(slower=-1), style).shift_em == style.pitch.shift_low_em
    assert look(word(louder=1), style).accent == style.emotion.positive
    assert look(word(louder=-1), style).accent == style.emotion.negative


def test_what_drives_nothing_takes_no_room(tmp_path: Path) -> None:
    """A measure that is not shown is none of the two things a word may show."""
    style = mapped(tmp_path, size="nothing", weight="nothing")
    shown = look(word(louder=1, higher=0.6, slower=0.6), style)
    assert shown.shift_em and shown.spacing_em


def test_an_unknown_measure_is_named(tmp_path: Path) -> None:
    """A mapping by something that is not measured is refused."""
    with pytest.raises(InvalidRequest, match=r"mapping\.size"):
        mapped(tmp_path, size="mood")


def test_whisper_is_italic_and_paler() -> None:
    """A whispered word leans and steps back."""
    shown = look(word(whispered=True), EXPRESSIVE)
    assert shown.italic
    assert shown.opacity < 1


@pytest.mark.parametrize(
    ("emotion", "colour"),
    [
        (Emotion(label="joy", confidence=0.9, model="m"), EXPRESSIVE.emotion.joy),
        (Emotion(label="joy", confidence=0.9, valence=-0.8, model="m"), EXPRESSIVE.emotion.negative),
        (Emotion(label="anger", confidence=0.9, valence=0.05, model="m"), None),
        (Emotion(label="neutral", confidence=0.9, model="m"), None),
        (Emotion(label="joy", confidence=0.3, model="m"), None),
        (None, None),
    ],
)
def test_accent_follows_valence_then_label(emotion: Emotion | None, colour: str | None) -> None:
    """An emotion the model was sure of has an accent, by valence where there is one; neutral and unsure have none."""
    assert accent(emotion, EXPRESSIVE) == colour


def test_speakers_keep_their_hue(talk: Talk) -> None:
    """Hues go to speakers in the order in which they first speak; words of nobody known have none."""
    said = cues((talk("one", 0, speaker="B"), talk("two", 5, speaker=None), talk("three", 9, speaker="A")))
    assert hues(said, EXPRESSIVE.palette.dark) == dict(zip("BA", EXPRESSIVE.palette.dark, strict=False))


@pytest.mark.parametrize(("theme", "ground"), [("dark", "#16181D"), ("dark", "#000000"), ("light", "#FFFFFF")])
def test_palette_has_contrast(theme: str, ground: str) -> None:
    """Every speaker's colour has at least WCAG's 4.5 : 1 on its ground."""
    assert all(contrast(colour, ground) >= 4.5 for colour in getattr(EXPRESSIVE.palette, theme))


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_palette_is_told_apart_by_every_eye(theme: str, eye: str) -> None:
    """Speakers' colours, on dark all eight, differ clearly (CIE76 > 12) in normal and colour-blind sight."""
    colours = getattr(EXPRESSIVE.palette, theme)[: 8 if theme == "dark" else 6]
    assert min(difference(a, b, eye) for a, b in combinations(colours, 2)) > 12


def test_anybody_can_change_the_table(tmp_path: Path) -> None:
    """A file with one line changes that one thing."""
    table = tmp_path / "mine.toml"
    table.write_text("intensity = 0.5\n[loudness]\nweight_loud = 700\n")
    mine = Style.load(table)
    assert (mine.intensity, mine.loudness.weight_loud) == (0.5, 700)
    assert mine.pitch == EXPRESSIVE.pitch


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("intensity = 2\n", "intensity"),
        ("[loudness]\nweight = 3\n", "loudness.weight"),
        ("loudness = 3\n", "loudness"),
        ("[emotion]\njoy = 'red'\n", "emotion.joy"),
        ("= nonsense", "not TOML"),
    ],
)
def test_a_wrong_table_is_named(tmp_path: Path, text: str, says: str) -> None:
    """A table that cannot be meant is refused with the name of what is wrong."""
    table = tmp_path / "mine.toml"
    table.write_text(text)
    with pytest.raises(InvalidRequest, match=says):
        Style.load(table)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    """A table that is not there is SOURCE_NOT_FOUND."""
    with pytest.raises(SourceNotFound, match=r"none\.toml"):
        Style.load(tmp_path / "none.toml")
