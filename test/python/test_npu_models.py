"""Whole models on the simulated NPU."""

from __future__ import annotations

from pathlib import Path

import narae
import numpy as np
import pytest
import real_models
from npu_graphs import LARGE, SMALL
from safetensors.numpy import load_file


@pytest.mark.parametrize("target", [SMALL, LARGE])
def test_minilm(target: str, tmp_path: Path) -> None:
    """One program a kernel serves both lengths; f16 weights and products."""
    artifact = narae.compile(real_models.minilm(tmp_path), target=target, precision="f16")
    session = narae.Session(artifact, device=target)
    golden = load_file(real_models.DATA / "minilm" / "golden.safetensors")
    names = ("input_ids", "attention_mask", "token_type_ids")
    for case in "ab":
        results = session.run({name: golden[f"{case}.{name}"] for name in names})
        want = golden[f"{case}.last_hidden_state"]
        error = np.abs(results["last_hidden_state"] - want).max()
        assert error < 2e-3 * np.abs(want).max()


CHECKPOINTS = Path(__file__).resolve().parents[1] / "data" / "checkpoints"


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "exaone4", "hyperclovax"])
def test_dense_language_models(family: str) -> None:
    """Scores, prefill and decode in f16; the CPU widens the same weights to f32."""
    options = {"precision": "f16", "batch": 1, "context": 64, "prefill_chunk": 16}
    folder = CHECKPOINTS / family
    reference = narae.LLM(narae.compile(folder, **options))
    model = narae.LLM(narae.compile(folder, target=SMALL, **options), device=SMALL)
    tokens = np.random.default_rng(0).integers(0, 90, (1, 24))
    want = reference.score(tokens)
    error = 2e-3 * np.abs(want).max()
    np.testing.assert_allclose(model.score(tokens), want, rtol=0, atol=error)
    model.step(tokens[:, :20])
    np.testing.assert_allclose(model.step(tokens[:, 20:21])[0], want[0, 20], rtol=0, atol=error)
