"""The gateway against its own OpenAPI description, and against whoever means harm."""

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from gateway.app import create_app
from gateway.settings import Settings
from tests.gateway.conftest import serving
from tests.support.gateway import ANYWHERE

OPERATIONS = [
    found.ok() for found in schemathesis.openapi.from_dict(create_app(Settings.read({})).openapi()).get_all_operations()
]
KEPT = [not_a_server_error, status_code_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def address(prefect_server: str, deployment: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway that waits for no result."""
    given = {"PREFECT_API_URL": prefect_server, "ECG_DEPLOYMENT": deployment, "ECG_TRANSCRIBE_WAIT_S": "0"}
    store = {"ECG_STORE": str(tmp_path_factory.mktemp("store"))}
    with serving(Settings.read(ANYWHERE | given | store)) as address:
        yield address


@pytest.mark.slow
@pytest.mark.parametrize(
    ("operation", "mode"),
    [
        pytest.param(operation, mode, id=f"{operation.label}-{mode.value}")
        for operation in OPERATIONS
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        if mode == GenerationMode.POSITIVE or operation.body or operation.path_parameters  # else nothing can be wrong
    ],
)
def test_every_answer_is_one_that_is_described(
    operation: schemathesis.APIOperation, mode: GenerationMode, address: str
) -> None:
    """Whatever is sent, well formed or not: never a fault of ours, always a described status and shape."""

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[*HealthCheck],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def send(case: schemathesis.Case) -> None:
        answer = case.call(base_url=address)
        # the one wait that may be too short, and says so
        case.validate_response(answer, checks=KEPT[1:] if answer.status_code == 504 else KEPT)

    send()
