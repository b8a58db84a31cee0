import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from blocks.bucket import BucketStore
from blocks.folder import FolderStore
from blocks.retention import Swept, set_lifecycle, sweep
from ecg_audio.errors import PublishFailed
from tests.support.s3 import Moto, Rclone

NOW = datetime.now(UTC)
RECORD = f"cache/{'a' * 64}/transcribe-{'0' * 32}"


def aged(store: FolderStore, key: str, days: float) -> None:
    """An object that was written so long ago."""
    store.write(key, b"12345")
    then = (NOW - timedelta(days=days)).timestamp()
    os.utime(store.path(key), (then, then))


def test_a_folder_is_swept_by_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is older than its kind may be goes, with empty folders; what has no age or is younger stays."""
    monkeypatch.setenv("ECG_KEEP_RESULTS_DAYS", "90")
    store = FolderStore(tmp_path)
    old, young = (RECORD, "results/a/manifest.json", "runs/1/analysis.json"), ("results/b/manifest.json", "runs/2/x")
    for key in old:
        aged(store, key, 91.5)
    aged(store, "runs/3/analysis.json", 90.5)  # its manifest goes now, itself tomorrow
    for key in young:
        aged(store, key, 80)
    aged(store, "recordings/ab/abc.flac", 5000)
    assert sweep(store, NOW) == Swept({"cache": 1, "results": 2}, 15)
    assert store.keys("") == sorted(["recordings/ab/abc.flac", "runs/3/analysis.json", *young])
    assert sweep(store, NOW) == Swept({}, 0)


def test_a_bucket_gets_the_rules_as_its_own(moto: Moto, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each folder of the store in the bucket gets its age, rules of others stay, twice is the same as once."""
    monkeypatch.setenv("ECG_KEEP_UPLOADS_DAYS", "7")
    name = moto.bucket()
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    moto.client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": [theirs]})
    store = BucketStore("s3-bucket/test", moto.block(name, "ecg"))
    for _ in range(2):
        set_lifecycle(store)
        found = moto.client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        days = {rule["Filter"]["Prefix"]: rule["Expiration"]["Days"] for rule in found if "Expiration" in rule}
        assert days == {"logs/": 3, "ecg/cache/": 30, "ecg/videos/": 7}
        assert any(rule.get("AbortIncompleteMultipartUpload") for rule in found) and len(found) == 4


def test_a_bucket_is_not_swept(moto: Moto) -> None:
    """Its own lifecycle does that; nothing is listed or removed."""
    store = BucketStore("s3-bucket/test", moto.block("no-such-bucket"))
    assert sweep(store, NOW + timedelta(days=1000)) == Swept({}, 0)


def test_a_service_without_lifecycles_says_so(rclone: Rclone) -> None:
    """No success is claimed where the rules were not taken."""
    with pytest.raises(PublishFailed, match="cannot set the lifecycle"):
        set_lifecycle(BucketStore("s3-bucket/test", rclone.block(rclone.bucket())))
