"""The voice measurement against its peers: `python -m benchmarks.voice [--material DIR] [--minutes 10]`.

Speed (all contestants in alternation, on one core), accuracy (synthetic truth, and Praat on real speech), memory of a
three-hour recording, aggregation of 30,000 words and SQL over a hundred recordings, as a table, as JSON and as a
picture. Material is a folder of recordings; without one it is the conversation inside pyannote.audio.
"""

import argparse
import importlib.util
import json
import os
import platform
import tempfile
from pathlib import Path
from typing import Any

# one thread for every library that would start more, before it is imported
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402

from benchmarks import voice_accuracy, voice_peers, voice_scale  # noqa: E402
from ecg_audio.voice.frames import measure  # noqa: E402

Array = Any

RATE_HZ = 16_000
AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")
COLOURS = {"ours": "#0072B2", "Praat": "#E69F00", "librosa.pyin": "#999999"}  # Okabe and Ito's


def recordings(material: Path | None) -> dict[str, Array]:
    """All recordings of a folder, 16 kHz mono float32, by name."""
    import soundfile
    import soxr

    if material is None:
        spec = importlib.util.find_spec("pyannote.audio")
        assert spec and spec.submodule_search_locations
        material = Path(spec.submodule_search_locations[0]) / "sample"
    found = {}
    for path in sorted(material.iterdir()):
        if path.suffix in AUDIO_SUFFIXES:
            samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
            mono = samples.mean(axis=1)
            found[path.name] = mono if rate_hz == RATE_HZ else soxr.resample(mono, rate_hz, RATE_HZ).astype(np.float32)
    if not found:
        raise SystemExit(f"no recordings in {material}")
    return found


def run(material: dict[str, Array], minutes: float, rounds: int) -> dict[str, Any]:
    """The whole report."""
    cores = os.sched_getaffinity(0)
    speech = np.resize(np.concatenate(list(material.values())), int(minutes * 60 * RATE_HZ))
    report: dict[str, Any] = {
        "machine": {"processor": _processor(), "python": platform.python_version(), "cores": len(cores)},
        "minutes": minutes,
        "rounds": rounds,
        "material": sorted(material),
    }
    with tempfile.TemporaryDirectory() as folder:
        voice_peers.one_core()
        paces, ratios = voice_peers.race(speech, rounds)
        report["speed"] = {"one_core": voice_peers.as_json(paces), "times_faster_than": ratios}
        report["speed"]["librosa_by_length"] = voice_peers.by_length(speech, rounds)
        report["speed"]["decoding_on_one_core"] = voice_peers.beside_decoding(speech, Path(folder), rounds)
        os.sched_setaffinity(0, cores)
        report["speed"]["decoding_on_all_cores"] = voice_peers.beside_decoding(speech, Path(folder), rounds)
        report["accuracy"] = {
            "synthetic": voice_accuracy.as_json(voice_accuracy.synthetic()),
            "against_praat": voice_accuracy.as_json(voice_accuracy.against_praat(material)),
            "clap_changes_percent": voice_accuracy.clap(),
        }
        batches = list(measure([speech]))
        frames = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
        report["scale"] = {
            "long_recording": voice_scale.long_recording(),
            "many_words": voice_scale.many_words(frames),
            "many_recordings": voice_scale.many_recordings(frames, Path(folder)),
        }
    return report


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def show(report: dict[str, Any]) -> None:
    """Print the report for people."""
    machine, speed, accuracy, scale = (report[name] for name in ("machine", "speed", "accuracy", "scale"))
    print(
        f"{report['minutes']:g} min of speech, {machine['processor']}, one core, medians of {report['rounds']} rounds"
    )
    print(f"\n{'':32}{'seconds':>10}{'x real time':>14}")
    for pace in sorted(speed["one_core"], key=lambda pace: pace["seconds"]):
        print(f"{pace['name']:32}{pace['seconds']:10.3f}{pace['times_real_time']:14.0f}")
    print("\nwe are faster than")
    for name, ratio in speed["times_faster_than"].items():
        print(f"  {name:60} {ratio:7.1f} x")
    lengths = ", ".join(f"{ratio:.1f} x of {length}" for length, ratio in speed["librosa_by_length"].items())
    print(f"  librosa, shared STFT, against ours without pitch: {lengths}")
    for where in ("one_core", "all_cores"):
        decoding = speed[f"decoding_on_{where}"]
        together, alone = decoding["decode_and_measure_s"], decoding["decode_s"]
        print(f"decoding an MP4, {where.replace('_', ' ')}: {alone:.2f} s; and measuring it: {together:.2f} s", end="")
        print(f" ({decoding['ratio']:.2f} x)")
    print(f"\n{'synthetic voices':32}{'':14}{'GPE %':>8}{'VDE %':>8}{'cents':>8}")
    for scene, trackers in accuracy["synthetic"].items():
        for tracker, found in trackers.items():
            print(f"{scene:32}{tracker:14}{found['gpe']:8.2f}{found['vde']:8.2f}{found['cents']:8.2f}")
    print("\nreal speech, Praat as the truth")
    for name, found in accuracy["against_praat"].items():
        print(f"{name:46}{found['gpe']:8.2f}{found['vde']:8.2f}{found['cents']:8.2f}")
    changes = ", ".join(f"{name} {percent:.1f} %" for name, percent in accuracy["clap_changes_percent"].items())
    print(f"\none clap changes the voicing of other frames, as a share of the voiced ones: {changes}")
    long, words, many = (scale[name] for name in ("long_recording", "many_words", "many_recordings"))
    print(
        f"\n{long['hours']:g} h in {long['seconds']:.1f} s, {long['memory_above_imports_mb']:.0f} MB above the imports"
    )
    print(f"{words['words']} words aggregated in {words['seconds']:.3f} s")
    print(
        f"{many['recordings']} recordings, {many['frames']} frames, {many['megabytes']:.0f} MB of Parquet: "
        f"F0 by speaker in {many['f0_by_speaker_s']:.3f} s, loudest minute in {many['loudest_minute_s']:.3f} s"
    )


def draw(report: dict[str, Any], path: Path) -> None:
    """The report's two main figures as a picture."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.6), layout="constrained")
    paces = sorted(report["speed"]["one_core"], key=lambda pace: -pace["seconds"])
    names = [pace["name"] for pace in paces]
    rates = [pace["times_real_time"] for pace in paces]
    colours = [COLOURS["ours"] if name.startswith("ours") else "#BBBBBB" for name in names]
    left.barh(names, rates, color=colours)
    left.set_xscale("log")
    left.set_xlim(1, max(rates) * 4)
    for position, rate in enumerate(rates):
        left.text(rate * 1.1, position, f"{rate:,.0f}", va="center")
    left.set_xlabel("times real time, one core (log)")
    left.set_title("Speed", loc="left")

    scenes = report["accuracy"]["synthetic"]
    height = 0.26
    for offset, (tracker, colour) in enumerate(COLOURS.items()):
        errors = [scenes[scene][tracker]["vde"] + scenes[scene][tracker]["gpe"] for scene in scenes]
        places = np.arange(len(scenes)) + (offset - 1) * height
        right.barh(places, errors, height, label=tracker, color=colour)
        for place, error in zip(places, errors, strict=True):
            right.text(error + 0.4, place, f"{error:.1f}", va="center", fontsize=8)
    right.set_yticks(np.arange(len(scenes)), list(scenes))
    right.invert_yaxis()
    right.set_xlabel("voicing decision errors + gross pitch errors, %")
    right.set_title("Accuracy on synthetic voices", loc="left")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    """Entry of `python -m benchmarks.voice`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--material", type=Path, help="folder of recordings")
    parser.add_argument("--minutes", type=float, default=10.0, help="length of the recording that is raced over")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the report here")
    parser.add_argument("--picture", type=Path, help="write the picture here, PNG")
    options = parser.parse_args()
    report = run(recordings(options.material), options.minutes, options.rounds)
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    if options.picture:
        draw(report, options.picture)


if __name__ == "__main__":
    main()
