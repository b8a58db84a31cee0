import time
from collections.abc import Iterator

import pytest

from ecg_audio.address import Permit
from ecg_audio.delivery.callback import Endpoint
from ecg_audio.delivery.client import CallbackClient
from ecg_audio.delivery.reporter import Reporter
from ecg_audio.progress import Progress
from tests.support.callbacks.receiver import Receiver, Reply, receiving
from tests.support.waiting import until

STAGES = ("download", "extract", "transcribe")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A backend that knows job-1."""
    with receiving("job-1") as running:
        yield running


@pytest.fixture
def client(receiver: Receiver) -> Iterator[CallbackClient]:
    """A client to it."""
    with CallbackClient(Endpoint(receiver.base_url, "en"), Permit(["127.0.0.0/8"]), answer_s=2.0) as made:
        yield made


def test_the_backend_hears_rising_figures(receiver: Receiver, client: CallbackClient) -> None:
    """A stage that is tried again takes nothing back, and messages are in the language that was asked for."""
    job = receiver.jobs["job-1"]
    with Reporter("job-1", client, at_most_every_s=0.0) as reporter:
        progress = Progress(STAGES, (reporter.listen,))
        with progress.stage("download") as report:
            report(0.9)
            until(lambda: job.progress[-1:] == [8])
        with progress.stage("extract"):
            until(lambda: job.progress[-1:] == [20])
        with progress.stage("download"):
            pass
        with progress.stage("transcribe") as report:
            report(0.5)
            until(lambda: job.messages[-1] == "Recognising speech")
            assert reporter.progress == job.progress[-1] == 52
    assert job.progress[:2] == [8, 20] and job.progress == sorted(job.progress)
    assert set(receiver.answers) == {200}


def test_fast_changes_are_sent_as_one(receiver: Receiver, client: CallbackClient) -> None:
    """A thousand reports in a moment make one or two requests, and the last figure is among them."""
    with Reporter("job-1", client, at_most_every_s=0.3) as reporter:
        with Progress(STAGES, (reporter.listen,)).stage("download") as report:
            for number in range(1000):
                report(number / 1000)
        until(lambda: receiver.jobs["job-1"].progress[-1:] == [10])
    assert len(receiver.seen) <= 2


def test_silence_is_broken(receiver: Receiver, client: CallbackClient) -> None:
    """While a stage takes its time, the last figure is said again."""
    with (
        Reporter("job-1", client, at_most_every_s=0.0, at_least_every_s=0.05) as reporter,
        Progress(STAGES, (reporter.listen,)).stage("download"),
    ):
        until(lambda: len(receiver.seen) >= 3)
    assert receiver.jobs["job-1"].progress[:3] == [5, 5, 5]


def test_a_refusal_ends_the_reports_and_nothing_else(
    receiver: Receiver, client: CallbackClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A backend that does not know the job is left alone; the log says so once."""
    receiver.jobs.clear()
    with (
        Reporter("job-1", client, at_most_every_s=0.0, at_least_every_s=0.02) as reporter,
        Progress(STAGES, (reporter.listen,)).stage("download"),
    ):
        until(lambda: receiver.answers == [404])
        time.sleep(0.2)
    assert receiver.answers == [404] and caplog.text.count("no longer reported") == 1


def test_a_backend_that_comes_back_hears_the_latest(receiver: Receiver, client: CallbackClient) -> None:
    """What was lost meanwhile is overtaken, not repeated."""
    receiver.fault = lambda _number, _body: Reply(503)
    with Reporter("job-1", client, at_most_every_s=0.0, at_least_every_s=0.05) as reporter:
        progress = Progress(STAGES, (reporter.listen,))
        with progress.stage("download"):
            until(lambda: len(receiver.seen) >= 2)
        with progress.stage("extract"):
            receiver.fault = lambda _number, _body: None
            until(lambda: receiver.jobs["job-1"].progress[-1:] == [20])


def test_only_figures_that_are_kept_are_said(receiver: Receiver, client: CallbackClient) -> None:
    """Where a figure cannot be kept, the last one is said again, so that a run that is begun again takes none back."""
    job, kept = receiver.jobs["job-1"], [30]
    with Reporter(
        "job-1", client, known=lambda figure: figure <= kept[-1], at_most_every_s=0.0, at_least_every_s=0.02
    ) as reporter:
        progress = Progress(STAGES, (reporter.listen,))
        for stage in ("download", "extract"):
            with progress.stage(stage):
                pass
        with progress.stage("transcribe") as report:
            until(lambda: job.progress[-1:] == [30])
            report(0.5)
            heard = len(job.progress)
            until(lambda: len(job.progress) > heard + 2)
            assert max(job.progress) == 30
            kept.append(100)
            until(lambda: job.progress[-1] == 52)
    assert job.progress == sorted(job.progress)


def test_nothing_is_sent_after_the_end(receiver: Receiver, client: CallbackClient) -> None:
    """Once the reporter has ended, the terminal callback is the last message."""
    with Reporter("job-1", client, at_most_every_s=0.0, at_least_every_s=0.01) as reporter:
        progress = Progress(STAGES, (reporter.listen,))
        with progress.stage("download"):
            until(lambda: len(receiver.seen) >= 1)
    heard = len(receiver.seen)
    with progress.stage("extract"):
        time.sleep(0.1)
    assert len(receiver.seen) == heard
