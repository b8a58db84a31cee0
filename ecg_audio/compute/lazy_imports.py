"""Packages whose import is put off until something of theirs is used.

Model libraries import far more than a job uses: plotting, data frames, training metrics, image transforms. That is most
of a cold start. `defer("pandas")` makes `import pandas` and `from pandas import DataFrame` answer with stand-ins; the
first use of one (an attribute, a call, a subclass, an `isinstance`) imports the package for real, and from then on
everything is the package's own. Nothing is ever replaced: a stand-in can do no more than fetch what it stands for.

What a stand-in cannot be is the very same object: `is`, `==`, `type(x) is`, `super(X, self)` and pickling tell them
apart, and `except` takes real exceptions alone, which is why names of exceptions are fetched at once. So packages are
deferred by name, where it is known not to matter, and a test runs the models both ways and compares.
"""

import contextlib
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from types import ModuleType, UnionType
from typing import Any, Union

EXCEPTIONS = ("Error", "Exception", "Warning")
OF_ANNOTATIONS = {
    "__origin__",
    "__parameters__",
    "__typing_subst__",
    "__typing_unpacked_tuple_args__",
    "__unpacked__",
    "__typing_is_unpacked_typevartuple__",
}
"""What `typing` asks of the parts of an annotation: a stand-in is a plain class to it."""
BY_IMPORT_SYSTEM = {"__path__", "__file__", "__cached__"}
"""What the import system sets, from where the real module lies, or leaves out where the real one has none."""


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """Import much at once: a hundred thousand objects and no garbage, so looking for it takes a fifth of the time.

    What was imported is left out of later collections, too.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


class Deferred:
    """Stands for one name of a deferred module until somebody uses it."""

    __slots__ = ("_module", "_name")

    def __init__(self, module: "DeferredModule", name: str) -> None:
        object.__setattr__(self, "_module", module)
        object.__setattr__(self, "_name", name)

    def __getattr__(self, name: str) -> Any:
        if name in OF_ANNOTATIONS:
            raise AttributeError(name)
        return getattr(real(self), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(real(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(real(self), name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:  # noqa: D102 - what the real one does
        return real(self)(*arguments, **options)

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[Any, ...]:
        return (real(self),)

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, real(self))

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(subclass, real(self))

    def __getitem__(self, key: Any) -> Any:
        return real(self)[key]

    def __iter__(self) -> Any:
        return iter(real(self))

    def __contains__(self, item: object) -> bool:
        return item in real(self)

    def __len__(self) -> int:
        return len(real(self))

    def __bool__(self) -> bool:
        return bool(real(self))

    def __or__(self, other: Any) -> Any:
        return Union[self, other] if _in_annotation(other) else real(self) | other  # noqa: UP007

    def __ror__(self, other: Any) -> Any:
        return Union[other, self] if _in_annotation(other) else other | real(self)  # noqa: UP007

    def __eq__(self, other: object) -> bool:
        # `Union[stand-in, ...]` compares and hashes what may never be used
        return type(other) is Deferred and _place(self) == _place(other)

    def __hash__(self) -> int:
        return hash(_place(self))

    def __repr__(self) -> str:
        return repr(real(self))


def real(value: Any) -> Any:
    """What a stand-in stands for; anything else is itself.

    Raises:
        ImportError: the package does not import, or lacks the name: what the plain import would have raised.
    """
    return _attribute(*_place(value)) if type(value) is Deferred else value


def _in_annotation(other: object) -> bool:
    """Whether `standin | other` can only mean a union of types."""
    return other is None or isinstance(other, type | UnionType | Deferred)


def _place(standin: Deferred) -> tuple["DeferredModule", str]:
    return object.__getattribute__(standin, "_module"), object.__getattribute__(standin, "_name")


class DeferredModule(ModuleType):
    """A deferred package, or a module inside one. Its own attributes are those that the import system sets."""

    def __getattr__(self, name: str) -> Any:
        if name in BY_IMPORT_SYSTEM:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if _deferral(self.__name__) is None:  # somebody has used it meanwhile
            return _attribute(self, name)
        if name == "__version__":
            return _version(self)
        if name.startswith("__") or name.endswith(EXCEPTIONS):
            return _attribute(self, name)
        return Deferred(self, name)

    def __setattr__(self, name: str, value: object) -> None:
        by_import = name.startswith("__") or getattr(value, "__name__", None) == f"{self.__name__}.{name}"
        super().__setattr__(name, value) if by_import else setattr(_imported(self.__name__), name, value)

    def __dir__(self) -> list[str]:
        return dir(_imported(self.__name__))


def _version(module: DeferredModule) -> Any:
    try:
        return metadata.version(module.__name__)
    except metadata.PackageNotFoundError:
        return _attribute(module, "__version__")


def _attribute(module: DeferredModule, name: str) -> Any:
    """A name of the real module, which may be a module inside it that nobody has imported yet, as `from` allows."""
    found = _imported(module.__name__)
    try:
        return getattr(found, name)
    except AttributeError:
        inside = f"{module.__name__}.{name}"
        if name.startswith("__") or importlib.util.find_spec(inside) is None:
            raise
        return importlib.import_module(inside)


# The import system

_deferred: set[str] = set()
_deferred_inside: set[str] = set()
_used: set[str] = set()


def defer(*packages: str, plain: Iterable[str] = ()) -> None:
    """Put off the import of packages, or of modules inside packages; those that are imported already stay so.

    Args:
        packages: dotted names. All that lies inside is deferred with them, and imported with them at first use. With
            `.*` at the end, the package itself is imported plainly, and each module in it is deferred for itself.
        plain: modules that are imported plainly all the same.
    """
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    _used.update(name for name, module in sys.modules.items() if type(module) is not DeferredModule)
    _used.update(plain)
    _deferred.update(name for name in packages if not name.endswith(".*"))
    _deferred_inside.update(name.removesuffix(".*") for name in packages if name.endswith(".*"))


def waiting(package: str) -> bool:
    """Whether nothing of a package, or of a module inside one, has been used yet."""
    return _deferral(package) is not None


def _deferral(name: str) -> str | None:
    """The outermost module that is imported for real when this one is; None: it is imported plainly."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        outer, parent = ".".join(parts[:length]), ".".join(parts[: length - 1])
        if (outer in _deferred or parent in _deferred_inside) and outer not in _used:
            return outer
    return None


def _imported(name: str) -> ModuleType:
    """The real module of a name, imported now if need be."""
    outer = _deferral(name)
    if outer is not None:
        _used.add(outer)
    # without a lock of our own, which could lock against those of the import system: whoever comes second does no harm
    standins = {
        known: module
        for known, module in list(sys.modules.items())
        if type(module) is DeferredModule and _deferral(known) is None
    }
    for known in standins:
        sys.modules.pop(known, None)
    try:
        return importlib.import_module(name)
    except BaseException:
        if outer is not None:  # the next use shall meet the same error, not half a package
            _used.discard(outer)
            sys.modules.update(standins)
        raise


class _Finder(importlib.abc.MetaPathFinder):
    """Finds what is deferred where it really lies, so that what is not there is as missing as ever."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if _deferral(fullname) is None:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader()
        return spec


class _Loader(importlib.abc.Loader):
    """Makes stand-ins."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return DeferredModule(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        pass
