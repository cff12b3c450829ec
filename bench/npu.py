"""The table of figures that the NPU's simulator is held to, expected and measured.

Each row is a unit test, which fails where a figure leaves its bounds; this runs
those tests and prints what they measured. With `--speed` the functional
simulator's speed follows (`narae-bench-npu`), which depends on this machine.

    .venv/bin/python bench/npu.py
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Row:
    check: str
    test: str
    figure: str  # the property that the test records
    expected: str  # a number, a range, or the property that holds it
    within: str
    unit: str = ""


ROWS = [
    Row("1 output-stationary 256^3 on 32x32", "Cycles.ScaleSim", "output_stationary", "20351", "0"),
    Row("1 weight-stationary 256^3 on 32x32", "Cycles.ScaleSim", "weight_stationary", "22399", "0"),
    Row("2 tile latency, 128x64, 128 rows", "Cycles.OnnximTiles", "latency", "318", "0"),
    Row("2 tile interval after 100 rows", "Cycles.OnnximTiles", "interval", "128", "0"),
    Row("3 HBM2 stream", "Hbm2.Streams", "stream", "237", "5 %", "GB/s"),
    Row("3 HBM2 random 64 B", "Hbm2.RandomBlocks", "random64", "62.3", "5 %", "GB/s"),
    Row("3 HBM2 same bank", "Hbm2.Strides", "stride256", "1.2", "5 %", "GB/s"),
    Row("4 HBM3 stream", "Hbm3.StreamsAndRefresh", "stream", "698", "10 %", "GB/s"),
    Row("4 HBM3 random 32 B", "Hbm3.RandomRequests", "random", "230", "10 %", "GB/s"),
    Row("5 16 MiB by RNGD's engine", "Cycles.DescriptorOfRngd", "cycles", "66036", "0", "cycles"),
    Row("6 time over bound, 1 buffer", "Timing.BuffersOfAProduct", "over_bound_1", ">= 1", ""),
    Row("6 time over bound, 4 buffers", "Timing.BuffersOfAProduct", "over_bound_4", ">= 1", ""),
    Row("6 single buffer is the sum", "Timing.SingleBufferIsTheSum", "cycles", "sum", "0"),
    Row(
        "7 Llama-3.3-70B fp8, rebel-quad",
        "Layer.Llama70BOnRebelQuad",
        "milliseconds",
        "14.7..22",
        "",
        "ms",
    ),
    Row("8 8B f16 on atom: DMA busy", "Layer.Llama8BOnAtom", "dma_busy", ">= 0.9", ""),
    Row("8 8B f16 on atom: useful MACs", "Layer.Llama8BOnAtom", "useful_macs", "<= 0.1", ""),
]
for _size, _text in (("", "layer of 70B"), ("_small", "small layer")):
    for _name in ("one_buffer", "no_prefetch", "one_stack"):
        _key = _name + _size
        ROWS.append(
            Row(
                f"{_text}, {_name.replace('_', ' ')}: time x",
                "Layer.Ablations",
                _key,
                f"{_key}_expected",
                "10 %",
            )
        )


def run(binary: Path, tests: list[str]) -> dict[str, dict[str, str]]:
    """What those tests of a binary recorded, by test; a failed one has `failed`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        subprocess.run(
            [binary, f"--gtest_filter={':'.join(tests)}", f"--gtest_output=json:{path}"],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        report = json.loads(path.read_text())
    return {
        f"{suite['name']}.{case['name']}": {
            **case,
            "failed": "yes" if case.get("failures") else "",
        }
        for suite in report["testsuites"]
        for case in suite["testsuite"]
    }


def holds(value: float, expected: str, within: str) -> bool:
    if ".." in expected:
        low, high = expected.split("..")
        return float(low) <= value <= float(high)
    if expected[0] in "<>":
        bound = float(expected.split()[1])
        return value >= bound if expected[0] == ">" else value <= bound
    share = float(within.split()[0]) / 100
    return abs(value - float(expected)) <= share * abs(float(expected)) + 1e-6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build", help="build folder")
    parser.add_argument("--speed", action="store_true", help="time functional simulation too")
    options = parser.parse_args()
    bin_folder = options.build / "bin"
    results: dict[str, dict[str, str]] = {}
    for name in ("NaraeNpuTests", "NaraeDramTests"):
        binary = bin_folder / name
        if not binary.exists():
            print(f"{binary} is not there: build it with ninja {name}", file=sys.stderr)
            return 1
        results |= run(binary, [row.test for row in ROWS])
    bad = 0
    print(f"{'check':<42} {'expected':>10} {'within':>7} {'measured':>12}")
    for row in ROWS:
        recorded = results.get(row.test, {})
        expected = recorded.get(row.expected, row.expected)
        if row.figure not in recorded:
            print(f"{row.check:<42} {expected:>10} {row.within:>7} {'missing':>12}  WRONG")
            bad += 1
            continue
        value = float(recorded[row.figure])
        good = holds(value, str(expected), row.within) and not recorded["failed"]
        bad += not good
        if row.expected in recorded:
            expected = f"{float(expected):.5g}"
        print(
            f"{row.check:<42} {expected:>10} {row.within:>7} {value:>12.6g}"
            f" {row.unit:<6}{'' if good else ' WRONG'}".rstrip()
        )
    if options.speed:
        subprocess.run([bin_folder / "narae-bench-npu"], check=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
