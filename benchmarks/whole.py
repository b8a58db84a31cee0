"""How fast the whole pipeline is on long speech: `python -m benchmarks.whole --material DIR [--minutes 10]`.

The recordings of a folder are joined to one of the wanted length. It is analysed by the command line, with an empty
store and cold models; then the three model stages run warm, in turns with the same models called bare: whisperx
(batched, without words' times) and faster-whisper (one stretch after the other, with words' times), each followed by
the pyannote pipeline. Prints one JSON object; ratios below 1 mean that the engine is faster.
"""

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from benchmarks.accuracy import AUDIO_SUFFIXES
from ecg_audio.child import Child
from ecg_audio.progress import Report, silent
from ecg_audio.speech.engine import ENVIRONMENT, LocalEngine
from ecg_audio.speech.settings import EngineSettings

RATE_HZ = 16_000
PAUSE_S = 1.0  # between two recordings
PEERS = ("whisperx", "faster-whisper")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.whole", description=__doc__.splitlines()[0])
    parser.add_argument("--material", type=Path, required=True, help="folder of recordings")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--models", default="embedded")
    parser.add_argument("--language", default="en")
    parser.add_argument("--repeat", type=int, default=1, help="warm runs in turns; their median counts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ecg-whole-") as folder:
        recording = joined(arguments.material, arguments.minutes * 60, Path(folder, "joined.flac"))
        duration_s = float(soundfile.info(recording).duration)
        command = analysed(recording, arguments.models, arguments.language, Path(folder, "store"))
        warm = side_by_side(recording, arguments.models, arguments.language, arguments.repeat)
    own_s = sum(warm["engine"].values())
    found = {
        "recording_s": round(duration_s, 1),
        "cores": len(os.sched_getaffinity(0)),
        "command_s": command["wall_s"],
        "command_times_real_time": round(duration_s / command["wall_s"], 2),
        "command_stages_s": command["stages_s"],
        "peak_resident_mb": command["peak_resident_mb"],
        "warm_s": warm,
        "warm_times_real_time": round(duration_s / own_s, 2),
        "ratio_to": {peer: round(own_s / sum(warm[peer].values()), 3) for peer in PEERS},
    }
    print(json.dumps(found, indent=1))


def joined(material: Path, length_s: float, target: Path) -> Path:
    """The recordings of a folder one after the other, again and again, up to a length, as 16 kHz mono FLAC."""
    parts = []
    for path in sorted(path for path in material.iterdir() if path.suffix in AUDIO_SUFFIXES):
        samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
        mono = soxr.resample(samples.mean(axis=1), rate_hz, RATE_HZ, quality="HQ")
        parts += [mono, np.zeros(round(PAUSE_S * RATE_HZ), np.float32)]
    once = np.concatenate(parts)
    wanted = round(length_s * RATE_HZ)
    soundfile.write(target, np.resize(once, wanted), RATE_HZ)
    return target


def analysed(recording: Path, models: str, language: str, store: Path) -> dict[str, Any]:
    """One run of the command line, from nothing."""
    options = ["--models", models, "--language", language, "--out", str(store), "--json"]
    started = time.perf_counter()
    command = [sys.executable, "-m", "deployments.cli", "analyze", str(recording), *options]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    wall_s = round(time.perf_counter() - started, 1)
    if ended.returncode:
        raise SystemExit(ended.stderr)
    outcome = json.loads(ended.stdout)
    resident = [stage["peak_resident_bytes"] for stage in outcome["stages"] if stage["peak_resident_bytes"]]
    return {
        "wall_s": wall_s,
        "stages_s": {stage["name"]: stage["duration_s"] for stage in outcome["stages"]},
        "peak_resident_mb": round(max(resident) / 1e6),
    }


def side_by_side(recording: Path, models: str, language: str, repeat: int) -> dict[str, dict[str, float]]:
    """Seconds of the model stages, the engine's and each peer's, in turns, so that all meet the same machine."""
    bare = importlib.import_module("benchmarks.whole").bare  # by the name under which a child finds it
    engine = LocalEngine(models)
    runs: dict[str, list[dict[str, float]]] = {"engine": [], **{peer: [] for peer in PEERS}}
    try:
        with Child("the peers", environment=ENVIRONMENT) as process:
            stages(engine, recording, language)  # loads the models
            for number in range(repeat + 1):
                for peer in PEERS:
                    took = process.call(bare, peer, str(recording), engine.settings, language)
                    runs[peer] += [took] if number else []
                runs["engine"] += [stages(engine, recording, language)] if number else []
    finally:
        engine.close()
    return {
        name: {stage: round(statistics.median(run[stage] for run in every), 2) for stage in every[0]}
        for name, every in runs.items()
    }


def stages(engine: LocalEngine, recording: Path, language: str) -> dict[str, float]:
    """Seconds of each stage of ours, one after the other; a touched file is heard anew."""
    os.utime(recording)
    found = {}
    started = time.perf_counter()
    heard = engine.transcribe(recording, language=language)
    found["transcribe"] = time.perf_counter() - started
    engine.align(recording, heard)
    found["align"] = time.perf_counter() - started - sum(found.values())
    engine.diarize(recording)
    found["diarize"] = time.perf_counter() - started - sum(found.values())
    return found


_models: dict[str, Any] = {}


def bare(peer: str, path: str, settings: EngineSettings, language: str, *, report: Report = silent) -> dict[str, float]:  # noqa: ARG001
    """One run of a peer with the same models; they are loaded at the first."""
    import torch

    from ecg_audio.speech import loaders, local_pipeline, weights

    loaders.prepare(settings)  # telemetry off, the same threads
    samples, _rate_hz = soundfile.read(path, dtype="float32")
    folder = str(weights.verified_whisper()) if settings.model == "embedded" else settings.model
    arithmetic = {"device": settings.device, "compute_type": settings.compute_type}
    if peer == "whisperx":
        import whisperx

        if peer not in _models:
            _models[peer] = whisperx.load_model(
                folder, language=language, asr_options={"beam_size": settings.beam_size}, **arithmetic
            )
        started = time.perf_counter()
        _models[peer].transcribe(samples, batch_size=settings.batch_size, language=language)
    else:
        from faster_whisper import WhisperModel

        if peer not in _models:
            _models[peer] = WhisperModel(folder, cpu_threads=len(os.sched_getaffinity(0)), **arithmetic)
        started = time.perf_counter()
        found, _about = _models[peer].transcribe(
            samples, language=language, beam_size=settings.beam_size, word_timestamps=True, vad_filter=True
        )
        list(found)
    transcribe_s = time.perf_counter() - started
    if "pyannote" not in _models:
        _models["pyannote"] = local_pipeline.build().to(torch.device(settings.device))
    started = time.perf_counter()
    _models["pyannote"]({"waveform": torch.from_numpy(samples)[None], "sample_rate": RATE_HZ})
    return {"transcribe": transcribe_s, "diarize": time.perf_counter() - started}


if __name__ == "__main__":
    main()
