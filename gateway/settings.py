"""What the gateway goes by: the operator's settings, read once."""

import ipaddress
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from ecg_audio.request import GB
from ecg_audio.settings import Callbacks, Files, Gateway, Prefect

LOCAL_PREFECT = "http://127.0.0.1:4200/api"


@dataclass(frozen=True, slots=True)
class Settings:
    """The groups of settings that the gateway goes by, and what follows from them."""

    gateway: Gateway
    callbacks: Callbacks
    files: Files
    prefect: Prefect

    @classmethod
    def read(cls, given: Mapping[str, str] | None = None) -> Self:
        """Read the settings.

        Args:
            given: variables; None: this process's own.

        Raises:
            InvalidRequest: one of them cannot be used; the message names it.
        """
        return cls(Gateway.read(given), Callbacks.read(given), Files.read(given), Prefect.read(given))

    @property
    def store(self) -> str | None:
        """The artifact store of jobs; None: the worker's own."""
        return self.files.store

    @property
    def prefect_url(self) -> str:
        """Prefect's API."""
        return self.prefect.url or LOCAL_PREFECT

    @property
    def api_key(self) -> str | None:
        """What callers show in X-API-Key; None: nothing."""
        return self.gateway.api_key.get_secret_value() if self.gateway.api_key else None

    @property
    def upload_max_bytes(self) -> int:
        """The largest recording that may be uploaded."""
        return round(GB * self.gateway.upload_max_gb)

    @property
    def local(self) -> bool:
        """Whether it listens on loopback, for callers of this machine."""
        return is_loopback(self.gateway.host)

    def deployment_of(self, flow: str) -> str:
        """What does other work on a job's result, on hosts of the same kind, as flow/deployment."""
        return f"{flow}/{flow}{'-cpu' if self.gateway.deployment.endswith('-cpu') else ''}"


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


def credentials(prefect: Prefect) -> dict[str, str]:
    """Headers for Prefect's API, as its own client makes them from its own variables."""
    if prefect.auth_string:
        return {"Authorization": f"Basic {b64encode(prefect.auth_string.get_secret_value().encode()).decode()}"}
    return {"Authorization": f"Bearer {prefect.key.get_secret_value()}"} if prefect.key else {}
