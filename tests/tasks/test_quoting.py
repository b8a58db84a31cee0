"""Arguments that Prefect does not look through."""

from typing import Any

from prefect.utilities.collections import visit_collection
from prefect.utilities.engine import resolve_to_final_result

from ecg_audio.analysis import Analysis
from tasks.stage import Work, stage
from tests.support.results import factory


@stage(within="assemble")
def same(_work: Work, analysis: Analysis) -> Analysis:
    """What it is given."""
    return analysis


def given(argument: Analysis) -> tuple[object, int]:
    """What a task gets of an argument, and at how many values Prefect has looked for that."""
    met = 0

    def meet(value: object, context: dict[str, Any]) -> object:
        nonlocal met
        met += 1
        return resolve_to_final_result(value, context)

    found = visit_collection(argument, meet, return_data=True, remove_annotations=True, context={"parameter_name": "a"})
    return found, met


def test_a_result_is_handed_over_as_it_is() -> None:
    """Prefect meets the mark and not the thousand values beneath, and the task gets the value itself."""
    analysis = factory.analysis()
    found, met = given(same._handed(analysis)["analysis"])
    assert found is analysis
    assert met <= 2 < 1000 < given(analysis)[1]
