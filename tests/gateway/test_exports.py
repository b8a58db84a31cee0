"""Formats that are made when somebody asks for them, over HTTP."""

import io
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import httpx
import pyarrow.parquet as parquet
import pytest

from blocks.folder import FolderStore
from ecg_audio.results import compaction
from ecg_audio.results import exports as formats
from gateway import exports
from tests.gateway.conftest import JOBS
from tests.support.gateway import code
from tests.support.results import corpus, factory

HOLDS: Mapping[str, Callable[[bytes], Any]] = {
    "txt": lambda content: "hello there" in content.decode(),
    "md": lambda content: "hello there" in content.decode(),
    "ebuttd": lambda content: ElementTree.fromstring(content).tag.endswith("}tt"),
    "textgrid": lambda content: content.startswith(b'File type = "ooTextFile"'),
    "eaf": lambda content: ElementTree.fromstring(content).tag == "ANNOTATION_DOCUMENT",
    "ctm": lambda content: len(content.decode().splitlines()) >= 4,
    "stm": lambda content: "hello there" in content.decode(),
    "egemaps": lambda content: "F0semitoneFrom27.5Hz" in content.decode(),
    "bundle": lambda content: {"SHA256SUMS", "analysis.json"} <= set(zipfile.ZipFile(io.BytesIO(content)).namelist()),
}


def test_a_result_is_had_in_every_format(client: httpx.Client, job: str) -> None:
    """Each of the links gives a file that has the job's name and is what it says, and needs no key."""
    offered = client.post(f"{JOBS}/{job}/links").json()["exports"]
    assert set(offered) == set(HOLDS), "RTTM is published already"
    for wanted, link in offered.items():
        answer = client.get(link)
        assert answer.status_code == 200 and HOLDS[wanted](answer.content), wanted
        assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{job}.')
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert client.get(f"{JOBS}/{job}/exports/rttm").text.startswith("SPEAKER ")


def test_the_archive_is_that_of_the_command(client: httpx.Client, job: str) -> None:
    """The formats of `ecg export`, the tables, and all that was published are in it."""
    names = zipfile.ZipFile(io.BytesIO(client.get(f"{JOBS}/{job}/exports/bundle").content)).namelist()
    published = client.get(f"{JOBS}/{job}").json()["outputs"]
    assert {f"{name}.parquet" for name in published if name.startswith("tables/")} <= set(names)
    assert {f"{job}.{ending}" for ending, _ in formats.FORMATS.values()} | {f"{job}.egemaps.csv"} <= set(names)
    assert set(get_args(exports.Format)) > set(formats.FORMATS)


def test_where_packages_are_missing_the_rest_is_had(
    client: httpx.Client,
    job: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As in the control image: what is made with them is not offered, and is refused by name."""
    monkeypatch.setattr(exports, "NEEDS", dict.fromkeys(exports.NEEDS, "no_such_package"))
    assert set(client.post(f"{JOBS}/{job}/links").json()["exports"]) == set(HOLDS) - set(exports.NEEDS)
    for wanted in exports.NEEDS:
        assert code(client.get(f"{JOBS}/{job}/exports/{wanted}")) == (501, "FORMAT_UNAVAILABLE")
    assert client.get(f"{JOBS}/{job}/exports/eaf").status_code == 200


def test_a_table_is_had_from_its_days_file(
    client: httpx.Client, job: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job's rows are the same before and after compaction; without Arrow they are refused, not missing."""
    address = f"/api/upload-video/outputs/{job}/tables/words"
    before = parquet.read_table(io.BytesIO(client.get(address).content)).to_pylist()
    now = datetime.now(UTC)
    corpus.publish(tmp_path / "store", [factory.analysis(job_id="other", created_at=now.isoformat(timespec="seconds"))])
    done = compaction.compact(FolderStore(tmp_path / "store"), before=now + timedelta(minutes=1))
    assert "words" in {one.table for one in done}
    answer = client.get(address)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{job}.parquet"'
    assert parquet.read_table(io.BytesIO(answer.content)).to_pylist() == before
    monkeypatch.setattr(exports, "NEEDS", dict.fromkeys(exports.NEEDS, "no_such_package"))
    assert code(client.get(address)) == (501, "FORMAT_UNAVAILABLE")


def test_what_is_no_format_is_refused(client: httpx.Client, job: str) -> None:
    """By its name, and where there is no such job."""
    assert code(client.get(f"{JOBS}/{job}/exports/docx")) == (422, "INVALID_REQUEST")
    assert code(client.get(f"{JOBS}/nobody/exports/eaf")) == (404, "JOB_NOT_FOUND")
