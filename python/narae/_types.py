"""Element types: the numbers of narae/runtime.h and NumPy's dtypes."""

from __future__ import annotations

import ml_dtypes
import numpy as np

STRING = 24

_TABLE: tuple[tuple[int, str, object], ...] = (
    (1, "f32", np.float32),
    (2, "f64", np.float64),
    (3, "f16", np.float16),
    (4, "bf16", ml_dtypes.bfloat16),
    (5, "i8", np.int8),
    (6, "i16", np.int16),
    (7, "i32", np.int32),
    (8, "i64", np.int64),
    (9, "u8", np.uint8),
    (10, "u16", np.uint16),
    (11, "u32", np.uint32),
    (12, "u64", np.uint64),
    (13, "bool", np.bool_),
    (14, "f8e4m3fn", ml_dtypes.float8_e4m3fn),
    (15, "f8e5m2", ml_dtypes.float8_e5m2),
    (16, "f8e4m3fnuz", ml_dtypes.float8_e4m3fnuz),
    (17, "f8e5m2fnuz", ml_dtypes.float8_e5m2fnuz),
    (18, "f8e8m0", ml_dtypes.float8_e8m0fnu),
    (19, "i4", ml_dtypes.int4),
    (20, "u4", ml_dtypes.uint4),
    (21, "i2", ml_dtypes.int2),
    (22, "u2", ml_dtypes.uint2),
    (23, "f4e2m1", ml_dtypes.float4_e2m1fn),
    (STRING, "string", np.object_),
)

DTYPES: dict[int, np.dtype] = {number: np.dtype(scalar) for number, _, scalar in _TABLE}
"""NumPy's dtype of a type number; strings are object arrays of `str`."""


def dtype_of(number: int) -> np.dtype:
    return DTYPES[number]
