"""`ecg export`: a finished result in the formats of annotators and scorers, or all of it in one archive."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from blocks.storage import ArtifactStore
from deployments.cli.show import load, published
from deployments.terminal import out
from ecg_audio.analysis import Analysis
from ecg_audio.errors import InvalidRequest
from ecg_audio.results import bundle, compaction, ctm, document, eaf, manifest, rttm, stm, textgrid

FORMATS: Mapping[str, tuple[str, Callable[[Analysis], str]]] = {
    "textgrid": ("TextGrid", textgrid.dumps),
    "eaf": ("eaf", eaf.dumps),
    "ctm": ("ctm", ctm.dumps),
    "stm": ("stm", stm.dumps),
    "rttm": ("rttm", rttm.dumps),
}
EGEMAPS = "egemaps"
BUNDLE = "bundle"


def export(named: str, store: str | None, wanted: str, folder: Path) -> None:
    """Write a result in each of the formats, as JOB.FORMAT in a folder, and say where.

    Raises:
        InvalidRequest: there is no such format, or the folder cannot be written.
        ResultNotFound: there is no such result; for a bundle, one that was published in a store.
    """
    formats = [name.strip().lower() for name in wanted.split(",") if name.strip()]
    unknown = [name for name in formats if name not in (*FORMATS, EGEMAPS, BUNDLE)]
    if unknown or not formats:
        known = ", ".join([*FORMATS, EGEMAPS, BUNDLE])
        raise InvalidRequest(f"--format {wanted}: must be one or more of {known}, with commas between them")
    analysis = load(named, store)
    files: dict[str, bytes] = {}
    for name in formats:
        if name == BUNDLE:
            files[f"{analysis.job_id}.zip"] = _bundle(analysis, named, store)
        elif name == EGEMAPS:
            artifacts, written = _published(named, store)
            if "tables/frames" not in written.outputs:
                raise InvalidRequest(
                    "this result has no voice frames", hint="Its notices say why: `ecg show` prints them."
                )
            frames = artifacts.read(written.outputs["tables/frames"].key)
            files[f"{analysis.job_id}.egemaps.csv"] = _egemaps(analysis, frames).encode()
        else:
            ending, dumps = FORMATS[name]
            files[f"{analysis.job_id}.{ending}"] = dumps(analysis).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
            out.print(str(folder / name), highlight=False, markup=False, soft_wrap=True)
    except OSError as error:
        raise InvalidRequest(f"--to {folder}: {error.strerror}") from None


def _egemaps(analysis: Analysis, frames: bytes) -> str:
    # pandas' and Arrow's imports are paid for by whom they serve
    from ecg_audio.results import egemaps
    from ecg_audio.results.frame_file import read_frames

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.parquet"
        path.write_bytes(frames)
        return egemaps.dumps(analysis, read_frames(path))


def _published(named: str, store: str | None) -> tuple[ArtifactStore, manifest.Manifest]:
    """The store of a result and what was published in it."""
    path = Path(named)
    if path.is_file() and path.name != "manifest.json":
        raise InvalidRequest(
            "this format is made of the tables too, and an analysis by its path does not say where they lie",
            hint="Name the job, with --out where its store is another one; or give its manifest.",
        )
    return published(named, store)


def _bundle(analysis: Analysis, named: str, store: str | None) -> bytes:
    artifacts, written = _published(named, store)
    files = {
        (f"{name}.parquet" if name.startswith("tables/") else Path(output.key).name): compaction.read(
            artifacts, output.key
        )
        for name, output in written.outputs.items()
    }
    files["manifest.json"] = manifest.dumps(written)
    files["analysis.schema.json"] = document.SCHEMA_FILE.read_bytes()
    files |= {f"{analysis.job_id}.{ending}": dumps(analysis).encode() for ending, dumps in FORMATS.values()}
    if "tables/frames.parquet" in files:
        files[f"{analysis.job_id}.egemaps.csv"] = _egemaps(analysis, files["tables/frames.parquet"]).encode()
    return bundle.archive(analysis, files)
