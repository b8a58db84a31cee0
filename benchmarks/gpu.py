"""How fast the speech engine is, and what memory it takes: `python -m benchmarks.gpu RECORDING [--language CODE]`.

The engine runs as it is configured (ECG_WHISPERX_*), cold and warm, by itself and through a model server; then whisperx
is called bare in a warm process, with the same models, batch and recording. Prints one JSON object. Without a GPU
everything runs on the CPU, and the GPU's figures are null.
"""

import argparse
import importlib
import json
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import soundfile

from ecg_audio.child import Child
from ecg_audio.compute import gpu
from ecg_audio.compute.memory import Metered
from ecg_audio.media import decode
from ecg_audio.progress import Report, silent
from ecg_audio.request import EMBEDDED
from ecg_audio.serving.client import RemoteEngine
from ecg_audio.serving.server import ModelServer
from ecg_audio.speech import weights
from ecg_audio.speech.engine import ENVIRONMENT, LocalEngine
from ecg_audio.speech.plan import plan
from ecg_audio.speech.settings import NO_ALIGNER, EngineSettings

STAGES = ("transcribe", "align", "diarize")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recording", type=Path)
    parser.add_argument("--language", default="auto")
    parser.add_argument("--repeat", type=int, default=5, help="warm runs; their median counts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        recording = prepared(arguments.recording, Path(folder))
        engine = LocalEngine()
        try:
            with Child("bare whisperx", environment=ENVIRONMENT) as process:
                found = measure(engine, process, recording, arguments.language, arguments.repeat)
        finally:
            engine.close()
    print(json.dumps(found, indent=1))


def prepared(source: Path, folder: Path) -> Path:
    """The recording as engines take it: 16 kHz mono FLAC."""
    path = folder / "recording.flac"
    soundfile.write(path, decode.read(source), 16_000)
    return path


def measure(
    engine: LocalEngine, process: Child, recording: Path, language: str = "auto", repeat: int = 3
) -> dict[str, Any]:
    """All figures of one recording.

    Args:
        engine: as configured.
        process: where bare whisperx runs.
        recording: 16 kHz mono.
        language: code or auto.
        repeat: how many warm runs; the median of each stage counts.
    """
    settings = engine.settings
    duration_s = float(soundfile.info(recording).duration)
    first = run(engine, recording, language)
    warm = medians(run(engine, recording, language) for _ in range(repeat))
    taken = {stage: megabytes(measured) for stage, measured in engine.process.memory.items()}
    served, alone = side_by_side(engine, process, recording, language, repeat)
    return {
        "machine": {"cpu": platform.machine(), "gpus": [card.name for card in gpu.gpus()]},
        "settings": settings.model_dump(),
        "recording_s": round(duration_s, 2),
        "plan_mb": {stage.name: round(stage.expected_bytes / 1e6) for stage in plan(duration_s, settings)},
        "first_s": first,
        "warm_s": warm,
        "real_time_ratio": round(duration_s / sum(warm.values()), 2),
        "memory_mb": taken,
        "gpu_utilisation_percent": {
            stage: measured.gpu_utilisation_percent for stage, measured in engine.process.memory.items()
        },
        "through_server_s": served,
        "bare_whisperx_s": alone,
        "server_to_bare": round(sum(served.values()) / sum(alone.values()), 3),
    }


def run(engine: Any, recording: Path, language: str) -> dict[str, float]:
    """Seconds of each stage, one after the other."""
    heard, transcribe_s = timed(lambda: engine.transcribe(recording, language=language))
    _, align_s = timed(lambda: engine.align(recording, heard))
    _, diarize_s = timed(lambda: engine.diarize(recording))
    return dict(zip(STAGES, (transcribe_s, align_s, diarize_s), strict=True))


def side_by_side(
    engine: LocalEngine, process: Child, recording: Path, language: str, repeat: int
) -> tuple[dict[str, float], dict[str, float]]:
    """The engine behind a model server and whisperx bare, in turns, so that both meet the same machine."""
    once = importlib.import_module("benchmarks.gpu").bare  # by the name under which a child finds it
    process.call(once, str(recording), engine.settings, language)
    with tempfile.TemporaryDirectory() as folder, ModelServer(engine, Path(folder, "socket")) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        client = RemoteEngine(server.address)
        try:
            runs = [
                (run(client, recording, language), process.call(once, str(recording), engine.settings, language))
                for _ in range(repeat)
            ]
        finally:
            client.close()
            server.shutdown()
    return medians(served for served, _ in runs), medians(alone for _, alone in runs)


_models: dict[str, Any] = {}


def bare(path: str, settings: EngineSettings, language: str, *, report: Report = silent) -> dict[str, float]:  # noqa: ARG001
    """One run of bare whisperx; models are loaded at the first."""
    import whisperx
    import whisperx.alignment
    import whisperx.diarize

    from ecg_audio.speech import loaders

    loaders.prepare(settings)  # telemetry off, the same threads
    loaders.alignment()  # no sentence splitter from a hub
    samples, _rate_hz = soundfile.read(path, dtype="float32")
    asked = None if language == "auto" else language
    device = settings.device
    if "recogniser" not in _models:
        _models["recogniser"] = whisperx.load_model(
            str(weights.verified_whisper()) if settings.model == EMBEDDED else settings.model,
            device,
            compute_type=settings.compute_type,
            asr_options={"beam_size": settings.beam_size},
        )
    found, transcribe_s = timed(
        lambda: _models["recogniser"].transcribe(
            samples, batch_size=settings.batch_size, chunk_size=settings.chunk_s, language=asked
        )
    )
    spoken = found["language"]
    name = _aligner(settings, spoken)
    align_s = 0.0
    if name:
        if spoken not in _models:
            _models[spoken] = whisperx.load_align_model(spoken, device, model_name=name)
        _, align_s = timed(lambda: whisperx.align(found["segments"], *_models[spoken], samples, device))
    if "diarization" not in _models:
        _models["diarization"] = (
            loaders.pipeline(settings, device)
            if settings.diarization == EMBEDDED
            else whisperx.diarize.DiarizationPipeline(model_name=settings.diarization, device=device).model
        )
    import torch

    file = {"waveform": torch.from_numpy(samples)[None], "sample_rate": 16_000}
    _, diarize_s = timed(lambda: _models["diarization"](file))
    return dict(zip(STAGES, (transcribe_s, align_s, diarize_s), strict=True))


def _aligner(settings: EngineSettings, spoken: str) -> str | None:
    """The wav2vec2 aligner that the engine takes for a language; None: it takes none."""
    named = settings.align_models.get(spoken)
    if named:
        return None if named in (NO_ALIGNER, EMBEDDED) else named
    own = weights.own_aligners().get(spoken) if settings.own_aligners else None
    return own if own and weights.aligner_here(own) else None


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it returns, and the seconds it took."""
    started = time.perf_counter()
    found = work()
    return found, round(time.perf_counter() - started, 3)


def medians(runs: Iterable[dict[str, float]]) -> dict[str, float]:
    """The median of each stage over runs."""
    every = list(runs)
    return {stage: round(statistics.median(seconds[stage] for seconds in every), 3) for stage in STAGES}


def megabytes(taken: Metered) -> dict[str, int | None]:
    """Peak of the model process, peak of the GPU."""
    gpu = taken.peak.gpu_bytes
    return {"peak_resident": round(taken.peak.resident_bytes / 1e6), "peak_gpu": gpu and round(gpu / 1e6)}


if __name__ == "__main__":
    main()
