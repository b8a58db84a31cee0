"""What the gateway goes by: the operator's settings, read once."""

import ipaddress
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from ecg_audio.request import AUTO, GB, Limits
from ecg_audio.settings import Callbacks, Files, Gateway, Prefect

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
        voice_deployment: what remembers the voice of one of its speakers.
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
    voice_deployment: str = "remember-voice/remember-voice"
    store: str | None = None
    models: str = AUTO
    callback_url: str | None = None
    callback_endpoint: str | None = None
    api_key: str | None = field(default=None, repr=False)
    wait_s: float = 300.0
    upload_max_bytes: int = Limits().max_bytes
    local: bool = False

    @classmethod
    def from_environment(cls, given: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings.

        Args:
            given: variables; None: this process's own.

        Raises:
            InvalidRequest: one of them cannot be used; the message names it.
        """
        gateway, callbacks, prefect = Gateway.read(given), Callbacks.read(given), Prefect.read(given)
        kind = "-cpu" if gateway.deployment.endswith("-cpu") else ""
        return cls(
            prefect_url=prefect.url or LOCAL_PREFECT,
            prefect_authorization=_authorization(prefect),
            deployment=gateway.deployment,
            revise_deployment=f"revise/revise{kind}",
            burn_deployment=f"burn/burn{kind}",
            voice_deployment=f"remember-voice/remember-voice{kind}",
            store=Files.read(given).store,
            models=gateway.models,
            callback_url=callbacks.base_url,
            callback_endpoint=callbacks.endpoint,
            api_key=gateway.api_key.get_secret_value() if gateway.api_key else None,
            wait_s=gateway.wait_s,
            local=is_loopback(gateway.host),
            upload_max_bytes=round(GB * gateway.upload_max_gb),
        )


def open_door(host: str, given: Mapping[str, str] | None = None) -> str | None:
    """What to say of a gateway that listens beyond this machine and asks for no key; None: nothing."""
    if Gateway.read(given).api_key or is_loopback(host):
        return None
    return (
        f"the gateway listens on {host} and asks for no key: whoever reaches it hands in jobs and reads results; "
        f"set {Gateway.variable('api_key')}"
    )


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _authorization(prefect: Prefect) -> str | None:
    """As Prefect's own client makes it from its own variables."""
    if prefect.auth_string:
        return f"Basic {b64encode(prefect.auth_string.get_secret_value().encode()).decode()}"
    return f"Bearer {prefect.key.get_secret_value()}" if prefect.key else None
