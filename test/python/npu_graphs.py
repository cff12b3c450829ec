"""Graphs that run on the simulated NPU and on ONNX Runtime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import narae
import numpy as np
import onnx
import onnxruntime
from onnx import helper

SMALL = "npu:atom"
LARGE = "npu:rebel-quad"


def model_of(
    nodes: Sequence[onnx.NodeProto],
    feeds: Mapping[str, np.ndarray],
    outputs: Sequence[str],
    *,
    weights: Mapping[str, np.ndarray] | None = None,
    dynamic: bool = False,
    opset: int = 18,
) -> onnx.ModelProto:
    """A model whose inputs have the types (and, unless dynamic, sizes) of the feeds."""
    inputs = []
    for name, value in feeds.items():
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        dims = [f"{name}_{i}" if dynamic else n for i, n in enumerate(value.shape)]
        inputs.append(helper.make_tensor_value_info(name, kind, dims))
    constants = [onnx.numpy_helper.from_array(v, n) for n, v in (weights or {}).items()]
    wanted = [helper.make_tensor_value_info(name, 0, None) for name in outputs]
    for value in wanted:
        value.ClearField("type")
    graph = helper.make_graph(nodes, "graph", inputs, wanted, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 9
    model = onnx.shape_inference.infer_shapes(model)
    return model


def compare(
    model: onnx.ModelProto,
    feeds: Mapping[str, np.ndarray],
    *,
    target: str = SMALL,
    relative: float = 2e-6,
    precision: str | None = None,
) -> None:
    """Outputs differ by at most `relative` of the largest number among them."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    reference = onnxruntime.InferenceSession(model.SerializeToString(), options)
    wanted = reference.run(None, dict(feeds))
    extra = {"precision": precision} if precision else {}
    artifact = narae.compile(model.SerializeToString(), target=target, threads=1, **extra)
    results = narae.Session(artifact, device=target).run(dict(feeds))
    for value, want in zip(model.graph.output, wanted, strict=True):
        have = results[value.name]
        assert have.shape == want.shape
        assert have.dtype == want.dtype
        if want.dtype.kind != "f":
            np.testing.assert_array_equal(have, want, err_msg=value.name)
            continue
        largest = float(np.abs(want[np.isfinite(want)]).max(initial=1e-30))
        np.testing.assert_allclose(
            have.astype(np.float64), want.astype(np.float64), rtol=0, atol=relative * largest
        )
