"""CloudWatch hears what was measured, in both ways."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from ecg_audio.analysis import StageRecord
from ecg_audio.delivery import cloudwatch
from ecg_audio.delivery.cloudwatch import Figure, embedded, of_job, of_queue
from ecg_audio.errors import InvalidRequest, NoAudio, TranscriptionFailed
from ecg_audio.results.outcome import Outcome

UNITS = ["Seconds", "Percent", "Count", "None"]
SPECIFICATION = {
    # the rules that the specification of the format states for its documents
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer"},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": {"type": "string", "minLength": 1, "maxLength": 1024},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {"type": "array", "maxItems": 30, "items": {"type": "string"}},
                            },
                            "Metrics": {
                                "type": "array",
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "properties": {
                                        "Name": {"type": "string", "minLength": 1, "maxLength": 1024},
                                        "Unit": {"enum": UNITS},
                                    },
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}

ENDED = Outcome(
    job_id="job-1",
    status="completed",
    duration_s=60.0,
    stages=(
        StageRecord(name="download", status="cached"),
        StageRecord(name="transcribe", status="completed", duration_s=6.0, gpu_utilisation_percent=90.0),
        StageRecord(name="classify_emotion", status="completed", duration_s=2.0, gpu_utilisation_percent=50.0),
        StageRecord(name="publish", status="completed", duration_s=1.0),
    ),
)


def values(figures: list[Figure]) -> dict[str, float]:
    """The figures by name."""
    return {figure.name: figure.value for figure in figures}


def test_a_job_becomes_figures() -> None:
    """The names that alarms know, stage times, the real-time ratio; the GPU's use, each stage weighed by its time."""
    assert values(of_job(12.0, ENDED, None, 41.5)) == {
        "ProcessingTime": 12.0,
        "ErrorRate": 0.0,
        "MemoryUsage": 41.5,
        "RealTimeRatio": 5.0,
        "TranscribeTime": 6.0,
        "ClassifyEmotionTime": 2.0,
        "PublishTime": 1.0,
        "GPUUtilization": 80.0,
    }
    assert values(of_queue(3)) == {"QueueLength": 3}


def test_what_was_not_measured_is_absent() -> None:
    """No GPU, no memory figure, no outcome: no value."""
    bare = Outcome(job_id="job-1", status="completed", stages=(StageRecord(name="publish", status="cached"),))
    assert values(of_job(1.0, bare, None, None)) == {"ProcessingTime": 1.0, "ErrorRate": 0.0}


@pytest.mark.parametrize(
    ("error", "rate"), [(TranscriptionFailed("x"), 100.0), (ValueError("x"), 100.0), (NoAudio("x"), 0.0)]
)
def test_errors_are_those_of_the_service(error: Exception, rate: float) -> None:
    """A request that could never have worked raises no alarm."""
    assert values(of_job(1.0, None, error, None))["ErrorRate"] == rate


def test_documents_keep_the_rules_of_the_format() -> None:
    """Every metric has its value at the root; no target member is missing, none is doubled."""
    document = json.loads(json.dumps(embedded(of_job(12.0, ENDED, None, 41.5), 1_700_000_000.1234, job_id="job-1")))
    jsonschema.validate(document, SPECIFICATION)
    [directive] = document["_aws"]["CloudWatchMetrics"]
    names = [metric["Name"] for metric in directive["Metrics"]]
    assert directive["Namespace"] == "ECG/AudioAnalysis" and len(names) == len({*names}) == 8
    assert all(isinstance(document[name], int | float) for name in names)
    assert document["job_id"] == "job-1" and document["_aws"]["Timestamp"] == 1_700_000_000_123
    assert all(re.fullmatch(r"[A-Za-z]+", name) for name in names)


def test_a_document_is_one_line_of_the_log(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """On stderr, so that what programs read from stdout stays theirs; and nothing where nothing is set."""
    cloudwatch.say(of_queue(1))
    monkeypatch.setenv("ECG_CLOUDWATCH", "emf")
    cloudwatch.say(of_queue(2), run_id="run-1")
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and json.loads(err)["QueueLength"] == 2


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A CloudWatch of the tests, and a client to look into it with."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "ECG_CLOUDWATCH": "api",
    }.items():
        monkeypatch.setenv(name, value)
    yield boto3.client("cloudwatch")
    server.stop()


def test_the_api_hears_the_same(aws: Any) -> None:
    """Each figure arrives in the namespace, with its unit and value."""
    cloudwatch.say(of_job(12.0, ENDED, None, 41.5), job_id="job-1")
    told = {metric["MetricName"] for metric in aws.list_metrics(Namespace="ECG/AudioAnalysis")["Metrics"]}
    assert told == values(of_job(12.0, ENDED, None, 41.5)).keys()


def test_a_cloudwatch_that_does_not_answer_costs_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, aws: Any
) -> None:
    """No job fails for its figures."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    cloudwatch.say(of_queue(1))
    assert "CloudWatch did not take the figures" in caplog.text


def test_a_way_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable, and what it takes."""
    monkeypatch.setenv("ECG_CLOUDWATCH", "statsd")
    with pytest.raises(InvalidRequest, match=r"ECG_CLOUDWATCH: .*'emf' or 'api'"):
        cloudwatch.mode()
