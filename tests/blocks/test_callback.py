import pytest
from pydantic import SecretStr, ValidationError

from blocks.callback import CallbackEndpoint, endpoint
from ecg_audio.delivery.callback import Endpoint
from ecg_audio.errors import InvalidRequest
from ecg_audio.request import Callback


def test_a_request_alone_says_where() -> None:
    """Without a block the request's address is used, in Korean, and nothing is signed."""
    assert endpoint(Callback(base_url="http://backend")) == Endpoint("http://backend", "ko", None)


@pytest.mark.usefixtures("prefect_server")
def test_a_block_fills_in_what_the_request_leaves_open() -> None:
    """The request's address and language come before the block's."""
    CallbackEndpoint(base_url="http://backend/", secret=SecretStr("s"), locale="en").save("filled", overwrite=True)
    assert endpoint(Callback(endpoint="filled")) == Endpoint("http://backend", "en", "s")
    asked = Callback(base_url="http://other", locale="ko", endpoint="callback-endpoint/filled")
    assert endpoint(asked) == Endpoint("http://other", "ko", None)
    with pytest.raises(InvalidRequest, match="no callback-endpoint block missing"):
        endpoint(Callback(endpoint="missing"))


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("address", "signed"),
    [
        ("https://backend.example", True),
        ("https://backend.example:443/", True),
        ("https://BACKEND.example/tenant/7", True),
        ("http://backend.example", False),
        ("https://backend.example:8443", False),
        ("https://backend.example.evil.example", False),
        ("https://evil.example/backend.example", False),
        ("https://xn--bckend-dwa.example", False),
        ("https://backend.example.", False),
    ],
)
def test_a_secret_signs_for_its_own_backend_alone(address: str, signed: bool) -> None:
    """Whatever backend a request names, a signature goes to the block's scheme, host and port or nowhere."""
    CallbackEndpoint(base_url="https://backend.example", secret=SecretStr("s")).save("own", overwrite=True)
    found = endpoint(Callback(base_url=address, endpoint="own"))
    assert found.base_url == address.rstrip("/")
    assert found.secret == ("s" if signed else None)


def test_a_block_that_cannot_work_is_not_made() -> None:
    """An address that is none, a whsec_ secret that is not base64; an empty secret is none."""
    with pytest.raises(ValidationError, match="http or https"):
        CallbackEndpoint(base_url="backend")
    with pytest.raises(ValidationError):
        CallbackEndpoint(base_url="http://backend", secret=SecretStr("whsec_x"))
    assert CallbackEndpoint(base_url="http://backend", secret=SecretStr("")).secret is None


def test_secrets_are_not_shown() -> None:
    """Neither by the block nor by what is made of it."""
    block = CallbackEndpoint(base_url="http://backend", secret=SecretStr("hidden"))
    assert "hidden" not in repr(block) and "hidden" not in repr(Endpoint("http://backend", secret="hidden"))
