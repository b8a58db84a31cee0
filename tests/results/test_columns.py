"""What the columns mean, in the documentation as in the files."""

from pathlib import Path

import pyarrow as pa
import pytest

from ecg_audio.analysis import FRAME_COLUMNS, Emphasis, RelativeVoice, VoiceFeatures
from ecg_audio.results import columns
from ecg_audio.results.fields import MEANINGS, meaning
from ecg_audio.results.schemas import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_the_page_is_in_step_with_the_schemas() -> None:
    """docs/tables.md is what `python -m ecg_audio.results.columns` prints."""
    assert PAGE.read_text(encoding="utf-8") == columns.markdown()


def test_every_column_is_on_the_page() -> None:
    """One line a column, in its table's section."""
    sections = columns.markdown().split("\n## ")[1:]
    assert [section.split("\n")[0] for section in sections] == list(TABLES)
    for section, schema in zip(sections, TABLES.values(), strict=True):
        assert section.count("\n| `") == len(schema)


@pytest.mark.parametrize("name", [*VoiceFeatures.model_fields, *RelativeVoice.model_fields, *Emphasis.model_fields])
def test_every_feature_has_words_of_its_own(name: str) -> None:
    """A measured feature is described by a person, not by its name alone."""
    assert name in MEANINGS


@pytest.mark.parametrize(
    ("name", "unit"),
    [("tilt_db", "dB"), ("jitter_st_per_s", "semitone/s"), ("pause_s", "s"), ("f1_hz", "Hz"), ("note", "")],
)
def test_a_new_feature_gets_its_unit_from_its_name(name: str, unit: str) -> None:
    """Suffixes are units; the longest that fits wins."""
    assert meaning(name).unit == unit


def test_frames_keep_the_units_of_the_analysis() -> None:
    """The units of frame columns are said in one place."""
    for name, unit in FRAME_COLUMNS.items():
        assert TABLES["frames"].field(name).metadata[b"unit"] == unit.encode()
        assert name.startswith("mfcc") or MEANINGS[name].unit == unit


def test_a_type_that_athena_lacks_is_refused() -> None:
    """A new column of an exotic type fails here, before it reaches anybody's catalogue."""
    with pytest.raises(TypeError, match="struct"):
        columns.type_name(pa.struct([("x", pa.int8())]))
