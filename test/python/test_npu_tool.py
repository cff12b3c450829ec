"""narae-npu on files that are no programs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from conftest import BUILD


@pytest.mark.parametrize("command", ["assemble", "disassemble", "check", "run"])
@pytest.mark.parametrize("kind", ["missing", "directory", "random"])
def test_bad_files(command: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "input"
    if kind == "directory":
        path.mkdir()
    elif kind == "random":
        path.write_bytes(bytes(range(1, 200)))
    output = ["-o", str(tmp_path / "out")] if command == "assemble" else []
    result = subprocess.run(
        [str(BUILD / "bin" / "narae-npu"), command, str(path), *output],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
    )
    assert result.returncode == 1
    assert str(path) in result.stderr
    assert not (tmp_path / "out").exists()
