import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_audio.errors import InvalidRequest
from ecg_audio.request import AnalysisRequest


def test_only_a_source_is_needed() -> None:
    """A request with nothing but a source gets a job id of its own, limits of 5 GB and 3 h, and no forced speakers."""
    first, second = AnalysisRequest.checked(source="a.mp4"), AnalysisRequest.checked(source="a.mp4")
    assert first.job_id != second.job_id
    assert (first.limits.max_bytes, first.limits.max_duration_s) == (5_000_000_000, 10_800.0)
    assert (first.speakers, first.min_speakers, first.max_speakers) == (None, None, None)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "source"),
        ({"source": ""}, "source"),
        ({"source": "a\nb"}, "source"),
        ({"source": "a", "job_id": "../x"}, "job_id"),
        ({"source": "a", "job_id": "a..b"}, "job_id"),
        ({"source": "a", "job_id": "a/b"}, "job_id"),
        ({"source": "a", "job_id": "a\r\nb"}, "job_id"),
        ({"source": "a", "job_id": ""}, "job_id"),
        ({"source": "a", "job_id": "x" * 129}, "job_id"),
        ({"source": "a", "language": "english"}, "language"),
        ({"source": "a", "speakers": 0}, "speakers"),
        ({"source": "a", "speakers": 2, "min_speakers": 1}, "speakers"),
        ({"source": "a", "min_speakers": 3, "max_speakers": 2}, "min_speakers"),
        ({"source": "a", "models": "x" * 1025}, "models"),
        ({"source": "a", "models": " "}, "models"),
        ({"source": "a", "models": "base\nsmall"}, "models"),
        ({"source": "a", "engine": "whisperx"}, "engine"),
        ({"source": "a", "limits": {"max_bytes": 0}}, "limits.max_bytes"),
        ({"source": "a", "colour": "red"}, "colour"),
        ({"source": "a", "initial_prompt": "x" * 1001}, "initial_prompt"),
        ({"source": "a", "initial_prompt": "a\nb"}, "initial_prompt"),
        ({"source": "a", "hotwords": "a\x9bb"}, "hotwords"),
        ({"source": "a", "hotwords": "<|endoftext|>"}, "hotwords"),
        ({"source": "a", "translate": "perhaps"}, "translate"),
    ],
)
def test_a_bad_field_is_named(fields: dict[str, object], named: str) -> None:
    """What does not make sense is an INVALID_REQUEST of the user's whose message names the field."""
    with pytest.raises(InvalidRequest, match=named) as caught:
        AnalysisRequest.checked(**fields)
    assert caught.value.by_user and "pydantic" not in str(caught.value)


@given(st.text())
def test_accepted_job_ids_are_safe_names(job_id: str) -> None:
    """Whatever is accepted as a job id is one path component and one object key."""
    try:
        accepted = AnalysisRequest.checked(source="a", job_id=job_id).job_id
    except InvalidRequest:
        return
    assert accepted == job_id
    assert accepted.isascii() and not set(accepted) & set("/\\ \r\n\t\0:") and accepted not in (".", "..")


def test_blank_guidance_is_none() -> None:
    """Blanks around it do not matter, and nothing but blanks is nothing."""
    asked = AnalysisRequest.checked(source="a", initial_prompt=" Dr. Ångström, 김민수 ", hotwords="  ")
    assert (asked.initial_prompt, asked.hotwords, asked.translate) == ("Dr. Ångström, 김민수", None, False)


def test_language_codes_are_normalised() -> None:
    """Case and blanks around a language code do not matter."""
    assert AnalysisRequest.checked(source="a", language=" EN ").language == "en"


@pytest.mark.parametrize(
    ("callback", "named"),
    [
        ({}, "give a base_url"),
        ({"base_url": "backend:8000"}, "http or https"),
        ({"base_url": "ftp://backend"}, "http or https"),
        ({"base_url": "http://"}, "http or https"),
        ({"base_url": "http://user@backend"}, "credentials"),
        ({"base_url": "http://backend/?a=1"}, "query"),
        ({"base_url": "http://backend/#a"}, "fragment"),
        ({"base_url": "http://backend/\r\nX: 1"}, "control characters"),
        ({"base_url": "http://backend:99999"}, "Port out of range"),
        ({"base_url": "http://backend", "locale": "fr"}, "locale"),
    ],
)
def test_a_callback_is_an_address_and_nothing_else(callback: dict[str, str], named: str) -> None:
    """Whatever could lead elsewhere than it seems is refused, and the message says what."""
    with pytest.raises(InvalidRequest, match=named):
        AnalysisRequest.checked(source="a.mp4", callback=callback)


def test_a_callback_needs_an_address_or_a_block() -> None:
    """One of both is enough; a slash at the end of the address goes."""
    with_address = AnalysisRequest.checked(source="a.mp4", callback={"base_url": "https://backend.example/ecg/"})
    assert with_address.callback and with_address.callback.base_url == "https://backend.example/ecg"
    with_block = AnalysisRequest.checked(source="a.mp4", callback={"endpoint": "backend"})
    assert with_block.callback and with_block.callback.base_url is None


@pytest.mark.parametrize(
    ("asked", "use"),
    [
        ({}, "auto"),
        ({"speakers": 2}, "auto"),
        ({"min_speakers": 2}, "auto"),
        ({"max_speakers": 4}, "auto"),
        ({"speakers": 1}, "mixed"),
        ({"speakers": 3}, "mixed"),
        ({"min_speakers": 3}, "mixed"),
        ({"max_speakers": 1}, "mixed"),
        ({"channels": "separate", "speakers": 3}, "separate"),
        ({"channels": "mixed"}, "mixed"),
    ],
)
def test_channels_are_looked_at_unless_two_speakers_are_ruled_out(asked: dict[str, object], use: str) -> None:
    """What a request says of its channels holds; `auto` gives way to a number of speakers other than two."""
    assert AnalysisRequest.checked(source="a.wav", **asked).channel_use == use


def test_channels_are_one_of_three_words() -> None:
    """Anything else is refused, and the message names the field."""
    with pytest.raises(InvalidRequest, match="channels"):
        AnalysisRequest.checked(source="a.wav", channels="stereo")
