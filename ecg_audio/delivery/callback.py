"""What the backend is told, in its own wire format: milestones with real figures, and how a job ended.

The receiver stores progress as it comes, and reads messages in Korean unless English is asked for. The figures are
those that its users know; what is said at each of them is said when it happens.
"""

import json
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

from ecg_audio.progress import Snapshot, StageState

PATH = "/api/upload-video/result"
LARGEST_BYTES = 50_000_000
"""What the receiver takes; a larger result is condensed, and fetched by its link."""
Locale = Literal["ko", "en"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where callbacks go, in which language, and what signs them. `secret` None: they are not signed."""

    base_url: str
    locale: Locale = "ko"
    secret: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The address of the receiver."""
        return self.base_url + PATH


@dataclass(frozen=True, slots=True)
class Step:
    """How far a job is: a figure in [0, 100] and a message in both languages."""

    progress: int
    ko: str
    en: str


Moment = Literal["begun", "moving", "over"]


@dataclass(frozen=True, slots=True)
class _Milestone:
    step: Step
    stage: str
    moment: Moment
    follows: str | None = None  # the stage whose fraction leads from this figure towards the next


_MILESTONES = (
    _Milestone(Step(5, "비디오 다운로드 시작...", "Downloading the video..."), "download", "begun", "download"),
    _Milestone(Step(10, "비디오 다운로드 완료", "Video downloaded"), "download", "over"),
    _Milestone(Step(20, "비디오에서 오디오 추출 시작", "Extracting the audio"), "extract", "begun", "extract"),
    _Milestone(Step(25, "ML 모델 준비 중...", "Preparing the models..."), "extract", "over"),
    _Milestone(Step(30, "음성 구간 감지 시작", "Looking for speech"), "transcribe", "begun"),
    _Milestone(Step(45, "음성 인식 시작", "Recognising speech"), "transcribe", "moving", "transcribe"),
    _Milestone(Step(60, "음성 인식 완료", "Speech recognised"), "transcribe", "over", "align"),
    _Milestone(Step(65, "화자 분리 중...", "Telling the speakers apart..."), "align", "over", "diarize"),
    # said of emotions only where a job classifies them
    _Milestone(Step(75, "음성 특징 분석 중...", "Measuring the voices..."), "diarize", "over", "measure"),
    _Milestone(Step(75, "감정 분석 중...", "Classifying emotions..."), "classify_emotion", "begun", "classify_emotion"),
    _Milestone(Step(85, "결과 정리 중...", "Putting the result together..."), "assemble", "begun"),
    _Milestone(Step(90, "최종 결과 정리 중...", "Publishing the result..."), "publish", "begun", "publish"),
)
_OPTIONAL = {"diarize", "classify_emotion"}
_DONE = Step(100, "분석 완료", "Analysis completed")
_FAILED = {"ko": "분석 실패", "en": "Analysis failed"}


def step(snapshot: Snapshot) -> Step | None:
    """The furthest milestone that a job has reached, its figure moved on by the fraction of the stage at work.

    Returns:
        None before the first milestone. A stage that is tried again takes the figure back: senders keep the largest.
    """
    stages = {state.name: state for state in snapshot.stages}
    row = [milestone for milestone in _MILESTONES if milestone.stage in stages or milestone.stage == "align"]
    reached = list(takewhile(lambda milestone: _reached(milestone, stages), row))
    if not reached:
        return None
    here = reached[-1]
    nearest = row[len(reached)].step.progress if len(reached) < len(row) else _DONE.progress
    fraction = stages[here.follows].fraction if here.follows in stages else 0.0
    room = max(0, nearest - 1 - here.step.progress)
    return Step(here.step.progress + int(room * fraction), here.step.ko, here.step.en)


def _reached(milestone: _Milestone, stages: dict[str, StageState]) -> bool:
    state = stages.get(milestone.stage)
    if state is None:
        return True  # an engine that does not align by itself is done with it
    later = stages.get("assemble")
    if milestone.stage in _OPTIONAL and later is not None and later.status != "waiting":
        return True  # the job went on without it
    if milestone.moment == "begun":
        return state.status != "waiting"
    over = state.status in {"completed", "cached", "skipped"}
    return over or (milestone.moment == "moving" and state.fraction > 0.0)


def working(job_id: str, at: Step, locale: Locale) -> bytes:
    """The body of a progress callback."""
    return _body(job_id, "processing", at.progress, _said(at, locale))


def completed(job_id: str, result: dict[str, Any], locale: Locale) -> bytes:
    """The body of the terminal callback of a job that has a result, complete or partial.

    Args:
        job_id: the backend's own id.
        result: the wire document (`ecg_audio.results.backend`), whose metadata says what is missing.
        locale: the language of the message.
    """
    return _body(job_id, "completed", _DONE.progress, _said(_DONE, locale), result=result)


def condensed(result: dict[str, Any], address: str, link: str | None) -> dict[str, Any]:
    """A wire document that is too large for a callback, without its words; its metadata says where they are.

    Args:
        result: the whole wire document.
        address: where the store keeps it.
        link: from where anybody can fetch it for some days, as JSON; None: the store has no such addresses.

    Returns:
        The document in the same shape: the segments with their text and times, their lists of words empty.
        `metadata.result_omitted` names what is left out, `metadata.result_url` is the link, or is absent.
    """
    return {
        **result,
        "segments": [{**segment, "words": []} for segment in result["segments"]],
        "word_segments": [],
        "metadata": {
            **result["metadata"],
            "result_omitted": ["segments.words", "word_segments"],
            "result_location": address,
            **({"result_url": link} if link else {}),
        },
    }


def failed(job_id: str, progress: int, code: str, message: str, locale: Locale) -> bytes:
    """The body of the terminal callback of a job without a result; `progress` stays where it was."""
    return _body(job_id, "failed", progress, _FAILED[locale], error_message=message, error_code=code)


def _said(at: Step, locale: Locale) -> str:
    return at.ko if locale == "ko" else at.en


def _body(
    job_id: str,
    status: Literal["processing", "completed", "failed"],
    progress: int,
    message: str,
    *,
    result: dict[str, Any] | None = None,
    error_message: str | None = None,
    error_code: str | None = None,
) -> bytes:
    """The receiver wants all seven keys in every body."""
    fields = {
        "job_id": job_id,
        "status": status,
        "progress": progress,
        "message": message,
        "result": result,
        "error_message": error_message,
        "error_code": error_code,
    }
    return json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
