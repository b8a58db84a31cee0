from datetime import UTC, datetime, timedelta

import pytest

from ecg_audio.errors import InvalidRequest
from ecg_audio.results.retention import rules

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def test_only_what_can_be_made_again_goes_by_itself() -> None:
    """Without settings the cache goes after 30 days, and nothing else ever."""
    assert [(rule.folder, rule.days) for rule in rules({})] == [("cache", 30)]
    assert rules({"ECG_KEEP_CACHE_DAYS": "forever"}) == []


def test_a_manifest_goes_before_what_it_names() -> None:
    """Results of an age lose their manifest first, their outputs a day later."""
    days = {rule.folder: rule.days for rule in rules({"ECG_KEEP_RESULTS_DAYS": "90"})}
    assert days["results"] == 90 and days["runs"] == days["jobs"] == 91


def test_other_programs_files_are_let_be() -> None:
    """In a folder of the same name only what looks like a record of ours goes, when its time is over."""
    (rule,) = rules({})
    old = NOW - timedelta(days=30, seconds=1)
    record = f"cache/{'a' * 64}/transcribe-{'0' * 32}"
    assert rule.ends(record, old, NOW) and rule.ends(f"cache/sources/download-{'0' * 32}", old, NOW)
    assert not rule.ends(record, NOW - timedelta(days=30), NOW)
    assert not rule.ends("cache/pip/wheel", old, NOW)


@pytest.mark.parametrize(
    ("name", "value"),
    [("RESULTS", "0"), ("RESULTS", "-1"), ("RESULTS", "1.5"), ("UPLOADS", "soon"), ("DELIVERIES", "7"), ("CACHE", "¹")],
)
def test_an_age_that_makes_no_sense_is_named(name: str, value: str) -> None:
    """Not a number of days, or so short that jobs would be told of twice."""
    with pytest.raises(InvalidRequest, match=f"ECG_KEEP_{name}_DAYS"):
        rules({f"ECG_KEEP_{name}_DAYS": value})
