"""Runs the node tests of the onnx package: compiles each model, runs it and
compares outputs, types and shapes as onnx's own runner does. Each test runs in
a process that may crash or hang without harm to the others."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import expectations
from node_test import PASSED, run_case
from table import write_table
from workers import run_isolated

_HERE = Path(__file__).resolve().parent
_ROOT = _HERE.parents[1]


def load_cases(pattern: str) -> list[Any]:
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cases = load_model_tests(kind="node")
    return [case for case in cases if pattern in case.name]


def run_all(cases: list[Any], options: argparse.Namespace) -> dict[str, str]:
    def job(index: int) -> str:
        # What a failing test prints helps nobody here.
        if not options.verbose:
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, 2)
            os.close(sink)
        warnings.simplefilter("ignore")
        try:
            return run_case(cases[index], options.dynamic, options.target)
        except Exception as error:
            return f"harness: {type(error).__name__}: {error}"

    results: dict[str, str] = {}
    terminal = sys.stderr.isatty()
    for index, result in run_isolated(job, len(cases), options.jobs, options.timeout):
        results[cases[index].name] = result
        if options.verbose:
            print(f"{cases[index].name}: {result}", flush=True)
        elif terminal and len(results) % 10 == 0:
            print(f"\r{len(results)}/{len(cases)}", end="", file=sys.stderr)
    if terminal:
        print("\r", end="", file=sys.stderr)
    return results


def report(results: dict[str, str], unexpected: list[str], options: argparse.Namespace) -> None:
    passed = sum(result == PASSED for result in results.values())
    mode = "all dimensions dynamic" if options.dynamic else "as they are"
    if options.target != "cpu":
        mode += f", on {options.target}"
    share = 100 * passed / max(1, len(results))
    print(f"node tests, {mode}: {passed} of {len(results)} pass ({share:.1f} %)")
    if passed < len(results) and options.causes:
        print(expectations.histogram(results))
    if unexpected:
        print(f"{len(unexpected)} not as expected:")
        print("\n".join(unexpected[:200]))
    if options.results:
        counts = {
            "passed": passed,
            "failed": len(results) - passed,
            "unexpected": len(unexpected),
            "results": dict(sorted(results.items())),
        }
        options.results.write_text(json.dumps(counts, indent=1))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pattern", nargs="?", default="", help="part of the tests' names")
    parser.add_argument("--dynamic", action="store_true", help="forget all static sizes")
    parser.add_argument("--target", default="cpu", help="what to compile for and run on")
    parser.add_argument("--update", action="store_true", help="write expected_failures.txt")
    parser.add_argument("--table", action="store_true", help="write the table in docs/onnx.md")
    parser.add_argument("--causes", action="store_true", help="print a histogram of causes")
    parser.add_argument("--verbose", "-v", action="store_true", help="print each result")
    parser.add_argument("--jobs", "-j", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--timeout", type=float, default=60, help="seconds for one test")
    parser.add_argument("--results", type=Path, help="write results as JSON")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    sys.path.insert(0, os.environ.get("NARAE_PYTHON", str(_ROOT / "build" / "python")))
    begin = time.monotonic()
    cases = load_cases(options.pattern)
    results = run_all(cases, options)
    backend = "" if options.target == "cpu" else "_" + options.target.split(":")[0]
    path = _HERE / f"expected_failures{backend}{'_dynamic' if options.dynamic else ''}.txt"
    if options.update and not options.pattern:
        expectations.write(path, results)
    if options.table and not options.pattern:
        write_table(_ROOT / "docs" / "onnx.md", cases, results)
    unexpected = expectations.differences(results, expectations.read(path))
    report(results, unexpected, options)
    print(f"{time.monotonic() - begin:.0f} s")
    return 1 if unexpected else 0


if __name__ == "__main__":
    sys.exit(main())
