"""Models of one packed weight, as .mlir files, for the tests of its kernels."""

from __future__ import annotations

from pathlib import Path

import gguf_reference
import numpy as np

#: The formats of !fm.block, by name.
FORMATS = [name.lower() for name in gguf_reference.BLOCK if gguf_reference.BLOCK[name][0] > 1]


def random_blocks(name: str, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Bytes of random blocks, whose scales are small finite numbers."""
    elements, size = gguf_reference.BLOCK[name.upper()]
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (rows * columns // elements, size), dtype=np.uint8)
    halves = {
        "q4_0": [0],
        "q4_1": [0, 2],
        "q5_0": [0],
        "q5_1": [0, 2],
        "q8_0": [0],
        "q2_k": [80, 82],
        "q3_k": [108],
        "q4_k": [0, 2],
        "q5_k": [0, 2],
        "q6_k": [208],
        "iq4_nl": [0],
    }[name]
    for at in halves:
        scale = rng.uniform(-0.02, 0.02, len(blocks)).astype(np.float16)
        blocks[:, at : at + 2] = scale[:, None].view(np.uint8).reshape(-1, 2)
    return blocks.reshape(-1)


def packed_model(
    folder: Path,
    element: str,
    data: np.ndarray,
    shape: tuple[int, ...],
    body: str,
    inputs: dict[str, str],
    outputs: dict[str, str],
    more: dict[str, tuple[str, np.ndarray]] | None = None,
) -> Path:
    """Writes a module whose main has %w, a weight of `shape`, and `body`.

    `inputs` and `outputs` are names and types; `more` further weights, by name,
    with their types.
    """
    weights = {"w": (f"tensor<{'x'.join(map(str, shape))}x{element}>", data), **(more or {})}
    symbols, reads = [], []
    for name, (kind, values) in weights.items():
        raw = values.tobytes()
        (folder / f"{name}.bin").write_bytes(raw)
        symbols.append(
            f'fm.weight_data @{name} : {kind} {{file = "{name}.bin", offset = 0 : i64, '
            f"length = {len(raw)} : i64, hash = 0 : i64}}"
        )
        reads.append(f"%{name} = fm.weight @{name} : {kind}")
    arguments = ", ".join(f'%{n}: {t} {{fm.name = "{n}"}}' for n, t in inputs.items())
    results = ", ".join(f'{t} {{fm.name = "{n}"}}' for n, t in outputs.items())
    names = ", ".join(f"%{n}" for n in outputs)
    text = "\n".join(
        [
            *symbols,
            f"func.func @main({arguments}) -> ({results}) {{",
            *reads,
            body,
            f"return {names} : {', '.join(outputs.values())}",
            "}",
        ]
    )
    path = folder / "model.mlir"
    path.write_text(text)
    return path


def tensor(element: str, *dims: object) -> str:
    """A tensor's type; dimensions are numbers or "?"."""
    return f"tensor<{'x'.join(map(str, dims))}x{element}>"


def linear_and_embedding(
    folder: Path,
    element: str,
    data: np.ndarray,
    rows: int,
    columns: int,
    tokens: str = "?",
    widen: str | None = None,
    more: dict[str, tuple[str, np.ndarray]] | None = None,
) -> Path:
    """z = relu(x @ w^T) and e = w[i].

    `widen` is the op that makes `w` wide and its operands, then their types.
    """
    packed, wide = tensor(element, rows, columns), tensor("f32", rows, columns)
    x, y = tensor("f32", tokens, columns), tensor("f32", tokens, rows)
    chosen = tensor("f32", "?", columns)
    if widen is None:
        op = "fm.dequantize %w" if "block" in element else "fm.cast %w {to = f32}"
        widen = f"{op} : ({packed})"
    body = f"""
      %f = {widen} -> {wide}
      %y = fm.matmul %x, %f {{transpose_rhs}} : ({x}, {wide}) -> {y}
      %z = fm.relu %y : ({y}) -> {y}
      %e = fm.gather %f, %i {{axis = 0 : i64}} : ({wide}, tensor<?xi64>) -> {chosen}
    """
    return packed_model(
        folder,
        element,
        data,
        (rows, columns),
        body,
        {"x": x, "i": "tensor<?xi64>"},
        {"z": y, "e": chosen},
        more,
    )
