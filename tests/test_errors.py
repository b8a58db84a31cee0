import inspect
import pickle

from ecg_audio import errors
from ecg_audio.errors import EcgError

KINDS = [
    kind
    for _name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, EcgError) and kind is not EcgError
]


def test_every_failure_has_a_code_and_says_what_to_do() -> None:
    """Each class carries an upper-case code and a hint of its own or a useful general one."""
    assert len(KINDS) > 20
    for kind in KINDS:
        assert kind.code.isupper() and kind.default_hint.endswith(".")


def test_nothing_a_user_asked_wrongly_is_tried_again() -> None:
    """A user's mistake is never retryable."""
    assert not [kind for kind in KINDS if kind.by_user and kind.retryable]


def test_errors_cross_processes_whole() -> None:
    """Class, message and hint survive pickling."""
    for kind in KINDS:
        copy = pickle.loads(pickle.dumps(kind("what happened", hint="what to do")))
        assert type(copy) is kind and (copy.message, copy.hint) == ("what happened", "what to do")
