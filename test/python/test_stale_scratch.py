"""What earlier runs left in scratch memory must not matter."""

from __future__ import annotations

import narae
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def _conv(channels: int, filters: int) -> onnx.ModelProto:
    generator = np.random.default_rng(0)
    weight = generator.standard_normal((filters, channels, 3)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1])],
        "conv",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, "n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, filters, "n"])],
        [numpy_helper.from_array(weight, "w")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_few_columns_after_strange_values() -> None:
    """A panel with few columns, after one full of denormals, NaN and infinity."""
    session = narae.Session(narae.compile(_conv(32, 48)), threads=1)
    x = np.random.default_rng(1).standard_normal((1, 32, 3)).astype(np.float32)
    first = session.run({"x": x})["y"]
    for strange in (1e-42, np.nan, np.inf):
        session.run({"x": np.full((1, 32, 64), strange, np.float32)})
        again = session.run({"x": x})["y"]
        assert again.tobytes() == first.tobytes()
