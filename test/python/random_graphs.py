"""Random ONNX graphs with what ONNX Runtime says of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import helper, numpy_helper
from random_blocks import (
    attention,
    conv,
    decomposed_norm,
    einsum,
    gelu,
    gemm,
    matmul,
    pool,
    pyramid,
    resize,
    squeeze_excite,
)
from random_builder import DYNAMIC, KINDS, OPSET, Builder, Graph, Value, tensor_info
from random_elementwise import (
    arg,
    binary,
    cast,
    channel_norm,
    clip,
    compare,
    divide,
    exp,
    integers,
    logic,
    norm,
    reduce,
    reduce_integers,
    softmax,
    unary,
    variadic,
    where,
)
from random_movement import (
    branch,
    concat,
    cumsum,
    embedding,
    expand,
    fill,
    flatten,
    gather,
    gather_elements,
    loop,
    non_zero,
    one_hot,
    pad,
    ranges,
    reshape,
    scatter,
    shuffle,
    slices,
    split,
    tile,
    top_k,
    transpose,
    trilu,
    unsqueeze,
)

STEPS: list[Callable[[Builder], None]] = [
    unary, unary, exp, binary, binary, binary, divide, integers, variadic, compare, logic,
    where, cast, clip, transpose, transpose, flatten, unsqueeze, reshape, reshape, slices, slices,
    gather, embedding, gather_elements, concat, concat, pad, reduce, reduce, reduce_integers, arg,
    softmax, norm, channel_norm, matmul, matmul, gemm, einsum, conv, conv, pool, resize, split,
    top_k, expand, tile, cumsum, ranges, fill, trilu, one_hot, scatter, non_zero, shuffle, branch,
    loop, attention, attention, decomposed_norm, gelu, squeeze_excite, pyramid,
]  # fmt: skip


def _inputs(b: Builder, sizes: list[dict[str, int]]) -> None:
    style = b.choose(["static", "named", "named", "anonymous", "mixed"])
    if style == "static":
        sizes[:] = sizes[:1] * len(sizes)
    for index in range(b.integer(2, 4)):
        kind = "fib"[index % 3] if index else "f"
        rank = b.choose([0, 1, 2, 3, 3, 4, 4]) if index else b.choose([2, 3, 3, 4, 4])
        dims: list[int | str] = []
        for axis in range(rank):
            static = b.chance(0.5) or (axis == 1 and rank == 4)
            dims.append(b.choose([1, 2, 3, 4, 6, 8] if static else DYNAMIC))
        name = f"x{index}"
        arrays = []
        for size in sizes:
            shape = [size[dim] if isinstance(dim, str) else dim for dim in dims]
            if kind == "f":
                array = b.random.integers(-8, 9, shape) / 8
            else:
                array = b.random.integers(0, 2 if kind == "b" else 6, shape)
            arrays.append(np.asarray(array, KINDS[kind]))
        shown: list[int | str | None] = []
        for dim in dims:
            if isinstance(dim, int):
                shown.append(None if style == "mixed" and b.chance(0.2) else dim)
            elif style == "static":
                shown.append(sizes[0][dim])
            else:
                shown.append(None if style == "anonymous" or b.chance(0.2) else dim)
        b.values.append(Value(name, arrays, True))
        b.inputs.append(tensor_info(name, arrays[0], shown))
        for feed, array in zip(b.feeds, arrays, strict=True):
            feed[name] = array


def grow(seed: int) -> Graph:
    """The graph of a seed."""
    random = np.random.default_rng(seed)
    sizes = [
        {"A": 3, "B": 4, "C": 6},
        {"A": 1, "B": 1, "C": 1},
        {name: int(random.integers(1, 9)) for name in DYNAMIC},
        {"A": 7, "B": 2, "C": 5},
    ]
    if random.random() < 0.3:
        sizes.append({name: int(random.integers(0, 3)) for name in DYNAMIC})
    if random.random() < 0.3:
        sizes[1] = {"A": 37, "B": 18, "C": 2}
    b = Builder(random, len(sizes), feeds=[{} for _ in sizes])
    _inputs(b, sizes)
    want, tries = b.integer(5, 25), 0
    while len(b.nodes) < want and tries < 200:
        tries += 1
        b.grow(b.choose(STEPS))
    return _finish(b)


def _finish(b: Builder) -> Graph:
    consumed = {name for node in b.nodes for name in node.input} | b.used
    made = [v for v in b.values if not v.name.startswith("x")]
    outputs = [v for v in made if v.name not in consumed]
    for value in made:
        if value.name in consumed and b.chance(0.08):
            outputs.append(value)
    if b.chance(0.15):
        outputs.append(b.values[0])
    extra = [name for name in b.initializers if b.chance(0.02)]
    weights = dict(b.initializers)
    expected = [{v.name: v.arrays[i] for v in outputs} for i in range(b.count)]
    infos = [tensor_info(v.name, v.arrays[0], _shown(b, v)) for v in outputs]
    for name in extra:
        infos.append(tensor_info(name, weights[name], weights[name].shape))
        for row in expected:
            row[name] = weights[name]
    exact = {v.name for v in outputs if v.exact} | set(extra)
    initializers = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    graph = helper.make_graph(b.nodes, "random", b.inputs, infos, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    return Graph(model, b.feeds, expected, exact)


def _shown(b: Builder, value: Value) -> list[int | str | None] | None:
    """What the model says of an output's shape: rank only, or nothing"""
    return [None] * value.rank if b.chance(0.8) else None
