"""The NumPy reference against logits that transformers computed, and against
itself where transformers has no family."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkpoints import read_safetensors
from language_reference import Reference
from variants import FAMILIES, Variant

CHECKPOINTS = Path(__file__).resolve().parent.parent / "data" / "checkpoints"
GIVEN = sorted(p.parent.name for p in CHECKPOINTS.glob("*/golden.safetensors"))


@pytest.mark.parametrize("name", GIVEN)
def test_reference_agrees_with_transformers(name: str) -> None:
    golden = read_safetensors(CHECKPOINTS / name / "golden.safetensors")
    logits = Reference(CHECKPOINTS / name).logits(golden["tokens"])
    error = np.abs(logits - golden["logits"]).max() / np.abs(golden["logits"]).max()
    assert error < 5e-6


@pytest.mark.parametrize("family", FAMILIES)
def test_variants_are_causal(family: str, tmp_path: Path) -> None:
    """Later tokens change nothing before them, and earlier ones do."""
    variant = Variant(family, seed=5)
    variant.write(tmp_path)
    reference = Reference(tmp_path)
    tokens = variant.rng.integers(0, variant.config["vocab_size"], (1, 9))
    other = tokens.copy()
    other[0, 6] = (other[0, 6] + 1) % variant.config["vocab_size"]
    a, b = reference.logits(tokens), reference.logits(other)
    assert np.isfinite(a).all()
    assert np.allclose(a[:, :6], b[:, :6], rtol=0, atol=1e-9)
    assert not np.allclose(a[:, 7], b[:, 7], rtol=0, atol=1e-6)
