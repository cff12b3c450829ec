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
