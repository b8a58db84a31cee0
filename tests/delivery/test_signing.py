import hashlib
import hmac
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from ecg_audio.delivery import signing


def test_the_published_example_is_signed_as_published() -> None:
    """The example of the Standard Webhooks specification: id, time, body, secret, signature."""
    found = signing.headers(
        b'{"test": 2432232314}',
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    assert found["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (found["webhook-id"], found["webhook-timestamp"]) == ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330")


def test_todays_header_is_the_hmac_of_the_raw_body() -> None:
    """RFC 4231's second test case, in the form that the backend reads."""
    found = signing.headers(b"what do ya want for nothing?", "msg_1", datetime.now(UTC), "Jefe")
    assert found["X-Signature-256"] == "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


@given(st.text(min_size=1).filter(lambda text: not text.startswith("whsec_")), st.text(max_size=50))
def test_a_receiver_verifies_both(secret: str, text: str) -> None:
    """Any secret, any body: an independent check of the one and the library's own of the other agree."""
    body = text.encode()
    found = signing.headers(body, "msg_1", datetime.now(UTC), secret)
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert found["X-Signature-256"] == f"sha256={digest}"
    Webhook(secret.encode()).verify(body, found, json_parse=False)


def test_without_a_secret_nothing_is_signed() -> None:
    """The id and the time are there, no signature that anyone could mistake for one."""
    assert set(signing.headers(b"{}", "msg_1", datetime.now(UTC), None)) == {"webhook-id", "webhook-timestamp"}
