"""Times experts beside one dense matrix of as many bytes.

For each type of weights: tokens that choose 8 of 64 experts, and a linear layer
with the rows of the 8; both take turns in one process, and the shortest time of
each is compared. One token reads the same bytes in both; more tokens choose more
experts, and are compared by multiplications.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "build" / "python"), str(ROOT / "test" / "python")]

import external_weights  # noqa: E402
import narae  # noqa: E402
import packed_models  # noqa: E402

EXPERTS, CHOSEN, OUTER, INNER = 64, 8, 768, 2048
TYPES = [*packed_models.FORMATS, "bf16", "f16", "f8E4M3FN"]


def model(folder: Path, name: str) -> Path:
    """y = each token times the matrices of its experts."""
    path = external_weights.model(folder, name, EXPERTS * OUTER, INNER)
    text = path.read_text()
    # The same weights as a stack of matrices, and their reader.
    text = text.replace(f"<{EXPERTS * OUTER}x{INNER}x", f"<{EXPERTS}x{OUTER}x{INNER}x")
    rows, steps = EXPERTS * OUTER // 128, INNER // 128
    text = text.replace(f"<{rows}x{steps}x", f"<{EXPERTS}x{OUTER // 128}x{steps}x")
    y, i = f"tensor<?x{CHOSEN}x{OUTER}xf32>", f"tensor<?x{CHOSEN}xi32>"
    before = packed_models.tensor("f32", "?", EXPERTS * OUTER)
    wide = packed_models.tensor("f32", EXPERTS, OUTER, INNER)
    x = packed_models.tensor("f32", "?", INNER)
    lines = [line for line in text.splitlines() if "fm.matmul" not in line]
    at = next(n for n, line in enumerate(lines) if line.startswith("return"))
    lines.insert(at, f"%y = fm.expert_matmul %x, %f, %i : ({x}, {wide}, {i}) -> {y}")
    text = "\n".join(lines).replace(before, y)
    text = text.replace('{fm.name = "x"})', f'{{fm.name = "x"}}, %i: {i} {{fm.name = "i"}})')
    path.write_text(text)
    return path


def shortest(runs: list, seconds: float) -> list[float]:
    best = [1e9] * len(runs)
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        for n, run in enumerate(runs):
            for _ in range(3):
                begin = time.perf_counter()
                run()
                best[n] = min(best[n], time.perf_counter() - begin)
    return best


def measure(options: argparse.Namespace, name: str, folder: Path) -> None:
    def session(path: Path) -> narae.Session:
        return narae.Session(narae.compile(path), threads=options.threads)

    experts = session(model(folder, name))
    dense = session(external_weights.model(folder, name, CHOSEN * OUTER, INNER))
    row = f"{name:10}"
    for tokens in options.tokens:
        rng = np.random.default_rng(1)
        x = rng.standard_normal((tokens, INNER)).astype(np.float32)
        choices = [rng.choice(EXPERTS, CHOSEN, replace=False) for _ in range(tokens)]
        i = np.array(choices, np.int32)
        runs = [lambda x=x, i=i: experts.run({"x": x, "i": i}), lambda x=x: dense.run({"x": x})]
        best = shortest(runs, options.seconds)
        row += f" | {best[0] * 1e6:8.0f} {best[1] * 1e6:8.0f} us {best[0] / best[1]:5.2f}"
    print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, nargs="+", default=[1, 128])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--types", nargs="+", default=TYPES, choices=TYPES)
    options = parser.parse_args()
    print("type       " + " | ".join(f"{n} tokens: experts, dense, ratio" for n in options.tokens))
    for name in options.types:
        with tempfile.TemporaryDirectory() as folder:
            measure(options, name, Path(folder))


if __name__ == "__main__":
    main()
