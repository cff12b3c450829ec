#!/usr/bin/env python3
"""Writes a random checkpoint with a real model's shapes, in the layout of a release.

The numbers are random, and of a size that keeps all activations finite; the
same seed gives the same bytes. No more than a few megabytes are in memory.

  scripts/make_checkpoint.py --like=exaone-4.0-1.2b -o /tmp/exaone
  scripts/make_checkpoint.py --like=k-exaone-236b-a23b --layers=2 --dtype=fp8 -o /tmp/k-exaone
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import ml_dtypes
import model_tensors
import numpy as np
from model_tensors import Config, TensorShape

CONFIGS = Path(__file__).resolve().parents[1] / "test" / "data" / "configs"

DTYPES = {
    "bf16": ("BF16", np.dtype(ml_dtypes.bfloat16), "bfloat16"),
    "f16": ("F16", np.dtype(np.float16), "float16"),
    "f32": ("F32", np.dtype(np.float32), "float32"),
}
"""Name in safetensors, of NumPy and in config.json."""

FP8 = ("F8_E4M3", np.dtype(ml_dtypes.float8_e4m3fn))
FP8_BLOCK = 128
LIST_KEYS = ("layer_types", "mlp_layer_types", "sliding_windows", "swiglu_limits")
CHUNK = 1 << 22
"""Numbers made at a time."""


class UserError(Exception):
    """Something in the arguments that cannot be done."""


class Stored:
    """A tensor as a file holds it."""

    def __init__(
        self, tensor: TensorShape, kind: str, dtype: np.dtype, scale: bool = False
    ) -> None:
        self.tensor, self.kind, self.dtype, self.is_scale = tensor, kind, dtype, scale
        self.bytes = math.prod(tensor.shape) * dtype.itemsize


def stored_tensors(config: Config, dtype: str) -> Iterator[Stored]:
    """What the files hold: linear layers in fp8 have a scale for each block."""
    plain = DTYPES["bf16" if dtype == "fp8" else dtype]
    for tensor in model_tensors.tensors(config):
        linear = tensor.role in (model_tensors.LINEAR, model_tensors.QUERY_AND_GATE)
        if dtype == "fp8" and linear:
            yield Stored(tensor, *FP8)
            blocks = tuple(-(-size // FP8_BLOCK) for size in tensor.shape)
            scale = TensorShape(f"{tensor.name}_scale_inv", blocks, tensor.role)
            yield Stored(scale, "F32", np.dtype(np.float32), scale=True)
        elif tensor.role == model_tensors.CHOICE_BIAS:
            yield Stored(tensor, "F32", np.dtype(np.float32))
        else:
            yield Stored(tensor, plain[0], plain[1])


def _deviation(config: Config, tensor: TensorShape) -> float:
    """Of the numbers: results of a linear layer have the size of its input."""
    if tensor.role == model_tensors.CHOICE_BIAS:
        return 0.1
    if tensor.role == model_tensors.BIAS:
        return 0.2
    if tensor.role == model_tensors.NORM:
        return 0.1
    if tensor.role == model_tensors.EMBEDDING:
        # A tied head multiplies by the same matrix.
        tied = config.get("tie_word_embeddings", False)
        return 1 / math.sqrt(tensor.shape[1]) if tied else 0.5
    width = tensor.shape[-1]
    return 1 / math.sqrt(width // 2 if tensor.role == model_tensors.QUERY_AND_GATE else width)


def _zero_blocks(config: Config, tensor: TensorShape, block: np.ndarray, first_row: int) -> None:
    """Queries read the first half of the input, gates the second."""
    query = config["qk_nope_head_dim"] + config["qk_rope_head_dim"]
    row = (first_row + np.arange(len(block))) % (query + config["v_head_dim"])
    half = tensor.shape[1] // 2
    block[row < query, half:] = 0
    block[row >= query, :half] = 0


def _numbers(config: Config, stored: Stored, seed: int) -> Iterator[np.ndarray]:
    """The numbers of a tensor in f32, some rows at a time. They depend on its
    name and the seed alone."""
    tensor = stored.tensor
    random = np.random.default_rng([seed, zlib.crc32(tensor.name.encode())])
    scale = np.float32(_deviation(config, tensor))
    width = tensor.shape[-1] if len(tensor.shape) > 1 else 1
    rows = tensor.shape[0]
    step = max(1, CHUNK // width)
    offset = 0.0
    if tensor.role == model_tensors.NORM and model_tensors.family(config) != "vaetki":
        offset = 1.0  # vaetki multiplies by 1 + weight
    for first in range(0, rows, step):
        count = min(step, rows - first)
        block = random.standard_normal((count, width), dtype=np.float32)
        if stored.is_scale:
            # The largest number of fp8 stands for about six deviations.
            inputs = width * FP8_BLOCK
            block = (0.9 + 0.2 * random.random(block.shape, np.float32)) * np.float32(
                6 / 448 / math.sqrt(inputs)
            )
        elif stored.kind == FP8[0]:
            np.clip(block * np.float32(448 / 6), -448, 448, out=block)
        else:
            block *= scale
            block += np.float32(offset)
        if tensor.role == model_tensors.QUERY_AND_GATE and not stored.is_scale:
            _zero_blocks(config, tensor, block, first)
        yield block


def shards(tensors: list[Stored], limit: int) -> list[list[Stored]]:
    """The tensors in files of at most `limit` bytes, if none is larger itself."""
    files: list[list[Stored]] = [[]]
    size = 0
    for tensor in tensors:
        if files[-1] and size + tensor.bytes > limit:
            files.append([])
            size = 0
        files[-1].append(tensor)
        size += tensor.bytes
    return files


def write_shard(file: BinaryIO, tensors: list[Stored], config: Config, seed: int) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for stored in tensors:
        header[stored.tensor.name] = {
            "dtype": stored.kind,
            "shape": list(stored.tensor.shape),
            "data_offsets": [offset, offset + stored.bytes],
        }
        offset += stored.bytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for stored in tensors:
        for block in _numbers(config, stored, seed):
            file.write(np.ascontiguousarray(block.astype(stored.dtype)).view(np.uint8).data)


def read_config(name: str) -> Config:
    """Of a model of test/data/configs, or of a path."""
    path = Path(name)
    if path.is_dir():
        path = path / "config.json"
    elif not path.is_file():
        path = CONFIGS / name / "config.json"
    if not path.is_file():
        known = ", ".join(sorted(folder.name for folder in CONFIGS.iterdir() if folder.is_dir()))
        raise UserError(f"--like={name}: neither a config.json nor one of {known}")
    try:
        config = json.loads(path.read_text())
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    if not isinstance(config, dict):
        raise UserError(f"{path}: a JSON object is needed")
    return config


def adapt(config: Config, layers: int | None, dtype: str) -> Config:
    """The configuration of what is written."""
    config = dict(config)
    if layers is not None:
        if not 1 <= layers <= model_tensors.layer_count(config):
            raise UserError(f"--layers={layers}: 1 to {model_tensors.layer_count(config)}")
        for key in ("num_hidden_layers", "num_layers"):
            if key in config:
                config[key] = layers
        for key in LIST_KEYS:
            if isinstance(config.get(key), list):
                config[key] = config[key][:layers]
    key = "dtype" if "dtype" in config else "torch_dtype"
    config[key] = DTYPES["bf16" if dtype == "fp8" else dtype][2]
    config.pop("quantization_config", None)
    if dtype == "fp8":
        config["quantization_config"] = {
            "quant_method": "fp8",
            "fmt": "e4m3",
            "activation_scheme": "dynamic",
            "weight_block_size": [FP8_BLOCK, FP8_BLOCK],
        }
    return config


def write_tokenizer(folder: Path, vocabulary: int) -> None:
    """Bytes as tokens, so that any text can be given; the rest are made-up words."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = {byte: chr(byte) for byte in printable}
    letters.update({byte: chr(256 + index) for index, byte in enumerate(others)})
    words = {letters[byte]: byte for byte in range(min(vocabulary, 256))}
    for index in range(256, vocabulary):
        syllables = "".join("bdgklmnprstvz"[index // 13**i % 13] + "aeiou"[i] for i in range(5))
        words[f"Ġ{syllables}"] = index
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": {"type": "BPE", "vocab": words, "merges": []},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')


def make_checkpoint(
    like: str,
    output: Path,
    *,
    layers: int | None = None,
    dtype: str = "bf16",
    seed: int = 0,
    shard_bytes: int = 2_000_000_000,
) -> int:
    """Writes the folder and returns the bytes of its weights."""
    config = adapt(read_config(like), layers, dtype)
    try:
        files = shards(list(stored_tensors(config, dtype)), shard_bytes)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"--like={like}: {error}") from None
    total = sum(stored.bytes for file in files for stored in file)
    output.mkdir(parents=True, exist_ok=True)
    left = [path.name for path in output.glob("*.safetensors*")]
    if left:
        raise UserError(f"{output}: holds a checkpoint already ({left[0]})")
    free = shutil.disk_usage(output).free
    if total > free:
        raise UserError(
            f"{output}: {total / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free; "
            "--layers=N writes fewer"
        )
    index: dict[str, str] = {}
    for number, tensors in enumerate(files):
        name = "model.safetensors"
        if len(files) > 1:
            name = f"model-{number + 1:05}-of-{len(files):05}.safetensors"
        with (output / name).open("wb") as file:
            write_shard(file, tensors, config, seed)
        index.update((stored.tensor.name, name) for stored in tensors)
    if len(files) > 1:
        text = json.dumps({"metadata": {"total_size": total}, "weight_map": index}, indent=1)
        (output / "model.safetensors.index.json").write_text(text)
    write_tokenizer(output, config["vocab_size"])
    (output / "config.json").write_text(json.dumps(config, indent=1))
    return total


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--like", required=True, help="a folder of test/data/configs, or a path")
    parser.add_argument("-o", "--output", required=True, type=Path, help="the folder to write")
    parser.add_argument("--layers", type=int, help="keep only the first layers")
    parser.add_argument("--dtype", choices=["bf16", "f32", "f16", "fp8"], default="bf16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shard-bytes", type=int, default=2_000_000_000)
    options = parser.parse_args()
    try:
        total = make_checkpoint(
            options.like,
            options.output,
            layers=options.layers,
            dtype=options.dtype,
            seed=options.seed,
            shard_bytes=options.shard_bytes,
        )
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{options.output}: {total / 1e9:.2f} GB of weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
