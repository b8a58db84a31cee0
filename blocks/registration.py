"""Making the blocks that this project uses, from an environment: `ecg blocks register`, and part of `ecg deploy`.

Everything is compared before it is written: a second time changes nothing. What the environment does not name is left
as it is on the server.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx
from prefect.blocks.core import Block
from prefect.blocks.system import Secret
from prefect.filesystems import LocalFileSystem
from pydantic import Secret as AnySecret
from pydantic import SecretStr, ValidationError

from blocks.callback import CallbackEndpoint
from blocks.cookies import SiteCookies
from blocks.engine import EMOTION_MODEL, SpeechEngine
from blocks.storage import BUCKET, is_block
from ecg_audio.errors import InvalidRequest, OrchestratorUnavailable

B = TypeVar("B", bound=Block)

STORE, CALLBACK, TOKEN, ENGINE, COOKIES = "ecg", "backend", "hf-token", "default", "default"


@dataclass(frozen=True, slots=True)
class Registered:
    """One block, and what was done about it. `note`: what is worth knowing of it, or why it was left out."""

    reference: str
    done: Literal["made", "changed", "unchanged", "left out"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """One block as the environment describes it; None: it does not, as the note says."""

    reference: str
    block: Block | None
    note: str


def register(environment: Mapping[str, str]) -> list[Registered]:
    """Register our block types, and make or overwrite the blocks that the environment describes.

    Raises:
        InvalidRequest: a value cannot be used; the message names the block, and nothing was made. Or the environment
            uses a block that nobody made.
        OrchestratorUnavailable: no Prefect server answers.
    """
    from prefect_aws import S3Bucket

    wanted = planned(environment)
    try:
        for kind in (S3Bucket, CallbackEndpoint, Secret, SpeechEngine, SiteCookies):
            kind.register_type_and_schema()
        done = [_registered(each) for each in wanted]
        _check_uses(environment)
    except httpx.TransportError as error:
        raise OrchestratorUnavailable(
            f"no Prefect server answers: {error}", hint="Start it, or correct PREFECT_API_URL."
        ) from error
    return done


def _check_uses(environment: Mapping[str, str]) -> None:
    """Refuse an environment that uses a block which nobody made: every job would fail for it."""
    from prefect_aws import S3Bucket

    store = environment.get("ECG_STORE", "")
    uses: dict[str, type[Block]] = {"ECG_CALLBACK_ENDPOINT": CallbackEndpoint, "ECG_ENGINE_SETTINGS": SpeechEngine}
    if is_block(store):
        uses["ECG_STORE"] = S3Bucket if store.startswith(BUCKET) else LocalFileSystem
    for variable, kind in uses.items():
        named = environment.get(variable, "").strip()
        if named and _known(kind, named.rpartition("/")[2]) is None:
            raise InvalidRequest(
                f"{variable}: there is no block {named}",
                hint="The environment does not describe it: see what `ecg blocks register` leaves out, and why.",
            )


def planned(environment: Mapping[str, str]) -> list[Planned]:
    """The blocks that an environment describes, in the order in which they can be made.

    Args:
        environment: S3_BUCKET_NAME (or S3_BUCKET), ECG_S3_FOLDER and AWS_*; FASTAPI_BASE_URL (or BACKEND_URL),
            ECG_CALLBACK_SECRET and ECG_CALLBACK_LOCALE; HF_TOKEN; ECG_EMOTION_MODEL; ECG_COOKIES_FILE. An empty
            variable is none.

    Raises:
        InvalidRequest: a value cannot be used; the message names the block.
    """
    given = {name: value.strip() for name, value in environment.items() if value.strip()}
    return [_store(given), _callback(given), _token(given), _engine(given), _cookies(given)]


def store_name(environment: Mapping[str, str]) -> str:
    """The name of the block for the bucket: ECG_STORE's, where that is one."""
    named = environment.get("ECG_STORE", "")
    return named.removeprefix(BUCKET) if named.startswith(BUCKET) else STORE


def _store(given: Mapping[str, str]) -> Planned:
    from prefect_aws import AwsClientParameters, AwsCredentials, S3Bucket

    reference = BUCKET + store_name(given)
    bucket = given.get("S3_BUCKET_NAME") or given.get("S3_BUCKET")
    if not bucket:
        return Planned(reference, None, "S3_BUCKET_NAME is not set: results go to a folder, which needs no block")
    endpoint = given.get("AWS_ENDPOINT_URL_S3") or given.get("AWS_ENDPOINT_URL")
    keys: dict[str, Any] = {}
    note = "with the credentials of whoever uses it (role, profile or environment)"
    if "AWS_SESSION_TOKEN" in given:
        note += ": those here are temporary, and not kept"
    elif "AWS_ACCESS_KEY_ID" in given and "AWS_SECRET_ACCESS_KEY" in given:
        keys["aws_access_key_id"] = given["AWS_ACCESS_KEY_ID"]
        keys["aws_secret_access_key"] = SecretStr(given["AWS_SECRET_ACCESS_KEY"])
        note = "with the access key of this environment"
    credentials = AwsCredentials(
        region_name=given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION"),
        aws_client_parameters=AwsClientParameters(endpoint_url=endpoint),
        **keys,
    )
    folder = given.get("ECG_S3_FOLDER", "").strip("/")
    block = _made(reference, S3Bucket, bucket_name=bucket, bucket_folder=folder, credentials=credentials)
    return Planned(reference, block, f"{bucket}, {note}; use it by ECG_STORE={reference}")


def _callback(given: Mapping[str, str]) -> Planned:
    reference = f"callback-endpoint/{CALLBACK}"
    base_url = given.get("FASTAPI_BASE_URL") or given.get("BACKEND_URL")
    secret = given.get("ECG_CALLBACK_SECRET")
    if base_url is None and secret:
        raise InvalidRequest(
            f"{reference}: ECG_CALLBACK_SECRET is set, and FASTAPI_BASE_URL is not",
            hint="Set FASTAPI_BASE_URL to the backend whose callbacks are signed: a request may still name another.",
        )
    if base_url is None:
        return Planned(reference, None, "FASTAPI_BASE_URL is not set")
    block = _made(
        reference,
        CallbackEndpoint,
        base_url=base_url,
        secret=SecretStr(secret) if secret else None,
        locale=given.get("ECG_CALLBACK_LOCALE", "ko"),
    )
    signed = "signed" if secret else "not signed: ECG_CALLBACK_SECRET is not set"
    return Planned(reference, block, f"{base_url}, {signed}; use it by ECG_CALLBACK_ENDPOINT={reference}")


def _token(given: Mapping[str, str]) -> Planned:
    reference = f"secret/{TOKEN}"
    if "HF_TOKEN" not in given:
        return Planned(reference, None, "HF_TOKEN is not set")
    return Planned(reference, Secret(value=SecretStr(given["HF_TOKEN"])), "the hub's token")


def _engine(given: Mapping[str, str]) -> Planned:
    reference = f"speech-engine/{ENGINE}"
    block = _made(reference, SpeechEngine, emotion_model=given.get("ECG_EMOTION_MODEL"))
    return Planned(reference, block, f"use it by ECG_ENGINE_SETTINGS={reference}")


def _cookies(given: Mapping[str, str]) -> Planned:
    reference = f"site-cookies/{COOKIES}"
    named = given.get("ECG_COOKIES_FILE")
    if named is None:
        return Planned(reference, None, "ECG_COOKIES_FILE is not set")
    try:
        content = Path(named).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"ECG_COOKIES_FILE: {named} cannot be read: {error}") from None
    block = _made(reference, SiteCookies, cookies=SecretStr(content))
    return Planned(reference, block, f"use it by --cookies {reference}")


def _made(reference: str, kind: type[B], **fields: object) -> B:
    try:
        return kind(**fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise InvalidRequest(f"{reference}: {where}: {first['msg'].removeprefix('Value error, ')}") from None


def _registered(wanted: Planned) -> Registered:
    if wanted.block is None:
        return Registered(wanted.reference, "left out", wanted.note)
    _, _, name = wanted.reference.partition("/")
    known = _known(type(wanted.block), name)
    block, note = wanted.block, wanted.note
    if isinstance(block, SpeechEngine):
        assert known is None or isinstance(known, SpeechEngine)
        block = _completed(block, known)
        note = f"emotions by {block.emotion_model or 'no model'}; {note}"
    if known is not None and _same(known, block):
        return Registered(wanted.reference, "unchanged", note)
    block.save(name, overwrite=True)
    return Registered(wanted.reference, "changed" if known else "made", note)


def _completed(engine: SpeechEngine, known: SpeechEngine | None) -> SpeechEngine:
    """The engine's settings: what operators have set in the UI stays, the token is the one that is kept."""
    token = _known(Secret, TOKEN)
    if known is None:
        return engine.model_copy(update={"emotion_model": engine.emotion_model or EMOTION_MODEL, "hub_token": token})
    changes = {"emotion_model": engine.emotion_model or known.emotion_model, "hub_token": token or known.hub_token}
    return known.model_copy(update=changes)


def _known(kind: type[B], name: str) -> B | None:
    try:
        found = kind.load(name)
    except ValueError:
        return None
    assert isinstance(found, kind)
    return found


def _same(one: object, other: object) -> bool:
    """Whether two blocks hold the same, wherever they are kept."""
    if isinstance(one, Block) and isinstance(other, Block):
        return all(_same(getattr(one, field), getattr(other, field)) for field in type(one).model_fields)
    return _bare(one) == _bare(other)


def _bare(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr | AnySecret) else value
