"""Reads and writes checkpoint folders in NumPy: safetensors with the types that
releases use (also bf16 and fp8 with scales, which NumPy lacks), in one file or
in several with an index."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "I64": 8, "I32": 4}


def _e4m3_values() -> np.ndarray:
    """What the 256 codes of f8E4M3FN stand for."""
    code = np.arange(256)
    exponent, mantissa = (code >> 3) & 15, code & 7
    value = np.where(exponent == 0, mantissa * 2.0**-9, (8 + mantissa) * 2.0 ** (exponent - 10.0))
    value[(code & 127) == 127] = np.nan
    return np.where(code & 128, -value, value)


E4M3 = _e4m3_values()


def to_bf16(x: np.ndarray) -> np.ndarray:
    """Codes of the nearest bf16 numbers, ties to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(codes: np.ndarray) -> np.ndarray:
    return (codes.astype(np.uint32) << 16).view(np.float32)


def to_e4m3(x: np.ndarray) -> np.ndarray:
    """Codes of the nearest numbers that f8E4M3FN has, within +-448."""
    finite = np.delete(np.arange(256), [127, 128, 255])  # without NaN and -0
    finite = finite[np.argsort(E4M3[finite])]
    values = E4M3[finite]
    at = np.searchsorted(values, x.ravel()).clip(1, len(values) - 1)
    nearer = x.ravel() - values[at - 1] < values[at] - x.ravel()
    return finite[np.where(nearer, at - 1, at)].astype(np.uint8).reshape(x.shape)


def to_blocked_fp8(x: np.ndarray, block: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """Codes of a matrix, and its scales, one for each block (`_scale_inv`)."""
    rows, columns = -(-x.shape[0] // block), -(-x.shape[1] // block)
    scale = np.empty((rows, columns), np.float32)
    codes = np.empty(x.shape, np.uint8)
    for i in range(rows):
        for j in range(columns):
            part = np.s_[i * block : (i + 1) * block, j * block : (j + 1) * block]
            scale[i, j] = max(np.abs(x[part]).max(), 1e-8) / 448
            codes[part] = to_e4m3(x[part] / scale[i, j])
    return codes, scale


def encode(x: np.ndarray, kind: str) -> bytes:
    if kind == "BF16":
        return to_bf16(x).tobytes()
    if kind == "F8_E4M3":
        return np.ascontiguousarray(x, np.uint8).tobytes()
    types = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}
    return np.ascontiguousarray(x, types[kind]).tobytes()


def decode(data: bytes, kind: str, shape: list[int]) -> np.ndarray:
    if kind == "BF16":
        return from_bf16(np.frombuffer(data, "<u2")).reshape(shape)
    if kind == "F8_E4M3":
        return E4M3[np.frombuffer(data, "u1")].astype(np.float32).reshape(shape)
    types = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}
    return np.frombuffer(data, types[kind]).reshape(shape)


def write_safetensors(path: Path, tensors: dict[str, tuple[np.ndarray, str]]) -> None:
    """Tensors with the names of their types; fp8 ones are codes."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    chunks, offset = [], 0
    for name, (value, kind) in tensors.items():
        data = encode(value, kind)
        header[name] = {
            "dtype": kind,
            "shape": list(value.shape),
            "data_offsets": [offset, offset + len(data)],
        }
        chunks.append(data)
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"".join(chunks))


def read_safetensors(path: Path) -> dict[str, np.ndarray]:
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    return {
        name: decode(body[slice(*info["data_offsets"])], info["dtype"], info["shape"])
        for name, info in header.items()
        if name != "__metadata__"
    }


def write_checkpoint(
    folder: Path,
    config: dict[str, object],
    tensors: dict[str, tuple[np.ndarray, str]],
    shards: int = 1,
) -> None:
    """A folder as a release is; several files get an index."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    if shards == 1:
        write_safetensors(folder / "model.safetensors", tensors)
        return
    files: dict[str, str] = {}
    names = list(tensors)
    for k in range(shards):
        file = f"model-{k + 1:05d}-of-{shards:05d}.safetensors"
        part = names[k::shards]
        files |= dict.fromkeys(part, file)
        write_safetensors(folder / file, {n: tensors[n] for n in part})
    index = {"metadata": {"total_size": 0}, "weight_map": files}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def read_checkpoint(folder: Path) -> dict[str, np.ndarray]:
    """All tensors, f64; fp8 matrices multiplied by their scales."""
    raw: dict[str, np.ndarray] = {}
    for file in sorted(folder.glob("model*.safetensors")):
        raw |= read_safetensors(file)
    tensors = {}
    for name, value in raw.items():
        if name.endswith("_scale_inv"):
            continue
        value = value.astype(np.float64)
        scale = raw.get(name + "_scale_inv")
        if scale is not None:
            scale = scale.astype(np.float64).repeat(128, 0).repeat(128, 1)
            value = value * scale[: value.shape[0], : value.shape[1]]
        tensors[name] = value
    return tensors
