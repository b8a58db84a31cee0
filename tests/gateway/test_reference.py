"""What OpenAPI and /docs say of each endpoint."""

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest

from gateway.app import create_app
from gateway.reference import METHODS, example, page
from gateway.settings import Settings
from tests.gateway.conftest import Open

DESCRIBED: dict[str, Any] = create_app(Settings.read({})).openapi()
OPERATIONS = [
    pytest.param(path, operation, id=f"{method} {path}")
    for path, operations in DESCRIBED["paths"].items()
    for method, operation in operations.items()
    if method in METHODS
]


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What an endpoint takes and answers, as far as it is no file."""
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        yield f"takes {kind}", media
    for status, answer in operation["responses"].items():
        for kind, media in answer.get("content", {}).items():
            yield f"{status} {kind}", media


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_everything_has_an_example(path: str, operation: dict[str, Any]) -> None:
    """What is sent, each success and each failure, and each part of the path; files need none."""
    found = [(what, media) for what, media in bodies(operation) if media["schema"].get("format") != "binary"]
    for what, media in found:
        assert example(media, DESCRIBED) is not None, what
    assert any(answer.get("content") for status, answer in operation["responses"].items() if status.startswith("2"))
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            assert parameter.get("example") or parameter["schema"].get("examples"), parameter["name"]


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_every_example_keeps_its_schema(path: str, operation: dict[str, Any]) -> None:
    """An example has the fields that are needed, of the types that are said."""
    for what, media in bodies(operation):
        shown = example(media, DESCRIBED)
        if shown is not None:
            schema = {**media["schema"], "components": DESCRIBED["components"]}
            jsonschema.validate(shown, schema)
        assert what


def test_a_conflict_shows_what_has_changed() -> None:
    """The 409 of a revision has the base of further corrections."""
    of_revisions = DESCRIBED["paths"]["/api/upload-video/jobs/{job_id}/revisions"]["post"]["responses"]["409"]
    assert example(of_revisions["content"]["application/json"], DESCRIBED)["changed"]["run_id"]


def test_the_page_shows_the_examples(gateway: Open) -> None:
    """As text: in the page that programs' authors read."""
    answer: httpx.Response = gateway().get("/docs")
    assert answer.text == page(DESCRIBED) and "<pre" in answer.text
    assert "&quot;NO_AUDIO&quot;" in answer.text and "&quot;changed&quot;" in answer.text
