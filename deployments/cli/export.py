"""`ecg export`: a finished result in the formats of annotators and scorers, or all of it in one archive."""

from functools import partial
from pathlib import Path

from blocks.storage import ArtifactStore
from deployments.cli.show import load, published
from deployments.terminal import out
from ecg_audio.errors import InvalidRequest
from ecg_audio.results import compaction, exports, manifest

EGEMAPS = "egemaps"
BUNDLE = "bundle"


def export(named: str, store: str | None, wanted: str, folder: Path) -> None:
    """Write a result in each of the formats, as JOB.FORMAT in a folder, and say where.

    Raises:
        InvalidRequest: there is no such format, or the folder cannot be written.
        ResultNotFound: there is no such result; for a bundle, one that was published in a store.
    """
    formats = [name.strip().lower() for name in wanted.split(",") if name.strip()]
    unknown = [name for name in formats if name not in (*exports.FORMATS, EGEMAPS, BUNDLE)]
    if unknown or not formats:
        known = ", ".join([*exports.FORMATS, EGEMAPS, BUNDLE])
        raise InvalidRequest(f"--format {wanted}: must be one or more of {known}, with commas between them")
    analysis = load(named, store)
    files: dict[str, bytes] = {}
    for name in formats:
        if name == BUNDLE:
            artifacts, written = _published(named, store)
            files[f"{analysis.job_id}.zip"] = exports.archive(analysis, written, partial(compaction.read, artifacts))
        elif name == EGEMAPS:
            artifacts, written = _published(named, store)
            if exports.FRAMES not in written.outputs:
                raise InvalidRequest(
                    "this result has no voice frames", hint="Its notices say why: `ecg show` prints them."
                )
            frames = artifacts.read(written.outputs[exports.FRAMES].key)
            files[f"{analysis.job_id}.egemaps.csv"] = exports.egemaps(analysis, frames).encode()
        else:
            ending, dumps = exports.FORMATS[name]
            files[f"{analysis.job_id}.{ending}"] = dumps(analysis).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
            out.print(str(folder / name), highlight=False, markup=False, soft_wrap=True)
    except OSError as error:
        raise InvalidRequest(f"--to {folder}: {error.strerror}") from None


def _published(named: str, store: str | None) -> tuple[ArtifactStore, manifest.Manifest]:
    """The store of a result and what was published in it."""
    path = Path(named)
    if path.is_file() and path.name != "manifest.json":
        raise InvalidRequest(
            "this format is made of the tables too, and an analysis by its path does not say where they lie",
            hint="Name the job, with --out where its store is another one; or give its manifest.",
        )
    return published(named, store)
