"""A vector type for compiled code: one value for each of eight frames.

In a kernel, `load(x, i)` takes eight neighbouring numbers of an array as one `Lanes`, arithmetic works on all of them
at once, and `store` puts them back. Each lane holds a frame of its own and never meets another, so a formula reads as
it would for one frame, runs on eight, and gives each the same bits in whatever company it comes.

numba leaves it to the compiler to discover such loops, which fails as soon as two arrays might overlap; written out as
vectors, a Fourier transform is four times as fast. LLVM maps eight lanes to what a processor has (two SSE, NEON or one
AVX register of float32).
"""

import operator
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import extending, types
from numba.core.typing import templates
from numba.extending import intrinsic, models, register_model

Array = Any
Lanes = Any  # in signatures of kernels

_typing: Any = templates  # numba gives these parts of itself no types
_lowering: Any = extending

LANES = 8

_LINE_BYTES = 64  # of a processor's cache


def room(count: int, dtype: Any = np.float64) -> Array:
    """An array of so many lanes, each in one line of the processor's cache: with AVX-512 a load would else take two."""
    width = np.dtype(dtype).itemsize
    whole = np.empty(count * LANES + _LINE_BYTES // width, dtype)
    skipped = -whole.__array_interface__["data"][0] % _LINE_BYTES // width
    return whole[skipped : skipped + count * LANES]


_FLAGS = ("contract", "nsz")
_INT32 = ir.IntType(32)
_INTS = ir.VectorType(_INT32, LANES)


class _LanesType(types.Type):
    """Eight numbers of one kind."""

    def __init__(self, dtype: types.Type, element: ir.Type) -> None:
        super().__init__(name=f"{LANES}x{dtype}")
        self.dtype = dtype
        self.vector = ir.VectorType(element, LANES)


SINGLE = _LanesType(types.float32, ir.FloatType())
DOUBLE = _LanesType(types.float64, ir.DoubleType())
_OF = {types.float32: SINGLE, types.float64: DOUBLE}


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: _LanesType) -> None:
        super().__init__(manager, kind, kind.vector)  # type: ignore[no-untyped-call]


def _spread(builder: Any, kind: _LanesType, value: Any, dtype: types.Type) -> Any:
    """One number in all lanes."""
    if dtype != kind.dtype:
        convert = builder.fptrunc if kind is SINGLE else builder.fpext
        value = convert(value, kind.vector.element)
    blank = ir.Constant(kind.vector, ir.Undefined)
    first = builder.insert_element(blank, value, ir.Constant(_INT32, 0))
    return builder.shuffle_vector(first, blank, ir.Constant(_INTS, [0] * LANES))


def _register(python_operators: tuple[Any, ...], instruction: str) -> None:
    """Teach the compiler an arithmetic operator between lanes, and between lanes and a number."""

    class Template(_typing.AbstractTemplate):  # type: ignore[misc]
        # asked before numba's own, which are many and are slow to say no: it halves the time that typing takes
        metadata: ClassVar = {"target": "cpu"}

        def generic(self, arguments: Any, _keywords: Any) -> Any:
            found = [kind for kind in arguments if isinstance(kind, _LanesType)]
            if not found or any(kind not in (found[0], *_OF) for kind in arguments):
                return None
            return _typing.signature(found[0], *arguments)

    def lower(_context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        operands = [
            value if kind is sig.return_type else _spread(builder, sig.return_type, value, kind)
            for value, kind in zip(arguments, sig.args, strict=True)
        ]
        return getattr(builder, instruction)(*operands, flags=_FLAGS)

    for python_operator in python_operators:
        _typing.infer_global(python_operator)(type(instruction, (Template,), {}))
        for kind in (SINGLE, DOUBLE):
            _lowering.lower_builtin(python_operator, kind, kind)(lower)
            for number in _OF:
                _lowering.lower_builtin(python_operator, kind, number)(lower)
                _lowering.lower_builtin(python_operator, number, kind)(lower)


_register((operator.add, operator.iadd), "fadd")
_register((operator.sub, operator.isub), "fsub")
_register((operator.mul, operator.imul), "fmul")
_register((operator.truediv, operator.itruediv), "fdiv")


def _instruction(generator: Callable[..., Any]) -> Any:
    """Make a function for kernels from one that gives its signature and its code."""
    return intrinsic(generator)


def _address(context: Any, builder: Any, kind: Any, array: Any, element: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    vector = _OF[kind.dtype].vector
    return builder.bitcast(builder.gep(data, [element], inbounds=True), vector.as_pointer())


def _width(kind: Any) -> int:
    return 4 if kind.dtype == types.float32 else 8


@_instruction
def load_at(_typing: Any, array: Any, _element: Any) -> Any:
    """Eight numbers of a flat array from an element on. Nothing checks the bounds."""

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        address = _address(context, builder, sig.args[0], *arguments)
        return builder.load(address, align=_width(sig.args[0]))

    return _OF[array.dtype](array, types.intp), generate


@_instruction
def load(_typing: Any, array: Any, _index: Any) -> Any:
    """Eight numbers of a flat array by their index: 0 are the first eight, 1 the next."""

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        element = builder.mul(arguments[1], ir.Constant(arguments[1].type, LANES))
        return builder.load(_address(context, builder, sig.args[0], arguments[0], element), align=_width(sig.args[0]))

    return _OF[array.dtype](array, types.intp), generate


@_instruction
def store(_typing: Any, array: Any, _index: Any, _value: Any) -> Any:
    """Put lanes where `load` would take them."""

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        element = builder.mul(arguments[1], ir.Constant(arguments[1].type, LANES))
        address = _address(context, builder, sig.args[0], arguments[0], element)
        builder.store(arguments[2], address, align=_width(sig.args[0]))
        return context.get_dummy_value()

    return types.void(array, types.intp, _OF[array.dtype]), generate


@_instruction
def store_at(_typing: Any, array: Any, _element: Any, _value: Any) -> Any:
    """Put lanes where `load_at` would take them."""

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        builder.store(arguments[2], _address(context, builder, sig.args[0], *arguments[:2]), align=_width(sig.args[0]))
        return context.get_dummy_value()

    return types.void(array, types.intp, _OF[array.dtype]), generate


def _shuffled(builder: Any, left: Any, right: Any, places: list[int]) -> Any:
    """Lanes of two by their numbers, those of the second from `LANES` on."""
    return builder.shuffle_vector(left, right, ir.Constant(_INTS, places))


@_instruction
def turn(_typing: Any, array: Any, _element: Any, _step: Any, out: Any, _place: Any, _apart: Any) -> Any:
    """Turn a square of eight by eight numbers: columns of rows that lie `step` apart become rows that lie `apart`."""

    def generate(context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        source, element, step, target, place, apart = arguments
        rows = []
        for _ in range(LANES):
            rows.append(builder.load(_address(context, builder, sig.args[0], source, element), align=4))
            element = builder.add(element, step)
        low = [i // 2 + i % 2 * LANES for i in range(LANES)]
        high = [place + LANES // 2 for place in low]
        for _ in range(3):  # shuffling all 64 perfectly turns the bits of their numbers by one; by three, it is done
            pairs = zip(rows[: LANES // 2], rows[LANES // 2 :], strict=True)
            rows = [_shuffled(builder, one, other, half) for one, other in pairs for half in (low, high)]
        for row in rows:
            builder.store(row, _address(context, builder, sig.args[3], target, place), align=4)
            place = builder.add(place, apart)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, out, types.intp, types.intp), generate


@_instruction
def moved(_typing: Any, kind: Any, _now: Any) -> Any:
    """Each lane's neighbour: the last of the lanes before, then all of these but their last."""

    def generate(_context: Any, builder: Any, _sig: Any, arguments: Any) -> Any:
        before, now = arguments
        return _shuffled(builder, before, now, list(range(LANES - 1, 2 * LANES - 1)))

    return kind(kind, kind), generate


@_instruction
def single(_typing: Any, value: Any) -> Any:
    """A number, or float64 lanes, as float32 lanes."""

    def generate(_context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        if sig.args[0] is DOUBLE:
            return builder.fptrunc(arguments[0], SINGLE.vector)
        return _spread(builder, SINGLE, arguments[0], sig.args[0])

    return SINGLE(value), generate


@_instruction
def double(_typing: Any, value: Any) -> Any:
    """A number, or float32 lanes, as float64 lanes."""

    def generate(_context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        if sig.args[0] is SINGLE:
            return builder.fpext(arguments[0], DOUBLE.vector)
        return _spread(builder, DOUBLE, arguments[0], sig.args[0])

    return DOUBLE(value), generate


def _declare(builder: Any, name: str, kind: _LanesType, count: int) -> Any:
    full = f"llvm.{name}.v{LANES}f{32 if kind is SINGLE else 64}"
    function = ir.FunctionType(kind.vector, [kind.vector] * count)
    return builder.module.globals.get(full) or ir.Function(builder.module, function, full)


def _machine(name: str, count: int) -> Any:
    """What an instruction of the machine does, as a function for kernels."""

    def generate(_context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return builder.call(_declare(builder, name, sig.return_type, count), arguments)

    return generate


@_instruction
def root(_typing: Any, value: Any) -> Any:
    """The square root of each lane."""
    return value(value), _machine("sqrt", 1)


@_instruction
def absolute(_typing: Any, value: Any) -> Any:
    """Each lane without its sign."""
    return value(value), _machine("fabs", 1)


@_instruction
def larger(_typing: Any, left: Any, right: Any) -> Any:
    """The larger of two, lane by lane."""
    return left(left, right), _machine("maxnum", 2)


@_instruction
def smaller(_typing: Any, left: Any, right: Any) -> Any:
    """The smaller of two, lane by lane."""
    return left(left, right), _machine("minnum", 2)


@_instruction
def below(_typing: Any, left: Any, right: Any) -> Any:
    """1.0 in each lane where left < right, else 0.0."""

    def generate(_context: Any, builder: Any, sig: Any, arguments: Any) -> Any:
        return builder.uitofp(builder.fcmp_ordered("<", *arguments), sig.return_type.vector)

    return left(left, right), generate


@_instruction
def peaks(_typing: Any, before: Any, here: Any, after: Any, least: Any) -> Any:
    """Where before < here >= after and here > least: bit l of the answer, a uint8, is that of lane l."""

    def generate(_context: Any, builder: Any, _sig: Any, arguments: Any) -> Any:
        left, middle, right, bound = arguments
        rising = builder.fcmp_ordered(">", middle, left)
        falling = builder.fcmp_ordered(">=", middle, right)
        enough = builder.fcmp_ordered(">", middle, bound)
        both = builder.and_(builder.and_(rising, falling), enough)
        return builder.bitcast(both, ir.IntType(LANES))

    return types.uint8(before, here, after, least), generate


@_instruction
def any_lane(_typing: Any, _value: Any) -> Any:
    """Whether any lane is other than zero."""

    def generate(_context: Any, builder: Any, _sig: Any, arguments: Any) -> Any:
        value = arguments[0]
        marks = builder.bitcast(builder.fcmp_unordered("!=", value, ir.Constant(value.type, None)), ir.IntType(LANES))
        return builder.icmp_unsigned("!=", marks, ir.Constant(marks.type, 0))

    return types.boolean(_value), generate


@_instruction
def total(_typing: Any, value: Any) -> Any:
    """The sum of all lanes, from the first to the last."""

    def generate(_context: Any, builder: Any, _sig: Any, arguments: Any) -> Any:
        summed = builder.extract_element(arguments[0], ir.Constant(_INT32, 0))
        for lane in range(1, LANES):
            summed = builder.fadd(summed, builder.extract_element(arguments[0], ir.Constant(_INT32, lane)))
        return summed

    return value.dtype(value), generate


@_instruction
def first_lane(_typing: Any, _marks: Any) -> Any:
    """The lowest bit that is set in the answer of `peaks`."""

    def generate(_context: Any, builder: Any, _sig: Any, arguments: Any) -> Any:
        zeros = builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.zext(zeros, ir.IntType(64))

    return types.intp(types.uint8), generate


_HALF = 0x3F3504F3  # the bits of sqrt(1/2)


@_instruction
def exponent(_typing: Any, _value: Any) -> Any:
    """The whole number e with value = m * 2**e and sqrt(1/2) <= m < sqrt(2), for positive normal float32 lanes."""

    def generate(_context: Any, builder: Any, _sig: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], _INTS)
        shifted = builder.sub(bits, ir.Constant(_INTS, [_HALF] * LANES))
        return builder.sitofp(builder.ashr(shifted, ir.Constant(_INTS, [23] * LANES)), SINGLE.vector)

    return SINGLE(SINGLE), generate


@_instruction
def mantissa(_typing: Any, _value: Any) -> Any:
    """The m that belongs to `exponent`."""

    def generate(_context: Any, builder: Any, _sig: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], _INTS)
        shifted = builder.sub(bits, ir.Constant(_INTS, [_HALF] * LANES))
        kept = builder.and_(shifted, ir.Constant(_INTS, [-(1 << 23)] * LANES))
        return builder.bitcast(builder.sub(bits, kept), SINGLE.vector)

    return SINGLE(SINGLE), generate
