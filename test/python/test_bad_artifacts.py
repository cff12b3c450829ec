"""Damaged artifacts: a clear refusal at load, never a crash."""

from __future__ import annotations

import os
from pathlib import Path

import narae
import numpy as np
import pytest
import small_models


@pytest.fixture(scope="module")
def whole() -> bytes:
    artifact = narae.compile(small_models.linear())
    return Path(artifact.path).read_bytes()


def refused(path: Path) -> str:
    with pytest.raises(narae.Error) as caught:
        narae.load(path)
    assert path.name in str(caught.value)
    return str(caught.value)


def test_missing_empty_folder(tmp_path: Path) -> None:
    refused(tmp_path / "none.narae")
    empty = tmp_path / "empty.narae"
    empty.touch()
    refused(empty)
    folder = tmp_path / "folder.narae"
    folder.mkdir()
    refused(folder)


def test_another_file(linear_file: Path) -> None:
    refused(linear_file)


def test_truncated(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.narae"
    for size in {1, 63, 64, 100, 4095, 4096, len(whole) // 2, len(whole) - 1}:
        path.write_bytes(whole[:size])
        refused(path)


def test_longer(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "long.narae"
    path.write_bytes(whole + b"\0")
    refused(path)


def test_every_flipped_bit_is_seen(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "flipped.narae"
    random = np.random.default_rng(0)
    places = set(range(0, 256)) | set(random.integers(len(whole), size=300).tolist())
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << random.integers(8)
        path.write_bytes(damaged)
        refused(path)


def test_other_version(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "newer.narae"
    damaged = bytearray(whole)
    damaged[8:10] = (99).to_bytes(2, "little")
    path.write_bytes(damaged)
    message = refused(path)
    assert "99" in message or "version" in message


def test_saving_to_a_full_disk(whole: bytes, tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    path = tmp_path / "whole.narae"
    path.write_bytes(whole)
    with pytest.raises((narae.Error, OSError)):
        narae.load(path).save("/dev/full/x.narae")
