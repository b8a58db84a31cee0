"""How far the figures can be trusted, beside the figures."""

import json
from pathlib import Path

import pytest

from ecg_audio.analysis import VoiceFeatures
from ecg_audio.results import egemaps, trust
from ecg_audio.results.schemas import TABLES

PAGE = Path(__file__).parents[2] / "docs" / "features.md"
SCALARS = {name for name, field in VoiceFeatures.model_fields.items() if field.annotation == (float | None)} - {
    "words_per_s",
    "clipped_ratio",
}


def test_the_page_is_in_step_with_the_figures() -> None:
    """docs/features.md is what `python -m ecg_audio.results.trust` prints."""
    assert PAGE.read_text(encoding="utf-8") == trust.markdown()


def test_every_feature_was_looked_at() -> None:
    """Each figure measured from the sound has an agreement, or none that could be had, under every condition."""
    conditions = set(trust.load()["conditions"])
    for length in trust.load()["lengths_s"]:
        figures = trust.load()["figures"][length]
        assert set(figures) == SCALARS
        for found in figures.values():
            assert set(found) == conditions


@pytest.mark.parametrize("table", ["words", "segments", "turns", "speakers", "recordings"])
def test_columns_carry_their_repeatability(table: str) -> None:
    """Each feature says its ICC by condition and where it is advised against; the table says the conditions."""
    schema = TABLES[table]
    conditions = json.loads(schema.metadata[b"conditions"])
    for name in SCALARS:
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
