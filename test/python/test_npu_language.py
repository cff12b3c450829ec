"""Ops of language models on the simulated NPU: the tests of test_language_ops.py, compiled
for it."""

from __future__ import annotations

import functools
from pathlib import Path

import narae
import pytest
import test_language_ops as ops
from npu_graphs import SMALL


@pytest.fixture(autouse=True)
def on_the_npu(monkeypatch: pytest.MonkeyPatch) -> None:
    compile_model, session = narae.compile, narae.Session
    monkeypatch.setattr(narae, "compile", functools.partial(compile_model, target=SMALL))
    monkeypatch.setattr(narae, "Session", functools.partial(session, device=SMALL))


def test_rope_table(tmp_path: Path) -> None:
    ops.test_rope_table(tmp_path, 1.1386)


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize(("size", "rotated", "offset"), [(16, 16, 0), (24, 8, 4), (64, 32, 0)])
def test_rope(tmp_path: Path, pairs: bool, size: int, rotated: int, offset: int) -> None:
    ops.test_rope(tmp_path, pairs, size, rotated, offset)


@pytest.mark.parametrize("name", ops.CASES)
def test_cached_attention(tmp_path: Path, name: str) -> None:
    ops.test_cached_attention(tmp_path, name, "f32")


@pytest.mark.parametrize("element", ["f32", "f16"])
@pytest.mark.parametrize(
    ("ring", "start", "lengths"),
    [(False, [0, 5], [4, 2]), (True, [9, 1000003], [4, 4]), (False, [11, 0], [0, 3])],
)
def test_cache_update(
    tmp_path: Path, element: str, ring: bool, start: list[int], lengths: list[int]
) -> None:
    ops.test_cache_update(tmp_path, element, 20, ring, start, lengths)
