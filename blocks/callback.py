"""The backend that hears how jobs go, kept as a block: its address, its language, and the secret that signs."""

import logging

from prefect.blocks.core import Block
from pydantic import Field, SecretStr, field_validator
from standardwebhooks import Webhook

from ecg_audio.delivery.callback import Endpoint, Locale
from ecg_audio.errors import InvalidRequest
from ecg_audio.request import Callback, origin, web_address

logger = logging.getLogger(__name__)


class CallbackEndpoint(Block):
    """A backend that takes callbacks."""

    _block_type_name = "Callback endpoint"
    _block_type_slug = "callback-endpoint"
    _description = "A backend that hears how jobs go: address, language of messages, and the secret that signs them."

    base_url: str = Field(description="http(s) address of the backend; callbacks go to /api/upload-video/result there.")
    secret: SecretStr | None = Field(
        default=None, description="Signs callbacks; any text, or a whsec_ secret. Empty: they are not signed."
    )
    locale: Locale = Field(default="ko", description="Language of messages: ko or en.")

    @field_validator("base_url")
    @classmethod
    def _web_address(cls, address: str) -> str:
        return web_address(address)

    @field_validator("secret")
    @classmethod
    def _usable(cls, secret: SecretStr | None) -> SecretStr | None:
        value = secret.get_secret_value() if secret else ""
        if value.startswith("whsec_"):
            Webhook(value)  # not base64: ValueError
        return secret if value else None


def endpoint(asked: Callback) -> Endpoint:
    """Where a request's callbacks go; what the request leaves open, its block says.

    The block's secret signs for the block's own origin. A request that names another backend is told there, unsigned:
    otherwise whoever may hand in jobs could collect signatures that the block's backend takes for ours.

    Raises:
        InvalidRequest: there is no such block.
    """
    if asked.endpoint is None:
        assert asked.base_url  # the request holds one or the other
        return Endpoint(asked.base_url, asked.locale or "ko")
    try:
        block = CallbackEndpoint.load(asked.endpoint.removeprefix("callback-endpoint/"))
    except ValueError as error:
        raise InvalidRequest(f"there is no callback-endpoint block {asked.endpoint}") from error
    assert isinstance(block, CallbackEndpoint)
    base_url, locale = asked.base_url or block.base_url, asked.locale or block.locale
    if block.secret is None:
        return Endpoint(base_url, locale)
    if origin(base_url) != origin(block.base_url):
        logger.warning(
            "callbacks to %s are not signed: the secret of %s is for its own backend", base_url, asked.endpoint
        )
        return Endpoint(base_url, locale)
    return Endpoint(base_url, locale, block.secret.get_secret_value())
