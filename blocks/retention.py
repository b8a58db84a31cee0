"""Keeping objects for as long as they are to be kept: a folder is swept, a bucket keeps its own rules."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from blocks.bucket import BucketStore, errors
from ecg_audio.results.retention import Rule, rules
from ecg_audio.store import ArtifactStore

OURS = "ecg-"
UNFINISHED_DAYS = 1


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed: how many objects of each kind, and their bytes."""

    objects: dict[str, int]
    size_bytes: int


def sweep(store: ArtifactStore, now: datetime) -> Swept:
    """Remove from a folder what has been kept long enough by the environment's ECG_KEEP_…_DAYS.

    It lists what has an age, so once an hour is often enough. A bucket is left alone: its lifecycle does it.

    Args:
        store: the store.
        now: an aware time.

    Raises:
        InvalidRequest: a variable cannot be used.
        PublishFailed: the folder cannot be read or changed.
    """
    gone: dict[str, int] = {}
    size_bytes = 0
    if isinstance(store, BucketStore):
        return Swept(gone, size_bytes)
    for rule in rules():
        for stored in list(store.objects(rule.folder)):
            if rule.ends(stored.key, stored.modified, now):
                store.delete(stored.key)
                gone[rule.kind.name] = gone.get(rule.kind.name, 0) + 1
                size_bytes += stored.size_bytes
    return Swept(gone, size_bytes)


def set_lifecycle(store: BucketStore) -> list[Rule]:
    """Make the rules of the environment's ECG_KEEP_…_DAYS the bucket's own; rules of others stay.

    Uploads that nobody finished go after a day. In a bucket that keeps versions, so do the replaced ones.

    Returns:
        the rules, as they hold from now on.

    Raises:
        InvalidRequest: a variable cannot be used.
        PublishFailed: the bucket does not take them; not every S3-compatible service has lifecycles.
    """
    wanted = rules()
    with errors(f"cannot set the lifecycle of the bucket {store.bucket}"):
        client = store.client
        others = [rule for rule in _present(store) if not rule.get("ID", "").startswith(OURS)]
        made = [_expiring(store, rule) for rule in wanted]
        unfinished = {
            "ID": f"{OURS}unfinished-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": store.name("")},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UNFINISHED_DAYS},
        }
        client.put_bucket_lifecycle_configuration(
            Bucket=store.bucket, LifecycleConfiguration={"Rules": [*others, *made, unfinished]}
        )
    return wanted


def _expiring(store: BucketStore, rule: Rule) -> dict[str, Any]:
    return {
        "ID": f"{OURS}{rule.folder}",
        "Status": "Enabled",
        "Filter": {"Prefix": store.name(f"{rule.folder}/")},
        "Expiration": {"Days": rule.days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }


def _present(store: BucketStore) -> list[dict[str, Any]]:
    from botocore.exceptions import ClientError

    try:
        answer = store.client.get_bucket_lifecycle_configuration(Bucket=store.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
            return []
        raise
    found: list[dict[str, Any]] = answer.get("Rules", [])
    return found
