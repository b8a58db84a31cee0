"""How far the figures can be trusted, beside the figures."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from ecg_audio.analysis import VoiceFeatures
from ecg_audio.results import egemaps, trust
from ecg_audio.results.schemas import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "features.md"
SCALARS = {name for name, field in VoiceFeatures.model_fields.items() if field.annotation == (float | None)} - {
    "words_per_s",
    "clipped_ratio",
}
OF_A_PHRASE = {"word": {"f0_declination_st_per_s"}, "speaker": {"f0_declination_st_per_s", "f0_slope_st_per_s"}}
"""What pieces of this level do not have: they are shorter than a phrase, or many of them."""


def test_the_page_is_in_step_with_the_figures() -> None:
    """docs/features.md is what `python -m ecg_audio.results.trust` prints."""
    assert PAGE.read_text(encoding="utf-8") == trust.markdown()


def test_every_feature_was_looked_at() -> None:
    """Each figure measured from the sound has an agreement, or none that could be had, under every condition."""
    conditions = set(trust.load()["conditions"])
    for length, figures in trust.load()["figures"].items():
        assert length == "frame" or set(figures) >= SCALARS - OF_A_PHRASE.get(length, set())
        assert set(figures) <= set(TABLES[f"{length}s"].names)
        for found in figures.values():
            assert set(found) == conditions


@pytest.mark.parametrize(
    ("table", "prefixes"),
    [
        ("frames", ("mfcc_", "f0_")),
        ("words", ("relative_loudness", "emphasis_pitch")),
        ("speakers", ("volume_", "pitch_", "tempo_speech_s")),
        ("recordings", ("volume_", "pitch_", "tempo_articulation")),
    ],
)
def test_other_levels_columns_carry_theirs(table: str, prefixes: tuple[str, ...]) -> None:
    """Frames, what compares a word with others, and a speaker's statistics: in the metadata and on the page."""
    for field in TABLES[table]:
        if field.name.startswith(prefixes) and pa.types.is_floating(field.type):
            assert b"repeatability" in field.metadata and trust.in_short(table, field.name), field.name


@pytest.mark.parametrize("table", ["words", "segments", "turns", "speakers", "recordings"])
def test_columns_carry_their_repeatability(table: str) -> None:
    """Each feature says its ICC by condition and where it is advised against; the table says the conditions."""
    schema = TABLES[table]
    conditions = json.loads(schema.metadata[b"conditions"])
    for name in SCALARS - OF_A_PHRASE.get(trust.LENGTHS[table], set()):
        metadata = schema.field(name).metadata
        found = json.loads(metadata[b"repeatability"])
        assert set(found) == set(conditions)
        poor = {condition for condition, icc in found.items() if icc is None or icc < trust.POOR}
        assert poor <= set(json.loads(metadata[b"advised_against"])) <= set(conditions)
    assert b"repeatability" not in (schema.field("job_id").metadata or {})


def test_every_name_of_egemaps_is_a_column() -> None:
    """The page names columns of our tables that there are."""
    assert {one.column for one in egemaps.DEFINITIONS.values() if one.column} <= SCALARS


def test_what_agrees_poorly_with_praat_is_explained() -> None:
    """A feature below r = 0.8 is named with its reason."""
    weak = {name for name, row in trust.load()["against_praat"].items() if row["r"] < trust.LEAST_R}
    assert weak <= set(trust.EXPLAINED)
