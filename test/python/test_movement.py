"""Ops that move elements, against what NumPy or the specification says."""

from __future__ import annotations

import narae
import numpy as np
import pytest
import small_models
from onnx import helper

Slices = list[tuple[int, int, int, int]]
"""axis, start, end, step"""


def run_slice(x: np.ndarray, slices: Slices, dims: small_models.Dims) -> np.ndarray:
    columns = np.array(slices, np.int64).T
    weights = dict(zip(("axes", "starts", "ends", "steps"), columns, strict=True))
    node = helper.make_node("Slice", ["x", "starts", "ends", "axes", "steps"], ["y"])
    model = small_models.model(
        [node],
        [small_models.value("x", dims)],
        [small_models.value("y", [None] * x.ndim)],
        weights,
    )
    return narae.Session(narae.compile(model)).run({"x": x})["y"]


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("start", [0, 1, 2])
def test_slice_to_one_in_the_middle(start: int, dynamic: bool) -> None:
    """The dimensions around it aren't adjacent in the input."""
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    dims = [None] * 3 if dynamic else x.shape
    y = run_slice(x, [(1, start, start + 1, 1)], dims)
    np.testing.assert_array_equal(y, x[:, start : start + 1])


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_backward_slice_starts_at_the_first_element(size: int, dynamic: bool) -> None:
    """A start below the first element is clamped to it, unlike NumPy's."""
    x = np.arange(size, dtype=np.float32)
    dims = [None] if dynamic else x.shape
    for start in (-2, -4, -(2**31), -(2**63)):
        first = max(start + size, 0)
        y = run_slice(x, [(0, start, -(2**63), -1)], dims)
        np.testing.assert_array_equal(y, x[first::-1] if size else x)


@pytest.mark.parametrize("bound", [2**31, 2**63 - 1])
@pytest.mark.parametrize("step", [1, -1])
def test_slice_bounds_that_are_not_known(step: int, bound: int) -> None:
    x = np.arange(5, dtype=np.float32)
    node = helper.make_node("Slice", ["x", "starts", "ends", "axes", "steps"], ["y"])
    bounds = [small_models.value(name, (1,), 7) for name in ("starts", "ends")]
    weights = {"axes": np.array([0]), "steps": np.array([step])}
    model = small_models.model(
        [node],
        [small_models.value("x", ("n",)), *bounds],
        [small_models.value("y", (None,))],
        weights,
    )
    session = narae.Session(narae.compile(model))
    for start, end in ((-bound, bound), (bound, -bound), (-bound - 1, 3), (2, -bound - 1)):
        y = session.run({"x": x, "starts": np.array([start]), "ends": np.array([end])})["y"]
        # NumPy ends a backward slice that starts before the first element at once.
        first = max(start, -5) if step < 0 else start
        np.testing.assert_array_equal(y, x[first:end:step], str((start, end)))


@pytest.mark.parametrize("trips", [0, 2])
def test_loop_without_iterations_has_scan_outputs(trips: int) -> None:
    value = small_models.value
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["go"], ["still"]),
            helper.make_node("Add", ["carried", "x"], ["next"]),
            helper.make_node("Identity", ["carried"], ["row"]),
        ],
        "body",
        [value("i", (), 7), value("go", (), 9), value("carried", (3,))],
        [value("still", (), 9), value("next", (3,)), value("row", (3,))],
    )
    node = helper.make_node("Loop", ["trips", "", "x"], ["last", "rows"], body=body)
    model = small_models.model(
        [node],
        [value("x", (3,))],
        [value("last", (3,)), value("rows", (None, 3))],
        {"trips": np.array(trips, np.int64)},
    )
    x = np.arange(3, dtype=np.float32)
    results = narae.Session(narae.compile(model)).run({"x": x})
    np.testing.assert_array_equal(results["last"], x * (trips + 1))
    np.testing.assert_array_equal(results["rows"], x * np.arange(1, trips + 1)[:, None])
