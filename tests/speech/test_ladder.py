"""Memory that runs out in the speech engine: the job goes on with less, and the result says so."""

from collections.abc import Iterator

import pytest

from ecg_audio.compute.memory_ladder import LADDER
from ecg_audio.errors import GpuMemoryExhausted
from ecg_audio.speech.engine import LocalEngine
from tests.support import models
from tests.support.models import shortage

pytestmark = [pytest.mark.slow]


@pytest.fixture
def on_gpu(tiny_engine: LocalEngine) -> Iterator[LocalEngine]:
    """The warm engine, told that there is a GPU with a full batch of 16."""
    # a budget that nothing exceeds: the plan begins at the top
    roomy = {"device": "cuda", "batch_size": 16, "compute_type": "float16", "memory_budget_gb": 100.0}
    engine = LocalEngine(settings=tiny_engine.settings.model_copy(update=roomy), process=tiny_engine.process)
    yield engine
    tiny_engine.process.child.call(shortage.restore)


@pytest.mark.parametrize("steps", [1, 5])
def test_recognition_goes_down_the_ladder(on_gpu: LocalEngine, tiny_engine: LocalEngine, steps: int) -> None:
    """CTranslate2 runs out once, or down to the CPU: the text is the same, each step stands in the result."""
    undisturbed = tiny_engine.transcribe(models.CONVERSATION)
    on_gpu.process.child.call(shortage.pretend_gpu, {"recogniser": steps})
    found = on_gpu.transcribe(models.CONVERSATION)
    assert found.utterances == undisturbed.utterances
    messages = [notice.message for notice in found.notices]
    assert {notice.code for notice in found.notices} == {LADDER}
    assert [message.split("went on with ")[1] for message in messages] == [
        "batch 8, float16 on cuda",
        "batch 4, float16 on cuda",
        "batch 2, float16 on cuda",
        "batch 2, int8 on cuda",
        "batch 2, int8 on the CPU",
    ][:steps]


def test_every_other_stage_goes_down_its_ladder_too(on_gpu: LocalEngine, tiny_engine: LocalEngine) -> None:
    """Finding speech, alignment and diarization survive torch's error at each of their steps."""
    aligned = tiny_engine.align(models.CONVERSATION, tiny_engine.transcribe(models.CONVERSATION))
    turns = tiny_engine.diarize(models.CONVERSATION).turns
    on_gpu.process.child.call(shortage.pretend_gpu, {"embedded_pipeline": 1, "aligner": 1, "pipeline": 5})
    found = on_gpu.align(models.CONVERSATION, on_gpu.transcribe(models.CONVERSATION))
    assert found.utterances == aligned.utterances
    assert [notice.message.split(":")[0] for notice in found.notices] == ["finding speech", "alignment"]
    diarization = on_gpu.diarize(models.CONVERSATION)
    assert diarization.turns == turns
    assert len(diarization.notices) == 5
    assert diarization.notices[-1].message.endswith("went on with batch 2, float32 on the CPU")


@pytest.mark.parametrize("stage", ["transcribe", "diarize"])
def test_when_the_cpu_fails_too_the_next_job_still_succeeds(on_gpu: LocalEngine, stage: str) -> None:
    """GPU_MEMORY_ERROR for the one job; the same process then does the same job when there is memory again."""
    run = getattr(on_gpu, stage)
    on_gpu.process.child.call(shortage.pretend_gpu, {"recogniser": 99, "pipeline": 99}, cpu_too=True)
    with pytest.raises(GpuMemoryExhausted) as failure:
        run(models.CONVERSATION)
    assert failure.value.code == "GPU_MEMORY_ERROR"
    on_gpu.process.child.call(shortage.pretend_gpu, {})
    assert run(models.CONVERSATION).notices == ()
