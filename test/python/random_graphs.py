"""Random ONNX graphs with what ONNX Runtime says of them.

A graph is grown node by node. Every node runs at once, alone, in ONNX Runtime
at all sizes the graph will be tested with, so that shapes and values are known
and the reference doesn't depend on fusions of another compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

KINDS = {"f": np.float32, "i": np.int64, "b": np.bool_}
ONNX_KINDS = {
    np.dtype(np.float32): TensorProto.FLOAT,
    np.dtype(np.int64): TensorProto.INT64,
    np.dtype(np.bool_): TensorProto.BOOL,
}
OPSET = 20
DYNAMIC = "ABC"
MAX_ELEMENTS = 20000
MAX_VALUE = 1e3


class RejectedError(Exception):
    """A node that can't be added here."""


@dataclass
class Value:
    """A tensor of the graph and its contents at each of the sizes."""

    name: str
    arrays: list[np.ndarray]
    exact: bool
    """All engines agree on the last bit, so that comparisons are safe."""
    fixed: bool = False
    """The same at all sizes: an initializer."""

    @property
    def kind(self) -> str:
        return self.arrays[0].dtype.kind

    @property
    def rank(self) -> int:
        return self.arrays[0].ndim

    def sizes(self, axis: int) -> tuple[int, ...]:
        return tuple(array.shape[axis] for array in self.arrays)

    def static(self, axis: int) -> int:
        sizes = set(self.sizes(axis))
        if len(sizes) != 1:
            raise RejectedError
        return sizes.pop()

    def smallest(self, axis: int) -> int:
        return min(self.sizes(axis), default=0)

    def shapes(self) -> list[tuple[int, ...]]:
        return [array.shape for array in self.arrays]

    @property
    def bound(self) -> float:
        return max((float(np.abs(a).max()) for a in self.arrays if a.size), default=0.0)


@dataclass
class Graph:
    model: onnx.ModelProto
    feeds: list[dict[str, np.ndarray]]
    expected: list[dict[str, np.ndarray]]
    exact: set[str]


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _info(name: str, array: np.ndarray, dims: Sequence[int | str | None]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, ONNX_KINDS[array.dtype], dims)


@dataclass
class Builder:
    random: np.random.Generator
    count: int
    """How many sizes there are."""
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    feeds: list[dict[str, np.ndarray]] = field(default_factory=list)
    initializers: dict[str, np.ndarray] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    names: int = 0

    # -- choices

    def chance(self, probability: float) -> bool:
        return bool(self.random.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """A number in [low, high]."""
        if high < low:
            raise RejectedError
        return int(self.random.integers(low, high + 1))

    def choose(self, items: Sequence[Any]) -> Any:
        if not items:
            raise RejectedError
        return items[int(self.random.integers(len(items)))]

    def pick(self, kind: str = "f", rank: int | range | None = None, exact: bool = False) -> Value:
        """A value, more often a late one."""
        ranks = (
            range(9) if rank is None else range(rank, rank + 1) if isinstance(rank, int) else rank
        )
        found = [
            value
            for value in self.values
            if value.kind == kind and value.rank in ranks and (value.exact or not exact)
        ]
        return self.choose(found[-6:] if self.chance(0.6) else found)

    def axis(self, value: Value) -> int:
        return self.integer(0, value.rank - 1)

    def signed(self, axis: int, value: Value) -> int:
        return axis - value.rank if self.chance(0.5) else axis

    # -- nodes

    def fresh(self, stem: str = "v") -> str:
        self.names += 1
        return f"{stem}{self.names}"

    def constant(self, array: Any, kind: str = "i") -> Value:
        data = np.asarray(array, KINDS[kind])
        name = self.fresh("c")
        if self.chance(0.3):
            tensor = numpy_helper.from_array(data, "")
            self.nodes.append(helper.make_node("Constant", [], [name], value=tensor))
        else:
            self.initializers[name] = data
        return Value(name, [data] * self.count, True, fixed=True)

    def weight(self, shape: Sequence[int], scale: float = 1.0) -> Value:
        data = self.random.integers(-8, 9, shape) / 8 * scale
        return self.constant(data.astype(np.float32), "f")

    def emit(
        self,
        op: str,
        inputs: Sequence[Value | None],
        outputs: int = 1,
        exact: bool = False,
        **attributes: Any,
    ) -> list[Value]:
        names = [self.fresh() for _ in range(outputs)]
        given = ["" if value is None else value.name for value in inputs]
        node = helper.make_node(op, given, names, name=f"{op}_{names[0]}", **attributes)
        present = [value for value in inputs if value is not None]
        captured = [
            value
            for value in self.values
            if any(value.name in n.input for g in _subgraphs(node) for n in g.node)
        ]
        distinct = {value.name: value for value in [*present, *captured]}
        infos = [
            _info(value.name, value.arrays[0], [None] * value.rank) for value in distinct.values()
        ]
        outs = [helper.make_empty_tensor_value_info(name) for name in names]
        graph = helper.make_graph([node], "one", infos, outs)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9
        )
        try:
            session = _session(model)
            rows = [
                session.run(None, {value.name: value.arrays[i] for value in distinct.values()})
                for i in range(self.count)
            ]
        except Exception as error:
            raise RejectedError(str(error)) from None
        results = []
        for index, name in enumerate(names):
            arrays = [np.asarray(row[index]) for row in rows]
            for array in arrays:
                if array.dtype not in ONNX_KINDS or array.size > MAX_ELEMENTS:
                    raise RejectedError
                if array.dtype.kind == "f" and not np.isfinite(array).all():
                    raise RejectedError
                if array.dtype.kind != "b" and array.size and np.abs(array).max() > MAX_VALUE:
                    raise RejectedError
            same = exact and all(value.exact for value in present)
            results.append(Value(name, arrays, same))
        self.nodes.append(node)
        self.values.extend(results)
        return results

    def one(self, op: str, *inputs: Value | None, exact: bool = False, **attributes: Any) -> Value:
        return self.emit(op, inputs, 1, exact, **attributes)[0]

    def grow(self, make: Callable[[Builder], None]) -> bool:
        """Adds what `make` adds, or nothing."""
        nodes, values, weights = len(self.nodes), len(self.values), dict(self.initializers)
        try:
            make(self)
        except RejectedError:
            del self.nodes[nodes:], self.values[values:]
            self.initializers = weights
            return False
        return True


def _subgraphs(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    return [a.g for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]


# -- what a graph is grown from

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


def transpose(b: Builder) -> None:
    x = b.pick(b.choose("fffib"), range(2, 6))
    b.one("Transpose", x, exact=True, perm=[int(i) for i in b.random.permutation(x.rank)])


def flatten(b: Builder) -> None:
    x = b.pick(b.choose("ffi"), range(1, 6))
    b.one("Flatten", x, exact=True, axis=b.integer(-x.rank, x.rank))


def unsqueeze(b: Builder) -> None:
    x = b.pick(b.choose("fffib"), range(0, 4))
    axis = b.constant([b.integer(-x.rank - 1, x.rank)])
    y = b.one("Unsqueeze", x, axis, exact=True)
    if b.chance(0.3):
        b.one("Squeeze", y, axis, exact=True)


def reshape(b: Builder) -> None:
    x = b.pick(b.choose("ffi"), range(1, 6))
    axis = b.integer(0, x.rank - 2) if x.rank > 1 else 0
    if b.chance(0.4):  # merge two dimensions
        target = [0] * x.rank
        target[axis : axis + 2] = [-1]
        b.one("Reshape", x, b.constant(target), exact=True)
    elif b.chance(0.5):  # split one
        size = x.static(axis)
        divisor = b.choose([d for d in range(1, size + 1) if size % d == 0])
        target = [0] * axis + [divisor, size // divisor]
        rest = [x.sizes(i) for i in range(axis + 1, x.rank)]
        if any(len(set(sizes)) != 1 for sizes in rest):
            if len(rest) != 1:
                raise RejectedError
            target.append(-1)
        else:
            target += [sizes[0] for sizes in rest]
        b.one("Reshape", x, b.constant(target), exact=True)
    else:
        shape = b.one("Shape", x, exact=True)
        parts = [b.one("Gather", shape, b.constant(i), exact=True) for i in range(x.rank)]
        if x.rank > 1:
            parts[axis : axis + 2] = [b.one("Mul", parts[axis], parts[axis + 1], exact=True)]
        if b.chance(0.5):
            parts.insert(axis, b.constant(1))
        if b.chance(0.3):
            parts[b.integer(0, len(parts) - 1)] = b.constant(-1)
        zero = b.constant([0])
        ones = [b.one("Unsqueeze", part, zero, exact=True) for part in parts]
        b.one("Reshape", x, b.emit("Concat", ones, exact=True, axis=0)[0], exact=True)


def slices(b: Builder) -> None:
    x = b.pick(b.choose("fffib"), range(1, 6))
    axes = sorted({b.axis(x) for _ in range(b.integer(1, 2))})
    starts, ends, steps = [], [], []
    for axis in axes:
        step = b.choose([1, 1, 2, -1, -1, -2, 3])
        low, high = b.integer(-3, 2), b.choose([-1, 1, 2, 3, 2**31 - 1, 2**63 - 1])
        if step < 0:
            low, high = b.choose([-1, -2, 3, 2**31 - 1]), b.choose([0, 1, -(2**31), -(2**63)])
        if b.chance(0.3) and step > 0:
            low = 0
        del axis
        starts.append(low)
        ends.append(high)
        steps.append(step)
    end = b.constant(ends)
    if len(axes) == 1 and steps[0] == 1 and b.chance(0.5):
        shape = b.one("Shape", b.pick("f", range(1, 6)), exact=True)
        size = b.one("Gather", shape, b.constant([0]), exact=True)
        end = b.one("Div", b.one("Add", size, b.constant(1), exact=True), b.constant(2), exact=True)
    shown = [b.signed(axis, x) for axis in axes]
    y = b.one("Slice", x, b.constant(starts), end, b.constant(shown), b.constant(steps), exact=True)
    if any(size == 0 for size in y.shapes()[0]) and b.chance(0.9):
        raise RejectedError


def gather(b: Builder) -> None:
    x = b.pick(b.choose("fffib"), range(1, 5))
    axis = b.axis(x)
    size = x.smallest(axis)
    shape = b.choose([(), (1,), (3,), (2, 2)])
    indices = b.random.integers(-size, size, shape) if size else np.zeros(0)
    b.one("Gather", x, b.constant(indices), exact=True, axis=b.signed(axis, x))


def embedding(b: Builder) -> None:
    table = b.weight((b.integer(6, 9), b.integer(1, 5)))
    rows = b.constant(table.arrays[0].shape[0])
    indices = b.one("Mod", b.pick("i"), rows, exact=True)
    b.one("Gather", table, indices, exact=True)


def gather_elements(b: Builder) -> None:
    x = b.pick("f", range(1, 5))
    axis = b.axis(x)
    zeros = b.one("Cast", b.one("Mul", x, b.constant(0, "f")), to=TensorProto.INT64)
    zeros.exact = True
    last = b.one("Sub", zeros, b.constant(1), exact=True)
    b.one("GatherElements", x, b.choose([zeros, last]), exact=True, axis=axis)


def concat(b: Builder) -> None:
    x = b.pick(b.choose("fffib"), range(1, 5))
    axis = b.axis(x)
    rest = [s[:axis] + s[axis + 1 :] for s in x.shapes()]
    fits = [
        y
        for y in b.values
        if y.kind == x.kind
        and y.rank == x.rank
        and [s[:axis] + s[axis + 1 :] for s in y.shapes()] == rest
    ]
    parts = [x] + [b.choose(fits) for _ in range(b.integer(1, 3))]
    b.emit("Concat", parts, exact=True, axis=b.signed(axis, x))


def pad(b: Builder) -> None:
    x = b.pick(b.choose("ffi"), range(1, 5))
    mode = b.choose(["constant", "constant", "reflect", "edge", "wrap"])
    low = -1 if mode == "constant" else 0
    pads = []
    for axis in [*range(x.rank), *range(x.rank)]:
        limit = 2 if mode == "constant" else max(0, min(2, x.smallest(axis) - 1))
        pads.append(b.integer(min(low, limit), limit) if b.chance(0.5) else 0)
    fill = b.constant(3, x.kind) if mode == "constant" and b.chance(0.5) else None
    b.emit("Pad", [x, b.constant(pads), fill], exact=True, mode=mode)


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


def matmul(b: Builder) -> None:
    x = b.pick(rank=range(1, 5))
    draw = b.random.random()
    if draw < 0.4:
        k, n = x.static(x.rank - 1), b.choose([1, 2, 3, 5, 8, 17, 33])
        shape = [k, n] if b.chance(0.8) else [k]
        if b.chance(0.1):
            shape = [2, 1, k, n]
        y = b.one("MatMul", x, b.weight(shape, 0.5))
        if b.chance(0.5) and len(shape) == 2:
            y = b.one("Add", y, b.weight([n]))
        if b.chance(0.3):
            b.one(b.choose(["Relu", "Gelu", "Sigmoid"]), y)
    elif draw < 0.7 and x.rank > 1:
        perm = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
        t = b.one("Transpose", x, exact=True, perm=perm)
        b.emit("MatMul", [x, t] if b.chance(0.5) else [t, x])
    else:
        b.one("MatMul", x, b.pick(rank=range(1, 5)))


def gemm(b: Builder) -> None:
    x = b.pick(rank=2)
    trans_a, trans_b = b.integer(0, 1), b.integer(0, 1)
    n = b.choose([1, 3, 7, 16, 19])
    if b.chance(0.7):
        k = x.static(0 if trans_a else 1)
        y = b.weight([n, k] if trans_b else [k, n])
    else:
        y = b.pick(rank=2)
    shift = b.weight(b.choose([[], [1], [n], [1, n], [1, 1]])) if b.chance(0.7) else None
    scale = {"alpha": 0.5, "beta": 0.25} if b.chance(0.5) else {}
    b.emit("Gemm", [x, y, shift], transA=trans_a, transB=trans_b, **scale)


def einsum(b: Builder) -> None:
    x = b.pick(rank=range(2, 5))
    letters = "abcd"[: x.rank]
    if b.chance(0.5):
        out = letters[::-1][: b.integer(1, x.rank)]
        b.one("Einsum", x, equation=f"{letters}->{out}")
    else:
        k = x.static(x.rank - 1)
        b.one(
            "Einsum",
            x,
            b.weight([5, k], 0.5),
            equation=f"{letters},e{letters[-1]}->{letters[:-1]}e",
        )


def conv(b: Builder) -> None:
    x = b.pick(rank=range(3, 5))
    channels, spatial = x.static(1), x.rank - 2
    groups = b.choose([1, 1, channels, b.choose([d for d in (1, 2, 3) if channels % d == 0])])
    kernel = [b.integer(1, 3) for _ in range(spatial)]
    attributes: dict[str, Any] = {"group": groups, "kernel_shape": kernel}
    if b.chance(0.5):
        attributes["strides"] = [b.integer(1, 3) for _ in range(spatial)]
    if b.chance(0.3):
        attributes["dilations"] = [b.integer(1, 2) for _ in range(spatial)]
    if b.chance(0.2):
        attributes["auto_pad"] = b.choose(["SAME_UPPER", "SAME_LOWER", "VALID"])
        attributes.pop("dilations", None)
    elif b.chance(0.7):
        attributes["pads"] = [b.integer(0, 2) for _ in range(2 * spatial)]
    if b.chance(0.2):
        out = b.integer(1, 3)
        shape = [channels, out, *kernel]
        shift = b.weight([out * groups]) if b.chance(0.5) else None
        b.one("ConvTranspose", x, b.weight(shape, 0.5), shift, **attributes)
        return
    out = groups * b.integer(1, 3) if b.chance(0.7) or groups > 1 else b.choose([16, 33])
    shape = [out, channels // groups, *kernel]
    y = b.one(
        "Conv", x, b.weight(shape, 0.5), b.weight([out]) if b.chance(0.6) else None, **attributes
    )
    if b.chance(0.4):
        y = b.one(b.choose(["Relu", "HardSwish", "Sigmoid"]), y)
    if b.chance(0.3):
        b.one("Add", y, b.pick(rank=x.rank))


def pool(b: Builder) -> None:
    x = b.pick(rank=range(3, 5))
    spatial = x.rank - 2
    if b.chance(0.2):
        b.one(b.choose(["GlobalAveragePool", "GlobalMaxPool"]), x)
        return
    kernel = [b.integer(1, min(3, max(1, x.smallest(2 + i)))) for i in range(spatial)]
    attributes: dict[str, Any] = {"kernel_shape": kernel, "ceil_mode": b.integer(0, 1)}
    if b.chance(0.6):
        attributes["strides"] = [b.integer(1, 3) for _ in range(spatial)]
    if b.chance(0.5):
        attributes["pads"] = [b.integer(0, k - 1) for k in [*kernel, *kernel]]
    if b.chance(0.3):
        attributes["dilations"] = [b.integer(1, 2) for _ in range(spatial)]
    if b.chance(0.5):
        b.one("MaxPool", x, exact=True, **attributes)
    else:
        # Runtimes disagree on what padding counts for in a last window of ceil_mode.
        attributes["ceil_mode"] = 0
        b.one("AveragePool", x, count_include_pad=b.integer(0, 1), **attributes)


def resize(b: Builder) -> None:
    x = b.pick(rank=4)
    mode = b.choose(["nearest", "nearest", "linear", "cubic"])
    where_ = b.choose(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])
    attributes = {"mode": mode, "coordinate_transformation_mode": where_}
    if mode == "nearest":
        attributes["nearest_mode"] = b.choose(["floor", "round_prefer_floor", "ceil"])
    if b.chance(0.6):
        scales = [1.0, 1.0, b.choose([1.0, 2.0, 0.5, 3.0]), b.choose([2.0, 1.5, 1.0])]
        if where_ == "align_corners":  # of a size that isn't rounded
            scales[2:] = [3.0, 2.0]
        b.emit("Resize", [x, None, b.constant(scales, "f")], **attributes)
    else:
        shape = b.one("Shape", x, exact=True)
        first = b.one("Slice", shape, b.constant([0]), b.constant([2]), exact=True)
        other = b.one("Shape", b.pick(rank=4), exact=True, start=2)
        sizes = b.one("Concat", first, other, exact=True, axis=0)
        b.emit("Resize", [x, None, None, sizes], **attributes)


def split(b: Builder) -> None:
    x = b.pick(b.choose("ffi"), range(1, 5))
    axis = b.axis(x)
    if b.chance(0.5):
        size = x.static(axis)
        first = b.integer(0, size)
        b.emit("Split", [x, b.constant([first, size - first])], 2, True, axis=axis)
    else:
        count = b.integer(1, 3)
        b.emit("Split", [x], count, True, axis=b.signed(axis, x), num_outputs=count)


def top_k(b: Builder) -> None:
    x = b.pick("f", range(1, 5), exact=True)
    axis = b.axis(x)
    k = b.constant([b.integer(1, max(1, x.smallest(axis)))])
    b.emit("TopK", [x, k], 2, True, axis=b.signed(axis, x), largest=b.integer(0, 1))


def expand(b: Builder) -> None:
    x, y = b.pick(b.choose("fffib")), b.pick()
    b.one("Expand", x, b.one("Shape", y, exact=True), exact=True)


def tile(b: Builder) -> None:
    x = b.pick(b.choose("ffi"), range(1, 4))
    b.one("Tile", x, b.constant([b.integer(1, 3) for _ in range(x.rank)]), exact=True)


def cumsum(b: Builder) -> None:
    x = b.pick(b.choose("fi"), range(1, 5))
    attributes = {"exclusive": b.integer(0, 1), "reverse": b.integer(0, 1)}
    b.one("CumSum", x, b.constant(b.signed(b.axis(x), x)), exact=x.kind == "i", **attributes)


def ranges(b: Builder) -> None:
    x = b.pick(rank=range(1, 5))
    shape = b.one("Shape", x, exact=True)
    size = b.one("Gather", shape, b.constant(b.axis(x)), exact=True)
    y = b.one("Range", b.constant(0), size, b.constant(b.choose([1, 2])), exact=True)
    if b.chance(0.5):
        b.one("Cast", y, exact=True, to=TensorProto.FLOAT)


def fill(b: Builder) -> None:
    shape = b.one("Shape", b.pick(rank=range(1, 5)), exact=True)
    tensor = numpy_helper.from_array(np.array([b.integer(0, 3)], b.choose([np.float32, np.int64])))
    b.one("ConstantOfShape", shape, exact=True, value=tensor)


def trilu(b: Builder) -> None:
    x = b.pick(b.choose("ffb"), range(2, 5))
    k = b.constant(b.integer(-2, 2)) if b.chance(0.5) else None
    b.emit("Trilu", [x, k], exact=True, upper=b.integer(0, 1))


def one_hot(b: Builder) -> None:
    indices = b.one("Mod", b.pick("i", range(1, 4)), b.constant(5), exact=True)
    values = b.constant([0.25, 1.5], "f")
    b.one("OneHot", indices, b.constant(5), values, exact=True, axis=b.choose([-1, 0]))


def scatter(b: Builder) -> None:
    x = b.pick("f", range(2, 4))
    update = b.one("Gather", x, b.constant([0]), exact=True, axis=0)
    target = b.constant([[x.smallest(0) - 1]])
    b.one("ScatterND", x, target, update, exact=True)


def non_zero(b: Builder) -> None:
    x = b.pick(b.choose("fib"), range(1, 4), exact=True)
    y = b.one("NonZero", x, exact=True)
    if b.chance(0.5):
        b.one("GatherND", x, b.one("Transpose", y, exact=True, perm=[1, 0]), exact=True)


def shuffle(b: Builder) -> None:
    x = b.pick(rank=4)
    op = b.choose(["DepthToSpace", "SpaceToDepth"])
    b.one(op, x, exact=True, blocksize=2)


def branch(b: Builder) -> None:
    """If with captured values, a condition from data or from a size"""
    x = b.pick(rank=range(1, 5))
    if b.chance(0.5):
        shape = b.one("Shape", x, exact=True)
        size = b.one("Gather", shape, b.constant(b.axis(x)), exact=True)
        condition = b.one("Greater", size, b.constant(b.integer(1, 4)), exact=True)
    else:
        y = b.pick("f", exact=True)
        top = b.one("ReduceMax", y, exact=True, keepdims=0)
        condition = b.one("Greater", top, b.constant(0.9, "f"), exact=True)
    then, other = b.fresh("t"), b.fresh("e")
    bodies = {}
    same = b.pick(rank=x.rank)
    for key, name in (("then_branch", then), ("else_branch", other)):
        middle = name + "_m"
        op = b.choose(["Relu", "Neg", "Tanh", "Identity"])
        second = b.choose([x.name, middle])
        nodes = [
            helper.make_node(op, [x.name if b.chance(0.6) else same.name], [middle]),
            helper.make_node(b.choose(["Add", "Max"]), [middle, second], [name]),
        ]
        if b.chance(0.3):
            nodes = [helper.make_node("Identity", [x.name], [name])]
        out = helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * x.rank)
        bodies[key] = helper.make_graph(nodes, key, [], [out])
    b.used |= {x.name, same.name}
    b.emit("If", [condition], **bodies)


def loop(b: Builder) -> None:
    """A Loop that carries a tensor, with a trip count from a size or a number"""
    x = b.pick(rank=range(1, 4))
    carried, result, go, still, i, scan = (b.fresh("l") for _ in range(6))
    nodes = [
        helper.make_node("Identity", [go], [still]),
        helper.make_node("Tanh", [carried], [scan]),
        helper.make_node("Add", [scan, x.name], [result]),
    ]
    body = helper.make_graph(
        nodes,
        "body",
        [
            helper.make_tensor_value_info(i, TensorProto.INT64, []),
            helper.make_tensor_value_info(go, TensorProto.BOOL, []),
            helper.make_tensor_value_info(carried, TensorProto.FLOAT, [None] * x.rank),
        ],
        [
            helper.make_tensor_value_info(still, TensorProto.BOOL, []),
            helper.make_tensor_value_info(result, TensorProto.FLOAT, [None] * x.rank),
            helper.make_tensor_value_info(scan, TensorProto.FLOAT, [None] * x.rank),
        ],
    )
    if b.chance(0.5):
        trips = b.constant(b.integer(0, 3))
    else:
        trips = b.one("Gather", b.one("Shape", x, exact=True), b.constant(0), exact=True)
    b.used.add(x.name)
    # What a scan output of no iterations is like is anybody's guess.
    if any(array.item() == 0 for array in trips.arrays):
        raise RejectedError
    b.emit("Loop", [trips, None, x], 2, body=body)


# -- patterns that exporters write


def attention(b: Builder) -> None:
    """Decomposed attention, several heads, masks of several shapes"""
    x = b.pick(rank=3)
    width, heads = x.static(2), b.choose([1, 2, 4])
    size = b.choose([1, 2, 3, 8])
    groups = b.choose([g for g in (1, 2, 4) if heads % g == 0])
    zero = b.constant([0])

    def project(count: int) -> Value:
        y = b.one("MatMul", x, b.weight([width, count * size], 0.5))
        if b.chance(0.5):
            y = b.one("Add", b.weight([count * size]), y)
        y = b.one("Reshape", y, b.constant([0, 0, count, size]), exact=True)
        return b.one("Transpose", y, exact=True, perm=[0, 2, 1, 3])

    def repeat(y: Value) -> Value:
        if groups == heads:
            return y
        shape = b.one("Shape", y, exact=True)
        batch = b.one("Slice", shape, zero, b.constant([1]), exact=True)
        rows = b.one("Slice", shape, b.constant([2]), b.constant([3]), exact=True)
        times, last = b.constant([heads // groups]), b.constant([size])
        y = b.one("Unsqueeze", y, b.constant([2]), exact=True)
        wide = b.one("Concat", batch, b.constant([groups]), times, rows, last, exact=True, axis=0)
        y = b.one("Expand", y, wide, exact=True)
        return b.one("Reshape", y, b.constant([0, heads, -1, size]), exact=True)

    q, k, v = project(heads), project(groups), project(groups)
    if size % 2 == 0 and b.chance(0.5):
        q, k = rotate(b, q), rotate(b, k)
    k, v = repeat(k), repeat(v)
    k = b.one("Transpose", k, exact=True, perm=[0, 1, 3, 2])
    if b.chance(0.5):
        q = b.one("Mul", q, b.constant(0.5, "f"))
    s = b.one("MatMul", q, k)
    if b.chance(0.5):
        s = b.one(b.choose(["Mul", "Div"]), s, b.constant(1.5, "f"))
    draw = b.random.random()
    if draw < 0.3:  # causal
        shape = b.one("Shape", s, exact=True, start=2)
        tensor = numpy_helper.from_array(np.array([-100.0], np.float32))
        mask = b.one("ConstantOfShape", shape, exact=True, value=tensor)
        mask = b.one("Trilu", mask, b.constant(1), exact=True, upper=1)
        if b.chance(0.5):
            mask = b.one("Unsqueeze", mask, b.constant([0, 1]), exact=True)
        s = b.one("Add", s, mask)
    elif draw < 0.6:  # padding, from the first column of x
        column = b.one("Slice", x, zero, b.constant([1]), b.constant([2]), exact=True)
        mask = b.one("Squeeze", column, b.constant([2]), exact=True)
        if mask.exact:
            keep = b.one("GreaterOrEqual", mask, b.constant(-0.3, "f"), exact=True)
            keep = b.one("Unsqueeze", keep, b.constant([1, 2]), exact=True)
            s = b.one("Where", keep, s, b.constant(-100.0, "f"))
        else:
            s = b.one("Add", s, b.one("Unsqueeze", mask, b.constant([1, 2]), exact=True))
    elif draw < 0.75:
        s = b.one("Add", s, b.weight(b.choose([[1], [heads, 1, 1], [1, 1, 1, 1], []])))
    p = b.one("Softmax", s, axis=b.choose([-1, 3]))
    y = b.one("Transpose", b.one("MatMul", p, v), exact=True, perm=[0, 2, 1, 3])
    y = b.one("Reshape", y, b.constant([0, 0, heads * size]), exact=True)
    y = b.one("MatMul", y, b.weight([heads * size, width], 0.5))
    b.one("Add", x, y)


def rotate(b: Builder, x: Value) -> Value:
    """Rotary embedding by slices and Concat"""
    half = x.static(3) // 2
    shape = b.one("Shape", x, exact=True)
    rows = b.one("Gather", shape, b.constant(2), exact=True)
    positions = b.one("Range", b.constant(0), rows, b.constant(1), exact=True)
    positions = b.one("Cast", positions, exact=True, to=TensorProto.FLOAT)
    positions = b.one("Unsqueeze", positions, b.constant([1]), exact=True)
    angles = b.one("Mul", positions, b.weight([1, half]))
    angles = b.one("Concat", angles, angles, axis=-1)
    zero, middle, end = b.constant([0]), b.constant([half]), b.constant([2**63 - 1])
    axis = b.constant([3])
    first = b.one("Slice", x, zero, middle, axis, exact=True)
    second = b.one("Slice", x, middle, end, axis, exact=True)
    turned = b.one("Concat", b.one("Neg", second, exact=True), first, exact=True, axis=-1)
    left = b.one("Mul", x, b.one("Cos", angles))
    return b.one("Add", left, b.one("Mul", turned, b.one("Sin", angles)))


def decomposed_norm(b: Builder) -> None:
    """LayerNorm or RMSNorm, written out"""
    x = b.pick(rank=range(2, 5))
    axis = b.constant([b.choose([-1, x.rank - 1])])
    y = x
    if b.chance(0.5):
        y = b.one("Sub", x, b.one("ReduceMean", x, axis, keepdims=1))
    square = b.one("Pow", y, b.constant(2, "f")) if b.chance(0.5) else b.one("Mul", y, y)
    mean = b.one("ReduceMean", square, axis, keepdims=1)
    root = b.one("Sqrt", b.one("Add", mean, b.constant(1e-2, "f")))
    y = b.one("Div", y, root) if b.chance(0.5) else b.one("Mul", b.one("Reciprocal", root), y)
    width = x.static(x.rank - 1)
    if b.chance(0.7):
        y = b.one("Mul", b.weight([width]), y)
    if b.chance(0.5):
        b.one("Add", y, b.weight([width]))


def gelu(b: Builder) -> None:
    x = b.pick()
    if b.chance(0.5):
        y = b.one("Erf", b.one("Div", x, b.constant(2**0.5, "f")))
    else:
        cube = b.one("Mul", b.one("Pow", x, b.constant(3, "f")), b.constant(0.044715, "f"))
        y = b.one("Tanh", b.one("Mul", b.one("Add", x, cube), b.constant(0.7978845608, "f")))
    y = b.one("Add", y, b.constant(1, "f"))
    if b.chance(0.5):
        b.one("Mul", b.one("Mul", x, y), b.constant(0.5, "f"))
    else:
        b.one("Mul", b.one("Mul", x, b.constant(0.5, "f")), y)


def squeeze_excite(b: Builder) -> None:
    x = b.pick(rank=4)
    channels = x.static(1)
    y = b.one("GlobalAveragePool", x)
    y = b.one("Relu", b.one("Conv", y, b.weight([3, channels, 1, 1]), b.weight([3])))
    y = b.one("HardSigmoid", b.one("Conv", y, b.weight([channels, 3, 1, 1])), alpha=1 / 6)
    b.one("Mul", x, y)


def pyramid(b: Builder) -> None:
    """Down, up, concat"""
    x = b.pick(rank=4)
    channels = x.static(1)
    weight = b.weight([channels, channels, 3, 3], 0.3)
    down = b.one("Conv", x, weight, strides=[2, 2], pads=[1, 1, 1, 1])
    shape = b.one("Shape", x, exact=True)
    sizes = b.one("Concat", b.one("Slice", b.one("Shape", down, exact=True), b.constant([0]),
                                  b.constant([2]), exact=True),
                  b.one("Slice", shape, b.constant([2]), b.constant([4]), exact=True),
                  exact=True, axis=0)  # fmt: skip
    attributes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    up = b.emit("Resize", [down, None, None, sizes], mode="nearest", **attributes)[0]
    y = b.one("Concat", x, up, axis=1)
    b.one("Conv", y, b.weight([channels, 2 * channels, 1, 1], 0.3), b.weight([channels]))


STEPS: list[Callable[[Builder], None]] = [
    unary, unary, exp, binary, binary, binary, divide, integers, variadic, compare, logic,
    where, cast, clip, transpose, transpose, flatten, unsqueeze, reshape, reshape, slices, slices,
    gather, embedding, gather_elements, concat, concat, pad, reduce, reduce, reduce_integers, arg,
    softmax, norm, channel_norm, matmul, matmul, gemm, einsum, conv, conv, pool, resize, split,
    top_k, expand, tile, cumsum, ranges, fill, trilu, one_hot, scatter, non_zero, shuffle, branch,
    loop, attention, attention, decomposed_norm, gelu, squeeze_excite, pyramid,
]  # fmt: skip


def _inputs(b: Builder, sizes: list[dict[str, int]]) -> None:
    style = b.choose(["static", "named", "named", "anonymous", "mixed"])
    if style == "static":
        sizes[:] = sizes[:1] * len(sizes)
    for index in range(b.integer(2, 4)):
        kind = "fib"[index % 3] if index else "f"
        rank = b.choose([0, 1, 2, 3, 3, 4, 4]) if index else b.choose([2, 3, 3, 4, 4])
        dims: list[int | str] = []
        for axis in range(rank):
            static = b.chance(0.5) or (axis == 1 and rank == 4)
            dims.append(b.choose([1, 2, 3, 4, 6, 8] if static else DYNAMIC))
        name = f"x{index}"
        arrays = []
        for size in sizes:
            shape = [size[dim] if isinstance(dim, str) else dim for dim in dims]
            if kind == "f":
                array = b.random.integers(-8, 9, shape) / 8
            else:
                array = b.random.integers(0, 2 if kind == "b" else 6, shape)
            arrays.append(np.asarray(array, KINDS[kind]))
        shown: list[int | str | None] = []
        for dim in dims:
            if isinstance(dim, int):
                shown.append(None if style == "mixed" and b.chance(0.2) else dim)
            elif style == "static":
                shown.append(sizes[0][dim])
            else:
                shown.append(None if style == "anonymous" or b.chance(0.2) else dim)
        b.values.append(Value(name, arrays, True))
        b.inputs.append(_info(name, arrays[0], shown))
        for feed, array in zip(b.feeds, arrays, strict=True):
            feed[name] = array


def grow(seed: int) -> Graph:
    """The graph of a seed."""
    random = np.random.default_rng(seed)
    sizes = [
        {"A": 3, "B": 4, "C": 6},
        {"A": 1, "B": 1, "C": 1},
        {name: int(random.integers(1, 9)) for name in DYNAMIC},
        {"A": 7, "B": 2, "C": 5},
    ]
    if random.random() < 0.3:
        sizes.append({name: int(random.integers(0, 3)) for name in DYNAMIC})
    if random.random() < 0.3:
        sizes[1] = {"A": 37, "B": 18, "C": 2}
    b = Builder(random, len(sizes), feeds=[{} for _ in sizes])
    _inputs(b, sizes)
    want, tries = b.integer(5, 25), 0
    while len(b.nodes) < want and tries < 200:
        tries += 1
        b.grow(b.choose(STEPS))
    return _finish(b)


def _finish(b: Builder) -> Graph:
    consumed = {name for node in b.nodes for name in node.input} | b.used
    made = [v for v in b.values if not v.name.startswith("x")]
    outputs = [v for v in made if v.name not in consumed]
    for value in made:
        if value.name in consumed and b.chance(0.08):
            outputs.append(value)
    if b.chance(0.15):
        outputs.append(b.values[0])
    extra = [name for name in b.initializers if b.chance(0.02)]
    weights = dict(b.initializers)
    expected = [{v.name: v.arrays[i] for v in outputs} for i in range(b.count)]
    infos = [_info(v.name, v.arrays[0], _shown(b, v)) for v in outputs]
    for name in extra:
        infos.append(_info(name, weights[name], weights[name].shape))
        for row in expected:
            row[name] = weights[name]
    exact = {v.name for v in outputs if v.exact} | set(extra)
    initializers = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(b.nodes, "random", b.inputs, infos, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    return Graph(model, b.feeds, expected, exact)


def _shown(b: Builder, value: Value) -> list[int | str | None] | None:
    """What the model says of an output's shape: rank only, or nothing"""
    return [None] * value.rank if b.chance(0.8) else None
