"""Times matmuls on weights in the model's own file beside packed ones.

For each type of weights one linear layer, compiled with --weights=embedded
and --weights=external; both take turns in one process, and the shortest time of
each is compared. With --model a whole language model decodes in both ways
instead. `chrt -r 5` in front helps on a busy machine.
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

import narae  # noqa: E402
import packed_models  # noqa: E402

TYPES = [*packed_models.FORMATS, "f32", "bf16", "f16", "f8E4M3FN"]


def model(folder: Path, name: str, rows: int, columns: int) -> Path:
    """y = x @ w^T for a weight [rows, columns] of a type."""
    wide = packed_models.tensor("f32", rows, columns)
    element, widen, more = name, "%f = fm.cast %w {to = f32}", {}
    kinds = ""
    if name in packed_models.FORMATS:
        element = f"!fm.block<{name}>"
        data = packed_models.random_blocks(name, rows, columns)
        widen = "%f = fm.dequantize %w"
    elif name == "f8E4M3FN":
        lines, steps = -(-rows // 128), -(-columns // 128)
        kind = packed_models.tensor("f32", lines, steps)
        data = np.random.default_rng(0).integers(0, 126, (rows, columns), dtype=np.uint8)
        more["s"] = (kind, np.full((lines, steps), 0.01, np.float32))
        widen = "%f = fm.dequantize %w, %s {scale_rows = 128 : i64, scale_columns = 128 : i64}"
        kinds = f", {kind}"
    else:
        data = np.random.default_rng(0).standard_normal((rows, columns)).astype(np.float32)
        if name == "f16":
            data = data.astype(np.float16)
        elif name == "bf16":
            data = (data.view(np.uint32) >> 16).astype(np.uint16)
        else:
            widen = ""
    matrix, packed = "%w", packed_models.tensor(element, rows, columns)
    if widen:
        matrix, widen = "%f", f"{widen} : ({packed}{kinds}) -> {wide}"
    x, y = packed_models.tensor("f32", "?", columns), packed_models.tensor("f32", "?", rows)
    body = f"{widen}\n%y = fm.matmul %x, {matrix} {{transpose_rhs}} : ({x}, {wide}) -> {y}"
    return packed_models.packed_model(
        folder, element, data, (rows, columns), body, {"x": x}, {"y": y}, more
    )


def measure(options: argparse.Namespace, name: str, folder: Path) -> None:
    path = model(folder, name, options.rows, options.columns)
    sessions = []
    for weights in ("embedded", "external"):
        file = folder / f"{weights}.narae"
        artifact = narae.compile(path, output=file, weights=weights)
        sessions.append(narae.Session(artifact, threads=options.threads))
    row = f"{name:10}"
    for tokens in options.tokens:
        x = np.random.default_rng(1).standard_normal((tokens, options.columns)).astype(np.float32)
        best = [1e9, 1e9]
        until = time.perf_counter() + options.seconds
        while time.perf_counter() < until:
            for i, session in enumerate(sessions):
                for _ in range(3):
                    begin = time.perf_counter()
                    session.run({"x": x})
                    best[i] = min(best[i], time.perf_counter() - begin)
        row += f" | {best[0] * 1e6:8.0f} {best[1] * 1e6:8.0f} us {best[1] / best[0]:5.2f}"
    print(row, flush=True)


def decode(options: argparse.Namespace, folder: Path) -> None:
    """Seconds a token behind a prompt of 64, both artifacts in turns."""
    models = []
    for weights in ("embedded", "external"):
        artifact = narae.compile(
            options.model, output=folder / f"{weights}.narae", context=512, weights=weights
        )
        models.append(narae.LLM(artifact, threads=options.threads))
    best = [1e9, 1e9]
    for _ in range(max(2, round(options.seconds / 0.5))):
        for i, model in enumerate(models):
            time.sleep(0.2)  # threads of the other one wait busily for a while
            model.reset()
            model.step(np.arange(100, 164)[None])
            for token in range(60):
                begin = time.perf_counter()
                model.step(np.array([[200 + token]]))
                best[i] = min(best[i], time.perf_counter() - begin)
    print(f"decode: packed {best[0] * 1e3:.2f} ms, file {best[1] * 1e3:.2f} ms")
    print(f"ratio {best[1] / best[0]:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1536)
    parser.add_argument("--columns", type=int, default=2048)
    parser.add_argument("--tokens", type=int, nargs="+", default=[1, 128])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--types", nargs="+", default=TYPES, choices=TYPES)
    parser.add_argument("--model", type=Path, help="a checkpoint, a folder or a .gguf")
    options = parser.parse_args()
    if options.model:
        with tempfile.TemporaryDirectory() as folder:
            decode(options, Path(folder))
        return
    print("type       " + " | ".join(f"{n} tokens: packed, file, ratio" for n in options.tokens))
    for name in options.types:
        with tempfile.TemporaryDirectory() as folder:
            measure(options, name, Path(folder))


if __name__ == "__main__":
    main()
