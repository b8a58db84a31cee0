import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.errors import NoAudio
from ecg_audio.progress import WEIGHTS, Progress, Snapshot, current, listeners, listening, tracked

STAGES = ("download", "extract", "transcribe", "publish")
ACTIONS = st.tuples(
    st.sampled_from(STAGES), st.lists(st.floats(-1, 2), max_size=5), st.sampled_from(["end", "fail", "cached"])
)


@given(st.lists(ACTIONS, max_size=12))
def test_the_overall_figure_never_falls(actions: list[tuple[str, list[float], str]]) -> None:
    """Whatever stages report, in whatever order and however often, percent only rises, within 0 to 100."""
    heard: list[Snapshot] = []
    progress = Progress(STAGES, (heard.append,))
    for name, fractions, end in actions:
        if end == "cached":
            progress.mark(name, "cached")
            continue
        try:
            with progress.stage(name) as report:
                for fraction in fractions:
                    report(fraction)
                if end == "fail":
                    raise NoAudio("none")  # noqa: TRY301
        except NoAudio:
            pass
    figures = [snapshot.percent for snapshot in heard]
    assert figures == sorted(figures) and all(0 <= figure <= 100 for figure in figures)


def test_all_stages_done_is_a_hundred_percent() -> None:
    """When every stage has ended, the job is at 100 %, with the time of each that ran."""
    progress = Progress(STAGES)
    for name in STAGES[:-1]:
        with progress.stage(name):
            pass
    progress.mark("publish", "cached")
    heard: list[Snapshot] = []
    assert [state.status for state in progress.states()] == ["completed"] * 3 + ["cached"]
    assert progress.states()[0].duration_s is not None and progress.states()[3].duration_s is None
    assert not heard


def test_a_failed_stage_keeps_its_error_code() -> None:
    """The code of what broke a stage stands in its state."""
    progress = Progress(STAGES)
    with pytest.raises(NoAudio), progress.stage("extract"):
        raise NoAudio("silent")
    state = progress.states()[1]
    assert (state.status, state.error_code) == ("failed", "NO_AUDIO")


def test_many_threads_may_report() -> None:
    """Reports from several threads at once are heard one at a time and end at the right figure."""
    heard: list[float] = []
    progress = Progress(STAGES, (lambda snapshot: heard.append(snapshot.percent),))

    def work(name: str) -> None:
        with progress.stage(name) as report:
            for step in range(50):
                report(step / 50)

    threads = [threading.Thread(target=work, args=(name,)) for name in STAGES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == sorted(heard) and heard[-1] == pytest.approx(100.0)


def test_work_outside_a_job_may_report_to_nobody() -> None:
    """`current` outside a job takes every stage's reports, and keeps none for the next."""
    for name in WEIGHTS:
        outside = current()
        with outside.stage(name) as report:
            report(0.5)
        assert {state.name: state.status for state in outside.states()}[name] == "completed"
        assert all(state.status == "waiting" for state in current().states())


def test_a_job_is_current_only_inside_its_context() -> None:
    """`tracked` and `listening` reach exactly as far as their blocks."""
    progress = Progress(STAGES)
    with tracked(progress), listening(print):
        assert current() is progress and listeners() == (print,)
    assert current() is not progress and listeners() == ()
