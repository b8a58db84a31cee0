"""The states of Prefect's runs."""

from datetime import UTC, datetime, timedelta

import pytest
from prefect.client.schemas.objects import TERMINAL_STATES, StateType

from blocks.run_states import COUNTED, LOST, OVER, TAKEN, UNENDED, WAITING, failure, over


def test_each_state_of_prefects_is_in_one_group() -> None:
    """Whoever waits for what is under way, and whoever counts, misses no run and sees none twice."""
    every = sorted(state.value for state in StateType)
    assert sorted([*WAITING, *TAKEN, LOST, *OVER]) == sorted([*UNENDED, *OVER]) == every
    assert sorted(state for states in COUNTED.values() for state in states) == every
    assert {*OVER, LOST} == {state.value for state in TERMINAL_STATES}


@pytest.mark.parametrize(
    ("state", "minutes", "stays"),
    [("COMPLETED", 0, True), ("PAUSED", 600, False), ("CANCELLING", 600, False), (LOST, 9, False), (LOST, 11, True)],
)
def test_a_lost_run_is_over_when_no_reconciler_comes(state: str, minutes: int, *, stays: bool) -> None:
    """A run that waits or works is not over, however long it takes."""
    assert over(state, datetime.now(UTC) - timedelta(minutes=minutes)) is stays


@pytest.mark.parametrize(
    ("state", "said", "code", "message"),
    [
        (
            "FAILED",
            "Flow run encountered an exception: NoAudio: the video: has no sound",
            "NO_AUDIO",
            "the video: has no sound",
        ),
        ("FAILED", "Flow run encountered an exception: KeyError: 'x'", "PROCESSING_ERROR", "KeyError: 'x'"),
        ("FAILED", "Validation of flow parameters failed with error: no source", "INVALID_REQUEST", "no source"),
        ("CRASHED", "", "PROCESSING_ERROR", "the run ended as crashed"),
        ("CANCELLED", "", "JOB_CANCELLED", "the job was cancelled"),
        ("CANCELLED", "by Kim", "JOB_CANCELLED", "by Kim"),
    ],
)
def test_prefects_words_become_codes(state: str, said: str, code: str, message: str) -> None:
    """The name of an error of ours is found again; whatever else ended a run is a PROCESSING_ERROR."""
    found = failure(state, said)
    assert (found.code, found.message) == (code, message)
