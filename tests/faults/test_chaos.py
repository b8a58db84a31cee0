"""A whole service under load whose processes are killed, every kind of them."""

from pathlib import Path

import pytest

from benchmarks import chaos

KINDS = tuple(kind for kind in chaos.KINDS if kind != "models")  # the stub has no process of models


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_every_kind_of_process_may_die(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Every job is told of once and completed, and nothing is left: no process, no file, no run that stands still."""
    folder: Path = tmp_path_factory.mktemp("c")  # PostgreSQL's socket wants a short path
    asked = chaos.Asked(jobs=16, kills=len(KINDS), models="stub", kinds=KINDS, limit_s=1200.0)
    found = chaos.run(asked, folder)
    assert found.kills == dict.fromkeys(KINDS, 1), "every kind was there to be killed"
    assert (found.accepted, found.told_once, found.told_twice, found.completed) == (16, 16, 0, 16), found
    assert found.went_back == 0, "no job was told a lower figure than before"
    assert (found.left_processes, found.left_files, found.stuck_runs, found.used_slots) == ([], [], [], 0)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_whole_service_may_die(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Killed all at once in mid-load and begun again on the same data: what waited and what ran is done."""
    asked = chaos.Asked(jobs=5, kills=1, models="stub", whole=True, kinds=("gateway",), limit_s=800.0)
    found = chaos.run(asked, tmp_path_factory.mktemp("c"))
    assert found.kills == {"everything": 1} and found.sound, found
