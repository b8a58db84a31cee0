"""docs/errors.md is what the code says."""

from ecg_audio import error_codes
from ecg_audio.errors import EcgError
from tests.conftest import REPOSITORY


def test_the_page_is_up_to_date() -> None:
    """Whoever changes an error renews the page: `python -m ecg_audio.error_codes > docs/errors.md`."""
    assert (REPOSITORY / "docs/errors.md").read_text("utf-8") == error_codes.markdown()


def test_every_error_says_what_happened_and_what_to_do() -> None:
    """A sentence and a hint of its own; only what nobody foresaw asks for a report."""
    lines = [line for line in error_codes.markdown().splitlines() if line.startswith("| `")]
    assert len(lines) > 40
    for line in lines:
        _, _code, sentence, _again, _whose, hint, _ = (part.strip() for part in line.split("|"))
        assert sentence.endswith(".") and hint
    assert EcgError.default_hint in error_codes.markdown()
