"""Tensors between NumPy and the runtime: a type number, a shape, an address."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import _narae
from ._artifact import Tensor
from ._dlpack import from_dlpack
from ._types import STRING, dtype_of

TensorTuple = tuple[int, tuple[int, ...], int]


def fixed_shape(spec: Tensor) -> bool:
    """Whether results can be written to an array made before the run."""
    return spec.type != STRING and all(isinstance(dim, int) for dim in spec.shape)


def empty(spec: Tensor) -> np.ndarray:
    return np.empty(spec.shape, spec.dtype)


def _as_array(value: Any, spec: Tensor) -> np.ndarray:
    """An array over the memory of `value` where that is possible."""
    if isinstance(value, np.ndarray):
        return value
    if hasattr(value, "__dlpack__") and not isinstance(value, np.generic):
        return from_dlpack(value)
    if isinstance(value, np.generic):
        return np.asarray(value)
    if spec.type == STRING:
        return np.asarray(value, dtype=object)
    return np.asarray(value, dtype=spec.dtype)


def _check_shape(spec: Tensor, shape: tuple[int, ...]) -> None:
    wanted = "[" + ", ".join("?" if dim is None else str(dim) for dim in spec.shape) + "]"
    fits = len(shape) == len(spec.shape) and all(
        not isinstance(want, int) or want == have
        for want, have in zip(spec.shape, shape, strict=True)
    )
    if not fits:
        raise ValueError(f"the shape is {list(shape)}, but {wanted} is needed")


def _encoded(index: int, item: Any) -> bytes:
    """A string in UTF-8; bytes that came out as surrogates go in again."""
    if isinstance(item, str):
        try:
            item = item.encode(errors="surrogateescape")
        except UnicodeEncodeError:
            raise ValueError(f"element {index} is no Unicode text: {item!r}") from None
    if not isinstance(item, bytes):
        raise TypeError(f"element {index} is no string, but of type {type(item).__name__}")
    if b"\0" in item:
        raise ValueError(f"element {index} contains a zero character")
    return item


def _strings(array: np.ndarray) -> tuple[TensorTuple, list[np.ndarray]]:
    if array.dtype.kind not in "OUST":
        raise TypeError(f"the type is {array.dtype}, but strings are needed")
    texts = [_encoded(index, item) for index, item in enumerate(array.ravel().tolist())]
    joined = np.frombuffer(b"\0".join([*texts, b"\0"]), dtype=np.uint8)
    starts = np.cumsum([0, *(len(text) + 1 for text in texts)], dtype=np.uint64)
    pointers = starts[: len(texts)] + np.uint64(joined.ctypes.data)
    return (STRING, array.shape, pointers.ctypes.data), [joined, pointers]


def as_input(spec: Tensor, value: Any) -> tuple[TensorTuple, list[np.ndarray]]:
    """The tensor of an input, and the arrays that must outlive the run."""
    array = _as_array(value, spec)
    _check_shape(spec, array.shape)
    if spec.type == STRING:
        return _strings(array)
    if array.dtype != spec.dtype and array.dtype.newbyteorder("=") != spec.dtype:
        origin = "ml_dtypes' " if spec.dtype.isbuiltin == 2 else ""
        raise TypeError(f"the type is {array.dtype}, but {origin}{spec.dtype} is needed")
    dense = np.asarray(array, dtype=spec.dtype, order="C")
    if not dense.flags.aligned:
        dense = dense.copy()
    return (spec.type, dense.shape, dense.ctypes.data), [dense]


def as_output(spec: Tensor, array: Any, inputs: list[np.ndarray]) -> np.ndarray:
    """Checks an array that is to be filled."""
    if not isinstance(array, np.ndarray):
        raise TypeError(f"a NumPy array is needed, not {type(array).__name__}")
    if array.dtype != spec.dtype:
        raise TypeError(f"the type is {array.dtype}, but {spec.dtype} is needed")
    _check_shape(spec, array.shape)
    if spec.type != STRING and not (array.flags.c_contiguous and array.flags.aligned):
        raise ValueError("the array is not contiguous")
    if not array.flags.writeable:
        raise ValueError("the array cannot be written to")
    if any(np.may_share_memory(array, other) for other in inputs):
        raise ValueError("the array shares memory with an input")
    return array


def from_session(result: TensorTuple) -> np.ndarray:
    """A new array with a tensor that lies in the session's memory."""
    number, shape, address = result
    array = np.empty(shape, dtype_of(number))
    if number == STRING:
        flat = array.reshape(-1)
        for index, text in enumerate(_narae.read_strings(address, array.size)):
            flat[index] = text.decode(errors="surrogateescape")
        return array
    _narae.copy_memory(array.ctypes.data, address, array.nbytes)
    return array
