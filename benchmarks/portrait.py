"""A recording's pitch and loudness with the words under it: `python -m benchmarks.portrait RESULT PICTURE`.

Drawn from the Parquet tables alone. RESULT is a folder that holds words.parquet and frames.parquet, or the artifact
store together with `--job`. Each speaker has a colour (Okabe and Ito's, told apart by colour-blind eyes); a word is the
bolder the louder it is for its speaker, as in the captions.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

Rows = dict[str, Any]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
NOBODY = "#8A8A8A"
WEIGHTS = {"whisper": 300, "soft": 300, "normal": 400, "loud": 700, "shout": 900}
ROW_S = 10.0
CHARACTER_S = 0.105
"""What a letter of a word takes of a row, so that words do not run into each other."""
LINES = 3


def tables(result: Path, job: str | None) -> tuple[Rows, Rows]:
    """Columns of the words and of the frames."""
    found = []
    for name in ("words", "frames"):
        pattern = f"**/{name}/**/{job}.parquet" if job else f"**/{name}*.parquet"
        paths = [result / f"{name}.parquet"] if (result / f"{name}.parquet").exists() else sorted(result.glob(pattern))
        if len(paths) != 1:
            raise SystemExit(f"{len(paths)} tables of {name} in {result}: name the job with --job")
        table = pq.read_table(paths[0])
        found.append({column: table[column].to_numpy() for column in table.column_names})
    return found[0], found[1]


def draw(words: Rows, frames: Rows, start_s: float, end_s: float, picture: Path) -> None:
    """One row of axes for every ten seconds between `start_s` and `end_s`."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = sorted({name for name in words["speaker"] if name is not None})
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    starts_s = np.arange(start_s, end_s, ROW_S)
    voiced_hz = frames["f0_hz"][np.isfinite(frames["f0_hz"].astype(float))]
    low_hz, high_hz = (np.percentile(voiced_hz, (0.5, 99.5)) * (0.85, 1.2)) if len(voiced_hz) else (60.0, 500.0)

    plt.rcParams.update({"font.family": "DejaVu Sans", "font.size": 9, "axes.edgecolor": "#666666"})
    height = 2.5 * len(starts_s) + 0.5
    figure, axes = plt.subplots(len(starts_s), 1, figsize=(13, height), squeeze=False, layout="constrained")
    for pitch, row_s in zip(axes[:, 0], starts_s, strict=True):
        _curves(pitch, words, frames, row_s, colours, (low_hz, high_hz))
        _words(pitch, words, row_s, colours)
    axes[0, 0].set_title("pitch (dots, left) and loudness (area, right)", loc="left", color="#444444")
    handles = [plt.Line2D([], [], marker="o", ls="", color=colour, label=name) for name, colour in colours.items()]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles) or 1, frameon=False)
    figure.savefig(picture, dpi=130)
    plt.close(figure)


def _curves(pitch: Any, words: Rows, frames: Rows, row_s: float, colours: dict[str, str], range_hz: Any) -> None:
    """The area of loudness behind the dots of pitch."""
    times_s = frames["time_s"]
    inside = (times_s >= row_s) & (times_s < row_s + ROW_S)
    times_s, f0_hz = times_s[inside], frames["f0_hz"][inside].astype(float)
    level_dbfs = np.nan_to_num(frames["rms_dbfs"][inside].astype(float), nan=-90.0)
    loudness = pitch.twinx()
    loudness.fill_between(times_s, -90.0, level_dbfs, color="#D9DEE4", lw=0)
    loudness.set_ylim(-75.0, 5.0)
    loudness.set_yticks([-60, -40, -20], ["-60", "-40", "-20 dBFS"], color="#8A8A8A")
    loudness.set_zorder(0)
    pitch.set_zorder(1)
    pitch.patch.set_visible(False)

    who = np.full(len(times_s), None, object)
    for start_s, end_s, speaker in zip(words["start_s"], words["end_s"], words["speaker"], strict=True):
        who[(times_s >= start_s) & (times_s < end_s)] = speaker
    if "speaker" in frames:
        spoken = frames["speaker"][inside]
        who = np.where([name is None for name in who], spoken, who)
    pitch.scatter(times_s, f0_hz, s=5, c=[colours.get(name, NOBODY) for name in who], lw=0)
    pitch.set_yscale("log")
    pitch.set_ylim(*range_hz)
    ticks = [hz for hz in (60, 80, 100, 150, 200, 300, 400, 500) if range_hz[0] <= hz <= range_hz[1]]
    pitch.set_yticks(ticks, [f"{hz} Hz" if hz == ticks[-1] else f"{hz}" for hz in ticks])
    pitch.minorticks_off()
    pitch.grid(axis="y", color="#E5E5E5", lw=0.6)
    pitch.set_xlim(row_s, row_s + ROW_S)
    seconds = np.arange(row_s, row_s + ROW_S + 0.1, 1.0)
    pitch.set_xticks(seconds, [f"{second:g} s" if second in (seconds[0], seconds[-1]) else "" for second in seconds])
    for axis in (pitch, loudness):
        axis.spines[["top", "left", "right"]].set_visible(False)
        axis.tick_params(length=0)


def _words(pitch: Any, words: Rows, row_s: float, colours: dict[str, str]) -> None:
    """The words where they begin, on as many lines as keep them apart, with a bar as long as they last."""
    free_s = [row_s] * LINES
    for index in np.argsort(words["start_s"], kind="stable"):
        start_s, end_s = float(words["start_s"][index]), float(words["end_s"][index])
        if not row_s <= start_s < row_s + ROW_S:
            continue
        text, volume = words["text"][index], words["relative_volume"][index]
        line = next((line for line in range(LINES) if free_s[line] <= start_s), int(np.argmin(free_s)))
        at_s = max(start_s, min(free_s[line], row_s + ROW_S))
        free_s[line] = at_s + CHARACTER_S * (len(text) + 1)
        colour = colours.get(words["speaker"][index], NOBODY)
        height = -0.17 - 0.13 * line
        place = {"transform": pitch.get_xaxis_transform(), "clip_on": False}
        pitch.plot([start_s, min(end_s, row_s + ROW_S)], [-0.035 - 0.02 * line] * 2, color=colour, lw=1.6, **place)
        pitch.text(at_s, height, text, color=colour, weight=WEIGHTS.get(volume, 400), va="top", **place)


def main() -> None:
    """Entry of `python -m benchmarks.portrait`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path, help="folder with the tables, or the artifact store")
    parser.add_argument("picture", type=Path, help="PNG to write")
    parser.add_argument("--job", help="job id, where the folder holds several")
    parser.add_argument("--from", dest="start_s", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--to", dest="end_s", type=float, metavar="SECONDS", help="default: the end, at most a minute")
    options = parser.parse_args()
    words, frames = tables(options.result, options.job)
    end_s = options.end_s or min(float(frames["time_s"][-1]), options.start_s + 60.0)
    draw(words, frames, options.start_s, end_s, options.picture)


if __name__ == "__main__":
    main()
