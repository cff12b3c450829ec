"""Single ops and short chains on the simulated NPU, against ONNX Runtime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from npu_graphs import LARGE, compare, model_of
from onnx import helper

Feeds = dict[str, np.ndarray]
Case = tuple[list[Any], Feeds, list[str], dict[str, np.ndarray]]


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def one(
    op: str, feeds: Feeds, weights: dict[str, np.ndarray] | None = None, **attributes: Any
) -> Case:
    weights = weights or {}
    node = helper.make_node(op, [*feeds, *weights], ["z"], **attributes)
    return [node], feeds, ["z"], weights


def longs(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


X = numbers(3, 70, 50)
CASES: dict[str, Case] = {
    "add_row": one("Add", {"x": X, "y": numbers(50)}),
    "add_column": one("Add", {"x": X, "y": numbers(70, 1)}),
    "mul_scalar": one("Mul", {"x": X}, {"c": np.float32(0.25).reshape(())}),
    "sub_from_scalar": (
        [helper.make_node("Sub", ["c", "x"], ["z"])],
        {"x": X},
        ["z"],
        {"c": np.float32(0.25).reshape(())},
    ),
    "large": one("Sigmoid", {"x": numbers(37, 1001, 13)}),
    "six_dimensions": one("Add", {"x": numbers(2, 3, 4, 3, 2, 5), "y": numbers(3, 1, 5)}),
    "chain": (
        [
            helper.make_node("Add", ["x", "y"], ["a"]),
            helper.make_node("Tanh", ["a"], ["b"]),
            helper.make_node("Mul", ["b", "x"], ["c"]),
            helper.make_node("Where", ["m", "c", "x"], ["z"]),
        ],
        {"x": X, "y": numbers(70, 50), "m": numbers(3, 1, 50) > 0},
        ["z"],
        {},
    ),
    "compare_integers": one(
        "Greater", {"x": np.arange(300, dtype=np.int64), "y": longs(*[100] * 300)}
    ),
    "divide_integers": one(
        "Div",
        {"x": np.arange(-50, 50, dtype=np.int64), "y": np.array([7, -7] * 50, dtype=np.int64)},
    ),
    "cast_truncates": one("Cast", {"x": 5 * X}, to=7),
    "cast_bool": one("Cast", {"x": np.float32(X > 0) * X}, to=9),
    "transpose": one("Transpose", {"x": X}, perm=[2, 0, 1]),
    "transpose_of_sum": (
        [
            helper.make_node("Add", ["x", "y"], ["a"]),
            helper.make_node("Transpose", ["a"], ["z"], perm=[1, 2, 0]),
        ],
        {"x": X, "y": numbers(70, 50)},
        ["z"],
        {},
    ),
    "slice": one(
        "Slice",
        {"x": X},
        {"s": longs(5, -1), "e": longs(60, -48), "a": longs(1, 2), "t": longs(3, -2)},
    ),
    "concat": one("Concat", {"x": X, "y": numbers(3, 1, 50), "w": numbers(3, 300, 50)}, axis=1),
    "concat_last": one("Concat", {"x": X, "y": numbers(3, 70, 7)}, axis=2),
    "pad": one("Pad", {"x": X}, {"p": longs(1, 0, 2, 0, 3, 5), "v": np.float32(7).reshape(())}),
    "expand": one("Expand", {"x": numbers(3, 1, 50)}, {"s": longs(2, 3, 4, 50)}),
    "sum_last": one("ReduceSum", {"x": X}, {"a": longs(2)}, keepdims=0),
    "sum_outer": one("ReduceSum", {"x": X}, {"a": longs(0, 1)}),
    "mean_all": one("ReduceMean", {"x": X}, {"a": longs(0, 1, 2)}),
    "max_middle": one("ReduceMax", {"x": X}, {"a": longs(1)}, keepdims=0),
    "argmax": one("ArgMax", {"x": X}, axis=1),
    "argmin_last": one("ArgMin", {"x": np.round(X)}, axis=2, keepdims=0, select_last_index=1),
    "cumsum": one("CumSum", {"x": X}, {"a": np.int64(1).reshape(())}, reverse=1),
    "softmax": one("Softmax", {"x": X}, axis=-1),
    "softmax_outer": one("Softmax", {"x": X}, axis=0),
    "log_softmax": one("LogSoftmax", {"x": X}, axis=1),
    "layer_norm": one(
        "LayerNormalization", {"x": X, "s": numbers(50, seed=1), "b": numbers(50, seed=2)}, axis=-1
    ),
    "layer_norm_two": one("LayerNormalization", {"x": X, "s": numbers(70, 50, seed=1)}, axis=1),
    "gather": one(
        "Gather", {"t": numbers(90, 40), "i": np.arange(-90, 90, 7, dtype=np.int64).reshape(2, 13)}
    ),
    "gather_inner": one(
        "Gather", {"t": numbers(4, 90, 6), "i": np.arange(-90, 90, 5, dtype=np.int64)}, axis=1
    ),
    "gather_nd": one(
        "GatherND",
        {"t": numbers(6, 7, 40), "i": np.array([[[0, -1], [5, 3]], [[2, 2], [-6, 6]]], np.int64)},
    ),
    "gather_nd_batch": one(
        "GatherND",
        {
            "t": numbers(2, 7, 8) > 0,
            "i": np.array([[[0, -1], [5, 3]], [[2, 2], [-6, 6]]], np.int64),
        },
        batch_dims=1,
    ),
    "gather_elements": one(
        "GatherElements", {"t": numbers(4, 9), "i": (np.arange(12).reshape(4, 3) % 9) - 4}, axis=1
    ),
    "one_hot": one(
        "OneHot",
        {"i": np.array([1, -2, 9, 4], dtype=np.int64)},
        {"d": longs(6), "v": np.array([-1, 3], dtype=np.float32)},
    ),
    "trilu": one("Trilu", {"x": X}, {"k": np.int64(2).reshape(())}, upper=0),
    "erf": one("Erf", {"x": X}),
    "power": one("Pow", {"x": np.abs(X), "y": numbers(50, seed=3)}),
}
MATMULS: dict[str, Case] = {
    "matmul": one("MatMul", {"x": numbers(70, 130)}, {"w": numbers(130, 90, seed=1)}),
    "matmul_deep": one("MatMul", {"x": numbers(5, 3000)}, {"w": numbers(3000, 300, seed=1)}),
    "matmul_wide": one("MatMul", {"x": numbers(300, 40)}, {"w": numbers(40, 1100, seed=1)}),
    "matmul_row": one("MatMul", {"x": numbers(1, 700)}, {"w": numbers(700, 530, seed=1)}),
    "matmul_batch": one("MatMul", {"x": numbers(2, 3, 20, 30), "y": numbers(3, 30, 7, seed=1)}),
    "gemm": one(
        "Gemm",
        {"x": numbers(33, 65)},
        {"w": numbers(40, 65, seed=1), "b": numbers(40, seed=2)},
        transB=1,
        alpha=0.5,
    ),
    "matmul_chain": (
        [
            helper.make_node("Mul", ["x", "s"], ["a"]),
            helper.make_node("MatMul", ["a", "w"], ["b"]),
            helper.make_node("Add", ["b", "c"], ["d"]),
            helper.make_node("Relu", ["d"], ["e"]),
            helper.make_node("Add", ["e", "r"], ["z"]),
        ],
        {"x": numbers(2, 50, 64), "s": numbers(64), "r": numbers(2, 50, 96, seed=4)},
        ["z"],
        {"w": numbers(64, 96, seed=1), "c": numbers(96, seed=2)},
    ),
}
for _name in ["Atan", "Asin", "Acos", "Sinh", "Cosh", "Tan", "Asinh", "Atanh"]:
    CASES[_name.lower()] = one(_name, {"x": np.clip(X / 4, -0.99, 0.99)})
CASES["acosh"] = one("Acosh", {"x": 1 + np.abs(X)})


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", CASES)
def test_op(name: str, dynamic: bool) -> None:
    if dynamic and name.startswith("gather_nd"):
        pytest.skip("the length of tuples decides on the rank")
    nodes, feeds, outputs, weights = CASES[name]
    model = model_of(nodes, feeds, outputs, weights=weights, dynamic=dynamic)
    compare(model, feeds)


def attention(causal: bool) -> Case:
    """softmax(q k^T / 8 + mask) v as exporters write it."""
    nodes = [
        helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["q", "kt"], ["s"]),
        helper.make_node("Mul", ["s", "c"], ["t"]),
        helper.make_node("Add", ["t", "m"], ["a"]),
        helper.make_node("Softmax", ["a"], ["p"], axis=-1),
        helper.make_node("MatMul", ["p", "v"], ["z"]),
    ]
    feeds = {
        "q": numbers(2, 3, 70, 16),
        "k": numbers(2, 3, 300, 16, seed=1),
        "v": numbers(2, 3, 300, 16, seed=2),
        "m": np.where(numbers(2, 1, 70, 300, seed=3) > 1, -1e30, 0).astype(np.float32),
    }
    if causal:
        feeds["m"] = np.triu(np.full((1, 1, 70, 300), -1e30, np.float32), 1)
    return nodes, feeds, ["z"], {"c": np.float32(0.125).reshape(())}


MATMULS["attention"] = attention(causal=False)
MATMULS["attention_causal"] = attention(causal=True)
WINDOWS: dict[str, Case] = {
    "conv": one(
        "Conv",
        {"x": numbers(2, 3, 40, 37)},
        {"w": numbers(70, 3, 3, 3, seed=1), "b": numbers(70, seed=2)},
        pads=[1, 1, 1, 1],
    ),
    "conv_strided": one(
        "Conv",
        {"x": numbers(1, 100, 17, 41)},
        {"w": numbers(20, 100, 5, 3, seed=1)},
        strides=[2, 3],
        dilations=[2, 1],
        pads=[2, 0, 3, 1],
    ),
    "conv_groups": one(
        "Conv", {"x": numbers(1, 6, 12, 12)}, {"w": numbers(12, 2, 3, 3, seed=1)}, group=3
    ),
    "conv_same": one(
        "Conv",
        {"x": numbers(1, 4, 13, 10)},
        {"w": numbers(5, 4, 4, 3, seed=1)},
        auto_pad="SAME_UPPER",
        strides=[2, 2],
    ),
    "conv_line": one("Conv", {"x": numbers(2, 8, 90)}, {"w": numbers(9, 8, 5, seed=1)}),
    "max_pool": one(
        "MaxPool",
        {"x": numbers(2, 9, 33, 34)},
        kernel_shape=[3, 2],
        strides=[2, 2],
        pads=[1, 0, 1, 1],
    ),
    "average_pool": one(
        "AveragePool", {"x": numbers(1, 3, 20, 21)}, kernel_shape=[3, 3], pads=[1, 1, 1, 1]
    ),
    "average_pool_padded": one(
        "AveragePool",
        {"x": numbers(1, 3, 20, 21)},
        kernel_shape=[4, 3],
        pads=[1, 1, 2, 1],
        count_include_pad=1,
        strides=[3, 2],
    ),
    "global_pool": one("GlobalAveragePool", {"x": numbers(2, 5, 14, 15)}),
}


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", WINDOWS)
def test_windows(name: str, dynamic: bool) -> None:
    nodes, feeds, outputs, weights = WINDOWS[name]
    model = model_of(nodes, feeds, outputs, weights=weights, dynamic=dynamic)
    compare(model, feeds, relative=1e-5)


@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", MATMULS)
def test_product(name: str, dynamic: bool) -> None:
    nodes, feeds, outputs, weights = MATMULS[name]
    model = model_of(nodes, feeds, outputs, weights=weights, dynamic=dynamic)
    compare(model, feeds, relative=1e-5)
    # Weights and activations are rounded to f16: 2^-11 of each factor.
    compare(model, feeds, relative=2e-3, precision="f16", target=LARGE)


@pytest.mark.parametrize("name", ["chain", "softmax", "sum_outer", "concat", "gather"])
def test_op_on_many_cores(name: str) -> None:
    nodes, feeds, outputs, weights = CASES[name]
    compare(model_of(nodes, feeds, outputs, weights=weights), feeds, target=LARGE)
