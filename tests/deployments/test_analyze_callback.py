"""`ecg analyze --callback`: a job begun by hand tells a backend as any other does."""

from pathlib import Path

import pytest

from tests.support.callbacks.receiver import receiving
from tests.support.commands import Ecg


@pytest.mark.usefixtures("server", "stub")
def test_the_named_backend_hears_of_the_job(ecg: Ecg, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The result arrives there; an address that is none is refused with the field's name."""
    monkeypatch.setenv("ECG_ALLOWED_NETWORKS", "127.0.0.0/8")
    with receiving("job-1") as receiver:
        ended = ecg("analyze", str(talk), "--job-id", "job-1", "--callback", receiver.base_url)
    assert ended.code == 0, ended.err
    assert receiver.jobs["job-1"].status == "completed"

    refused = ecg("analyze", str(talk), "--callback", "ftp://backend.example.com")
    assert (refused.code, "callback.base_url" in refused.err) == (2, True)
