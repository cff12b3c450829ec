"""FLOAT4E2M1 and FLOAT8E8M0, against ml_dtypes and the onnx package."""

from __future__ import annotations

import ml_dtypes
import narae
import numpy as np
import onnx
import pytest
import small_models
from onnx import TensorProto, helper, numpy_helper

E2M1, E8M0 = TensorProto.FLOAT4E2M1, TensorProto.FLOAT8E8M0


def cast(x: np.ndarray, kind: int, to: int, **attributes: object) -> np.ndarray:
    node = helper.make_node("Cast", ["x"], ["y"], to=to, **attributes)
    model = small_models.model(
        [node], [small_models.value("x", [None], kind)], [small_models.value("y", [None], to)]
    )
    model.opset_import[0].version = 24
    return narae.Session(narae.compile(model)).run({"x": x})["y"]


@pytest.mark.parametrize("to", [TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16])
def test_every_code(to: int) -> None:
    dtype = helper.tensor_dtype_to_np_dtype(to)
    codes = np.arange(16, dtype=np.uint8).view(ml_dtypes.float4_e2m1fn)
    np.testing.assert_array_equal(cast(codes, E2M1, to), codes.astype(dtype))
    powers = np.arange(256, dtype=np.uint8).view(ml_dtypes.float8_e8m0fnu)
    with np.errstate(over="ignore"):
        want = powers.astype(np.float32).astype(dtype)
    np.testing.assert_array_equal(cast(powers, E8M0, to), want)


def test_rounding_to_four_bits() -> None:
    random = np.random.default_rng(0)
    halves = np.arange(-14, 15, dtype=np.float32) / 4  # with all ties
    x = np.concatenate([halves, random.normal(0, 3, 1000).astype(np.float32), [1e30, -np.inf]])
    x = x.astype(np.float32)
    want = x.astype(ml_dtypes.float4_e2m1fn).view(np.uint8)
    np.testing.assert_array_equal(cast(x, 1, E2M1).view(np.uint8), want)
    # No rounding to f32 in between: what is a little beyond a tie is not one.
    near = halves.astype(np.float64) * (1 + 2**-40)
    values = np.arange(16, dtype=np.uint8).view(ml_dtypes.float4_e2m1fn).astype(np.float64)
    want = values[np.abs(near[:, None] - values).argmin(1)]
    np.testing.assert_array_equal(cast(near, 11, E2M1).astype(np.float64), want)


@pytest.mark.parametrize("saturate", [0, 1])
@pytest.mark.parametrize("mode", ["up", "down", "nearest"])
def test_rounding_to_powers(mode: str, saturate: int) -> None:
    random = np.random.default_rng(1)
    x = np.exp2(random.uniform(-126, 128, 2000)).astype(np.float32)
    x = np.concatenate([x, np.exp2(np.arange(-126, 128)), np.exp2(np.arange(-126, 127)) * 1.5])
    x = x.astype(np.float32)
    have = cast(x, 1, E8M0, round_mode=mode, saturate=saturate).view(np.uint8)
    want = numpy_helper.to_float8e8m0(x, bool(saturate), mode).view(np.uint8)
    np.testing.assert_array_equal(have, want)
    # The specification's table of special values.
    special = np.array([np.nan, np.inf, 2.0**-127, 0], np.float32)
    codes = cast(special, 1, E8M0, round_mode=mode, saturate=saturate).view(np.uint8)
    assert codes.tolist() == ([255, 254, 0, 0] if saturate else [255, 255, 0, 255])


def test_weights_and_movement() -> None:
    """Initialisers, packed as files have them, through ops that move."""
    w = np.array([[0.5, -1, 6], [2, -0.5, 3]], ml_dtypes.float4_e2m1fn)
    scale = np.array([[1, 2, 4]], ml_dtypes.float8_e8m0fnu)
    nodes = [
        helper.make_node("Transpose", ["w"], ["t"]),
        helper.make_node("Cast", ["t"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["scale", "shape"], ["column"]),
        helper.make_node("Cast", ["column"], ["s"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "s"], ["scaled"]),
        helper.make_node("Add", ["scaled", "x"], ["y"]),
    ]
    weights = {"w": w, "scale": scale, "shape": np.array([3, 1])}
    model = small_models.model(
        nodes, [small_models.value("x", (3, 2))], [small_models.value("y", (3, 2))], weights
    )
    model.opset_import[0].version = 24
    model.ir_version = min(onnx.IR_VERSION, 12)
    x = np.ones((3, 2), np.float32)
    want = w.T.astype(np.float32) * scale.reshape(3, 1).astype(np.float32) + x
    np.testing.assert_array_equal(narae.Session(narae.compile(model)).run({"x": x})["y"], want)


def test_arithmetic_is_refused() -> None:
    with pytest.raises(narae.Error, match=r"does not work on elements of type '!fm\.f4e2m1'"):
        narae.compile(small_models.add(kind=E2M1))
