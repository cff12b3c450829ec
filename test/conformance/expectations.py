"""The list of node tests that are expected to fail, and why."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from node_test import PASSED

_HEAD = """\
# Node tests of onnx that fail, each with its cause. run_node_tests.py fails
# when one of them passes or another one fails; --update writes this file.
"""


def read(path: Path) -> dict[str, str]:
    """Causes by test name."""
    expected: dict[str, str] = {}
    if path.exists():
        for line in path.read_text().splitlines():
            name, _, cause = line.partition("#")
            if name.strip():
                expected[name.strip()] = cause.strip()
    return expected


def write(path: Path, results: dict[str, str]) -> None:
    failures = {name: cause for name, cause in results.items() if cause != PASSED}
    lines = [f"{name}  # {failures[name]}" for name in sorted(failures)]
    path.write_text(_HEAD + "\n".join(lines) + ("\n" if lines else ""))


def histogram(results: dict[str, str], top: int = 25) -> str:
    """The most frequent causes, with names and numbers left out."""
    causes = Counter(
        re.sub(r"'[^']*'|\d+(\.\d+)?", "*", cause)[:110]
        for cause in results.values()
        if cause != PASSED
    )
    return "\n".join(f"{count:6} {cause}" for cause, count in causes.most_common(top))


def differences(results: dict[str, str], expected: dict[str, str]) -> list[str]:
    """One line a test that does not do what is expected."""
    lines = []
    for name in sorted(results):
        if results[name] == PASSED and name in expected:
            lines.append(f"{name}: passes, but is expected to fail; use --update")
        elif results[name] != PASSED and name not in expected:
            lines.append(f"{name}: {results[name]}")
    return lines
