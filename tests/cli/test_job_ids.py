"""The ids that jobs get when nobody names them."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocks.folder import FolderStore
from deployments.cli import job_ids
from ecg_audio import layout
from ecg_audio.errors import EngineUnavailable
from ecg_audio.request import AnalysisRequest
from tests.support.commands import Ecg
from tests.support.stub_engine import StubEngine


@pytest.mark.parametrize(
    ("name", "job_id"),
    [
        ("two_cities.mp4", "two_cities"),
        ("Two Cities.mp4", "Two-Cities"),
        ("talk.v2.wav", "talk-v2"),
        ("회의 기록.mp4", "hoeyi-girog"),
        ("東京.m4a", "Dong-Jing"),
        ("-_x_-.wav", "x"),
        ("'; rm -rf ~ #.mp3", "rm-rf"),
        ("...", "recording"),
        ("😀.mp4", "recording"),
        ("a" * 200 + ".mp4", "a" * 60),
    ],
)
def test_a_file_gives_its_name(tmp_path: Path, name: str, job_id: str) -> None:
    """Whatever a file is called, in whatever script, its name becomes an id; where it has no letter, `recording`."""
    (tmp_path / name).write_bytes(b"sound")
    assert job_ids.named_after(str(tmp_path / name)) == job_id


@pytest.mark.parametrize(
    ("where", "job_id"),
    [
        ("https://me:secret@example.org/talks/My%20Talk.mp3?token=secret", "My-Talk"),
        ("https://example.org/", "example"),
        ("s3://bucket/2026/interview 7.flac", "interview-7"),
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=9", "dQw4w9WgXcQ"),
        ("https://youtu.be/dQw4w9WgXcQ", "dQw4w9WgXcQ"),
    ],
)
def test_an_address_gives_the_name_of_what_it_serves(where: str, job_id: str) -> None:
    """The last part of its path, a video's own id, or the host; never what is secret in it."""
    assert job_ids.named_after(where) == job_id


@given(st.text(min_size=1, max_size=80).filter(lambda name: "\0" not in name and "/" not in name))
def test_every_name_is_an_id_that_requests_take(name: str) -> None:
    """No name of an object makes an id that a request refuses."""
    job_id = job_ids.named_after(f"s3://bucket/{name}")
    assert AnalysisRequest.checked(source="unused", job_id=job_id).job_id == job_id


def test_a_result_keeps_its_id(tmp_path: Path) -> None:
    """What is published is never replaced by a job that nobody named: the next number is taken, holes first."""
    store = FolderStore(tmp_path)
    for job_id in ("talk", "talk-2", "talk-4"):
        store.write(layout.manifest(job_id), b"{}")
    with job_ids.unused(store, "talk") as third, job_ids.unused(store, "talk") as fifth:
        assert (third, fifth) == ("talk-3", "talk-5")
    with job_ids.unused(store, "talk") as again:
        assert again == "talk-3"  # neither has left a result


def test_many_at_once_get_an_id_each(tmp_path: Path) -> None:
    """Twenty commands that begin together work under twenty ids, and leave no mark."""
    store, begun = FolderStore(tmp_path), threading.Barrier(20)

    def work(_number: int) -> str:
        begun.wait()
        with job_ids.unused(store, "talk") as job_id:
            begun.wait()  # all are at work
            return job_id

    with ThreadPoolExecutor(20) as commands:
        assert len(set(commands.map(work, range(20)))) == 20
    assert not store.keys(layout.CLAIMS)


@pytest.mark.usefixtures("server")
def test_jobs_are_called_after_their_sources(ecg: Ecg, talk: Path, stub: StubEngine) -> None:
    """The same file twice is two results; a try that failed holds no name, nor does a source that is not there."""
    stub.failing["transcribe"] = EngineUnavailable("no models")
    failed = json.loads(ecg("analyze", str(talk), "--json").out)
    stub.failing.clear()
    said = [json.loads(line) for line in ecg("analyze", str(talk), "nowhere.wav", str(talk), "--json").out.splitlines()]
    assert (failed["status"], failed["job_id"]) == ("failed", talk.stem)
    assert [one["job_id"] for one in said] == [None, talk.stem, f"{talk.stem}-2"]
    assert all(ecg("show", name).code == 0 for name in (talk.stem, f"{talk.stem}-2"))
