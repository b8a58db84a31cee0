"""What our flows return is not kept by Prefect, and no server is asked where to keep it."""

import importlib
from uuid import UUID

import pytest
from prefect import flow, results

from flows.unkept import UNKEPT


@pytest.mark.parametrize("name", ["analyze", "burn", "reconcile", "remember_voice", "revise"])
def test_a_flow_of_ours_keeps_nothing(name: str) -> None:
    """It names a place, so that none is asked for, and nothing is put there."""
    declared = getattr(importlib.import_module(f"flows.{name}"), name)
    assert (declared.persist_result, declared.result_storage) == (False, UNKEPT["result_storage"])


def test_no_place_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flow that names none asks."""
    asked: list[str] = []

    def default() -> UUID | None:
        asked.append("where")
        return None

    monkeypatch.setattr(results, "_read_server_default_result_storage_block_id", default)
    assert flow(lambda: 1, name="quiet", **UNKEPT)() == 1
    assert not asked
    assert flow(lambda: 1, name="asking")() == 1
    assert asked
