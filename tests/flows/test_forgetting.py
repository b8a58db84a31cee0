"""Jobs that are forgotten, after whole runs."""

import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Crashed, Running

from blocks import forgetting
from blocks.folder import FolderStore
from blocks.storage import open_store
from ecg_audio.errors import PublishFailed, ResultNotFound
from ecg_audio.request import AnalysisRequest
from flows.analyze import analyze
from tests.support.commands import Ecg

pytestmark = [pytest.mark.usefixtures("server", "stub"), pytest.mark.slow]

Ask = Callable[..., AnalysisRequest]


def runs_of(job_id: str) -> list[dict[str, object]]:
    """What Prefect still knows of a job."""
    with get_client(sync_client=True) as client:
        wanted = {"flow_runs": {"name": {"like_": job_id}}}
        found: list[dict[str, object]] = client.request("POST", "/flow_runs/filter", json=wanted).json()
        return found


def test_a_shared_recording_stays_until_its_last_job_is_forgotten(
    ecg: Ecg, ask: Ask, talk: Path, tmp_path: Path
) -> None:
    """Two jobs of one upload: the first leaves only what the second uses; after the second the store is empty."""
    store = FolderStore(tmp_path / "store")
    upload = store.path("videos/anonymous/20260101_120000_0123abcd_talk.mp4")
    upload.parent.mkdir(parents=True)
    shutil.copy(talk, upload)
    first, second = f"first-{uuid4()}", f"second-{uuid4()}"
    for job_id in (first, second):
        analyze(ask(job_id=job_id, source=str(upload)))
    store.write(f"deliveries/{first}.json", b"{}")
    before = {key for key in store.keys("") if second in key or key.startswith(("recordings", "cache", "videos"))}

    ended = ecg("forget", first, "--out", str(store.folder))
    assert (ended.code, ended.err) == (0, "")
    assert f"{first}.parquet" in ended.out and "stays: other jobs use it" in ended.out
    (kept_run,) = {key.split("/")[1] for key in store.keys("runs")}
    assert {key for key in store.keys("") if not key.startswith(f"runs/{kept_run}/")} == before
    assert runs_of(first) == [] and len(runs_of(second)) == 1

    assert ecg("forget", second, "--out", str(store.folder)).code == 0
    assert store.keys("") == [] and runs_of(second) == []

    again = ecg("forget", second, "--out", str(store.folder))
    assert again.code == 2 and "JOB_NOT_FOUND" in again.err


def test_what_broke_off_goes_on(ask: Ask, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that fails in the middle leaves nothing published, and forgetting again removes the rest."""
    request = ask(job_id="broken-off")
    analyze(request)
    store = open_store(request.store)
    delete, done = FolderStore.delete, []

    def breaking(folder: FolderStore, key: str) -> None:
        if len(done) == 3:
            raise PublishFailed("the disk is gone")
        delete(folder, key)
        done.append(key)

    monkeypatch.setattr(FolderStore, "delete", breaking)
    with pytest.raises(PublishFailed):
        forgetting.forget(store, "broken-off")
    monkeypatch.setattr(FolderStore, "delete", delete)
    with pytest.raises(ResultNotFound):
        store.read("results/broken-off/manifest.json")
    assert store.keys("runs")
    forgetting.forget(store, "broken-off")
    assert store.keys("") == [] and talk.exists()


def test_a_job_at_work_is_not_forgotten(ecg: Ecg, tmp_path: Path) -> None:
    """A run that is not over is named, one that will be begun again, too, and nothing is removed."""
    store = FolderStore(tmp_path / "store")
    store.write("deliveries/busy.json", b"{}")
    with get_client(sync_client=True) as client:
        run = client.create_flow_run(
            analyze, parameters={"request": {"source": "a", "job_id": "busy"}}, name="busy · a"
        )
        for state in (Running(), Crashed()):
            client.set_flow_run_state(run.id, state, force=True)
            ended = ecg("forget", "busy", "--out", str(store.folder))
            assert ended.code == 2 and "not over" in ended.err and store.exists("deliveries/busy.json")
        client.delete_flow_run(run.id)


def test_a_hostile_job_id_is_no_path(ecg: Ecg, tmp_path: Path) -> None:
    """What is no job id is refused before anything is looked at."""
    (tmp_path / "manifest.json").write_text("{}")
    ended = ecg("forget", "../..", "--out", str(tmp_path / "store"))
    assert ended.code == 2 and "INVALID_REQUEST" in ended.err and (tmp_path / "manifest.json").exists()
