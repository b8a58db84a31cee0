"""What the operator sets, read from the environment once."""

import ipaddress
import math
import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from ecg_audio.errors import InvalidRequest
from ecg_audio.request import AUTO, GB, Limits, web_address

LOCAL_PREFECT = "http://127.0.0.1:4200/api"


@dataclass(frozen=True, slots=True)
class Settings:
    """The gateway's settings.

    Attributes:
        prefect_url: Prefect's API.
        prefect_authorization: the whole Authorization header for it; None: it wants none.
        deployment: what a job runs, as flow/deployment.
        revise_deployment: what revises its result, likewise, on hosts of the same kind.
        burn_deployment: what burns its captions in.
        store: the artifact store of jobs; None: the worker's own.
        models: of jobs: auto, embedded or the name of a Whisper model.
        callback_url: where callbacks go when a request does not say; None: nowhere.
        callback_endpoint: the callback-endpoint block whose secret signs; None: callbacks are not signed.
        api_key: what callers show in X-API-Key; None: nothing.
        wait_s: how long /transcribe waits for a result.
        upload_max_bytes: the largest recording that may be uploaded.
        local: whether it listens on loopback, for callers of this machine.
    """

    prefect_url: str = LOCAL_PREFECT
    prefect_authorization: str | None = field(default=None, repr=False)
    deployment: str = "analyze/analyze"
    revise_deployment: str = "revise/revise"
    burn_deployment: str = "burn/burn"
    store: str | None = None
    models: str = AUTO
    callback_url: str | None = None
    callback_endpoint: str | None = None
    api_key: str | None = field(default=None, repr=False)
    wait_s: float = 300.0
    upload_max_bytes: int = Limits().max_bytes
    local: bool = False

    @classmethod
    def from_environment(cls, given: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings.

        Raises:
            InvalidRequest: one of them cannot be used; the message names it.
        """
        deployment = given.get("ECG_DEPLOYMENT") or "analyze/analyze"
        kind = "-cpu" if deployment.endswith("-cpu") else ""
        return cls(
            prefect_url=_address(given, "PREFECT_API_URL") or LOCAL_PREFECT,
            prefect_authorization=_authorization(given),
            deployment=deployment,
            revise_deployment=f"revise/revise{kind}",
            burn_deployment=f"burn/burn{kind}",
            store=given.get("ECG_STORE") or None,
            models=given.get("ECG_GATEWAY_MODELS") or AUTO,
            callback_url=_address(given, "FASTAPI_BASE_URL") or _address(given, "BACKEND_URL"),
            callback_endpoint=given.get("ECG_CALLBACK_ENDPOINT") or None,
            api_key=given.get("ECG_GATEWAY_API_KEY") or None,
            wait_s=_number(given, "ECG_TRANSCRIBE_WAIT_S", "of seconds", 300.0),
            local=is_loopback(given.get("ECG_GATEWAY_HOST") or "127.0.0.1"),
            upload_max_bytes=round(GB * _number(given, "ECG_UPLOAD_MAX_GB", "of GB", Limits().max_bytes / GB)),
        )


def open_door(host: str, given: Mapping[str, str] = os.environ) -> str | None:
    """What to say of a gateway that listens beyond this machine and asks for no key; None: nothing."""
    if given.get("ECG_GATEWAY_API_KEY") or is_loopback(host):
        return None
    return (
        f"the gateway listens on {host} and asks for no key: whoever reaches it hands in jobs and reads results; "
        "set ECG_GATEWAY_API_KEY"
    )


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _address(given: Mapping[str, str], name: str) -> str | None:
    try:
        return web_address(given[name]) if given.get(name) else None
    except ValueError as error:
        raise _unusable(name, str(error)) from None


def _number(given: Mapping[str, str], name: str, unit: str, default: float) -> float:
    try:
        found = float(given.get(name) or default)
    except ValueError:
        found = math.nan
    if not 0 <= found < math.inf:
        raise _unusable(name, f"must be a number {unit}")
    return found


def _unusable(name: str, why: str) -> InvalidRequest:
    return InvalidRequest(f"{name}: {why}", hint=f"Correct the environment variable {name}, or unset it.")


def _authorization(given: Mapping[str, str]) -> str | None:
    """As Prefect's own client makes it from its own variables."""
    if basic := given.get("PREFECT_API_AUTH_STRING"):
        return f"Basic {b64encode(basic.encode()).decode()}"
    return f"Bearer {given['PREFECT_API_KEY']}" if given.get("PREFECT_API_KEY") else None
