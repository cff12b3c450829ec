"""What `narae plan` prints for people."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest
from conftest import BUILD, ROOT

CONFIGS = ROOT / "test" / "data" / "configs"
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
REQUESTS = {
    "one": ["llama-3.3-70b", "--target=npu:rebel-quad", "--precision=fp8"],
    "too much": ["a.x-k1", "--target=nvidia:h100", "--devices=8", "--precision=bf16"],
    "stages": [
        "k-exaone-236b-a23b",
        "--target=nvidia:h200",
        "--parallel=tp=2,pp=2",
        "--precision=bf16",
        "--batch=64",
        "--context=262144",
    ],
    "compared": ["vaetki-100b-a10b", "--compare=nvidia:h100,npu:rebel-quad,npu:atom"],
}


def command(name: str) -> list[str]:
    model, *options = REQUESTS[name]
    return [
        str(BUILD / "bin" / "narae"),
        "plan",
        str(CONFIGS / model / "config.json"),
        *options,
    ]


def text_of(name: str) -> str:
    done = subprocess.run(command(name), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_fits_a_terminal_and_has_no_colours_elsewhere(name: str) -> None:
    text = text_of(name)
    assert "\x1b" not in text
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80
    assert not re.search(r" $", text, re.MULTILINE)


def in_a_terminal(name: str, **environment: str) -> str:
    """The output as a terminal gets it."""
    parent, child = pty.openpty()
    done = subprocess.Popen(
        command(name), stdout=child, env=os.environ | {"TERM": "xterm"} | environment
    )
    os.close(child)
    text = b""
    while True:
        try:
            part = os.read(parent, 65536)
        except OSError:  # the other end was closed
            break
        if not part:
            break
        text += part
    os.close(parent)
    assert done.wait(60) == 0
    return text.decode().replace("\r\n", "\n")


def test_colours_on_a_terminal_only_add_to_the_text() -> None:
    coloured = in_a_terminal("one")
    assert ESCAPE.search(coloured)
    assert ESCAPE.sub("", coloured) == text_of("one")
    assert not ESCAPE.search(in_a_terminal("one", NO_COLOR="1"))
    assert not ESCAPE.search(in_a_terminal("one", TERM="dumb"))


def test_colours_stay_out_of_files(tmp_path: Path) -> None:
    path = tmp_path / "plan.txt"
    done = subprocess.run([*command("one"), "-o", str(path)], timeout=60, check=False)
    assert done.returncode == 0
    assert path.read_text() == text_of("one")


@pytest.mark.parametrize("name", ["one", "too much", "stages"])
def test_bars_are_to_scale(name: str) -> None:
    """Each bar has the proportions of the numbers above it."""
    lines = text_of(name).splitlines()
    bars = [i for i, line in enumerate(lines) if line.startswith("  [")]
    assert bars
    for i in bars:
        numbers = [float(n) for n in re.findall(r"(?<=\s)\d+\.\d+", lines[i - 1])]
        weights, cache, activations, peak, _, usable = numbers
        bar = lines[i][lines[i].index("[") + 1 : lines[i].rindex("]")]
        assert bar.count("|") == 1
        cells = bar.replace("|", "")
        scale = len(cells) / max(peak, usable)
        assert bar.index("|") == pytest.approx(usable * scale, abs=2)
        assert cells.count("#") == pytest.approx(weights * scale, abs=2)
        assert cells.count("=") == pytest.approx(cache * scale, abs=2.5)
        for letter, size in (("#", weights), ("=", cache), ("+", activations)):
            assert size == 0 or letter in cells
        used = float(re.search(r"([\d.]+) %", lines[i])[1])
        assert used == pytest.approx(100 * peak / usable, abs=0.1)
        assert ("DOES NOT FIT" in lines[i]) == (used > 100)
