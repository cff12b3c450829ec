"""Times Narae beside ONNX Runtime, and OpenVINO where it is installed.

All run interleaved in one process, with the same threads and inputs, after
their results were compared. Prints the shortest and the median time.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "build" / "python"), str(ROOT / "test" / "python")]

import real_models  # noqa: E402

Feeds = dict[str, np.ndarray]
Run = Callable[[Feeds], list[np.ndarray]]


@dataclass
class Case:
    """One model with one set of inputs."""

    name: str
    model: Path
    feeds: Feeds


def make_cases(folder: Path) -> list[Case]:
    random = np.random.default_rng(0)

    def image(*shape: int) -> Feeds:
        return {"x": random.uniform(-1, 1, shape).astype(np.float32)}

    def tokens(*shape: int) -> Feeds:
        return {
            "input_ids": random.integers(0, 30000, shape),
            "attention_mask": np.ones(shape, np.int64),
            "token_type_ids": np.zeros(shape, np.int64),
        }

    minilm = real_models.minilm(folder)
    content = random.integers(0, 257, (1, 2048)).astype(np.int32)
    voice = {
        "input": random.uniform(-0.5, 0.5, (1, 576)).astype(np.float32),
        "state": np.zeros((2, 1, 128), np.float32),
        "sr": np.array(16000, np.int64),
    }
    return [
        Case("MiniLM 1x16", minilm, tokens(1, 16)),
        Case("MiniLM 1x128", minilm, tokens(1, 128)),
        Case("MiniLM 8x128", minilm, tokens(8, 128)),
        Case("magika 1x2048", real_models.magika(), {"bytes": content}),
        Case("PP-OCR det 640x640", real_models.ocr("det"), image(1, 3, 640, 640)),
        Case("PP-OCR rec 48x320", real_models.ocr("rec"), image(1, 3, 48, 320)),
        Case("PP-OCR cls 48x192", real_models.ocr("cls"), image(1, 3, 48, 192)),
        Case("silero 16k", real_models.silero("silero_vad_16k_op15"), voice),
        Case("silero", real_models.silero("silero_vad"), voice),
    ]


def with_narae(model: Path, threads: int) -> Run:
    import narae

    session = narae.Session(narae.compile(model), threads=threads)
    return lambda feeds: list(session.run(feeds).values())


def with_onnxruntime(model: Path, threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return lambda feeds: session.run(None, feeds)


def with_openvino(model: Path, threads: int) -> Run:
    import openvino

    settings = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = openvino.Core().compile_model(str(model), "CPU", settings)
    request = compiled.create_infer_request()

    def run(feeds: Feeds) -> list[np.ndarray]:
        results = request.infer(feeds)
        return [results[output] for output in compiled.outputs]

    return run


def engines() -> dict[str, Callable[[Path, int], Run]]:
    found = {"narae": with_narae, "onnxruntime": with_onnxruntime}
    if importlib.util.find_spec("openvino"):
        found["openvino"] = with_openvino
    return found


def difference(have: list[np.ndarray], want: list[np.ndarray]) -> float:
    """The largest difference, relative to the largest number."""
    return max(
        float(np.abs(a - b).max(initial=0)) / max(1e-6, float(np.abs(b).max(initial=0)))
        for a, b in zip(have, want, strict=True)
    )


def measure(runs: dict[str, Run], feeds: Feeds, seconds: float) -> dict[str, list[float]]:
    """Times in milliseconds. Engines take turns, a few runs each, so that all
    meet the same conditions."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    end = time.monotonic() + seconds
    for run in runs.values():
        run(feeds)
    while time.monotonic() < end or not all(times.values()):
        for name, run in runs.items():
            # The first run after another engine's finds cold caches.
            for turn in range(6):
                begin = time.perf_counter()
                run(feeds)
                if turn:
                    times[name].append((time.perf_counter() - begin) * 1000)
    return times


def run_case(case: Case, options: argparse.Namespace) -> dict[str, Any]:
    row: dict[str, Any] = {"case": case.name}
    runs: dict[str, Run] = {}
    for name, make in engines().items():
        try:
            begin = time.perf_counter()
            run = make(case.model, options.threads)
            row[f"{name}_ready_s"] = time.perf_counter() - begin
            row[f"{name}_results"] = run(case.feeds)
            runs[name] = run
        except Exception as error:
            row[f"{name}_error"] = str(error).splitlines()[0][:200]
    want = row.pop("onnxruntime_results", None)
    for name in list(runs):
        have = row.pop(f"{name}_results", None)
        if have is not None and want is not None:
            row[f"{name}_difference"] = difference(have, want)
    for name, times in measure(runs, case.feeds, options.seconds).items():
        row[f"{name}_min_ms"] = min(times)
        row[f"{name}_median_ms"] = statistics.median(times)
    if "narae" in runs:
        for name in runs:
            if name != "narae":
                row[f"ratio_{name}"] = row[f"{name}_min_ms"] / row["narae_min_ms"]
    return row


def show(rows: list[dict[str, Any]]) -> None:
    names = list(engines())
    head = [f"{name} ms" for name in names] + [f"{name} / narae" for name in names[1:]]
    print("| case | " + " | ".join(head) + " |")
    print("|---|" + "---|" * len(head))
    for row in rows:
        cells = []
        for name in names:
            low, middle = row.get(f"{name}_min_ms"), row.get(f"{name}_median_ms")
            cells.append("fails" if low is None else f"{low:.2f} ({middle:.2f})")
        for name in names[1:]:
            ratio = row.get(f"ratio_{name}")
            cells.append("-" if ratio is None else f"{ratio:.2f}")
        print(f"| {row['case']} | " + " | ".join(cells) + " |")
    print("Shortest time (median); a ratio above 1 says that Narae is faster.")
    for row in rows:
        for name in names:
            if f"{name}_error" in row:
                print(f"{row['case']}: {name}: {row[f'{name}_error']}")
        if row.get("narae_difference", 0) > 1e-3:
            print(f"{row['case']}: narae differs by {row['narae_difference']:.2g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=4, help="for each case")
    parser.add_argument("--only", default="", help="part of the cases' names")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cases = [case for case in make_cases(Path(folder)) if options.only in case.name]
        rows = [run_case(case, options) for case in cases]
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        show(rows)


if __name__ == "__main__":
    main()
