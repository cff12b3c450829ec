"""The ops of language models, each alone, against NumPy in float64."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import narae
import numpy as np
import pytest

Array = np.ndarray
TYPES: dict[str, type] = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}
NAMES = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "int64": "i64", "int32": "i32"}


def tensor(shape: tuple[int | str, ...], element: str) -> str:
    return f"tensor<{'x'.join('?' if isinstance(d, str) else str(d) for d in shape)}x{element}>"


@dataclass
class Op:
    """One op between arguments and results of these shapes; named sizes are dynamic."""

    name: str
    attributes: str
    inputs: dict[str, tuple[tuple[int | str, ...], str]]
    results: list[tuple[tuple[int | str, ...], str]]

    def text(self) -> str:
        def argument(name: str, shape: tuple[int | str, ...], element: str) -> str:
            dims = ", ".join(f'"{d if isinstance(d, str) else ""}"' for d in shape)
            return f'%{name}: {tensor(shape, element)} {{fm.name = "{name}", fm.dims = [{dims}]}}'

        arguments = ", ".join(argument(n, *t) for n, t in self.inputs.items())
        types = [tensor(*t) for t in self.inputs.values()]
        results = [tensor(*t) for t in self.results]
        named = [f'{t} {{fm.name = "out{i}"}}' for i, t in enumerate(results)]
        values = ", ".join(f"%0#{i}" for i in range(len(results)))
        return f"""
func.func @main({arguments}) -> ({", ".join(named)}) {{
  %0:{len(results)} = {self.name} {", ".join("%" + n for n in self.inputs)} {{{self.attributes}}} :
    ({", ".join(types)}) -> ({", ".join(results)})
  return {values} : {", ".join(results)}
}}
"""

    def build(self, folder: Path) -> narae.Artifact:
        path = folder / "op.mlir"
        path.write_text(self.text())
        return narae.compile(path, output=folder / "op.narae")


def run(artifact: narae.Artifact, inputs: dict[str, Array], threads: int = 2) -> list[Array]:
    outputs = narae.Session(artifact, threads=threads).run(inputs)
    return [outputs[f"out{i}"] for i in range(len(outputs))]


def evaluate(
    folder: Path,
    op: str,
    attributes: str,
    inputs: dict[str, Array],
    results: list[tuple[tuple[int | str, ...], str]],
) -> list[Array]:
    types = {n: (x.shape, NAMES[x.dtype.name]) for n, x in inputs.items()}
    return run(Op(op, attributes, types, results).build(folder), inputs)


def close(have: Array, want: Array, tolerance: float = 2e-6) -> None:
    assert have.shape == want.shape
    if have.size:
        error = np.abs(have.astype(np.float64) - want).max()
        assert error <= tolerance * max(1.0, np.abs(want).max()), error


# --- Rotary positions ---------------------------------------------------------


def rotate(x: Array, table: Array, pairs: bool, offset: int) -> Array:
    n = table.shape[-1] // 2
    cos, sin = table[:, :, None, :n], table[:, :, None, n:]
    first = offset + (2 * np.arange(n) if pairs else np.arange(n))
    second = first + (1 if pairs else n)
    y = x.copy()
    y[..., first] = x[..., first] * cos - x[..., second] * sin
    y[..., second] = x[..., second] * cos + x[..., first] * sin
    return y


@pytest.mark.parametrize("factor", [1.0, 1.1386])
def test_rope_table(tmp_path: Path, factor: float) -> None:
    frequencies = 10000.0 ** -(np.arange(20) / 20)
    positions = np.array([[0, 1, 7], [100, 4095, 131071]])
    text = ", ".join(repr(float(f)) for f in frequencies)
    (table,) = evaluate(
        tmp_path,
        "fm.rope_table",
        f"inverse_frequencies = array<f64: {text}>, factor = {factor}",
        {"positions": positions},
        [((2, 3, 40), "f32")],
    )
    # The angle is a product in f32.
    angle = positions.astype(np.float32)[..., None] * frequencies.astype(np.float32)
    angle = angle.astype(np.float64)
    close(table, factor * np.concatenate([np.cos(angle), np.sin(angle)], -1))


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize(
    ("size", "rotated", "offset"),
    [
        (16, 16, 0),
        (64, 64, 0),
        (80, 20, 0),
        (160, 160, 0),
        (192, 64, 128),
        (24, 8, 4),
    ],
)
def test_rope(tmp_path: Path, pairs: bool, size: int, rotated: int, offset: int) -> None:
    rng = np.random.default_rng(size)
    x = rng.standard_normal((2, 5, 3, size), np.float32)
    table = rng.standard_normal((2, 5, rotated), np.float32)
    attributes = f"offset = {offset}" + (", pairs" if pairs else "")
    (y,) = evaluate(tmp_path, "fm.rope", attributes, {"x": x, "table": table}, [(x.shape, "f32")])
    close(y, rotate(x.astype(np.float64), table.astype(np.float64), pairs, offset))


# --- Norms --------------------------------------------------------------------


def test_zero_centred_norm(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    x, scale = rng.standard_normal((4, 48), np.float32), rng.standard_normal(48, np.float32)
    (y,) = evaluate(
        tmp_path,
        "fm.rms_norm",
        "axis = 1, epsilon = 1.0e-5, zero_centred",
        {"x": x, "scale": scale},
        [(x.shape, "f32")],
    )
    wide = x.astype(np.float64)
    want = wide / np.sqrt((wide**2).mean(-1, keepdims=True) + 1e-5) * (1.0 + scale)
    close(y, want)


# --- Routers and experts --------------------------------------------------------


def route(
    logits: Array,
    bias: Array | None,
    scoring: str,
    chosen: int,
    groups: int,
    kept: int,
    normalise: bool,
    scaling: float,
    dropped: float = -np.inf,
) -> tuple[Array, Array]:
    logits = logits.astype(np.float64)
    if scoring == "sigmoid":
        scores = 1 / (1 + np.exp(-logits))
    else:
        scores = np.exp(logits - logits.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
    choice = scores if bias is None else scores + bias
    tokens, experts = logits.shape
    if kept < groups:
        grouped = choice.reshape(tokens, groups, -1)
        best = np.sort(grouped, -1)[..., -2:].sum(-1)
        order = np.argsort(-best, -1, kind="stable")[:, :kept]
        keep = np.zeros((tokens, groups), bool)
        np.put_along_axis(keep, order, True, -1)
        choice = np.where(keep[..., None], grouped, dropped).reshape(tokens, experts)
    indices = np.argsort(-choice, -1, kind="stable")[:, :chosen]
    weights = np.take_along_axis(scores, indices, -1)
    if normalise:
        weights = weights / (weights.sum(-1, keepdims=True) + 1e-20)
    return weights * scaling, indices


@pytest.mark.parametrize("scoring", ["sigmoid", "softmax"])
@pytest.mark.parametrize(
    ("experts", "chosen", "groups", "kept", "biased", "normalise"),
    [
        (8, 2, 1, 1, False, True),
        (128, 8, 1, 1, True, True),
        (256, 8, 8, 4, True, True),
        (16, 4, 4, 2, True, False),
        (6, 1, 6, 2, False, False),
        (5, 5, 1, 1, True, False),
    ],
)
def test_route(
    tmp_path: Path,
    scoring: str,
    experts: int,
    chosen: int,
    groups: int,
    kept: int,
    biased: bool,
    normalise: bool,
) -> None:
    rng = np.random.default_rng(experts)
    inputs = {"logits": rng.standard_normal((9, experts), np.float32)}
    inputs["logits"][0] = 0.25  # all equal: the first ones
    if biased:
        # Negative choices in kept groups still come before those that are not kept.
        inputs["bias"] = (0.5 * rng.standard_normal(experts) - 1).astype(np.float32)
        inputs["bias"][: experts // 2] = inputs["bias"][0]
    attributes = (
        f'scoring = "{scoring}", chosen = {chosen}, groups = {groups}, '
        f"chosen_groups = {kept}, scaling = 2.5" + (", normalise" if normalise else "")
    )
    weights, indices = evaluate(
        tmp_path, "fm.route", attributes, inputs, [((9, chosen), "f32"), ((9, chosen), "i32")]
    )
    want = route(
        inputs["logits"], inputs.get("bias"), scoring, chosen, groups, kept, normalise, 2.5
    )
    np.testing.assert_array_equal(indices, want[1])
    close(weights, want[0])


def test_route_with_dropped_groups_at_zero(tmp_path: Path) -> None:
    """Negative choices in kept groups come after the others."""
    rng = np.random.default_rng(3)
    logits = rng.standard_normal((9, 16), np.float32)
    bias = (0.5 * rng.standard_normal(16) - 0.9).astype(np.float32)
    attributes = (
        'scoring = "sigmoid", chosen = 3, groups = 4, chosen_groups = 2, normalise, dropped_zero'
    )
    weights, indices = evaluate(
        tmp_path,
        "fm.route",
        attributes,
        {"logits": logits, "bias": bias},
        [((9, 3), "f32"), ((9, 3), "i32")],
    )
    want = route(logits, bias, "sigmoid", 3, 4, 2, True, 1.0, dropped=0.0)
    other = route(logits, bias, "sigmoid", 3, 4, 2, True, 1.0)
    assert (want[1] != other[1]).any()
    np.testing.assert_array_equal(indices, want[1])
    close(weights, want[0])


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(
    ("tokens", "chosen", "experts", "inner", "outer"),
    [
        (1, 2, 8, 64, 96),
        (5, 3, 4, 20, 17),
        (70, 2, 6, 48, 40),
        (3, 1, 1, 16, 16),
        (0, 2, 4, 8, 8),
        (33, 8, 16, 128, 64),
    ],
)
def test_expert_matmul(
    tmp_path: Path, shared: bool, tokens: int, chosen: int, experts: int, inner: int, outer: int
) -> None:
    rng = np.random.default_rng(inner)
    shape = (tokens, inner) if shared else (tokens, chosen, inner)
    x = rng.standard_normal(shape, np.float32)
    w = rng.standard_normal((experts, outer, inner), np.float32)
    indices = rng.integers(0, experts, (tokens, chosen), np.int32)  # some twice
    (y,) = evaluate(
        tmp_path,
        "fm.expert_matmul",
        "",
        {"x": x, "w": w, "indices": indices},
        [((tokens, chosen, outer), "f32")],
    )
    rows = x[:, None].astype(np.float64) if shared else x.astype(np.float64)
    close(
        y,
        np.einsum(
            "nkfh,nkh->nkf",
            w.astype(np.float64)[indices],
            np.broadcast_to(rows, (tokens, chosen, inner)),
        ),
    )


@pytest.mark.parametrize("element", ["f16", "bf16"])
@pytest.mark.parametrize(("tokens", "inner"), [(1, 96), (40, 96), (40, 50)])
def test_narrow_experts(tmp_path: Path, element: str, tokens: int, inner: int) -> None:
    """Weights stay in 16 bits up to the kernel."""
    rng = np.random.default_rng(inner)
    w = rng.standard_normal((4, 33, inner)).astype(TYPES[element])
    w.tofile(tmp_path / "weights.bin")
    narrow, wide = tensor(w.shape, element), tensor(w.shape, "f32")
    x, i, y = tensor((tokens, inner), "f32"), tensor((tokens, 2), "i32"), (tokens, 2, 33)
    path = tmp_path / "experts.mlir"
    path.write_text(f"""
fm.weight_data @w : {narrow} {{file = "weights.bin", offset = 0, length = {w.nbytes}, hash = 0}}
func.func @main(%x: {x} {{fm.name = "x"}}, %i: {i} {{fm.name = "i"}})
    -> ({tensor(y, "f32")} {{fm.name = "out0"}}) {{
  %w = fm.weight @w : {narrow}
  %wide = fm.cast %w {{to = f32}} : ({narrow}) -> {wide}
  %0 = fm.expert_matmul %x, %wide, %i : ({x}, {wide}, {i}) -> {tensor(y, "f32")}
  return %0 : {tensor(y, "f32")}
}}
""")
    artifact = narae.compile(path, output=tmp_path / "experts.narae")
    inputs = {
        "x": rng.standard_normal((tokens, inner), np.float32),
        "i": rng.integers(0, 4, (tokens, 2), np.int32),
    }
    (have,) = run(artifact, inputs)
    close(have, np.einsum("nkfh,nh->nkf", w.astype(np.float64)[inputs["i"]], inputs["x"]))


# --- Caches ---------------------------------------------------------------------


def update(cache: Array, new: Array, start: Array, lengths: Array, ring: bool) -> Array:
    cache = cache.copy()
    for b in range(cache.shape[0]):
        for t in range(lengths[b]):
            slot = start[b] + t
            cache[b, :, slot % cache.shape[2] if ring else slot] = new[b, t].astype(cache.dtype)
    return cache


@pytest.mark.parametrize("element", ["f32", "f16", "bf16"])
@pytest.mark.parametrize(
    ("size", "ring", "start", "lengths"),
    [
        (16, False, [0, 5], [4, 2]),
        (80, True, [9, 1000003], [4, 4]),
        (20, False, [11, 0], [0, 3]),
    ],
)
def test_cache_update(
    tmp_path: Path, element: str, size: int, ring: bool, start: list[int], lengths: list[int]
) -> None:
    rng = np.random.default_rng(size)
    inputs = {
        "cache": rng.standard_normal((2, 3, 12, size)).astype(TYPES[element]),
        "new": rng.standard_normal((2, 4, 3, size), np.float32),
        "start": np.array(start),
        "lengths": np.array(lengths),
    }
    (have,) = evaluate(
        tmp_path,
        "fm.cache_update",
        "ring" if ring else "",
        inputs,
        [(inputs["cache"].shape, element)],
    )
    want = update(*inputs.values(), ring)
    np.testing.assert_array_equal(have.astype(np.float32), want.astype(np.float32))


def attention(
    query: Array, key: Array, value: Array, start: Array, scale: float, window: int, ring: bool
) -> Array:
    query, key, value = (x.astype(np.float64) for x in (query, key, value))
    batch, tokens, heads, _ = query.shape
    per_group, slots = heads // key.shape[1], key.shape[2]
    result = np.zeros((batch, tokens, heads, value.shape[-1]))
    for b in range(batch):
        for t in range(tokens):
            p = start[b] + t
            seen = np.arange(max(0, p - window + 1) if window else 0, p + 1)
            seen = seen % slots if ring else seen[seen < slots]
            for h in range(heads):
                scores = scale * key[b, h // per_group, seen] @ query[b, t, h]
                weights = np.exp(scores - scores.max())
                result[b, t, h] = weights / weights.sum() @ value[b, h // per_group, seen]
    return result


@dataclass
class Case:
    """Sizes of a fm.cached_attention; without `width` values are parts of keys."""

    tokens: int
    heads: int
    groups: int
    size: int
    width: int
    slots: int
    start: list[int]
    lengths: list[int]
    window: int = 0
    ring: bool = False
    value_dim: int = 0

    def scale(self) -> float:
        return self.size**-0.5

    def attributes(self) -> str:
        parts = [
            f"scale = {self.scale()}",
            f"window = {self.window}",
            f"value_dim = {self.value_dim}",
        ]
        return ", ".join(parts + ["ring"] * self.ring)


CASES = {
    "decode": Case(1, 9, 3, 64, 64, 200, [150, 3], [1, 1]),
    "decode_long": Case(1, 4, 2, 32, 32, 3000, [2900, 1400], [1, 1]),
    "decode_mha": Case(1, 3, 3, 80, 80, 300, [290, 129], [1, 1]),
    "decode_ring": Case(1, 8, 2, 128, 128, 70, [1000, 20], [1, 1], 64, True),
    "decode_window": Case(1, 4, 1, 16, 16, 400, [390, 0], [1, 1], 130),
    "decode_odd": Case(1, 4, 2, 20, 12, 50, [40, 0], [1, 1]),
    "decode_wide": Case(1, 2, 1, 160, 160, 140, [139, 70], [1, 1]),
    "latent": Case(1, 16, 1, 576, 512, 150, [149, 60], [1, 1], value_dim=512),
    "latent_few": Case(2, 2, 1, 72, 64, 40, [30, 0], [2, 1], value_dim=64),
    "prefill": Case(40, 9, 3, 64, 64, 64, [0, 20], [40, 7]),
    "prefill_window": Case(150, 2, 1, 48, 48, 300, [0, 140], [150, 150], 33),
    "prefill_ring": Case(30, 4, 2, 96, 96, 79, [200, 0], [30, 17], 50, True),
    "prefill_odd": Case(7, 3, 1, 19, 21, 30, [0, 23], [7, 7]),
    "prefill_long": Case(5, 2, 2, 32, 32, 900, [800, 0], [5, 5]),
    "prefill_latent": Case(20, 4, 1, 40, 24, 50, [30, 0], [20, 3], 17, value_dim=24),
    "many_heads": Case(3, 160, 1, 16, 16, 20, [10, 0], [3, 3]),
    "idle": Case(4, 2, 1, 16, 16, 20, [3, 16], [0, 4]),
}


def quantised(x: Array) -> Array:
    """x through q8_0."""
    size = x.shape[-1]
    padded = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, -size % 32)])
    blocks = padded.reshape(*x.shape[:-1], -1, 32).astype(np.float64)
    scale = np.abs(blocks).max(-1, keepdims=True) / 127
    quants = np.round(blocks / np.where(scale == 0, 1, scale))
    back = (quants * scale.astype(np.float16)).reshape(padded.shape)
    return back[..., :size]


@pytest.mark.parametrize("element", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("name", CASES)
def test_cached_attention(tmp_path: Path, name: str, element: str) -> None:
    c = CASES[name]
    rng = np.random.default_rng(len(name))
    inputs = {
        "query": rng.standard_normal((2, c.tokens, c.heads, c.size), np.float32),
        "key": rng.standard_normal((2, c.groups, c.slots, c.size)).astype(TYPES[element]),
        "value": rng.standard_normal((2, c.groups, c.slots, c.width)).astype(TYPES[element]),
        "start": np.array(c.start),
        "lengths": np.array(c.lengths),
    }
    value = inputs["value"]
    if c.value_dim:
        del inputs["value"]
        value = inputs["key"][..., : c.value_dim]
    types = {n: (x.shape, NAMES[x.dtype.name]) for n, x in inputs.items()}
    op = Op(
        "fm.cached_attention", c.attributes(), types, [((2, c.tokens, c.heads, c.width), "f32")]
    )
    artifact = op.build(tmp_path)
    (have,) = run(artifact, inputs)
    assert np.isfinite(have).all()
    want = attention(
        inputs["query"], inputs["key"], value, inputs["start"], c.scale(), c.window, c.ring
    )
    for b, length in enumerate(c.lengths):
        close(have[b, :length], want[b, :length], 5e-6)
    # The same bits for any number of threads.
    for threads in (1, 3):
        (again,) = run(artifact, inputs, threads)
        for b, length in enumerate(c.lengths):
            np.testing.assert_array_equal(again[b, :length], have[b, :length])


def test_dynamic_tokens(tmp_path: Path) -> None:
    op = Op(
        "fm.cached_attention",
        "scale = 0.3",
        {
            "query": ((1, "tokens", 6, 64), "f32"),
            "key": ((1, 2, 256, 64), "f16"),
            "value": ((1, 2, 256, 64), "f16"),
            "start": ((1,), "i64"),
            "lengths": ((1,), "i64"),
        },
        [((1, "tokens", 6, 64), "f32")],
    )
    artifact = op.build(tmp_path)
    rng = np.random.default_rng(5)
    key, value = (rng.standard_normal((1, 2, 256, 64)).astype(np.float16) for _ in range(2))
    for tokens in (1, 2, 3, 31, 128):
        query = rng.standard_normal((1, tokens, 6, 64), np.float32)
        start = np.array([256 - tokens])
        (have,) = run(
            artifact,
            {
                "query": query,
                "key": key,
                "value": value,
                "start": start,
                "lengths": np.array([tokens]),
            },
        )
        close(have, attention(query, key, value, start, 0.3, 0, False), 5e-6)


def steps(element: str, size: int, slots: int, ring: bool) -> str:
    """Rotated keys go to a cache that is state; rotated queries attend to it."""
    cache = f"tensor<2x2x{slots}x{size}x{element}>"
    new, query, table = (
        tensor(s, "f32") for s in ((2, "t", 2, size), (2, "t", 4, size), (2, "t", size // 2))
    )
    mode = "window = 9, ring" if ring else "window = 0"
    return f"""
fm.state @keys : {cache}
fm.state @values : {cache}
func.func @main(%q: {query} {{fm.name = "q", fm.dims = ["", "t", "", ""]}},
                %k: {new} {{fm.name = "k", fm.dims = ["", "t", "", ""]}},
                %v: {new} {{fm.name = "v", fm.dims = ["", "t", "", ""]}},
                %table: {table} {{fm.name = "table", fm.dims = ["", "t", ""]}},
                %start: tensor<2xi64> {{fm.name = "start"}},
                %lengths: tensor<2xi64> {{fm.name = "lengths"}})
    -> ({query} {{fm.name = "out0"}}) {{
  %keys = fm.state_read @keys : {cache}
  %values = fm.state_read @values : {cache}
  %rk = fm.rope %k, %table : ({new}, {table}) -> {new}
  %rq = fm.rope %q, %table {{offset = {size // 4}, pairs}} : ({query}, {table}) -> {query}
  %k2 = fm.cache_update %keys, %rk, %start, %lengths {{{"ring" if ring else ""}}} :
    ({cache}, {new}, tensor<2xi64>, tensor<2xi64>) -> {cache}
  %v2 = fm.cache_update %values, %v, %start, %lengths {{{"ring" if ring else ""}}} :
    ({cache}, {new}, tensor<2xi64>, tensor<2xi64>) -> {cache}
  fm.state_write @keys, %k2 : {cache}
  fm.state_write @values, %v2 : {cache}
  %y = fm.cached_attention %rq, %k2, %v2, %start, %lengths {{scale = 0.3, {mode}}} :
    ({query}, {cache}, {cache}, tensor<2xi64>, tensor<2xi64>) -> {query}
  return %y : {query}
}}
"""


@pytest.mark.parametrize(
    ("element", "size", "ring"),
    [
        ("f32", 64, False),
        ("f16", 48, True),
        ("bf16", 64, False),
        ("!fm.block<q8_0>", 64, False),
        ("!fm.block<q8_0>", 80, True),
        ("!fm.block<q8_0>", 24, False),
    ],
)
def test_steps(tmp_path: Path, element: str, size: int, ring: bool) -> None:
    slots = 16 if ring else 40
    path = tmp_path / "steps.mlir"
    path.write_text(steps(element, size, slots, ring))
    session = narae.Session(narae.compile(path, output=tmp_path / "steps.narae"), threads=2)
    rng = np.random.default_rng(size)
    keys, values = np.zeros((2, 2, 2, slots, size))
    start = np.zeros(2, np.int64)
    for lengths in ([8, 3], [1, 1], [2, 8], [0, 1], [1, 0], [1, 1]):
        t = max(lengths)
        q = rng.standard_normal((2, t, 4, size), np.float32)
        k, v = rng.standard_normal((2, 2, t, 2, size), np.float32)
        table = rng.standard_normal((2, t, size // 2), np.float32)
        out = session.run(
            {"q": q, "k": k, "v": v, "table": table, "start": start, "lengths": np.array(lengths)}
        )["out0"]
        wide = table.astype(np.float64)
        rounded = (
            quantised
            if "q8_0" in element
            else (lambda x: x.astype(np.float32).astype(TYPES[element]).astype(np.float64))
        )
        rotated = rounded(rotate(k.astype(np.float64), wide, False, 0))
        keys = update(keys, rotated, start, np.array(lengths), ring)
        values = update(values, rounded(v), start, np.array(lengths), ring)
        query = rotate(q.astype(np.float64), wide, True, size // 4)
        want = attention(query, keys, values, start, 0.3, 9 if ring else 0, ring)
        for b, length in enumerate(lengths):
            # An element that rounds the other way is off by a step.
            close(out[b, :length], want[b, :length], 2e-5 if element == "f32" else 2e-2)
        start += lengths
