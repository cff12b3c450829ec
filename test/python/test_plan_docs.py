"""The examples of docs/plan.md and docs/memory.md do what they show."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import BUILD, ROOT

CONFIGS = ROOT / "test" / "data" / "configs"
EXAMPLE = re.compile(r"^```sh\n(narae [^\n]*)\n```\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = EXAMPLE.findall((ROOT / "docs" / "plan.md").read_text())


def shell(text: str, folder: Path) -> str:
    for config in CONFIGS.iterdir():
        link = folder / config.name
        if config.is_dir() and not link.exists():
            link.symlink_to(config)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=os.environ | {"PATH": f"{BUILD / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_are_there() -> None:
    for model in ("k-exaone", "a.x-k1", "solar-open", "hyperclovax", "vaetki"):
        assert any(f"narae plan {model}" in command for command, _ in EXAMPLES)


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
def test_examples_of_plans(command: str, shown: str, tmp_path: Path) -> None:
    """The lines shown follow each other in the output; "..." leaves some out."""
    lines = shell(command, tmp_path).splitlines()
    at, leaves_out = 0, True
    for line in shown.splitlines():
        if line == "...":
            leaves_out = True
            continue
        assert line in lines[at:], line
        found = lines.index(line, at)
        assert leaves_out or found == at, f"lines before {line!r} are left out"
        at, leaves_out = found + 1, False
    for option in re.findall(r"--(?:html|trace)=(\S+)", command):
        assert (tmp_path / option).stat().st_size > 1000


def test_a_device_of_ones_own(tmp_path: Path) -> None:
    chapter = (ROOT / "docs" / "memory.md").read_text().split("## Describing a device")[1]
    device = re.search(r"^```json\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)
    commands = re.search(r"^```sh\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)
    assert device
    assert commands
    (tmp_path / "my-npu.json").write_text(device[1])
    text = shell(commands[1], tmp_path)
    parameters, table = 8_030_261_248, 128_256 * 4_096
    bound = 1e3 * (parameters - table) * 2 / (2 * 819e9)
    assert f"{bound:.2f} ms a token" in " ".join(chapter.split())
    decode = re.search(r"^  decode +([\d.]+)", text, re.MULTILINE)
    assert decode
    assert float(decode[1]) == pytest.approx(bound, abs=0.005)
    assert "mine:card" in text


def test_all_fields_of_devices_are_described() -> None:
    chapter = (ROOT / "docs" / "memory.md").read_text().split("## Describing a device")[1]
    named = set(re.findall(r"`([\w.]+)`", chapter))
    for path in ROOT.glob("backends/*/targets/*.json"):
        target = json.loads(path.read_text())
        for field, value in target.items():
            if field == target["backend"]:
                continue
            inner = [f"memory.{key}" for key in value] if field == "memory" else [field]
            assert set(inner) <= named, (path.name, set(inner) - named)
