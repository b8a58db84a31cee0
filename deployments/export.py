"""`ecg export`: a finished result in the formats of annotators and scorers, or all of it in one archive."""

from collections.abc import Callable, Mapping
from pathlib import Path

from blocks.storage import open_store
from deployments.show import load
from deployments.terminal import out
from ecg_audio import layout
from ecg_audio.analysis import Analysis
from ecg_audio.errors import InvalidRequest
from ecg_audio.results import bundle, ctm, document, eaf, manifest, rttm, stm, textgrid

FORMATS: Mapping[str, tuple[str, Callable[[Analysis], str]]] = {
    "textgrid": ("TextGrid", textgrid.dumps),
    "eaf": ("eaf", eaf.dumps),
    "ctm": ("ctm", ctm.dumps),
    "stm": ("stm", stm.dumps),
    "rttm": ("rttm", rttm.dumps),
}
BUNDLE = "bundle"


def export(named: str, store: str | None, wanted: str, folder: Path) -> None:
    """Write a result in each of the formats, as JOB.FORMAT in a folder, and say where.

    Raises:
        InvalidRequest: there is no such format, or the folder cannot be written.
        ResultNotFound: there is no such result; for a bundle, one that was published in a store.
    """
    formats = [name.strip().lower() for name in wanted.split(",") if name.strip()]
    unknown = [name for name in formats if name not in FORMATS and name != BUNDLE]
    if unknown or not formats:
        known = ", ".join([*FORMATS, BUNDLE])
        raise InvalidRequest(f"--format {wanted}: must be one or more of {known}, with commas between them")
    analysis = load(named, store)
    files: dict[str, bytes] = {}
    for name in formats:
        if name == BUNDLE:
            files[f"{analysis.job_id}.zip"] = _bundle(analysis, named, store)
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


def _bundle(analysis: Analysis, named: str, store: str | None) -> bytes:
    path = Path(named)
    if path.is_file():
        if path.name != "manifest.json":
            raise InvalidRequest(
                "a bundle holds the tables too, and an analysis by its path does not say where they lie",
                hint="Name the job, with --out where its store is another one; or give its manifest.",
            )
        written = manifest.loads(path.read_bytes())
        artifacts = open_store(store or str(path.absolute().parents[2]))
    else:
        artifacts = open_store(store)
        written = manifest.loads(artifacts.read(layout.manifest(named)))
    files = {
        (f"{name}.parquet" if name.startswith("tables/") else Path(output.key).name): artifacts.read(output.key)
        for name, output in written.outputs.items()
    }
    files["manifest.json"] = manifest.dumps(written)
    files["analysis.schema.json"] = document.SCHEMA_FILE.read_bytes()
    files |= {f"{analysis.job_id}.{ending}": dumps(analysis).encode() for ending, dumps in FORMATS.values()}
    return bundle.archive(analysis, files)
