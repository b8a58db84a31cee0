import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect_aws import AwsCredentials, S3Bucket

from blocks.callback import CallbackEndpoint
from blocks.engine import EMOTION_MODEL, SpeechEngine, use_settings
from blocks.registration import Registered, planned, register
from blocks.storage import open_store
from ecg_audio import settings
from ecg_audio.errors import InvalidRequest
from ecg_audio.speech.settings import EngineSettings
from ecg_audio.voice import emotion
from tests.support.commands import Ecg
from tests.support.s3 import Rclone

SETTINGS = settings.Models.variable("engine_settings")
REFERENCES = (
    "s3-bucket/ecg",
    "callback-endpoint/backend",
    "secret/hf-token",
    "speech-engine/default",
    "site-cookies/default",
)


@pytest.fixture(autouse=True)
def _no_blocks(prefect_server: str) -> Iterator[None]:
    _remove_blocks()  # other tests register some too
    yield
    _remove_blocks()


def _remove_blocks() -> None:
    with get_client(sync_client=True) as client:
        for reference in REFERENCES:
            slug, _, name = reference.partition("/")
            try:
                client.delete_block_document(client.read_block_document_by_name(name, slug).id)
            except ObjectNotFound:
                continue


@pytest.fixture
def environment(rclone: Rclone, tmp_path: Path) -> dict[str, str]:
    """Everything that can be named."""
    (tmp_path / "cookies.txt").write_text(
        "# Netscape HTTP Cookie File\n.site\tTRUE\t/\tTRUE\t0\tsession\thidden-cookie\n"
    )
    return {
        **rclone.environment,
        "S3_BUCKET_NAME": rclone.bucket(),
        "ECG_S3_FOLDER": "/ecg/",
        "FASTAPI_BASE_URL": "https://backend.example/",
        "ECG_CALLBACK_SECRET": "hidden-secret",
        "ECG_CALLBACK_LOCALE": "en",
        "HF_TOKEN": "hidden-token",
        "ECG_COOKIES_FILE": str(tmp_path / "cookies.txt"),
    }


def done(registered: list[Registered]) -> dict[str, str]:
    """What was done about each block."""
    return {block.reference: block.done for block in registered}


def test_a_whole_environment_becomes_blocks_that_work(environment: dict[str, str]) -> None:
    """The store opens and takes objects, the endpoint is as given; once more changes nothing, a new value one block."""
    assert done(register(environment)) == dict.fromkeys(REFERENCES, "made")
    store = open_store("s3-bucket/ecg")
    store.check()
    assert store.uri("a") == f"s3://{environment['S3_BUCKET_NAME']}/ecg/a"
    endpoint = CallbackEndpoint.load("backend")
    assert isinstance(endpoint, CallbackEndpoint) and endpoint.secret
    assert (endpoint.base_url, endpoint.locale) == ("https://backend.example", "en")
    assert endpoint.secret.get_secret_value() == "hidden-secret"

    assert done(register(environment)) == dict.fromkeys(REFERENCES, "unchanged")
    again = done(register({**environment, "BACKEND_URL": "ignored", "FASTAPI_BASE_URL": "https://other.example"}))
    assert [name for name, what in again.items() if what == "changed"] == ["callback-endpoint/backend"]


def test_what_operators_set_by_hand_stays() -> None:
    """A second registration leaves the fields of the engine's block that the environment does not name."""
    SpeechEngine(whisper_model="small", emotion_model=None).save("default")
    assert done(register({}))["speech-engine/default"] == "unchanged"


def test_what_the_environment_does_not_name_is_left_out_with_a_reason() -> None:
    """Only the engine's block is made of nothing; what is empty is not set; nothing is made up."""
    registered = register({"S3_BUCKET": " ", "HF_TOKEN": ""})
    assert done(registered) == {**dict.fromkeys(REFERENCES, "left out"), "speech-engine/default": "made"}
    assert all("is not set" in block.note for block in registered if block.done == "left out")
    engine = SpeechEngine.load("default")
    assert isinstance(engine, SpeechEngine) and engine.emotion_model == EMOTION_MODEL and engine.hub_token is None


def test_temporary_credentials_are_not_kept(environment: dict[str, str]) -> None:
    """Keys that come with a session token would soon be wrong: the block uses its user's own."""
    store = planned({**environment, "AWS_SESSION_TOKEN": "hidden-session"})[0]
    assert isinstance(store.block, S3Bucket) and isinstance(store.block.credentials, AwsCredentials)
    assert store.block.credentials.aws_access_key_id is None
    assert store.block.credentials.aws_secret_access_key is None and "temporary" in store.note


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("FASTAPI_BASE_URL", "backend", "FASTAPI_BASE_URL: must be an http or https address"),
        ("ECG_CALLBACK_LOCALE", "fr", "callback-endpoint/backend: locale"),
        ("ECG_CALLBACK_SECRET", "whsec_x", "callback-endpoint/backend: secret"),
        ("ECG_COOKIES_FILE", "/nowhere/cookies.txt", "ECG_COOKIES_FILE: /nowhere/cookies.txt cannot be read"),
    ],
)
def test_what_cannot_be_used_is_named(environment: dict[str, str], name: str, value: str, said: str) -> None:
    """The block and the field are named, and no secret."""
    with pytest.raises(InvalidRequest) as refused:
        planned({**environment, name: value})
    assert said in refused.value.message and "hidden" not in refused.value.message


def test_a_secret_without_a_backend_is_refused() -> None:
    """Whose callbacks it would sign is asked for, before jobs fail for it."""
    with pytest.raises(InvalidRequest, match="ECG_CALLBACK_SECRET is set, and FASTAPI_BASE_URL is not"):
        planned({"ECG_CALLBACK_SECRET": "hidden-secret"})


@pytest.mark.parametrize(
    ("variable", "block"),
    [
        ("ECG_STORE", "s3-bucket/nobodys"),
        ("ECG_STORE", "local-file-system/nobodys"),
        ("ECG_CALLBACK_ENDPOINT", "callback-endpoint/nobodys"),
        ("ECG_ENGINE_SETTINGS", "speech-engine/nobodys"),
    ],
)
def test_a_block_that_is_used_and_was_never_made_is_named(variable: str, block: str) -> None:
    """Jobs would fail one by one for what is wrong with the environment."""
    with pytest.raises(InvalidRequest, match=f"{variable}: there is no block {block}"):
        register({variable: block})


@pytest.mark.usefixtures("server")
def test_the_command_tells_what_it_did_and_no_secret(
    ecg: Ecg, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line for each block on stdout; keys, tokens and cookies are in none."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    ended = ecg("blocks", "register")
    assert ended.code == 0 and all(f"{reference} made" in ended.out for reference in REFERENCES)
    assert "hidden" not in ended.out + ended.err and environment["AWS_SECRET_ACCESS_KEY"] not in ended.out + ended.err


def test_the_command_needs_a_server(ecg: Ecg, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a configured server nothing could keep the blocks: a user's mistake, named."""
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    ended = ecg("blocks", "register")
    assert ended.code == 2 and "PREFECT_API_URL" in ended.err


def test_an_engine_takes_its_settings_from_the_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its values hold where the environment says nothing; the token comes along, where the hub's libraries look."""
    monkeypatch.setattr(settings, "_beneath", {})
    monkeypatch.setattr(os, "environ", {**os.environ, SETTINGS: "speech-engine/set", "ECG_WHISPERX_BEAM_SIZE": "1"})
    Secret(value="hidden-token").save("of-the-hub", overwrite=True)
    SpeechEngine(
        whisper_model="small",
        align_models={"ko": "none", "en": "/models/en"},
        batch_size=8,
        beam_size=3,
        chunk_s=20,
        memory_budget_gb=4,
        emotion_model="some/model",
        hub_token=Secret.load("of-the-hub"),
    ).save("set", overwrite=True)
    use_settings()
    found = EngineSettings.read()
    assert (found.model, found.batch_size, found.beam_size, found.memory_budget_gb) == ("small", 8, 1, 4.0)
    assert found.align_models == {"ko": "none", "en": "/models/en"}
    assert found.chunk_s == 20.0 and emotion.configured() == "some/model"
    assert os.environ["HF_TOKEN"] == "hidden-token" and "ECG_EMOTION_MODEL" not in os.environ
    whence = {held.variable: held.whence for held in settings.held(settings.Engine)}
    assert whence["ECG_WHISPERX_CHUNK_S"] == "speech-engine/set" and whence["ECG_WHISPERX_DEVICE"] == "default"
    assert whence["ECG_WHISPERX_BEAM_SIZE"] == "environment"
    block = SpeechEngine.load("set")
    assert "hidden" not in repr(block) and "hidden" not in str(block.model_dump())


def test_the_block_has_every_setting_of_the_engine() -> None:
    """A setting that the engine gets is one that the block can hand over, with the same meaning."""
    own = {"whisper_model": "model", "whisper_revision": "model_revision"}
    fields = {own.get(name, name): field for name, field in SpeechEngine.model_fields.items()}
    assert set(settings.Engine.model_fields) <= set(fields)
    for name in set(settings.Engine.model_fields) - {"align_models"}:
        assert str(fields[name].description).startswith(settings.Engine.sentence(name))


def test_settings_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A block of that name must exist; without the variable nothing is asked."""
    monkeypatch.delenv(SETTINGS, raising=False)
    use_settings()
    monkeypatch.setenv(SETTINGS, "speech-engine/none")
    with pytest.raises(InvalidRequest, match="no speech-engine block speech-engine/none"):
        use_settings()


def test_an_engine_that_cannot_work_is_not_made() -> None:
    """What the engine itself would refuse is refused when the block is filled in."""
    with pytest.raises(ValueError, match="LANGUAGE=MODEL"):
        SpeechEngine(align_models={"klingon": "none"})
    with pytest.raises(ValueError, match="less than or equal to 128"):
        SpeechEngine(batch_size=1000)
