"""Models out of GGUF files: the given ones against transformers' logits."""

from __future__ import annotations

from pathlib import Path

import narae
import numpy as np
import pytest
from language_runs import Runs
from safetensors.numpy import load_file

DATA = Path(__file__).resolve().parents[1] / "data" / "gguf"
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
