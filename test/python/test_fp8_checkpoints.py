"""Checkpoints in fp8 as different makers write them: scales by blocks, rows or
matrices, under several names; against the same weights in float32."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import narae
import numpy as np
import pytest
from checkpoints import E4M3, read_checkpoint, to_e4m3, write_checkpoint
from language_reference import Reference
from language_runs import Runs
from variants import Variant

Tensors = dict[str, tuple[np.ndarray, str]]

COMPRESSED: dict[str, Any] = {
    "quant_method": "compressed-tensors",
    "format": "float-quantized",
    "ignore": ["lm_head"],
    "quantization_status": "compressed",
    "config_groups": {
        "group_0": {
            "targets": ["Linear"],
            "input_activations": {"num_bits": 8, "type": "float", "dynamic": True},
            "weights": {"num_bits": 8, "type": "float", "strategy": "tensor", "symmetric": True},
        }
    },
}


def compressed(**weights: object) -> dict[str, Any]:
    group = COMPRESSED["config_groups"]["group_0"]
    group = group | {"weights": group["weights"] | weights}
    return COMPRESSED | {"config_groups": {"group_0": group}}


# quantization_config, the scales' name, rows and columns of a scale (0: all),
# and the shape of the scales of a matrix with so many rows.
SPELLINGS: dict[str, tuple[dict[str, Any], str, tuple[int, int], Any]] = {
    "scalar": ({"quant_method": "fp8"}, "_scale_inv", (0, 0), lambda n: ()),
    "one": (
        {"quant_method": "fp8", "activation_scheme": "static", "kv_cache_scheme": None},
        "_scale",
        (0, 0),
        lambda n: (1,),
    ),
    "tensor": (compressed(), "_scale", (0, 0), lambda n: (1,)),
    "channel": (compressed(strategy="channel"), "_scale", (1, 0), lambda n: (n, 1)),
    "rows": ({"quant_method": "fbgemm_fp8"}, "_scale", (1, 0), lambda n: (n,)),
    "block": (
        compressed(strategy="block", block_structure=[16, 32]),
        "_scale",
        (16, 32),
        None,
    ),
}


def quantize(x: np.ndarray, rows: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Codes, scales by blocks, and what both stand for."""
    rows, columns = rows or x.shape[0], columns or x.shape[1]
    shape = (-(-x.shape[0] // rows), -(-x.shape[1] // columns))
    scale = np.empty(shape, np.float32)
    for i, j in np.ndindex(shape):
        part = x[i * rows : (i + 1) * rows, j * columns : (j + 1) * columns]
        scale[i, j] = max(float(np.abs(part).max()), 1e-8) / 448
    wide = scale.repeat(rows, 0)[: x.shape[0]].repeat(columns, 1)[:, : x.shape[1]]
    codes = to_e4m3(x / wide)
    return codes, scale, (E4M3[codes].astype(np.float32) * wide).astype(np.float32)


def write_both(family: str, spelling: str, folder: Path) -> tuple[Path, Path, Variant]:
    """The checkpoint in fp8, and in f32 with the values that its codes have."""
    config, suffix, block, shape_of = SPELLINGS[spelling]
    seed = next(s for s in range(1, 100) if not Variant(family, s).fused)
    variant = Variant(family, seed)
    packed: Tensors = {}
    plain: Tensors = {}
    variant.write(folder / "before")
    for name, values in read_checkpoint(folder / "before").items():
        value = values.astype(np.float32)
        is_layer = "_proj" in name and name.endswith(".weight") and "indexer" not in name
        if not is_layer:
            packed[name] = plain[name] = (value, "F32")
            continue
        codes, scale, value = quantize(value, *block)
        if shape_of:
            scale = scale.reshape(shape_of(len(codes)))
        packed[name], plain[name] = (codes, "F8_E4M3"), (value, "F32")
        packed[name + suffix] = (scale, "F32")
        if spelling == "one":
            packed[name[: -len("weight")] + "input_scale"] = (np.float32([0.5]), "F32")
    base = {k: v for k, v in variant.config.items() if k != "quantization_config"}
    write_checkpoint(folder / "fp8", base | {"quantization_config": config}, packed)
    write_checkpoint(folder / "f32", base, plain)
    shutil.rmtree(folder / "before")
    return folder / "fp8", folder / "f32", variant


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("family", ["llama", "deepseek_v3"])
def test_spellings(family: str, spelling: str, tmp_path: Path) -> None:
    packed, plain, variant = write_both(family, spelling, tmp_path)
    tokens = np.random.default_rng(0).integers(0, variant.config["vocab_size"], (1, 12))
    artifact = narae.compile(packed, context=16, prefill_chunk=8, kv_type="f32", exact=True)
    runs = Runs(artifact, tokens, Reference(plain).logits(tokens))
    runs.by_chunks("score", 8)
    runs.by_token()
    assert runs.error < 1e-4


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (compressed(num_bits=4, type="int", group_size=128), "weights of 4 bits.*unquantised"),
        (compressed(strategy="group"), "'group'; known are tensor, channel and block"),
        ({"quant_method": "gptq", "bits": 4}, "'gptq'; known are fp8.*unquantised release"),
        ({"quant_method": "fp8", "fmt": "e5m2"}, "'e5m2'; known is e4m3"),
    ],
)
def test_others_are_refused(config: dict[str, Any], message: str, tmp_path: Path) -> None:
    variant = Variant("llama", 1)
    variant.config["quantization_config"] = config
    variant.write(tmp_path)
    with pytest.raises(narae.Error, match=message):
        narae.compile(tmp_path)
