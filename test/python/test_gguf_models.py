"""Models out of GGUF files: the given ones against transformers' logits, other
families converted from checkpoints, and every block type."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import gguf_reference
import gguf_writer
import narae
import numpy as np
import pytest
from checkpoints import read_checkpoint, read_safetensors
from gguf_convert import ARCHITECTURES, Conversion, Unwritable
from gguf_decoder import Decoder
from language_reference import Reference
from language_runs import Runs
from safetensors.numpy import load_file
from test_gguf_reference import HALVES
from variants import Variant

DATA = Path(__file__).resolve().parents[1] / "data" / "gguf"
CHECKPOINTS = DATA.parent / "checkpoints"
FILES = sorted(DATA.glob("*.gguf"))


@pytest.fixture(scope="module", params=FILES, ids=lambda path: path.stem)
def runs(request: pytest.FixtureRequest) -> Runs:
    golden = load_file(f"{request.param}.golden.safetensors")
    artifact = narae.compile(request.param, exact=True, batch=2, prefill_chunk=32, context=64)
    runs = Runs(artifact, golden["tokens"].astype(np.int64))
    runs.expected = golden["logits"]
    return runs


# Of the difference from the reference, of the largest logit.
BOUND = 1e-4


def test_one_prefill(runs: Runs) -> None:
    runs.by_chunks("score", runs.chunk)
    runs.by_chunks("prefill", runs.chunk)
    assert runs.error <= BOUND


def test_chunks(runs: Runs) -> None:
    for count in (3, 5):
        runs.by_chunks("prefill", count)
    assert runs.error <= BOUND


def test_token_by_token(runs: Runs) -> None:
    runs.by_token()
    assert runs.error <= BOUND


def test_different_lengths(runs: Runs) -> None:
    for seed in range(3):
        runs.randomly(seed)
    assert runs.error <= BOUND


# Checkpoints of other families, converted as llama.cpp does. llama.cpp's own
# logits agree with these references (docs/models.md says where it differs).


def errors(model: Path, tokens: np.ndarray, logits: np.ndarray) -> float:
    artifact = narae.compile(model, exact=True, batch=2, prefill_chunk=24, context=64)
    runs = Runs(artifact, tokens.astype(np.int64))
    runs.expected = logits
    runs.by_chunks("score", runs.chunk)
    runs.by_chunks("prefill", 5)
    runs.by_token()
    runs.randomly(0)
    return runs.error


@pytest.mark.parametrize(
    ("name", "separate"),
    [
        ("llama", True),
        ("qwen2", True),
        ("qwen3", True),
        ("exaone4", True),
        ("exaone_moe", True),
        ("solar_open", True),
        ("deepseek_v3", True),
        ("deepseek_v3", False),
        ("kanana2", True),
        ("kanana2", False),
    ],
)
def test_converted_checkpoints(name: str, separate: bool, tmp_path: Path) -> None:
    folder = CHECKPOINTS / name
    config = json.loads((folder / "config.json").read_text())
    conversion = Conversion(config, read_checkpoint(folder), separate)
    golden = read_safetensors(folder / "golden.safetensors")
    path = conversion.write(tmp_path / "model.gguf")
    assert errors(path, golden["tokens"], golden["logits"]) <= BOUND


@pytest.mark.parametrize("name", ["exaone4", "exaone_moe"])
def test_window_that_no_layer_has(name: str, tmp_path: Path) -> None:
    """Nothing rotates; both front ends read it so."""
    folder = CHECKPOINTS / name
    config = json.loads((folder / "config.json").read_text())
    config |= {"layer_types": ["full_attention"] * config["num_hidden_layers"]}
    for key in ("sliding_windows", "sliding_window_pattern"):
        config.pop(key, None)
    source = shutil.copytree(folder, tmp_path / "checkpoint")
    (source / "config.json").write_text(json.dumps(config))
    tokens = np.random.default_rng(3).integers(0, config["vocab_size"], (2, 20))
    logits = Reference(source).logits(tokens)
    gguf = Conversion(config, read_checkpoint(source)).write(tmp_path / "model.gguf")
    for model in (gguf, source):
        assert errors(model, tokens, logits) <= BOUND


def make_variant(family: str, seed: int, folder: Path) -> tuple[Conversion, Variant]:
    """The first random checkpoint from `seed` on that a GGUF file can hold."""
    while True:
        variant = Variant(family, seed)
        variant.write(folder)
        config = json.loads((folder / "config.json").read_text())
        try:
            if variant.storage != "F8_E4M3":
                return Conversion(config, read_checkpoint(folder), seed % 2 == 0), variant
        except Unwritable:
            pass
        for path in folder.iterdir():
            path.unlink()
        seed += 1


@pytest.mark.parametrize("seed", [100, pytest.param(200, marks=pytest.mark.slow)])
@pytest.mark.parametrize("family", ARCHITECTURES)
def test_variants(family: str, seed: int, tmp_path: Path) -> None:
    conversion, variant = make_variant(family, seed, tmp_path)
    tokens = variant.rng.integers(0, variant.config["vocab_size"], (2, 20))
    logits = Reference(tmp_path).logits(tokens)
    assert errors(conversion.write(tmp_path / "model.gguf"), tokens, logits) <= BOUND


def test_every_layer_dense(tmp_path: Path) -> None:
    """A family with experts, in a file that describes them and has none."""
    conversion, variant = make_variant("glm4_moe", 200, tmp_path)
    assert variant.config["first_k_dense_replace"] >= variant.config["num_hidden_layers"]
    tokens = variant.rng.integers(0, variant.config["vocab_size"], (2, 20))
    logits = Reference(tmp_path).logits(tokens)
    assert errors(conversion.write(tmp_path / "model.gguf"), tokens, logits) <= BOUND


@pytest.mark.parametrize(("name", "times"), [("qwen2", 10), ("kanana2", 4)])
def test_fused_matrices(name: str, times: int, tmp_path: Path) -> None:
    folder = CHECKPOINTS / name
    config = json.loads((folder / "config.json").read_text())
    conversion = Conversion(config, read_checkpoint(folder))
    assert conversion.fuse() == times
    golden = read_safetensors(folder / "golden.safetensors")
    path = conversion.write(tmp_path / "model.gguf")
    assert errors(path, golden["tokens"], golden["logits"]) <= BOUND


def test_mixtral(tmp_path: Path) -> None:
    """Experts in a file of the architecture llama."""
    generator = np.random.default_rng(1)
    source = gguf_reference.read(DATA / "llama.F16.gguf")
    tensors = {name: source[name] for name in source.tensors}
    for at in range(3):
        prefix = f"blk.{at}."
        for part in ("gate", "up", "down"):
            shape = tensors.pop(f"{prefix}ffn_{part}.weight").shape
            stack = generator.standard_normal((6, *shape)) / np.sqrt(shape[1])
            tensors[f"{prefix}ffn_{part}_exps.weight"] = stack
        tensors[prefix + "ffn_gate_inp.weight"] = generator.standard_normal((6, 256)) / 16
    path = tmp_path / "mixtral.gguf"
    metadata = {"llama.expert_count": 6, "llama.expert_used_count": 2}
    gguf_writer.write(path, source.metadata | metadata, tensors)
    tokens = generator.integers(0, 128, (2, 20))
    decoder = Decoder(path)
    logits = np.stack([decoder.logits(row) for row in tokens])
    assert errors(path, tokens, logits) <= BOUND


def test_every_block_type(tmp_path: Path) -> None:
    """A model in which each matrix has another type, out of random blocks."""
    kinds = list(gguf_reference.BLOCK)
    generator = np.random.default_rng(0)
    golden = DATA / "llama.F16.gguf"
    source = gguf_reference.read(golden)
    encoded: dict[str, object] = {}
    used = set()
    for i, (name, tensor) in enumerate(source.tensors.items()):
        if len(tensor.shape) == 1:
            encoded[name] = tensor.values()
            continue
        kind = kinds[i % len(kinds)]
        used.add(kind)
        encoded[name] = (kind, tensor.shape, random_weight(kind, tensor.shape, generator))
    assert used == set(kinds)
    path = tmp_path / "mixed.gguf"
    gguf_writer.write(path, source.metadata, encoded)  # type: ignore[arg-type]
    tokens = generator.integers(0, 128, (2, 20))
    decoder = Decoder(path)
    logits = np.stack([decoder.logits(row) for row in tokens])
    assert errors(path, tokens, logits) <= BOUND


def random_weight(kind: str, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """Bytes of random blocks whose values are about as large as weights are."""
    elements, size = gguf_reference.BLOCK[kind]
    count = int(np.prod(shape)) // elements
    if elements == 1:
        x = generator.standard_normal(count).astype(np.float32) / 16
        if kind == "BF16":
            return (x.view(np.uint32) >> 16).astype(np.uint16)
        return x.astype(np.float32 if kind == "F32" else np.float16)
    blocks = generator.integers(0, 256, (count, size), np.uint8)
    spread = gguf_reference.dequantize(kind, with_scale(kind, blocks, 1.0).reshape(-1)).std()
    return with_scale(kind, blocks, 1 / 16 / spread)


def with_scale(kind: str, blocks: np.ndarray, scale: float) -> np.ndarray:
    """The blocks with all their f16 numbers set to +-`scale`."""
    blocks = blocks.copy()
    for i, at in enumerate(HALVES.get(kind, [0])):
        sign = np.where(blocks[:, at] & 1, 1, -1) * (1 if i == 0 else 0.5)
        blocks[:, at : at + 2] = (sign * scale).astype(np.float16).view(np.uint8).reshape(-1, 2)
    return blocks
