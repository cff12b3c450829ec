"""`narae pack`: the planner on the command line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from conftest import ROOT, RunTool

PROBLEMS = ROOT / "test" / "data" / "minimalloc"
CAPACITY = 1048576


def peak(path: Path) -> int:
    """The highest end of a solution, after checking that nothing overlaps."""
    rows = [
        {key: int(row[key]) for key in ("lower", "upper", "size", "offset")}
        for row in csv.DictReader(path.open())
    ]
    for i, a in enumerate(rows):
        for b in rows[:i]:
            apart_in_time = a["upper"] <= b["lower"] or b["upper"] <= a["lower"]
            below = a["offset"] + a["size"] <= b["offset"]
            above = b["offset"] + b["size"] <= a["offset"]
            assert apart_in_time or below or above
    return max(row["offset"] + row["size"] for row in rows)


@pytest.mark.parametrize("name", "ABCDEF")
def test_every_challenging_problem_fits(tool: RunTool, tmp_path: Path, name: str) -> None:
    problem = PROBLEMS / f"{name}.{CAPACITY}.csv"
    solution = tmp_path / "solution.csv"
    done = tool("pack", problem, f"--capacity={CAPACITY}", "-o", solution)
    assert done.returncode == 0, done.stderr
    assert peak(solution) <= CAPACITY


def test_what_cannot_fit_is_proven(tool: RunTool, tmp_path: Path) -> None:
    problem, solution, best = (tmp_path / name for name in ("p.csv", "s.csv", "b.csv"))
    problem.write_text("id,lower,upper,size\na,0,3,4\nb,1,4,4\nc,2,5,4\n")
    done = tool("pack", problem, "--capacity=11", "-o", solution, f"--best={best}", "--json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert result["proven"] is True
    assert not solution.exists()
    assert peak(best) == 12
    assert "proven" in tool("pack", problem, "--capacity=11").stdout


def test_what_was_not_found_is_not_called_impossible(tool: RunTool, tmp_path: Path) -> None:
    problem, best = PROBLEMS / f"A.{CAPACITY}.csv", tmp_path / "best.csv"
    done = tool("pack", problem, f"--capacity={CAPACITY}", "--budget=0", f"--best={best}", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["proven"] is False
    assert peak(best) > CAPACITY
