"""publish: every output of a job into the store, the manifest last.

Readers trust manifests: what no manifest names was never published. A second publication of a job replaces the first
one whole: new objects first, then the manifest, then the old run's objects go.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from prefect import task

from blocks.storage import ArtifactStore, open_store
from ecg_audio import progress, workspace
from ecg_audio.analysis import Analysis
from ecg_audio.errors import EcgError, ResultNotFound
from ecg_audio.results import manifest
from ecg_audio.results.outcome import TABLES, Outputs
from tasks.retrying import RETRYING

NAMES = {
    "analysis": "analysis.json",
    "backend": "backend.json",
    "rttm": "speakers.rttm",
    "srt": "captions.srt",
    "vtt": "captions.vtt",
    "ass": "captions.ass",
}


@dataclass(frozen=True, slots=True)
class _Output:
    name: str
    key: str
    path: Path


@task(name="publish", **RETRYING)
def publish(analysis: Analysis, frames: str | None, store: str) -> Outputs:
    """Write a job's outputs and make them the job's published result.

    Raises:
        PublishFailed: the store does not take them; the job's earlier result, if any, stands untouched as far as its
            manifest, and nothing half-written is left.
    """
    artifacts = open_store(store)
    with progress.current().stage("publish") as report, workspace.scratch("publish") as folder:
        outputs = _rendered(analysis, frames, artifacts, folder)
        before = _published(artifacts, analysis.job_id)
        new = {output.key for output in outputs}
        try:
            for done, output in enumerate(outputs):
                artifacts.upload(output.key, output.path)
                report(done / (len(outputs) + 1))
            written = manifest.build(
                analysis, {output.name: manifest.output(output.key, output.path.read_bytes()) for output in outputs}
            )
            artifacts.write(manifest_key(analysis.job_id), manifest.dumps(written))
        except EcgError:
            for key in new - before:
                artifacts.delete(key)
            raise
        for key in before - new:
            artifacts.delete(key)
        return _addresses(artifacts, analysis.job_id, outputs)


def manifest_key(job_id: str) -> str:
    """Where a job's manifest lies."""
    return f"results/{job_id}/manifest.json"


def _published(artifacts: ArtifactStore, job_id: str) -> set[str]:
    try:
        earlier = manifest.loads(artifacts.read(manifest_key(job_id)))
    except ResultNotFound:
        return set()
    return {output.key for output in earlier.outputs.values()}


def _rendered(analysis: Analysis, frames: str | None, artifacts: ArtifactStore, folder: Path) -> list[_Output]:
    """All outputs as local files, in upload order: the table `recordings`, which readers join on, comes last."""
    from ecg_audio.captions import ass, cues, srt, vtt
    from ecg_audio.results import backend, document, rttm, tables

    lines = cues.cues(analysis.segments)
    texts: dict[str, str | bytes] = {
        "analysis": document.dumps(analysis),
        "backend": json.dumps(backend.document(analysis), ensure_ascii=False, allow_nan=False),
        "rttm": rttm.dumps(analysis),
        "srt": srt.dumps(lines),
        "vtt": vtt.dumps(lines),
        "ass": ass.dumps(lines, title=analysis.title),
    }
    outputs = []
    for name, text in texts.items():
        path = folder / NAMES[name]
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        outputs.append(_Output(name, f"runs/{analysis.run_id}/{NAMES[name]}", path))
    if frames is None:
        made = tables.write_tables(analysis, None, folder)
    else:
        with artifacts.local(frames) as path:
            made = tables.write_tables(analysis, path, folder)
    day = analysis.created_at[:10]
    for table in reversed(TABLES):
        if table in made:
            key = f"features/{table}/date={day}/{analysis.job_id}.parquet"
            outputs.append(_Output(f"tables/{table}", key, made[table]))
    return outputs


def _addresses(artifacts: ArtifactStore, job_id: str, outputs: list[_Output]) -> Outputs:
    uris = {output.name: artifacts.uri(output.key) for output in outputs}
    return Outputs.model_validate(
        {
            **{name: uris[name] for name in NAMES},
            "manifest": artifacts.uri(manifest_key(job_id)),
            "tables": {table: uris[f"tables/{table}"] for table in TABLES if f"tables/{table}" in uris},
        }
    )
