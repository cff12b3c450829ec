"""Fixtures of all tests: the tools and small artifacts."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("NARAE_BUILD_DIR", ROOT / "build"))
if str(BUILD / "python") not in sys.path:
    sys.path.insert(0, str(BUILD / "python"))

import narae  # noqa: E402
import small_models  # noqa: E402

RunTool = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def tool() -> RunTool:
    """Runs build/bin/narae with arguments."""

    def run(
        *arguments: object, cwd: Path | None = None, **options: object
    ) -> subprocess.CompletedProcess[str]:
        command = [str(BUILD / "bin" / "narae"), *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=300, cwd=cwd, **options
        )

    return run


@pytest.fixture(scope="session")
def linear() -> narae.Artifact:
    """y = relu(x @ w + b) with x [n, 4] and y [n, 5]"""
    return narae.compile(small_models.linear())


@pytest.fixture(scope="session")
def linear_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of `linear` as a file."""
    path = tmp_path_factory.mktemp("linear") / "linear.onnx"
    path.write_bytes(small_models.linear().SerializeToString())
    return path
