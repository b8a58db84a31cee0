"""A result in the formats of annotators and scorers, and all of it in one archive."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from ecg_audio.analysis import Analysis
from ecg_audio.results import bundle, ctm, document, eaf, manifest, rttm, stm, textgrid
from ecg_audio.results.manifest import Manifest

FORMATS: Mapping[str, tuple[str, Callable[[Analysis], str]]] = {
    "textgrid": ("TextGrid", textgrid.dumps),
    "eaf": ("eaf", eaf.dumps),
    "ctm": ("ctm", ctm.dumps),
    "stm": ("stm", stm.dumps),
    "rttm": ("rttm", rttm.dumps),
}
"""What is made of the result alone: the ending of its files, and what writes it."""
FRAMES = "tables/frames"
"""The output that eGeMAPS are made of."""


def egemaps(analysis: Analysis, frames: bytes) -> str:
    """The functionals of eGeMAPS as CSV, of the whole and of each segment. `frames`: the table's file."""
    # Arrow is not everywhere where results are read
    from ecg_audio.results.egemaps import dumps
    from ecg_audio.results.frame_file import read_frames

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.parquet"
        path.write_bytes(frames)
        return dumps(analysis, read_frames(path))


def archive(analysis: Analysis, written: Manifest, read: Callable[[str], bytes]) -> bytes:
    """All that was published of a result and all that can be made of it, as one ZIP archive.

    Args:
        analysis: the result.
        written: what was published.
        read: gives the bytes of an output by its key, also of a table whose rows lie in a day's file.
    """
    files = {
        (f"{name}.parquet" if name.startswith("tables/") else Path(output.key).name): read(output.key)
        for name, output in written.outputs.items()
    }
    files["manifest.json"] = manifest.dumps(written)
    files["analysis.schema.json"] = document.SCHEMA_FILE.read_bytes()
    files |= {f"{analysis.job_id}.{ending}": dumps(analysis).encode() for ending, dumps in FORMATS.values()}
    if FRAMES in written.outputs:
        files[f"{analysis.job_id}.egemaps.csv"] = egemaps(analysis, files[f"{FRAMES}.parquet"]).encode()
    return bundle.archive(analysis, files, written.origin)
