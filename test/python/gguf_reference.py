"""A GGUF reader and the definition of its block types, in NumPy, for the tests.

Written from the published layout of the files, independently of the compiler's
reader: slow, small, and trusting its input. `read` maps a file; a tensor's
`values()` are its float32 values, computed in the order in which ggml's own
scalar code computes them, so they are equal to it bit by bit.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

# Name, elements of a block, bytes of a block, by the number in the file.
TYPES: dict[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    20: ("IQ4_NL", 32, 18),
    30: ("BF16", 1, 2),
}
NUMBERS = {name: number for number, (name, _, _) in TYPES.items()}
BLOCK = {name: (elements, size) for name, elements, size in TYPES.values()}

IQ4_NL_VALUES = np.array(
    [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float32
)

F32 = np.float32


def _half(blocks: np.ndarray, at: int) -> np.ndarray:
    """The f16 number at byte `at` of each block, as f32 [n, 1]."""
    return blocks[:, at : at + 2].copy().view(np.float16).astype(F32)


def _nibbles(part: np.ndarray) -> np.ndarray:
    """The low halves of all bytes, then the high halves: [n, 2 * bytes]."""
    return np.concatenate([part & 15, part >> 4], axis=1)


def _bits(part: np.ndarray) -> np.ndarray:
    """Bit i of a little-endian word, for all i: [n, 8 * bytes]."""
    return np.unpackbits(part, axis=1, bitorder="little")


def _q4_0(b: np.ndarray) -> np.ndarray:
    return (_nibbles(b[:, 2:]).astype(F32) - 8) * _half(b, 0)


def _q4_1(b: np.ndarray) -> np.ndarray:
    return _nibbles(b[:, 4:]).astype(F32) * _half(b, 0) + _half(b, 2)


def _q5_0(b: np.ndarray) -> np.ndarray:
    q = _nibbles(b[:, 6:]) | (_bits(b[:, 2:6]) << 4)
    return (q.astype(F32) - 16) * _half(b, 0)


def _q5_1(b: np.ndarray) -> np.ndarray:
    q = _nibbles(b[:, 8:]) | (_bits(b[:, 4:8]) << 4)
    return q.astype(F32) * _half(b, 0) + _half(b, 2)


def _q8_0(b: np.ndarray) -> np.ndarray:
    return b[:, 2:].view(np.int8).astype(F32) * _half(b, 0)


def _iq4_nl(b: np.ndarray) -> np.ndarray:
    return IQ4_NL_VALUES[_nibbles(b[:, 2:])] * _half(b, 0)


def _crumbs(part: np.ndarray) -> np.ndarray:
    """Two-bit numbers of 64 bytes: of each half of 32 bytes, the four positions
    one after the other: [n, 256]."""
    halves = part.reshape(-1, 2, 1, 32)
    return ((halves >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1)) & 3).reshape(-1, 256)


def _q2_k(b: np.ndarray) -> np.ndarray:
    n = len(b)
    scales = b[:, :16]
    multiply = _half(b, 80) * (scales & 15).astype(F32)
    subtract = _half(b, 82) * (scales >> 4).astype(F32)
    q = _crumbs(b[:, 16:80]).astype(F32).reshape(n, 16, 16)
    return (multiply[:, :, None] * q - subtract[:, :, None]).reshape(n, 256)


def _q3_k(b: np.ndarray) -> np.ndarray:
    n = len(b)
    packed = b[:, 96:108]
    low = _nibbles(packed[:, :8])
    high = (packed[:, None, 8:] >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 4, 1)) & 3
    scales = (low | (high.reshape(n, 16) << 4)).astype(F32) - 32
    # Bit g of hmask[l] belongs to element 32 g + l; a clear bit subtracts 4.
    bit = (b[:, None, :32] >> np.arange(8, dtype=np.uint8).reshape(1, 8, 1)) & 1
    q = _crumbs(b[:, 32:96]).astype(F32) - 4 * (1 - bit.reshape(n, 256).astype(F32))
    multiply = _half(b, 108) * scales
    return (multiply[:, :, None] * q.reshape(n, 16, 16)).reshape(n, 256)


def _scales_and_minima(b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 8 + 8 six-bit numbers in the 12 bytes after d and dmin of Q4_K, Q5_K."""
    first, second, third = b[:, 4:8], b[:, 8:12], b[:, 12:16]
    scales = np.concatenate([first & 63, (third & 15) | ((first >> 6) << 4)], axis=1)
    minima = np.concatenate([second & 63, (third >> 4) | ((second >> 6) << 4)], axis=1)
    return scales.astype(F32) * _half(b, 0), minima.astype(F32) * _half(b, 2)


def _chunked_nibbles(part: np.ndarray) -> np.ndarray:
    """Of every 32 bytes the low halves, then the high ones: [n, 256]."""
    chunks = part.reshape(-1, 4, 32)
    return np.concatenate([chunks & 15, chunks >> 4], axis=2).reshape(-1, 256)


def _q4_k(b: np.ndarray) -> np.ndarray:
    scales, minima = _scales_and_minima(b)
    q = _chunked_nibbles(b[:, 16:]).astype(F32).reshape(-1, 8, 32)
    return (scales[:, :, None] * q - minima[:, :, None]).reshape(-1, 256)


def _q5_k(b: np.ndarray) -> np.ndarray:
    scales, minima = _scales_and_minima(b)
    bit = (b[:, None, 16:48] >> np.arange(8, dtype=np.uint8).reshape(1, 8, 1)) & 1
    q = (_chunked_nibbles(b[:, 48:]).reshape(-1, 8, 32) | (bit << 4)).astype(F32)
    return (scales[:, :, None] * q - minima[:, :, None]).reshape(-1, 256)


def _q6_k(b: np.ndarray) -> np.ndarray:
    n = len(b)
    low = b[:, :128].reshape(n, 2, 64)
    low = np.concatenate([low & 15, low >> 4], axis=2).reshape(n, 256)
    q = (low | (_crumbs(b[:, 128:192]) << 4)).astype(F32) - 32
    multiply = _half(b, 208) * b[:, 192:208].view(np.int8).astype(F32)
    return (multiply[:, :, None] * q.reshape(n, 16, 16)).reshape(n, 256)


_DECODERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "Q4_0": _q4_0,
    "Q4_1": _q4_1,
    "Q5_0": _q5_0,
    "Q5_1": _q5_1,
    "Q8_0": _q8_0,
    "Q2_K": _q2_k,
    "Q3_K": _q3_k,
    "Q4_K": _q4_k,
    "Q5_K": _q5_k,
    "Q6_K": _q6_k,
    "IQ4_NL": _iq4_nl,
}


def dequantize(type_name: str, data: bytes | np.ndarray) -> np.ndarray:
    """The float32 values of the whole blocks in `data`, in one dimension."""
    raw = np.frombuffer(data, np.uint8)
    if type_name == "F32":
        return raw.view(F32)
    if type_name == "F16":
        return raw.view(np.float16).astype(F32)
    if type_name == "BF16":
        return (raw.view(np.uint16).astype(np.uint32) << 16).view(F32)
    blocks = raw.reshape(-1, BLOCK[type_name][1])
    values = np.concatenate(
        [_DECODERS[type_name](blocks[at : at + 4096]) for at in range(0, len(blocks), 4096)]
    )
    assert values.dtype == F32
    return values.reshape(-1)


@dataclass
class Tensor:
    """A tensor of a file; `shape` is row-major (the file has it reversed)."""

    name: str
    type: str
    shape: tuple[int, ...]
    offset: int  # from the start of the file
    data: np.ndarray = field(repr=False)  # uint8

    def values(self) -> np.ndarray:
        """Its float32 values, `shape`."""
        return dequantize(self.type, self.data).reshape(self.shape)


@dataclass
class File:
    """Metadata (numbers, strings, bools, lists) and tensors, in file order."""

    version: int
    metadata: dict[str, object]
    tensors: dict[str, Tensor]

    def __getitem__(self, name: str) -> np.ndarray:
        return self.tensors[name].values()


_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 10: "Q", 11: "q", 12: "d"}


class _Cursor:
    def __init__(self, data: np.ndarray) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at].tobytes()

    def number(self, code: str) -> int | float:
        return struct.unpack("<" + code, self.take(struct.calcsize(code)))[0]

    def string(self) -> str:
        return self.take(int(self.number("Q"))).decode("utf-8", "replace")

    def value(self, kind: int) -> object:
        if kind == 7:
            return bool(self.number("B"))
        if kind == 8:
            return self.string()
        if kind == 9:
            element, count = int(self.number("I")), int(self.number("Q"))
            return [self.value(element) for _ in range(count)]
        return self.number(_SCALARS[kind])


def read(path: str | Path) -> File:
    """Reads one file (of a split model: that part only)."""
    cursor = _Cursor(np.memmap(path, np.uint8, "r"))
    assert cursor.take(4) == b"GGUF"
    version = int(cursor.number("I"))
    tensor_count, key_count = int(cursor.number("Q")), int(cursor.number("Q"))
    metadata: dict[str, object] = {}
    for _ in range(key_count):
        key = cursor.string()
        metadata[key] = cursor.value(int(cursor.number("I")))
    infos = []
    for _ in range(tensor_count):
        name = cursor.string()
        dimensions = [int(cursor.number("Q")) for _ in range(int(cursor.number("I")))]
        infos.append((name, dimensions[::-1], int(cursor.number("I")), int(cursor.number("Q"))))
    alignment = int(metadata.get("general.alignment", 32))  # type: ignore[call-overload]
    base = (cursor.at + alignment - 1) // alignment * alignment
    tensors = {}
    for name, shape, number, offset in infos:
        type_name, elements, size = TYPES[number]
        length = int(np.prod(shape)) // elements * size
        start = base + offset
        data = cursor.data[start : start + length]
        tensors[name] = Tensor(name, type_name, tuple(shape), start, data)
    return File(version, metadata, tensors)
