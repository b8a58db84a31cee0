import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blocks.storage import FolderStore
from ecg_audio import claim
from ecg_audio.claim import claimed
from ecg_audio.errors import PublishFailed


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """What all senders share."""
    return FolderStore(tmp_path / "store")


def test_one_of_two_goes_ahead(store: FolderStore) -> None:
    """Whoever comes second steps back, and leaves nothing behind; other jobs are not concerned."""
    with claimed(store, "job-1") as first, claimed(store, "job-1") as second, claimed(store, "job-10") as other:
        assert (first, second, other) == (True, False, True)
    with claimed(store, "job-1") as again:
        assert again
    assert store.keys(claim.MARKS) == []


def test_a_dead_holder_blocks_nobody_for_long(store: FolderStore) -> None:
    """A mark ceases to stand by itself, and is swept later."""
    store.write(f"{claim.MARKS}/job-1~{int(time.time() + 60)}~a", b"")
    with claimed(store, "job-1") as ours:
        assert not ours
    store.delete(store.keys(claim.MARKS)[0])
    store.write(f"{claim.MARKS}/job-1~{int(time.time() - 5)}~b", b"")
    with claimed(store, "job-1") as ours:
        assert ours
    assert (claim.sweep(store), claim.sweep(store, older_s=1.0)) == (0, 1)


def test_never_do_two_hold_it_at_once(store: FolderStore) -> None:
    """Eight senders that come again and again: at no moment are there two, and each has its turns."""
    holders, most, turns = 0, 0, [0] * 8
    guard = threading.Lock()
    deadline = time.monotonic() + 120.0

    def insist(sender: int) -> None:
        nonlocal holders, most
        while turns[sender] < 3 and time.monotonic() < deadline:
            with claimed(store, "job-1") as ours:
                if ours:
                    with guard:
                        holders += 1
                        most = max(most, holders)
                    time.sleep(0.002)
                    with guard:
                        holders -= 1
                    turns[sender] += 1
            time.sleep(random.uniform(0.0, 0.02))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(insist, range(8)))
    assert most == 1 and turns == [3] * 8


def test_a_store_that_takes_no_mark_silences_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Then the claim is ours, and the log says so."""
    (tmp_path / "file").write_text("")
    with claimed(FolderStore(tmp_path / "file"), "job-1") as ours:
        assert ours
    assert "is not claimed" in caplog.text


def test_where_a_mark_is_needed_there_is_no_claim_without_one(tmp_path: Path) -> None:
    """Then the store's failure is the caller's."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PublishFailed), claimed(FolderStore(tmp_path / "file"), "job-1", needed=True):
        pytest.fail("nobody has claimed it")


def test_what_is_claimed_now_can_be_asked(store: FolderStore) -> None:
    """Names that somebody holds, of those that begin alike; one that ceased to stand is not among them."""
    store.write(f"{claim.MARKS}/job-3~{int(time.time() - 5)}~a", b"")
    with claimed(store, "job-1"), claimed(store, "other"):
        assert claim.standing(store) == {"job-1", "other"}
        assert claim.standing(store, "job-") == {"job-1"}
    assert claim.standing(store) == set()


def test_a_claim_stands_as_long_as_its_holder_lives(store: FolderStore) -> None:
    """It is renewed before it ends, leaves one mark at a time, and none behind."""
    with claimed(store, "job-1", 1.5, renewed=True) as ours:
        assert ours
        first = store.keys(claim.MARKS)
        deadline = time.monotonic() + 20
        while (marks := store.keys(claim.MARKS)) == first or len(marks) != 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with claimed(store, "job-1") as second:
            assert not second
    assert store.keys(claim.MARKS) == []


def test_what_the_same_owner_left_is_in_nobodys_way(store: FolderStore) -> None:
    """A run that died and was begun again is not kept out by itself; others are."""
    store.write(f"{claim.MARKS}/job-1~{int(time.time() + 60)}~run-1", b"")
    with claimed(store, "job-1", owner="run-2") as ours:
        assert not ours
    with claimed(store, "job-1", owner="run-1") as ours:
        assert ours
