"""The model process's imports: less is imported, and the same is found."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support import models

SCRIPT = """
import json, sys
from ecg_audio.compute import lazy_imports
if sys.argv[1] == "plain":
    lazy_imports.defer = lambda *_, **__: None
from ecg_audio.request import UNGUIDED, UNKNOWN
from ecg_audio.speech import model_imports, process
from ecg_audio.speech.settings import EngineSettings

stages = process.STAGES
settings = EngineSettings.read().resolved()
recording = sys.argv[2]
spoken = stages["transcribe"](recording, settings, "auto", UNGUIDED)
turns = stages["diarize"](recording, settings, UNKNOWN)
unused = [name for name in model_imports.DEFERRED if lazy_imports.waiting(name)]
unused += [name for name in ["torch._dynamo"] if name not in sys.modules]
words = stages["align"](recording, settings, spoken)
print(json.dumps({"words": words.model_dump(mode="json"), "turns": turns.model_dump(mode="json"), "unused": unused}))
"""


def found(how: str) -> dict[str, Any]:
    """What a fresh model process finds in the conversation, with its imports `deferred` or `plain`."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, how, str(models.CONVERSATION)],
        capture_output=True,
        text=True,
        env={**os.environ, **models.SETTINGS, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    answer: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return answer


@pytest.mark.slow
def test_deferred_imports_change_no_result() -> None:
    """Words, times, turns and voices are the same, with an aligner of transformers'; what is deferred stays unused."""
    deferred, plain = found("deferred"), found("plain")
    assert deferred["words"] == plain["words"] and deferred["turns"] == plain["turns"]
    assert deferred["words"]["utterances"][0]["words"][0]["timing"] == "aligned"
    assert {"torchmetrics", "torchvision", "sklearn", "pandas", "matplotlib", "torch._dynamo"} <= set(
        deferred["unused"]
    )
    assert not plain["unused"]
