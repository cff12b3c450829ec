"""Tensors of other libraries, through DLPack.

NumPy's own `from_dlpack` does the work where NumPy has the type; what only
ml_dtypes has (bf16, f8) is read from the capsule here.
"""

from __future__ import annotations

import ctypes
from typing import Any

import ml_dtypes
import numpy as np


class _Tensor(ctypes.Structure):
    """`DLTensor` of dlpack.h."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


_DTYPES = {
    (4, 16): ml_dtypes.bfloat16,
    (10, 8): ml_dtypes.float8_e4m3fn,
    (11, 8): ml_dtypes.float8_e4m3fnuz,
    (12, 8): ml_dtypes.float8_e5m2,
    (13, 8): ml_dtypes.float8_e5m2fnuz,
    (14, 8): ml_dtypes.float8_e8m0fnu,
}
_CPU = 1

_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype = ctypes.c_void_p
_pointer_of.argtypes = (ctypes.py_object, ctypes.c_char_p)


class _Holder:
    """Memory as an integer array, and the capsule that keeps it alive."""

    def __init__(self, capsule: Any, interface: dict[str, Any]) -> None:
        self.capsule = capsule
        self.__array_interface__ = interface


def _read_capsule(value: Any) -> np.ndarray:
    capsule = value.__dlpack__()
    tensor = _Tensor.from_address(_pointer_of(capsule, b"dltensor"))
    dtype = _DTYPES.get((tensor.code, tensor.bits))
    if tensor.device_type != _CPU:
        raise BufferError("the tensor is not in the memory of the CPU")
    if dtype is None or tensor.lanes != 1:
        raise BufferError(f"DLPack type {tensor.code} with {tensor.bits} bits is not supported")
    size = tensor.bits // 8
    rank = tensor.ndim
    strides = tuple(size * tensor.strides[i] for i in range(rank)) if tensor.strides else None
    interface = {
        "version": 3,
        "shape": tuple(tensor.shape[i] for i in range(rank)),
        "strides": strides,
        "typestr": f"<u{size}" if size > 1 else "|u1",
        "data": ((tensor.data or 0) + tensor.byte_offset, True),
    }
    return np.asarray(_Holder(capsule, interface)).view(dtype)


def from_dlpack(value: Any) -> np.ndarray:
    """A view of the tensor's memory."""
    detach = getattr(value, "detach", None)
    if detach is not None:
        value = detach()
    try:
        return np.from_dlpack(value)
    except (BufferError, RuntimeError, TypeError, ValueError):
        return _read_capsule(value)
