"""A whole service under load whose processes are killed, every kind of them."""

from pathlib import Path

import pytest

from benchmarks import chaos


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_kind_of_process_may_die(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Each kind by itself, and all together once: every job is told of once and completed, and nothing is left."""
    folder: Path = tmp_path_factory.mktemp("c")  # PostgreSQL's socket wants a short path
    kinds = chaos.KINDS
    asked = chaos.Asked(jobs=9, kills=len(kinds) + 1, models="stub", whole=True, limit_s=800.0)
    found = chaos.run(asked, folder)
    assert found.kills == {**dict.fromkeys(kinds, 1), "everything": 1}, "every kind was there to be killed"
    assert (found.accepted, found.told_once, found.told_twice, found.completed) == (9, 9, 0, 9), found
    assert found.went_back == 0, "no job was told a lower figure than before"
    assert (found.left_processes, found.left_files, found.stuck_runs, found.used_slots) == ([], [], [], 0)
