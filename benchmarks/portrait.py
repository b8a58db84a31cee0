"""A recording's pitch and loudness with the words under it: `python -m benchmarks.portrait RESULT PICTURE`.

Drawn from the Parquet tables alone. RESULT is a folder that holds words.parquet and frames.parquet, or the artifact
store together with `--job`. Each speaker has a colour (Okabe and Ito's, told apart by colour-blind eyes); a word is the
bolder the louder it is for its speaker, as in the captions.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

Rows = dict[str, Any]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
NOBODY = "#8A8A8A"
LOUDNESS = "#D9DEE4"
STYLES: dict[str | None, dict[str, Any]] = {
    "whisper": {"alpha": 0.55, "size": 8},
    "soft": {"alpha": 0.7},
    "loud": {"weight": "bold"},
    "shout": {"weight": "bold", "size": 12},
}
COLUMNS = {
    "words": ("start_s", "end_s", "speaker", "text", "relative_volume"),
    "frames": ("time_s", "speaker", "rms_dbfs", "f0_hz"),
}
ROW_S = 10.0
CHARACTER_S = 0.105
"""What a letter of a word takes of a row, so that words do not run into each other."""
LINES = 3


def tables(result: Path, job: str | None) -> tuple[Rows, Rows]:
    """Columns of the words and of the frames."""
    found = []
    for name, columns in COLUMNS.items():
        pattern = f"**/{name}/**/{job}.parquet" if job else f"**/{name}*.parquet"
        paths = [result / f"{name}.parquet"] if (result / f"{name}.parquet").exists() else sorted(result.glob(pattern))
        if len(paths) != 1:
            raise SystemExit(f"{len(paths)} tables of {name} in {result}: name the job with --job")
        table = pq.ParquetFile(paths[0]).read(columns=list(columns))
        found.append({column: _array(table[column]) for column in columns})
    return found[0], found[1]


def _array(column: pa.ChunkedArray) -> Any:
    """Numbers with NaN for NULL, anything else as objects."""
    if pa.types.is_floating(column.type):
        return column.to_numpy().astype(float)
    return np.array(column.to_pylist(), object)


def draw(words: Rows, frames: Rows, start_s: float, end_s: float, picture: Path) -> None:
    """One row of axes for every ten seconds between `start_s` and `end_s`."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = sorted({name for name in words["speaker"] if name is not None})
    colours = {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(names)}
    starts_s = np.arange(start_s, end_s, ROW_S)
    voiced_hz = frames["f0_hz"][np.isfinite(frames["f0_hz"])]
    low_hz, high_hz = (np.percentile(voiced_hz, (0.5, 99.5)) * (0.85, 1.2)) if len(voiced_hz) else (60.0, 500.0)

    plt.rcParams.update({"font.family": "DejaVu Sans", "font.size": 9, "axes.edgecolor": "#666666"})
    height = 2.5 * len(starts_s) + 0.5
    figure, axes = plt.subplots(len(starts_s), 1, figsize=(13, height), squeeze=False, layout="constrained")
    for pitch, row_s in zip(axes[:, 0], starts_s, strict=True):
        _curves(pitch, words, frames, row_s, colours, (low_hz, high_hz))
        _words(pitch, words, row_s, colours)
    handles = [plt.Line2D([], [], marker="o", ls="", color=colour, label=name) for name, colour in colours.items()]
    handles.append(plt.Rectangle((0, 0), 1, 1, color=LOUDNESS, label="loudness"))
    figure.legend(handles=handles, loc="outside upper right", ncols=len(handles), frameon=False)
    figure.get_layout_engine().set(h_pad=0.12)
    figure.savefig(picture, dpi=130, bbox_inches="tight", pad_inches=0.2)
    plt.close(figure)


def _curves(pitch: Any, words: Rows, frames: Rows, row_s: float, colours: dict[str, str], range_hz: Any) -> None:
    """The area of loudness behind the dots of pitch."""
    times_s = frames["time_s"]
    inside = (times_s >= row_s) & (times_s < row_s + ROW_S)
    times_s, f0_hz = times_s[inside], frames["f0_hz"][inside]
    level_dbfs = np.nan_to_num(frames["rms_dbfs"][inside], nan=-90.0)
    loudness = pitch.twinx()
    loudness.fill_between(times_s, -90.0, level_dbfs, color=LOUDNESS, lw=0)
    loudness.set_ylim(-75.0, 5.0)
    loudness.set_yticks([-60, -40, -20], ["−60", "−40", "−20 dBFS"], color="#8A8A8A")
    loudness.set_zorder(0)
    pitch.set_zorder(1)
    pitch.patch.set_visible(False)

    who = np.full(len(times_s), None, object)
    for start_s, end_s, speaker in zip(words["start_s"], words["end_s"], words["speaker"], strict=True):
        who[(times_s >= start_s) & (times_s < end_s)] = speaker
    who = np.where(who == None, frames["speaker"][inside], who)  # noqa: E711 - element by element
    pitch.scatter(times_s, f0_hz, s=5, c=[colours.get(name, NOBODY) for name in who], lw=0)
    pitch.set_yscale("log")
    pitch.set_ylim(*range_hz)
    ticks = [hz for hz in (60, 80, 100, 150, 200, 300, 400, 500) if range_hz[0] <= hz <= range_hz[1]]
    pitch.set_yticks(ticks, [f"{hz} Hz" if hz == ticks[-1] else f"{hz}" for hz in ticks])
    pitch.minorticks_off()
    pitch.grid(axis="y", color="#E5E5E5", lw=0.6)
    pitch.set_xlim(row_s, row_s + ROW_S)
    pitch.set_xticks([])
    minutes, seconds = divmod(round(row_s), 60)
    pitch.set_title(f"{minutes}:{seconds:02d}", loc="left", color="#666666", size=9, pad=2)
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
        pitch.text(at_s, height, text, color=colour, va="top", **STYLES.get(volume, {}), **place)


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
