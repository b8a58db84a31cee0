"""What large recordings and many recordings cost: memory, 30,000 words, and SQL over a hundred recordings' frames."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from ecg_audio.analysis import Turn
from ecg_audio.results.frame_file import FrameFile, publish_frames
from ecg_audio.voice.frames import measure
from ecg_audio.voice.spans import Aggregator

Array = Any

RATE_HZ = 16_000
HOURS = 3.0
WORDS = 30_000
RECORDINGS = 100
TURN_S = 7.0
SPEAKERS = ("SPEAKER_00", "SPEAKER_01", "SPEAKER_02")

F0_BY_SPEAKER = "select speaker, avg(f0_hz) from frames where speaker is not null group by speaker order by speaker"
LOUDEST_MINUTE = """
select job_id, floor(time_s / 60) as minute, 10 * log10(avg(rms * rms)) as level_dbfs
from frames group by all order by level_dbfs desc limit 1
"""


def long_recording() -> dict[str, float]:
    """Measure three hours into a frame file, in a process of its own: peak memory above the imports."""
    answer = subprocess.run(
        [sys.executable, "-m", "benchmarks.voice_scale"], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def _measure_long(folder: Path) -> dict[str, float]:
    random = np.random.default_rng(0)
    t = np.arange(60 * RATE_HZ) / RATE_HZ
    voice = np.sin(2 * np.pi * np.cumsum(120 + 40 * np.sin(t)) / RATE_HZ) * (np.sin(3 * t) > -0.3)
    minute = (0.2 * voice + 0.003 * random.normal(size=len(t))).astype(np.float32)

    def record(path: Path, minutes: int) -> None:
        with FrameFile(path) as file:
            for batch in measure(minute for _ in range(minutes)):
                file.write(batch)

    record(folder / "warm.parquet", 1)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak of imports and compilation
    before_mb, started = _memory_mb("VmRSS"), time.perf_counter()
    record(folder / "long.parquet", int(HOURS * 60))
    above_mb = _memory_mb("VmHWM") - before_mb
    return {"hours": HOURS, "seconds": time.perf_counter() - started, "memory_above_imports_mb": above_mb}


def _memory_mb(name: str) -> float:
    """This process's memory as Linux counts it: `VmRSS` now, `VmHWM` at its peak."""
    status = Path("/proc/self/status").read_text()
    return float(status.partition(f"{name}:")[2].split()[0]) / 1024


def many_words(frames: dict[str, Array]) -> dict[str, float]:
    """30,000 words over three hours of frames."""
    count = int(HOURS * 3600 * 100)
    long = {name: np.resize(column, count) for name, column in frames.items()}
    random = np.random.default_rng(0)
    starts_s = np.sort(random.uniform(0.0, HOURS * 3600 - 1.0, WORDS))
    ends_s = starts_s + random.uniform(0.05, 0.8, WORDS)
    Aggregator(long).over(starts_s[:10], ends_s[:10])
    times = []
    for _ in range(5):
        started = time.perf_counter()
        Aggregator(long).over(starts_s, ends_s)
        times.append(time.perf_counter() - started)
    return {"words": WORDS, "seconds": float(np.median(times))}


def many_recordings(frames: dict[str, Array], folder: Path) -> dict[str, Any]:
    """Two questions in SQL to the published frames of a hundred recordings."""
    import duckdb

    measured = folder / "measured.parquet"
    with FrameFile(measured) as file:
        file.write(frames)
    duration_s = len(frames["rms"]) / 100
    for number in range(RECORDINGS):
        turns = [
            Turn(speaker=SPEAKERS[(index + number) % 3], start_s=start_s, end_s=min(start_s + TURN_S, duration_s))
            for index, start_s in enumerate(np.arange(0.0, duration_s, TURN_S).tolist())
        ]
        publish_frames(measured, folder / f"recording-{number:03d}.parquet", job_id=f"job-{number:03d}", turns=turns)
    with duckdb.connect() as connection:
        connection.execute(f"create view frames as from read_parquet('{folder}/recording-*.parquet')")
        (rows,) = connection.execute("select count(*) from frames").fetchone() or (0,)
        answers: dict[str, Any] = {"recordings": RECORDINGS, "frames": rows}
        for name, query in (("f0_by_speaker_s", F0_BY_SPEAKER), ("loudest_minute_s", LOUDEST_MINUTE)):
            times = []
            for _ in range(3):
                started = time.perf_counter()
                connection.execute(query).fetchall()
                times.append(time.perf_counter() - started)
            answers[name] = float(np.median(times))
        answers["megabytes"] = sum(path.stat().st_size for path in folder.glob("recording-*.parquet")) / 1e6
    return answers


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        print(json.dumps(_measure_long(Path(scratch))))
