"""The versioned JSON document."""

import json
import subprocess
import sys
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

from ecg_audio.analysis import SCHEMA_VERSION, Analysis, VoiceFeatures
from ecg_audio.errors import InvalidRequest, ResultNotFound
from ecg_audio.results import document
from tests.support.results import factory
from tests.support.results.strategies import analyses


def _validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(document.SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def _content(**changes: Any) -> dict[str, Any]:
    return json.loads(document.dumps(factory.analysis())) | changes


@given(analyses())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_is_read_back_equal(analysis: Analysis) -> None:
    """Any analysis survives the document, and keeps to the schema."""
    written = document.dumps(analysis)
    assert document.loads(written) == analysis
    _validator().validate(json.loads(written))


def test_the_committed_schema_is_the_models() -> None:
    """analysis.schema.json is what the model generates: run `python -m ecg_audio.results.document` after a change."""
    assert document.SCHEMA_FILE.read_text(encoding="utf-8") == document.schema_text()


def test_the_schema_names_itself_and_its_units() -> None:
    """Whoever meets the schema can tell what it describes, in which version, and in which units."""
    schema = document.json_schema()
    assert schema["$id"].endswith(f"analysis:{SCHEMA_VERSION}")
    assert schema["version"] == SCHEMA_VERSION
    assert "dBFS" in schema["$defs"]["VoiceFeatures"]["properties"]["rms_dbfs"]["description"]
    assert all("description" in model for model in schema["$defs"].values())


@pytest.mark.parametrize(
    "damage",
    [
        {"segments": None},
        {"status": "almost"},
        {"recording": {}},
        {"surprise": 1},
        {"duration_s": 3},
    ],
)
def test_the_schema_and_the_reader_refuse_the_same_damage(damage: dict[str, Any]) -> None:
    """A document that is not ours passes neither the schema nor `loads`."""
    content = _content(**damage)
    assert not _validator().is_valid(content)
    with pytest.raises(InvalidRequest, match="damaged"):
        document.loads(json.dumps(content))


def test_the_text_is_readable_and_keeps_scripts_and_nulls() -> None:
    """Korean and emoji stand as themselves, null stands for 'not measured', an array of numbers takes one line."""
    unvoiced = factory.word("서울🎉", 0.0, 0.5, "SPEAKER_00", rms_dbfs=-20.0, mfcc=(1.5,) * 13)
    text = document.dumps(factory.analysis([unvoiced])).decode("utf-8")
    assert '"text": "서울🎉"' in text
    assert '"f0_mean_hz": null' in text
    assert '"mfcc": [' + ",".join(["1.5"] * 13) + "]" in text
    assert text.endswith("}\n")


def test_brackets_in_the_text_are_left_alone() -> None:
    """A word that looks like a pretty-printed array of numbers is not touched."""
    tricky = "[\n 1,\n 2\n]"
    read = document.loads(document.dumps(factory.analysis([factory.word(tricky, 0, 1)])))
    assert read.words[0].text == tricky


def test_fields_come_in_the_models_order() -> None:
    """Two documents can be compared line by line."""
    assert list(_content()) == list(Analysis.model_fields)


def test_nan_is_written_as_not_measured() -> None:
    """JSON has no NaN, and no reader of ours meets one."""
    broken = VoiceFeatures(rms_dbfs=float("nan"), rms=float("inf"))
    assert document.loads(document.dumps(factory.empty(voice=broken))).voice == VoiceFeatures()


def test_a_newer_minor_version_is_read_without_what_it_added() -> None:
    """Fields of a later 2.x, at any depth, do not stop this version from reading the rest."""
    content = _content(schema_version="2.99", mood="calm")
    content["segments"][0]["words"][1]["voice"]["jitter"] = 0.01
    content["segments"][0]["breath"] = {"deep": True}
    assert document.loads(json.dumps(content)).segments == factory.analysis().segments


def test_a_newer_minor_version_must_still_be_sound() -> None:
    """Leniency covers additions only."""
    content = _content(schema_version="2.99", mood="calm", status="almost")
    with pytest.raises(InvalidRequest, match="status"):
        document.loads(json.dumps(content))


@pytest.mark.parametrize("version", ["1.1", "0.9", "3.0", "20.1", ""])
def test_another_major_version_is_refused_by_name(version: str) -> None:
    """The error says which version the document has, and is the user's affair."""
    with pytest.raises(InvalidRequest, match=f"version {version}") as refusal:
        document.loads(json.dumps(_content(schema_version=version)))
    assert refusal.value.by_user


@pytest.mark.parametrize(
    "other",
    [b"", b"\x00\xff\xfe", b"hello", b"[]", b"null", b'{"segments": []}', b'{"schema_version": 1, "segments": []}'],
)
def test_something_else_is_not_a_result(other: bytes) -> None:
    """Other files are told apart from damaged documents."""
    with pytest.raises(ResultNotFound):
        document.loads(other)


def test_importing_the_document_is_light() -> None:
    """Reading a result needs neither Arrow nor numpy."""
    program = "import ecg_audio.results.document, sys; assert not {'pyarrow', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
