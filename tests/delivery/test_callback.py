import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.delivery import callback
from ecg_audio.delivery.callback import Step, step
from ecg_audio.progress import Progress, Snapshot

STAGES = ("download", "extract", "transcribe", "diarize", "measure", "assemble", "publish")


class Told:
    """A job whose steps are noted."""

    def __init__(self, stages: tuple[str, ...] = STAGES) -> None:
        self.steps: list[Step | None] = []
        self.progress = Progress(stages, (self._hear,))

    def _hear(self, snapshot: Snapshot) -> None:
        self.steps.append(step(snapshot))

    @property
    def said(self) -> list[tuple[int, str]]:
        """What was new, as figure and Korean message."""
        steps = [step for step in self.steps if step]
        return [(b.progress, b.ko) for a, b in pairwise([None, *steps]) if b and b != a]


def run(told: Told, stages: tuple[str, ...]) -> None:
    """Every stage in turn, half way reported."""
    for name in stages:
        with told.progress.stage(name) as report:
            report(0.5)


def test_a_whole_job_says_the_milestones_that_users_know() -> None:
    """Figures and Korean messages of a job with an aligner, in order, each when its stage gets there."""
    stages = ("download", "extract", "transcribe", "align", "diarize", "measure", "assemble", "publish")
    told = Told(stages)
    run(told, stages)
    known = [
        (5, "비디오 다운로드 시작..."), (10, "비디오 다운로드 완료"), (20, "비디오에서 오디오 추출 시작"),
        (25, "ML 모델 준비 중..."), (30, "음성 구간 감지 시작"), (60, "음성 인식 완료"), (65, "화자 분리 중..."),
        (75, "음성 특징 분석 중..."), (85, "결과 정리 중..."), (90, "최종 결과 정리 중..."),
    ]  # fmt: skip
    assert [said for said in told.said if said in known] == known
    assert (52, "음성 인식 시작") in told.said  # 45, and half of the way to 60


def test_emotions_are_spoken_of_only_where_they_are_classified() -> None:
    """Without the stage nobody is told of emotions; with it, users read what they know."""
    plain, feeling = Told(), Told((*STAGES[:5], "classify_emotion", *STAGES[5:]))
    run(plain, STAGES)
    run(feeling, (*STAGES[:5], "classify_emotion"))
    assert not [message for _, message in plain.said if "감정" in message]
    assert (75, "감정 분석 중...") in feeling.said


def test_stages_side_by_side_wait_for_the_words() -> None:
    """A diarization that is over first does not jump ahead of the recognition."""
    told = Told()
    run(told, ("download", "extract"))
    with told.progress.stage("transcribe") as report:
        with told.progress.stage("diarize"), told.progress.stage("measure"):
            report(0.1)
        last = told.steps[-1]
        assert last and last.ko == "음성 인식 시작" and last.progress == 46
    last = told.steps[-1]
    assert last and last.ko == "음성 특징 분석 중..."


def test_what_a_job_can_do_without_does_not_hold_the_figure() -> None:
    """A failed diarization, and emotions that were never begun: the job goes on, and so does its progress."""
    told = Told((*STAGES[:5], "classify_emotion", *STAGES[5:]))
    run(told, ("download", "extract", "transcribe"))
    with pytest.raises(ValueError, match="broke"), told.progress.stage("diarize"):
        raise ValueError("broke")
    run(told, ("measure", "assemble"))
    last = told.steps[-1]
    assert last and last.progress == 85


def test_nothing_is_said_before_anything_happened() -> None:
    """Without a milestone there is no step."""
    told = Told()
    told.progress.mark("measure", "cached")
    assert told.steps == [None]


@given(st.lists(st.tuples(st.sampled_from(STAGES), st.floats(0.0, 1.0)), max_size=30))
def test_figures_stay_below_the_end(moves: list[tuple[str, float]]) -> None:
    """Whatever happens in whatever order, a running job is at 5 to 99."""
    told = Told()
    for name, fraction in moves:
        with told.progress.stage(name) as report:
            report(fraction)
    assert all(5 <= step.progress <= 99 for step in told.steps if step)


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (
            callback.working("j", Step(45, "음성 인식 시작", "Recognising speech"), "ko"),
            {"status": "processing", "progress": 45, "message": "음성 인식 시작"},
        ),
        (
            callback.working("j", Step(45, "음성 인식 시작", "Recognising speech"), "en"),
            {"status": "processing", "progress": 45, "message": "Recognising speech"},
        ),
        (
            callback.completed("j", {"text": "네"}, "ko"),
            {"status": "completed", "progress": 100, "message": "분석 완료", "result": {"text": "네"}},
        ),
        (
            callback.failed("j", 47, "NO_AUDIO", "no sound", "en"),
            {"status": "failed", "progress": 47, "message": "Analysis failed", "error_code": "NO_AUDIO",
             "error_message": "no sound"},
        ),
    ],
)  # fmt: skip
def test_every_body_has_all_seven_keys(body: bytes, wanted: dict[str, Any]) -> None:
    """What does not apply is null, never absent."""
    empty = dict.fromkeys(("result", "error_message", "error_code"))
    assert json.loads(body) == {"job_id": "j", **empty, **wanted}


def test_a_result_that_is_no_json_is_never_sent() -> None:
    """NaN is an error here, not a surprise there."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        callback.completed("j", {"duration": float("nan")}, "ko")
