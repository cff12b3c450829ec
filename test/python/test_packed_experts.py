"""Experts whose weights stay in quantised blocks and narrow floats."""

from __future__ import annotations

from pathlib import Path

import gguf_reference
import narae
import numpy as np
import packed_models
import pytest
from test_packed_weights import TARGETS, float8, narrow

EXPERTS, OUTER, INNER, CHOSEN = 4, 40, 512, 2
NOBODY = 2
"""The expert that no token chooses: its weights are NaN."""


def model(
    folder: Path,
    element: str,
    data: np.ndarray,
    scale: np.ndarray | None = None,
    shared: bool = True,
) -> Path:
    """y = each token times the matrices of its experts."""
    shape = (EXPERTS, OUTER, INNER)
    packed, wide = packed_models.tensor(element, *shape), packed_models.tensor("f32", *shape)
    x = packed_models.tensor("f32", "?", *([] if shared else [CHOSEN]), INNER)
    i, y = f"tensor<?x{CHOSEN}xi32>", f"tensor<?x{CHOSEN}x{OUTER}xf32>"
    more = {}
    widen = f"fm.dequantize %w : ({packed})"
    if scale is not None:
        kind = packed_models.tensor("f32", *scale.shape)
        more["s"] = (kind, scale)
        widen = (
            "fm.dequantize %w, %s {scale_rows = 128 : i64, scale_columns = 128 : i64}"
            f" : ({packed}, {kind})"
        )
    elif "block" not in element:
        widen = f"fm.cast %w {{to = f32}} : ({packed})"
    body = f"""
      %f = {widen} -> {wide}
      %y = fm.expert_matmul %x, %f, %i : ({x}, {wide}, {i}) -> {y}
    """
    return packed_models.packed_model(
        folder, element, data, shape, body, {"x": x, "i": i}, {"y": y}, more
    )


def check(artifact: narae.Artifact, weight: np.ndarray, limit: float, shared: bool = True) -> None:
    others = [e for e in range(EXPERTS) if e != NOBODY]
    results = []
    for threads in (1, 2):
        session = narae.Session(artifact, threads=threads)
        rng = np.random.default_rng(1)
        results.append([])
        # Few and many tokens of an expert, and more than a block of them.
        for tokens in (1, 3, 24, 300):
            shape = (tokens, INNER) if shared else (tokens, CHOSEN, INNER)
            x = rng.standard_normal(shape).astype(np.float32)
            i = rng.choice(others, (tokens, CHOSEN)).astype(np.int32)
            got = session.run({"x": x, "i": i})["y"]
            rows = np.broadcast_to(x[:, None] if shared else x, (tokens, CHOSEN, INNER))
            want = np.zeros((tokens, CHOSEN, OUTER))
            for e in others:
                want[i == e] = rows[i == e].astype(np.float64) @ weight[e].astype(np.float64).T
            assert np.isfinite(got).all()
            size = np.abs(want).max() + np.linalg.norm(weight[others], axis=-1).max()
            assert np.abs(got - want).max() <= limit * size, tokens
            results[-1].append(got)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def random_experts(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Bytes of blocks and what they are; NaN where nobody reads."""
    data = packed_models.random_blocks(name, EXPERTS * OUTER, INNER).reshape(EXPERTS, -1)
    data[NOBODY] = 0xFF  # the scales, too
    weight = np.full((EXPERTS, OUTER, INNER), np.nan, np.float32)
    for e in range(EXPERTS):
        if e != NOBODY:
            weight[e] = gguf_reference.dequantize(name.upper(), data[e]).reshape(OUTER, INNER)
    return data, weight


@pytest.mark.parametrize("name", packed_models.FORMATS)
@pytest.mark.parametrize(
    ("options", "limit"),
    [({}, 2e-2), ({"exact": True}, 2e-6), ({"weights": "external"}, 2e-2)],
    ids=["bytes", "exact", "external"],
)
def test_blocks(name: str, options: dict[str, object], limit: float, tmp_path: Path) -> None:
    data, weight = random_experts(name)
    path = model(tmp_path, f"!fm.block<{name}>", data)
    check(narae.compile(path, output=tmp_path / "m.narae", **options), weight, limit)


@pytest.mark.parametrize("target", TARGETS)
def test_rows_of_their_own(target: str, tmp_path: Path) -> None:
    """As the projection down has them: an input row for each expert."""
    data, weight = random_experts("q4_k")
    path = model(tmp_path, "!fm.block<q4_k>", data, shared=False)
    check(narae.compile(path, target), weight, 2e-2, shared=False)


@pytest.mark.parametrize("element", ["bf16", "f16", "f8E4M3FN"])
@pytest.mark.parametrize("weights", ["embedded", "external"])
def test_narrow_floats(element: str, weights: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    shape = (EXPERTS, OUTER, INNER)
    if element == "f8E4M3FN":
        data = rng.integers(0, 127, shape, dtype=np.uint8)
        data |= rng.integers(0, 2, shape, dtype=np.uint8) << 7
        data[NOBODY] = 127
        scale = rng.uniform(0.5, 2, (EXPERTS, 1, INNER // 128)).astype(np.float32)
        weight = float8(data) * np.repeat(scale, 128, 2)
    else:
        values = rng.standard_normal(shape).astype(np.float32)
        values[NOBODY] = np.nan
        data, weight = narrow(element, values)
        scale = None
    path = model(tmp_path, element, data, scale)
    check(narae.compile(path, output=tmp_path / "m.narae", weights=weights), weight, 2e-6)


def test_loss_of_activations_is_reported(tmp_path: Path) -> None:
    data, _ = random_experts("q4_1")
    data[NOBODY] = data[0]
    path = model(tmp_path, "!fm.block<q4_1>", data)
    loss = narae.compile(path).report["quantised_activations"]
    assert loss["int8_kernels"] == 1
    assert 0 < loss["loss_rms"] < 0.02


def test_experts_are_stored_once(tmp_path: Path) -> None:
    data, _ = random_experts("q4_0")
    narae.compile(model(tmp_path, "!fm.block<q4_0>", data), output=tmp_path / "m.narae")
    # 40 rows are three panels of 16.
    assert (tmp_path / "m.narae").stat().st_size < data.nbytes * 48 / 40 + 200_000
