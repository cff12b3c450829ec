"""Grows ONNX graphs node by node.

Every node runs at once, alone, in ONNX Runtime at all sizes the graph will be
tested with, so that shapes and values are known and the reference doesn't
depend on fusions of another compiler.
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


def tensor_info(
    name: str, array: np.ndarray, dims: Sequence[int | str | None]
) -> onnx.ValueInfoProto:
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
            tensor_info(value.name, value.arrays[0], [None] * value.rank)
            for value in distinct.values()
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
