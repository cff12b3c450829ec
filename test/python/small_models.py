"""Models of a few nodes, built with onnx.helper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Dims = Sequence[int | str | None]
FLOAT = TensorProto.FLOAT


def value(name: str, dims: Dims, kind: int = FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, dims)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    weights: dict[str, np.ndarray] | None = None,
    opset: int = 21,
) -> onnx.ModelProto:
    initializers = [numpy_helper.from_array(array, name) for name, array in (weights or {}).items()]
    graph = helper.make_graph(list(nodes), "small", list(inputs), list(outputs), initializers)
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=10)


def unary(op: str, kind: int = FLOAT, dims: Dims = (2, 3), **attributes: Any) -> onnx.ModelProto:
    """y = op(x)"""
    node = helper.make_node(op, ["x"], ["y"], name="the_node", **attributes)
    return model([node], [value("x", dims, kind)], [value("y", dims, kind)])


def add(dims: Dims = (2, 3), kind: int = FLOAT) -> onnx.ModelProto:
    """z = x + y"""
    node = helper.make_node("Add", ["x", "y"], ["z"], name="sum")
    inputs = [value("x", dims, kind), value("y", dims, kind)]
    return model([node], inputs, [value("z", dims, kind)])


def linear(rows: int | str = "n") -> onnx.ModelProto:
    """y = relu(x @ w + b) with w [4, 5]"""
    random = np.random.default_rng(0)
    weights = {
        "w": random.standard_normal((4, 5)).astype(np.float32),
        "b": random.standard_normal(5).astype(np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["xw"], name="product"),
        helper.make_node("Add", ["xw", "b"], ["sum"], name="bias"),
        helper.make_node("Relu", ["sum"], ["y"], name="relu"),
    ]
    return model(nodes, [value("x", (rows, 4))], [value("y", (rows, 5))], weights)


def cyclic() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Add", ["x", "b"], ["a"], name="first"),
        helper.make_node("Relu", ["a"], ["b"], name="second"),
    ]
    return model(nodes, [value("x", (2,))], [value("b", (2,))])


def external(location: str, offset: int, length: int) -> onnx.ModelProto:
    """y = x + w with w [4] in another file"""
    built = model(
        [helper.make_node("Add", ["x", "w"], ["y"], name="sum")],
        [value("x", (4,))],
        [value("y", (4,))],
        {"w": np.arange(4, dtype=np.float32)},
    )
    tensor = built.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entries = {"location": location, "offset": str(offset), "length": str(length)}
    for key, text in entries.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, text
    return built
