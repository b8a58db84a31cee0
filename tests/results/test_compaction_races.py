"""Compaction beside others that compact, publish anew or forget: at the worst moments, no row is lost or comes back."""

import io
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from blocks import forgetting
from blocks.bucket import BucketStore
from blocks.folder import FolderStore
from ecg_audio import layout
from ecg_audio.analysis import Analysis
from ecg_audio.claim import claimed
from ecg_audio.errors import PublishFailed, StoreBusy
from ecg_audio.results import compaction, reading
from ecg_audio.results.compaction import Compacted
from ecg_audio.store import ArtifactStore
from tests.results.test_compaction import NOW, made
from tests.support.results import corpus, factory

JOBS = 4
DAY = "2026-03-05"
WORDS = f"features/words/date={DAY}"
WAIT_S = 60.0

Open = Callable[[], ArtifactStore]


@pytest.fixture(params=["folder", "bucket"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens a store with four recordings of one day, each time anew, as another program would."""

    def of_bucket() -> ArtifactStore:
        return BucketStore("s3-bucket/tables", service.block(bucket, "results"))

    def of_folder() -> ArtifactStore:
        return FolderStore(tmp_path / "store")

    if request.param == "bucket":
        service = request.getfixturevalue("moto")
        bucket = service.bucket()
    found = of_bucket if request.param == "bucket" else of_folder
    put(found(), made(range(JOBS)), tmp_path / "made")
    return found


def put(store: ArtifactStore, analyses: Sequence[Analysis], folder: Path) -> None:
    """Put recordings' tables into a store."""
    corpus.publish(folder, analyses)
    for path in sorted(folder.rglob("*.parquet")):
        store.upload(path.relative_to(folder).as_posix(), path)
        path.unlink()


def shorter(analysis: Analysis) -> Analysis:
    """The same job with three words, where it had twelve."""
    seed = next(number for number in range(1, JOBS + 1) if made([number - 1])[0].job_id == analysis.job_id)
    return factory.analysis(3, seed=seed, created_at=analysis.created_at)


def compact(store: ArtifactStore) -> list[Compacted]:
    """Compact everything."""
    return list(compaction.compact(store, before=NOW))


def counted(store: ArtifactStore, table: str = "words") -> dict[str, int]:
    """How many rows of each job a reader sees."""
    system, root = store.arrow()
    return reading.table(root, table, filesystem=system)["job_id"].astype(str).value_counts().to_dict()


def jobs(store: ArtifactStore, below: str = layout.TABLES) -> set[str]:
    """The jobs of which any file holds a row, whether it counts or not."""
    files = [io.BytesIO(store.read(key)) for key in store.keys(below)]
    return {str(job) for file in files for job in pq.read_table(file, columns=["job_id"])["job_id"].to_pylist()}


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have something done right before a store does something with such a key, the first time or a later one."""

    def hooked(store: Any, what: str, keys: str, act: Callable[[str], object], time: int = 1) -> None:
        doing, seen = getattr(store, what), []

        def done(key: str, *arguments: Any) -> Any:
            if fnmatch(key, keys):
                seen.append(key)
                if len(seen) == time:
                    act(key)
            return doing(key, *arguments)

        monkeypatch.setattr(store, what, done)

    return hooked


class Beside:
    """Work in a thread, which says that it waits."""

    def __init__(self) -> None:
        self.waits = threading.Event()
        self._thread = threading.Thread()

    def begin(self, work: Callable[[], object]) -> None:
        """Begin it, and go on when it waits or has ended."""

        def whole() -> None:
            try:
                work()
            finally:
                self.waits.set()

        self._thread = threading.Thread(target=whole)
        self._thread.start()
        assert self.waits.wait(WAIT_S)

    def end(self) -> None:
        """Wait for its end."""
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()


def test_two_at_once_lose_no_row(opened: Open, before: Any) -> None:
    """The second leaves the day to the first, which is reading it, and says so."""
    first, second = opened(), opened()
    rows, said = counted(first), list[Compacted]()
    before(first, "read", f"{WORDS}/*", lambda _: said.extend(compact(second)))
    done = compact(first)
    assert counted(first) == rows == dict.fromkeys(rows, 12)
    assert [one.table for one in said if one.left] == ["words"]
    assert not any(one.left for one in done)
    assert first.keys(WORDS) == [f"{WORDS}/compacted~.parquet"]
    assert first.keys(layout.CLAIMS) == []


@pytest.mark.parametrize(("what", "keys", "time"), [("read", f"{WORDS}/*", 2), ("objects", WORDS, 2)])
def test_who_lost_the_claim_writes_nothing(opened: Open, before: Any, what: str, keys: str, time: int) -> None:
    """A machine that slept finds the day compacted by another: it gives up while reading, or before it writes."""
    first, second = opened(), opened()
    rows = counted(first)

    def overtaken(_key: str) -> None:
        for mark in second.keys(layout.CLAIMS):
            second.delete(mark)
        compact(second)

    before(first, what, keys, overtaken, time)
    done = compact(first)
    assert counted(first) == rows
    assert [one.table for one in done if one.left] == ["words"]
    assert compact(first) == []


def test_a_job_published_anew_while_files_go_keeps_its_new_file(opened: Open, before: Any, tmp_path: Path) -> None:
    """Its old rows were copied, others' files are going already: the new file stays, and counts."""
    store, other = opened(), opened()
    rows, anew = counted(store), list[str]()

    def published(key: str) -> None:
        job = next(one for one in made(range(JOBS)) if not key.endswith(f"/{one.job_id}.parquet"))
        anew.append(job.job_id)
        put(other, [shorter(job)], tmp_path / "anew")

    before(store, "delete", f"{WORDS}/*", published)
    compact(store)
    assert counted(store) == rows | {anew[0]: 3}
    compact(store)
    assert counted(store) == rows | {anew[0]: 3} and len(store.keys(WORDS)) == 1


def test_a_new_file_of_the_same_size_and_time_is_seen(tmp_path: Path, before: Any) -> None:
    """On a disk with coarse times a file's successor looks like it: its bytes tell them apart."""
    store = FolderStore(tmp_path / "store")
    put(store, made(range(JOBS)), tmp_path / "made")
    changed: dict[Path, bytes] = {}

    def replaced(key: str) -> None:
        path = store.path(next(one for one in store.keys(WORDS) if "~" not in one and one != key))
        status = path.stat()
        changed[path] = path.read_bytes()[::-1]
        path.write_bytes(changed[path])
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    before(store, "delete", f"{WORDS}/*", replaced)
    compact(store)
    [(path, content)] = changed.items()
    assert path.read_bytes() == content


def test_a_file_that_is_removed_right_after_it_was_written_is_put_back(
    tmp_path: Path, before: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever publishes anew waits for the compaction that is about to remove what it took for the old file."""
    from tasks.publish import publish

    store, other, beside = FolderStore(tmp_path / "store"), FolderStore(tmp_path / "store"), Beside()
    monkeypatch.setattr("tasks.stage.open_store", lambda _: other)
    for one in made(range(JOBS)):
        publish.task.fn("the store", one, None)
    revised = shorter(made([0])[0])
    before(other, "write", f"{layout.CLAIMS}/*", lambda _: beside.waits.set())
    removed = f"{WORDS}/{revised.job_id}.parquet"
    before(store, "delete", removed, lambda _: beside.begin(lambda: publish.task.fn("the store", revised, None)))
    compact(store)
    beside.end()
    assert counted(store)[revised.job_id] == 3


@pytest.mark.parametrize(
    ("table", "again", "dies"), [("words", True, False), ("words", False, False), ("recordings", False, True)]
)
def test_a_job_forgotten_meanwhile_does_not_come_back(
    opened: Open,
    before: Any,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    table: str,
    again: bool,
    dies: bool,
) -> None:
    """Rows from the day's file or its own are being written: forgetting waits and takes them out, whoever dies then."""
    store, other, beside = opened(), opened(), Beside()
    job = made([0])[0].job_id
    if again:
        compact(store)
        put(store, made([JOBS]), tmp_path / "more")
    left = jobs(store) - {job}
    before(other, "write", f"{layout.CLAIMS}/{layout.REWRITING}+{table}+*", lambda _: beside.waits.set())
    key = f"features/{table}/date={DAY}/compacted~.parquet"
    before(store, "upload", key, lambda _: beside.begin(lambda: forgetting.forget(other, job)))
    with pytest.raises(KeyboardInterrupt) if dies else nullcontext():
        if dies:
            monkeypatch.setattr(store, "upload", dying_after(store.upload))
        compact(store)
    beside.end()
    assert jobs(store) == left
    assert set(counted(store)) == left


def dying_after(doing: Any) -> Any:
    """End as by a signal when something has been done."""

    def done(*arguments: Any) -> None:
        doing(*arguments)
        raise KeyboardInterrupt

    return done


def test_a_day_that_is_not_let_go_is_named(opened: Open) -> None:
    """Taking rows out gives up after its time, with the table and the day; when the day is free it goes on."""
    store, job = opened(), made([0])[0].job_id
    compact(store)
    with (
        claimed(opened(), layout.rewriting("words", DAY)),
        pytest.raises(StoreBusy, match=f"the table words of {DAY} cannot be changed"),
    ):
        compaction.strip(store, job, waits_s=0.0)
    assert job in jobs(store, WORDS)
    compaction.strip(store, job)
    assert job not in jobs(store, WORDS)


def test_without_a_claim_nothing_is_rewritten(tmp_path: Path, before: Any) -> None:
    """A store that takes no mark keeps its files as they are."""
    store = FolderStore(tmp_path / "store")
    put(store, made(range(JOBS)), tmp_path / "made")
    files = store.keys("features")

    def full(_key: str) -> None:
        raise PublishFailed("the disk is full")

    before(store, "write", f"{layout.CLAIMS}/*", full)
    with pytest.raises(PublishFailed, match="full"):
        compact(store)
    assert store.keys("features") == files
