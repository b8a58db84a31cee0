"""Deferred imports, each in an interpreter of its own: what a process has imported, it cannot forget."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.support import REPOSITORY


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder with a package that says on import what of it is imported, and one that does not import."""
    package = tmp_path / "heavy"
    (package / "inside").mkdir(parents=True)
    (package / "__init__.py").write_text("print('heavy')\nfrom heavy.inside import answer\n__version__ = '7'\n")
    (package / "inside" / "__init__.py").write_text(
        "print('inside')\n"
        "class Base:\n    said = 'by the base'\n"
        "class OwnError(Exception):\n    pass\n"
        "answer = 42\n"
        "def double(number):\n    return 2 * number\n"
    )
    (package / "beside.py").write_text("print('beside')\nword = 'beside'\n")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "__init__.py").write_text("raise ImportError('a library of its own is missing')\n")
    return tmp_path


def told(room: Path, script: str) -> list[str]:
    """The lines that a script prints in a fresh interpreter that finds the packages of the room."""
    ended = subprocess.run(
        [sys.executable, "-c", "from ecg_audio.compute.lazy_imports import *\n" + textwrap.dedent(script)],
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
        env={"PYTHONPATH": f"{REPOSITORY}:{room}"},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_nothing_is_imported_until_something_is_used(room: Path) -> None:
    """Importing modules and names of a deferred package runs none of its code; the first use runs it, once."""
    script = """
        defer("heavy")
        import heavy, heavy.beside
        from heavy.inside import double, answer
        print("imported:", waiting("heavy"))
        print(double(21), waiting("heavy"))
        print(heavy.answer, answer.real, heavy.beside.word)
    """
    assert told(room, script) == ["imported: True", "heavy", "inside", "42 False", "beside", "42 42 beside"]


def test_what_is_used_is_the_real_thing(room: Path) -> None:
    """A subclass has the real base, `isinstance` asks the real class, and later imports bring the package itself."""
    script = """
        defer("heavy")
        from heavy.inside import Base, double
        class Mine(Base):
            pass
        import heavy.inside, sys
        assert type(heavy.inside) is type(sys) and Mine.__mro__[1] is heavy.inside.Base
        assert Mine.said == "by the base" and isinstance(Mine(), Base) and issubclass(Mine, Base)
        assert real(Base) is heavy.inside.Base and real(double) is heavy.inside.double and real(3) == 3
        assert not isinstance(3, Base)
    """
    assert told(room, script) == ["heavy", "inside"]


def test_annotations_use_nothing(room: Path) -> None:
    """A stand-in in an annotation, in a union or an optional, imports nothing."""
    script = """
        defer("heavy")
        from typing import Optional, Union
        from heavy.inside import Base, OwnName
        def use(one: Base, two: Base | None, three: Optional[Base], four: Union[Base, OwnName, int], five: int | Base):
            pass
        assert waiting("heavy")
    """
    assert told(room, script) == []


def test_exceptions_can_be_caught(room: Path) -> None:
    """Names of exceptions are the real classes at once, since `except` takes no stand-in."""
    script = """
        defer("heavy")
        from heavy.inside import OwnError
        try:
            raise OwnError
        except OwnError:
            print("caught")
    """
    assert told(room, script) == ["heavy", "inside", "caught"]


def test_an_import_error_is_the_real_one_each_time(room: Path) -> None:
    """A package that does not import says so at its use, in its own words; one that is not there, at its import."""
    script = """
        defer("broken", "nowhere")
        import broken
        for _ in range(2):
            try:
                broken.anything()
            except ImportError as error:
                print(error)
        try:
            import nowhere
        except ModuleNotFoundError as error:
            print(error)
        try:
            import broken.nowhere
        except ModuleNotFoundError as error:
            print(error)
    """
    missing = "a library of its own is missing"
    assert told(room, script) == [missing, missing, "No module named 'nowhere'", "No module named 'broken.nowhere'"]


def test_a_name_that_is_not_there_is_an_attribute_error(room: Path) -> None:
    """The real module says what it lacks."""
    script = """
        defer("heavy")
        from heavy.inside import nonsense
        try:
            nonsense()
        except AttributeError as error:
            print(error)
    """
    assert told(room, script)[-1] == "module 'heavy.inside' has no attribute 'nonsense'"


def test_the_modules_of_a_package_can_be_deferred_one_by_one(room: Path) -> None:
    """With `.*` the package itself runs, its modules when they are used, and those named `plain` at once."""
    script = """
        defer("heavy.*", plain=["heavy.beside"])
        import heavy, heavy.beside
        print("imported:", waiting("heavy.inside"), waiting("heavy.beside"))
        print(heavy.answer.real)
    """
    assert told(room, script) == ["heavy", "beside", "imported: True False", "inside", "42"]


def test_what_is_imported_already_stays(room: Path) -> None:
    """Deferring comes too late for a package that is there."""
    script = """
        import heavy
        defer("heavy")
        import heavy.beside
        print(waiting("heavy"))
    """
    assert told(room, script) == ["heavy", "inside", "beside", "False"]


def test_setting_an_attribute_sets_that_of_the_real_module(room: Path) -> None:
    """Whoever changes a deferred module changes the module that others will meet."""
    script = """
        defer("heavy")
        import heavy.inside as inside
        inside.answer = 43
        import heavy.inside
        print(heavy.inside.answer)
    """
    assert told(room, script) == ["heavy", "inside", "43"]


def test_collecting_garbage_goes_on_after_imports() -> None:
    """Whatever happens within, the collector is as it was before, also where it was off."""
    import gc

    from ecg_audio.compute.lazy_imports import without_collecting

    with pytest.raises(KeyError), without_collecting():
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()
    gc.unfreeze()
