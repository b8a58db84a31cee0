"""The verifier that receivers may copy, on what we send."""

import base64
import importlib.util
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.delivery import signing
from tests.conftest import REPOSITORY

PROGRAM = REPOSITORY / "examples/verify_callback.py"
NOW_S = 1_700_000_000


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("verify_callback", PROGRAM)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


example = _loaded()
secrets = st.one_of(
    st.text(min_size=1).filter(lambda text: not text.startswith("whsec_")),
    st.binary(min_size=24, max_size=64).map(lambda key: "whsec_" + base64.b64encode(key).decode()),
)


def signed(body: bytes, secret: str | None, at_s: int = NOW_S, message_id: str = "msg_1") -> dict[str, str]:
    """The headers that we send."""
    return signing.headers(body, message_id, datetime.fromtimestamp(at_s, UTC), secret)


@given(secrets, st.text(max_size=50))
def test_what_we_send_is_genuine(secret: str, text: str) -> None:
    """With any secret, of either form, and any body; a second attempt at the same message is known."""
    verifier, body = example.Verifier(secret), text.encode()
    assert verifier.is_new(signed(body, secret), body, NOW_S)
    assert not verifier.is_new(signed(body, secret, NOW_S + 60), body, NOW_S + 60)
    assert verifier.is_new(signed(body, secret, message_id="msg_2"), body, NOW_S)


@pytest.mark.parametrize(
    ("changed", "body", "now_s"),
    [
        ({}, b"{} ", NOW_S),
        ({}, b"{}", NOW_S + 301),
        ({}, b"{}", NOW_S - 301),
        ({"webhook-timestamp": str(NOW_S + 300)}, b"{}", NOW_S + 301),
        ({"webhook-timestamp": "soon"}, b"{}", NOW_S),
        ({"webhook-timestamp": ""}, b"{}", NOW_S),
        ({"webhook-id": "msg_2"}, b"{}", NOW_S),
        ({"webhook-id": ""}, b"{}", NOW_S),
        ({"webhook-signature": ""}, b"{}", NOW_S),
        ({"webhook-signature": "v1,AAAA v2,\u00e9"}, b"{}", NOW_S),
    ],
)
def test_what_is_not_ours_or_not_new_is_told(changed: dict[str, str], body: bytes, now_s: int) -> None:
    """Another body, id or time than was signed; an old message, also freshened; no signature."""
    with pytest.raises(example.NotGenuine):
        example.Verifier("s").is_new(signed(b"{}", "s") | changed, body, now_s)


def test_another_secret_is_another_sender() -> None:
    """And a callback that nobody signed is nobody's."""
    for secret in ("t", None):
        with pytest.raises(example.NotGenuine):
            example.Verifier("s").is_new(signed(b"{}", secret), b"{}", NOW_S)


@pytest.mark.parametrize(("secret", "code"), [("s", 0), ("t", 1)])
def test_the_program_says_it_by_its_exit_code(tmp_path: Path, secret: str, code: int) -> None:
    """Headers and body from files, as they came; nothing of ours is imported."""
    headers = signed(b"{}", "s", int(datetime.now(UTC).timestamp()))
    (tmp_path / "headers").write_text("".join(f"{name.title()}: {value}\n" for name, value in headers.items()))
    (tmp_path / "body").write_bytes(b"{}")
    command = [sys.executable, "-I", "-S", PROGRAM, secret, tmp_path / "headers", tmp_path / "body"]
    assert subprocess.run(command, capture_output=True).returncode == code
