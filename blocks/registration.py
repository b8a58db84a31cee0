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
from ecg_audio.settings import Bucket, Callbacks, Emotion, Files, Hub, Models, Sources

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

    store = Files.read(environment).store or ""
    of_store = S3Bucket if store.startswith(BUCKET) else LocalFileSystem
    uses: list[tuple[str, str | None, type[Block]]] = [
        (Callbacks.variable("endpoint"), Callbacks.read(environment).endpoint, CallbackEndpoint),
        (Models.variable("engine_settings"), Models.read(environment).engine_settings, SpeechEngine),
        (Files.variable("store"), store if is_block(store) else None, of_store),
    ]
    for variable, named, kind in uses:
        if named and _known(kind, named.rpartition("/")[2]) is None:
            raise InvalidRequest(
                f"{variable}: there is no block {named}",
                hint="The environment does not describe it: see what `ecg blocks register` leaves out, and why.",
            )


def planned(environment: Mapping[str, str]) -> list[Planned]:
    """The blocks that an environment describes, in the order in which they can be made.

    Args:
        environment: the variables of `settings.Bucket`, `Callbacks`, `Hub`, `Emotion` and `Sources`.

    Raises:
        InvalidRequest: a value cannot be used; the message names the block.
    """
    return [
        _store(environment),
        _callback(Callbacks.read(environment)),
        _token(Hub.read(environment).token),
        _engine(Emotion.read(environment).model),
        _cookies(Sources.read(environment).cookies_file),
    ]


def store_name(environment: Mapping[str, str]) -> str:
    """The name of the block for the bucket: ECG_STORE's, where that is one."""
    named = Files.read(environment).store or ""
    return named.removeprefix(BUCKET) if named.startswith(BUCKET) else STORE


def _store(environment: Mapping[str, str]) -> Planned:
    from prefect_aws import AwsClientParameters, AwsCredentials, S3Bucket

    reference = BUCKET + store_name(environment)
    given = Bucket.read(environment)
    if not given.name:
        unset = f"{Bucket.variable('name')} is not set"
        return Planned(reference, None, f"{unset}: results go to a folder, which needs no block")
    keys: dict[str, Any] = {}
    note = "with the credentials of whoever uses it (role, profile or environment)"
    if given.session_token:
        note += ": those here are temporary, and not kept"
    elif given.access_key_id and given.secret_access_key:
        keys["aws_access_key_id"] = given.access_key_id
        keys["aws_secret_access_key"] = given.secret_access_key
        note = "with the access key of this environment"
    credentials = AwsCredentials(
        region_name=given.region,
        aws_client_parameters=AwsClientParameters(endpoint_url=given.endpoint_url),
        **keys,
    )
    folder = given.s3_folder.strip("/")
    block = _made(reference, S3Bucket, bucket_name=given.name, bucket_folder=folder, credentials=credentials)
    return Planned(reference, block, f"{given.name}, {note}; use it by {Files.variable('store')}={reference}")


def _callback(given: Callbacks) -> Planned:
    reference = f"callback-endpoint/{CALLBACK}"
    address, secret = given.variable("base_url"), given.variable("secret")
    if given.base_url is None and given.secret:
        raise InvalidRequest(
            f"{reference}: {secret} is set, and {address} is not",
            hint=f"Set {address} to the backend whose callbacks are signed: a request may still name another.",
        )
    if given.base_url is None:
        return Planned(reference, None, f"{address} is not set")
    block = _made(
        reference,
        CallbackEndpoint,
        base_url=given.base_url,
        secret=given.secret,
        locale=given.locale,
    )
    signed = "signed" if given.secret else f"not signed: {secret} is not set"
    return Planned(reference, block, f"{given.base_url}, {signed}; use it by {given.variable('endpoint')}={reference}")


def _token(token: SecretStr | None) -> Planned:
    reference = f"secret/{TOKEN}"
    if token is None:
        return Planned(reference, None, f"{Hub.variable('token')} is not set")
    return Planned(reference, Secret(value=token), "the hub's token")


def _engine(emotion_model: str | None) -> Planned:
    reference = f"speech-engine/{ENGINE}"
    block = _made(reference, SpeechEngine, emotion_model=emotion_model)
    return Planned(reference, block, f"use it by {Models.variable('engine_settings')}={reference}")


def _cookies(named: str | None) -> Planned:
    reference = f"site-cookies/{COOKIES}"
    variable = Sources.variable("cookies_file")
    if named is None:
        return Planned(reference, None, f"{variable} is not set")
    try:
        content = Path(named).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"{variable}: {named} cannot be read: {error}") from None
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
