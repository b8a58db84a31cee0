"""What Amazon CloudWatch hears: how each job went, and how many wait. Measured, or absent.

`ECG_CLOUDWATCH=emf` writes documents in the embedded metric format, which the CloudWatch agent and the log drivers of
ECS and Lambda turn into metrics; `ECG_CLOUDWATCH=api` sends the figures itself. Unset, nothing is said.
"""

import json
import logging
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from ecg_audio import settings
from ecg_audio.analysis import StageRecord
from ecg_audio.errors import EcgError
from ecg_audio.results.outcome import Outcome

NAMESPACE = "ECG/AudioAnalysis"
PATIENCE_S = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Figure:
    """One value of one metric."""

    name: str
    value: float
    unit: Literal["Seconds", "Percent", "Count", "None"]


def of_job(
    wall_s: float, ended: Outcome | None, error: BaseException | None, memory_percent: float | None
) -> list[Figure]:
    """The figures of one job that has ended.

    Args:
        wall_s: how long it took, all in all.
        ended: its outcome, if it has one.
        error: what ended it otherwise. A request that could never have worked is no error of the service.
        memory_percent: the most that was taken of the machine's memory; None: not measured.
    """
    failed = error is not None and not (isinstance(error, EcgError) and error.by_user)
    figures = [Figure("ProcessingTime", wall_s, "Seconds"), Figure("ErrorRate", 100.0 * failed, "Percent")]
    if memory_percent is not None:
        figures.append(Figure("MemoryUsage", memory_percent, "Percent"))
    if ended:
        if ended.duration_s:
            figures.append(Figure("RealTimeRatio", ended.duration_s / wall_s, "None"))
        figures += [
            Figure(_stage_name(stage), stage.duration_s, "Seconds")
            for stage in ended.stages
            if stage.duration_s is not None
        ]
        if (used := _gpu_percent(ended.stages)) is not None:
            figures.append(Figure("GPUUtilization", used, "Percent"))
    return figures


def of_queue(waiting: int) -> list[Figure]:
    """The figure that the number of GPU hosts follows."""
    return [Figure("QueueLength", waiting, "Count")]


def embedded(figures: Iterable[Figure], at_s: float, **properties: str) -> dict[str, Any]:
    """Figures as one document in the embedded metric format.

    Args:
        figures: each metric at most once.
        at_s: when, in seconds of the Unix epoch.
        properties: what the log tells beside the figures, such as the job's id; they are no dimensions.
    """
    figures = list(figures)
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[]],
        "Metrics": [{"Name": figure.name, "Unit": figure.unit} for figure in figures],
    }
    about = {"Timestamp": round(at_s * 1000), "CloudWatchMetrics": [directive]}
    return {**properties, **{figure.name: figure.value for figure in figures}, "_aws": about}


def say(figures: Iterable[Figure], **properties: str) -> None:
    """Say figures as the operator has set it. What keeps CloudWatch from hearing them stands in the log.

    Raises:
        InvalidRequest: ECG_CLOUDWATCH is set to something that is no way to say them.
    """
    way = mode()
    if way == "emf":
        line = json.dumps(embedded(figures, time.time(), **properties), allow_nan=False)
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - the document has to be the whole line
    elif way == "api":
        _put(figures)


def mode() -> Literal["emf", "api"] | None:
    """How figures are said; None: not at all.

    Raises:
        InvalidRequest: ECG_CLOUDWATCH is none of these.
    """
    return settings.Observation.read().cloudwatch


def _put(figures: Iterable[Figure]) -> None:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    bounded = Config(connect_timeout=PATIENCE_S, read_timeout=PATIENCE_S, retries={"total_max_attempts": 2})
    data = [{"MetricName": figure.name, "Value": figure.value, "Unit": figure.unit} for figure in figures]
    try:
        boto3.client("cloudwatch", config=bounded).put_metric_data(Namespace=NAMESPACE, MetricData=data)
    except (BotoCoreError, ClientError) as error:
        logger.warning("CloudWatch did not take the figures: %s", error)


def _stage_name(stage: StageRecord) -> str:
    return "".join(word.capitalize() for word in stage.name.split("_")) + "Time"


def _gpu_percent(stages: Iterable[StageRecord]) -> float | None:
    """The mean use of the GPU while its stages worked."""
    measured = [
        (stage.gpu_utilisation_percent, stage.duration_s)
        for stage in stages
        if stage.gpu_utilisation_percent is not None and stage.duration_s
    ]
    total_s = sum(duration_s for _, duration_s in measured)
    return sum(used * duration_s for used, duration_s in measured) / total_s if measured else None
