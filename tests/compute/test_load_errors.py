"""What goes wrong when models are loaded has a name and a way out."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from ecg_audio.compute import hub, load_errors
from ecg_audio.errors import ModelAccessDenied, ModelLoadingFailed, TooLong


def error(name: str, text: str = "", status: int | None = None, base: type[Exception] = Exception) -> Exception:
    """An exception of a library's class, told by name as the libraries' versions move their modules."""
    raised: Exception = type(name, (base,), {})(text)
    if status is not None:
        raised.response = SimpleNamespace(status_code=status)  # type: ignore[attr-defined]
    return raised


def wrapped(inner: Exception) -> Exception:
    """As whisperx raises it: a ValueError with the cause only in its context."""
    outer = ValueError("the chosen align_model could not be found")
    outer.__context__ = inner
    return outer


@pytest.mark.parametrize(
    "raised",
    [
        error("GatedRepoError", status=403),
        error("HfHubHTTPError", "401 Client Error", status=401),
        wrapped(error("HfHubHTTPError", status=403)),
    ],
)
def test_a_model_behind_a_licence_names_the_page_to_accept(raised: Exception) -> None:
    """Whoever wrapped the hub's refusal: access is denied, and the hint says where to ask for it."""
    with pytest.raises(ModelAccessDenied) as failure, load_errors.named("pyannote/model"):
        raise raised
    assert "https://huggingface.co/pyannote/model" in failure.value.hint
    assert "HF_TOKEN" in failure.value.hint


@pytest.mark.parametrize("name", ["LocalEntryNotFoundError", "URLError", "OfflineModeIsEnabled"])
def test_a_model_that_is_nowhere_says_how_to_get_it(name: str) -> None:
    """Not on disk and no hub: a loading error that names the model and the command."""
    with pytest.raises(ModelLoadingFailed, match="base is not on this machine") as failure, load_errors.named("base"):
        raise wrapped(error(name, base=OSError))
    assert "ecg models fetch" in failure.value.hint


def test_a_damaged_model_is_a_loading_error_of_one_line() -> None:
    """The library's first line is kept, its essay is not."""
    with pytest.raises(ModelLoadingFailed, match=r"RuntimeError: unexpected end of file$"), load_errors.named("base"):
        raise RuntimeError("unexpected end of file\nsee https://example.org for more")


def test_a_library_that_does_not_say_so_is_seen_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where neither disk nor hub has the model, that is the reason, whatever the library complains about."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(hub, "answers", lambda: False)
    with pytest.raises(ModelLoadingFailed, match="is not on this machine"), load_errors.named("org/aligner"):
        raise ValueError("Can't load feature extractor")
    monkeypatch.setattr(hub, "answers", lambda: True)
    with pytest.raises(ModelLoadingFailed, match="Can't load feature extractor"), load_errors.named("org/aligner"):
        raise ValueError("Can't load feature extractor")


@pytest.mark.parametrize(
    "raised",
    [
        RuntimeError("CUDA failed with error out of memory"),
        RuntimeError("CUDA driver version is insufficient for CUDA runtime version"),
        TooLong("a failure with a name"),
    ],
)
def test_memory_device_and_named_failures_pass_as_they_are(raised: Exception) -> None:
    """For memory and device there is a ladder, and what has a name keeps it."""
    with pytest.raises(type(raised)) as failure, load_errors.named("base"):
        raise raised
    assert failure.value is raised
