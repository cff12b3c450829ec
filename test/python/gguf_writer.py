"""Writes GGUF files for the tests, and random models of every architecture."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import gguf_reference
import numpy as np

_SCALARS = {bool: (7, "?"), int: (5, "i"), float: (6, "f")}


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: object) -> tuple[int, bytes]:
    if isinstance(value, str):
        return 8, _string(value)
    if isinstance(value, bytes):
        return 9, struct.pack("<IQ", 0, len(value)) + value
    if isinstance(value, (list, tuple)):
        if all(type(element) is int for element in value):  # as llama.cpp wants them
            return 9, struct.pack(f"<IQ{len(value)}i", 5, len(value), *value)
        kind = _value(value[0])[0]
        return 9, struct.pack("<IQ", kind, len(value)) + b"".join(_value(v)[1] for v in value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return 4, struct.pack("<I", value)
    number, code = _SCALARS[type(value)]
    return number, struct.pack("<" + code, value)


def write(
    path: str | Path,
    metadata: Mapping[str, object],
    tensors: Mapping[str, np.ndarray | tuple[str, tuple[int, ...], np.ndarray]],
    alignment: int = 32,
) -> None:
    """Writes a file of version 3. A tensor is a float32 array, or the name of its
    type, its row-major shape and its bytes."""
    out = bytearray(b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)))
    for key, value in metadata.items():
        kind, raw = _value(value)
        out += _string(key) + struct.pack("<I", kind) + raw
    blobs, offset = [], 0
    for name, tensor in tensors.items():
        if isinstance(tensor, tuple):
            type_name, shape, data = tensor
            raw = data.tobytes()
        else:
            type_name, shape, raw = "F32", tensor.shape, tensor.astype("<f4").tobytes()
        out += _string(name) + struct.pack("<I", len(shape))
        out += b"".join(struct.pack("<Q", dim) for dim in reversed(shape))
        out += struct.pack("<IQ", gguf_reference.NUMBERS[type_name], offset)
        raw += b"\0" * (-len(raw) % alignment)
        blobs.append(raw)
        offset += len(raw)
    out += b"\0" * (-len(out) % alignment)
    Path(path).write_bytes(bytes(out) + b"".join(blobs))
