"""Plans keep every stage within the budget."""

from pathlib import Path

import pytest

from ecg_audio.compute.memory import GIB
from ecg_audio.speech.plan import placements, plan
from ecg_audio.speech.settings import EngineSettings

HOURS_3 = 3 * 3600.0


def settings(**fields: object) -> EngineSettings:
    """As settled on a machine with a GPU."""
    return EngineSettings.model_validate(
        {"model": "large-v3-turbo", "device": "cuda", "compute_type": "float16", **fields}
    )


@pytest.mark.parametrize("model", ["tiny", "base", "medium", "large-v3", "large-v3-turbo", "nobody/unknown"])
@pytest.mark.parametrize("budget_gb", [1.0, 3.0, 6.0, 14.0])
@pytest.mark.parametrize("duration_s", [10.0, HOURS_3])
def test_no_stage_is_planned_beyond_the_budget(model: str, budget_gb: float, duration_s: float) -> None:
    """Whatever the model, the budget and the length: three stages, none expected to take more."""
    stages = plan(duration_s, settings(model=model, memory_budget_gb=budget_gb), 16 * GIB)
    assert [stage.name for stage in stages] == ["transcribe", "align", "diarize"]
    assert all(stage.expected_bytes <= budget_gb * 1e9 for stage in stages)


def test_three_hours_fit_on_a_16_gb_card() -> None:
    """With the default budget everything runs on the GPU, recognition with its full batch."""
    stages = {stage.name: stage for stage in plan(HOURS_3, settings(), 16 * GIB)}
    assert {stage.placement.device for stage in stages.values()} == {"cuda"}
    assert stages["transcribe"].placement.batch_size == 16
    assert stages["diarize"].placement.compute_type == "float32"


def test_a_small_card_bounds_the_budget() -> None:
    """The card's size counts where it is below the budget: smaller batches, then the CPU."""
    on_a_small_card = plan(HOURS_3, settings(model="large-v3"), 4 * GIB)
    assert on_a_small_card == plan(HOURS_3, settings(model="large-v3", memory_budget_gb=4 * GIB / 1e9), 16 * GIB)
    assert plan(HOURS_3, settings(), 1)[0].placement.device == "cpu"


def test_the_ladder_begins_where_the_plan_does() -> None:
    """Nothing is tried that is not expected to fit; below it every step remains."""
    tight = settings(model="large-v3", memory_budget_gb=5.0)
    begun = placements("transcribe", HOURS_3, tight)
    assert begun[0] == plan(HOURS_3, tight)[0].placement
    assert begun[-1].device == "cpu"
    assert len(begun) < len(placements("transcribe", HOURS_3, settings(memory_budget_gb=40.0)))


def test_on_the_cpu_nothing_is_planned_for_a_gpu() -> None:
    """The whole ladder is there, and no GPU memory is expected."""
    stages = plan(60.0, settings(device="cpu", compute_type="int8"))
    assert [stage.expected_bytes for stage in stages] == [0, 0, 0]
    assert {stage.placement.device for stage in stages} == {"cpu"}


def test_a_model_in_a_folder_is_judged_by_its_size(tmp_path: Path) -> None:
    """A folder's name says nothing; its 1.6 GB are those of a turbo model."""
    with (tmp_path / "model.bin").open("wb") as file:
        file.truncate(1_618_000_000)
    found = plan(HOURS_3, settings(model=str(tmp_path)), 16 * GIB)
    assert found == plan(HOURS_3, settings(model="large-v3-turbo"), 16 * GIB)
