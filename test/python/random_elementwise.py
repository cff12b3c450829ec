"""Element-wise nodes and reductions for random graphs."""

from __future__ import annotations

import numpy as np
from random_builder import KINDS, ONNX_KINDS, Builder, RejectedError, Value

UNARY = ["Sigmoid", "Tanh", "Erf", "HardSwish", "HardSigmoid", "Softplus", "Sin", "Cos", "Gelu"]
UNARY += ["Elu", "Selu", "Softsign", "Mish", "Atan", "ThresholdedRelu"]
UNARY_EXACT = ["Relu", "Abs", "Neg", "Identity"]
ROUNDING = ["Floor", "Ceil", "Round", "Sign"]


def unary(b: Builder) -> None:
    if b.chance(0.4):
        b.one(b.choose(UNARY_EXACT), b.pick(b.choose("ffi")), exact=True)
    elif b.chance(0.2):
        b.one(b.choose(ROUNDING), b.pick(exact=True), exact=True)
    else:
        b.one(b.choose(UNARY), b.pick())


def exp(b: Builder) -> None:
    x = b.pick()
    if x.bound > 5:
        x = b.one("Tanh", x)
    y = b.one("Exp", x)
    if b.chance(0.5):
        b.one(b.choose(["Log", "Sqrt", "Reciprocal"]), y)


def _partner(b: Builder, x: Value) -> Value:
    """Something to broadcast with."""
    draw = b.random.random()
    if draw < 0.5:
        return b.pick(x.kind)
    if draw < 0.65 and x.rank and x.kind == "f":
        axis = b.axis(x)
        return b.one("ReduceMax", x, b.constant([axis]), exact=True, keepdims=1)
    shape: list[int] = []
    for axis in range(b.integer(0, x.rank), x.rank):
        sizes = set(x.sizes(axis))
        shape.append(sizes.pop() if len(sizes) == 1 and b.chance(0.7) else 1)
    if b.chance(0.1):
        shape = [1, *shape]
    if x.kind == "f":
        return b.weight(shape)
    return b.constant(b.random.integers(0, 2 if x.kind == "b" else 5, shape), x.kind)


def _pair(b: Builder, x: Value) -> list[Value]:
    pair = [x, _partner(b, x)]
    return pair[::-1] if b.chance(0.5) else pair


def binary(b: Builder) -> None:
    x = b.pick(b.choose("fffi"))
    op = b.choose(["Add", "Sub", "Mul", "Max", "Min", "Add", "Mul"])
    b.emit(op, _pair(b, x), exact=op != "Mul")


def divide(b: Builder) -> None:
    x = b.pick()
    y = b.one("Add", b.one("Abs", _partner(b, x), exact=True), b.constant(1, "f"), exact=True)
    b.one("Div", x, y)


def integers(b: Builder) -> None:
    x = b.pick("i")
    op = b.choose(["Div", "Mod"])
    b.one(op, x, b.constant(b.integer(1, 5)), exact=True)


def variadic(b: Builder) -> None:
    x = b.pick()
    b.emit(b.choose(["Sum", "Max", "Min", "Mean"]), [x, _partner(b, x), _partner(b, x)])


def compare(b: Builder) -> None:
    x = b.pick(b.choose("fi"), exact=True)
    y = _partner(b, x)
    if not y.exact:
        raise RejectedError
    op = b.choose(["Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal"])
    b.one(op, x, y, exact=True)


def logic(b: Builder) -> None:
    x = b.pick("b")
    if b.chance(0.3):
        b.one("Not", x, exact=True)
    else:
        b.emit(b.choose(["And", "Or", "Xor"]), _pair(b, x), exact=True)


def where(b: Builder) -> None:
    x = b.pick(b.choose("ffi"))
    b.one("Where", b.pick("b"), *_pair(b, x), exact=True)


def cast(b: Builder) -> None:
    x = b.pick(b.choose("fib"))
    kind = b.choose([k for k in "fib" if k != x.kind])
    if x.kind == "f" and not x.exact:
        raise RejectedError
    b.one("Cast", x, exact=True, to=ONNX_KINDS[np.dtype(KINDS[kind])])


def clip(b: Builder) -> None:
    low = b.constant(-0.5, "f") if b.chance(0.7) else None
    b.one("Clip", b.pick(), low, b.constant(0.75, "f"), exact=True)


def reduce(b: Builder) -> None:
    x = b.pick(rank=range(1, 6))
    op = b.choose(["Sum", "Mean", "Max", "Min", "L2", "L1", "SumSquare", "LogSumExp"])
    axes = sorted({b.axis(x) for _ in range(b.integer(1, 3))})
    shown = b.constant([b.signed(axis, x) for axis in axes]) if b.chance(0.9) else None
    keep = b.integer(0, 1)
    if op == "Mean" and any(array.size == 0 for array in x.arrays):
        raise RejectedError  # 0 / 0
    b.one("Reduce" + op, x, shown, exact=op in ("Max", "Min"), keepdims=keep)


def reduce_integers(b: Builder) -> None:
    x = b.pick("i", range(1, 5))
    axes = b.constant([b.axis(x)])
    op = b.choose(["Sum", "Max", "Min", "Prod"])
    b.one("Reduce" + op, x, axes, exact=True, keepdims=b.integer(0, 1))


def arg(b: Builder) -> None:
    x = b.pick(b.choose("fi"), range(1, 5), exact=True)
    axis = b.signed(b.axis(x), x)
    attributes = {"keepdims": b.integer(0, 1), "select_last_index": b.integer(0, 1)}
    b.one(b.choose(["ArgMax", "ArgMin"]), x, exact=True, axis=axis, **attributes)


def softmax(b: Builder) -> None:
    x = b.pick(rank=range(1, 6))
    b.one(b.choose(["Softmax", "Softmax", "LogSoftmax"]), x, axis=b.signed(b.axis(x), x))


def norm(b: Builder) -> None:
    x = b.pick(rank=range(1, 5))
    axis = b.integer(0, x.rank - 1)
    shape = [x.static(i) for i in range(axis, x.rank)]
    shift = b.weight(shape) if b.chance(0.6) else None
    b.one("LayerNormalization", x, b.weight(shape), shift, axis=b.signed(axis, x), epsilon=1e-2)


def channel_norm(b: Builder) -> None:
    x = b.pick(rank=range(3, 5))
    channels = x.static(1)
    scale, shift = b.weight([channels]), b.weight([channels])
    if b.chance(0.5):
        b.one("InstanceNormalization", x, scale, shift, epsilon=1e-2)
    else:
        variance = b.constant(np.full(channels, 0.5), "f")
        b.one("BatchNormalization", x, scale, shift, b.weight([channels]), variance)
