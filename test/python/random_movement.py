"""Nodes that move elements, and control flow, for random graphs."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper
from random_builder import Builder, RejectedError


def transpose(b: Builder) -> None:
    x = b.pick(b.choose("fffib"), range(2, 6))
    b.one("Transpose", x, exact=True, perm=[int(i) for i in b.random.permutation(x.rank)])


def flatten(b: Builder) -> None:
    x = b.pick(b.choose("ffi"), range(1, 6))
    b.one("Flatten", x, exact=True, axis=b.integer(-x.rank, x.rank))


def unsqueeze(b: Builder) -> None:
    x = b.pick(b.choose("fffib"), range(0, 4))
    axis = b.constant([b.integer(-x.rank - 1, x.rank)])
    y = b.one("Unsqueeze", x, axis, exact=True)
    if b.chance(0.3):
        b.one("Squeeze", y, axis, exact=True)


def reshape(b: Builder) -> None:
    x = b.pick(b.choose("ffi"), range(1, 6))
    axis = b.integer(0, x.rank - 2) if x.rank > 1 else 0
    if b.chance(0.4):  # merge two dimensions
        target = [0] * x.rank
        target[axis : axis + 2] = [-1]
        b.one("Reshape", x, b.constant(target), exact=True)
    elif b.chance(0.5):  # split one
        size = x.static(axis)
        divisor = b.choose([d for d in range(1, size + 1) if size % d == 0])
        target = [0] * axis + [divisor, size // divisor]
        rest = [x.sizes(i) for i in range(axis + 1, x.rank)]
        if any(len(set(sizes)) != 1 for sizes in rest):
            if len(rest) != 1:
                raise RejectedError
            target.append(-1)
        else:
            target += [sizes[0] for sizes in rest]
        b.one("Reshape", x, b.constant(target), exact=True)
    else:
        shape = b.one("Shape", x, exact=True)
        parts = [b.one("Gather", shape, b.constant(i), exact=True) for i in range(x.rank)]
        if x.rank > 1:
            parts[axis : axis + 2] = [b.one("Mul", parts[axis], parts[axis + 1], exact=True)]
        if b.chance(0.5):
            parts.insert(axis, b.constant(1))
        if b.chance(0.3):
            parts[b.integer(0, len(parts) - 1)] = b.constant(-1)
        zero = b.constant([0])
        ones = [b.one("Unsqueeze", part, zero, exact=True) for part in parts]
        b.one("Reshape", x, b.emit("Concat", ones, exact=True, axis=0)[0], exact=True)


def slices(b: Builder) -> None:
    x = b.pick(b.choose("fffib"), range(1, 6))
    axes = sorted({b.axis(x) for _ in range(b.integer(1, 2))})
    starts, ends, steps = [], [], []
    for axis in axes:
        step = b.choose([1, 1, 2, -1, -1, -2, 3])
        low, high = b.integer(-3, 2), b.choose([-1, 1, 2, 3, 2**31 - 1, 2**63 - 1])
        if step < 0:
            low, high = b.choose([-1, -2, 3, 2**31 - 1]), b.choose([0, 1, -(2**31), -(2**63)])
        if b.chance(0.3) and step > 0:
            low = 0
        del axis
        starts.append(low)
        ends.append(high)
        steps.append(step)
    end = b.constant(ends)
    if len(axes) == 1 and steps[0] == 1 and b.chance(0.5):
        shape = b.one("Shape", b.pick("f", range(1, 6)), exact=True)
        size = b.one("Gather", shape, b.constant([0]), exact=True)
        end = b.one("Div", b.one("Add", size, b.constant(1), exact=True), b.constant(2), exact=True)
    shown = [b.signed(axis, x) for axis in axes]
    y = b.one("Slice", x, b.constant(starts), end, b.constant(shown), b.constant(steps), exact=True)
    if any(size == 0 for size in y.shapes()[0]) and b.chance(0.9):
        raise RejectedError


def gather(b: Builder) -> None:
    x = b.pick(b.choose("fffib"), range(1, 5))
    axis = b.axis(x)
    size = x.smallest(axis)
    shape = b.choose([(), (1,), (3,), (2, 2)])
    indices = b.random.integers(-size, size, shape) if size else np.zeros(0)
    b.one("Gather", x, b.constant(indices), exact=True, axis=b.signed(axis, x))


def embedding(b: Builder) -> None:
    table = b.weight((b.integer(6, 9), b.integer(1, 5)))
    rows = b.constant(table.arrays[0].shape[0])
    indices = b.one("Mod", b.pick("i"), rows, exact=True)
    b.one("Gather", table, indices, exact=True)


def gather_elements(b: Builder) -> None:
    x = b.pick("f", range(1, 5))
    axis = b.axis(x)
    zeros = b.one("Cast", b.one("Mul", x, b.constant(0, "f")), to=TensorProto.INT64)
    zeros.exact = True
    last = b.one("Sub", zeros, b.constant(1), exact=True)
    b.one("GatherElements", x, b.choose([zeros, last]), exact=True, axis=axis)


def concat(b: Builder) -> None:
    x = b.pick(b.choose("fffib"), range(1, 5))
    axis = b.axis(x)
    rest = [s[:axis] + s[axis + 1 :] for s in x.shapes()]
    fits = [
        y
        for y in b.values
        if y.kind == x.kind
        and y.rank == x.rank
        and [s[:axis] + s[axis + 1 :] for s in y.shapes()] == rest
    ]
    parts = [x] + [b.choose(fits) for _ in range(b.integer(1, 3))]
    b.emit("Concat", parts, exact=True, axis=b.signed(axis, x))


def pad(b: Builder) -> None:
    x = b.pick(b.choose("ffi"), range(1, 5))
    mode = b.choose(["constant", "constant", "reflect", "edge", "wrap"])
    low = -1 if mode == "constant" else 0
    pads = []
    for axis in [*range(x.rank), *range(x.rank)]:
        limit = 2 if mode == "constant" else max(0, min(2, x.smallest(axis) - 1))
        pads.append(b.integer(min(low, limit), limit) if b.chance(0.5) else 0)
    fill = b.constant(3, x.kind) if mode == "constant" and b.chance(0.5) else None
    b.emit("Pad", [x, b.constant(pads), fill], exact=True, mode=mode)


def split(b: Builder) -> None:
    x = b.pick(b.choose("ffi"), range(1, 5))
    axis = b.axis(x)
    if b.chance(0.5):
        size = x.static(axis)
        first = b.integer(0, size)
        b.emit("Split", [x, b.constant([first, size - first])], 2, True, axis=axis)
    else:
        count = b.integer(1, 3)
        b.emit("Split", [x], count, True, axis=b.signed(axis, x), num_outputs=count)


def top_k(b: Builder) -> None:
    x = b.pick("f", range(1, 5), exact=True)
    axis = b.axis(x)
    k = b.constant([b.integer(1, max(1, x.smallest(axis)))])
    b.emit("TopK", [x, k], 2, True, axis=b.signed(axis, x), largest=b.integer(0, 1))


def expand(b: Builder) -> None:
    x, y = b.pick(b.choose("fffib")), b.pick()
    b.one("Expand", x, b.one("Shape", y, exact=True), exact=True)


def tile(b: Builder) -> None:
    x = b.pick(b.choose("ffi"), range(1, 4))
    b.one("Tile", x, b.constant([b.integer(1, 3) for _ in range(x.rank)]), exact=True)


def cumsum(b: Builder) -> None:
    x = b.pick(b.choose("fi"), range(1, 5))
    attributes = {"exclusive": b.integer(0, 1), "reverse": b.integer(0, 1)}
    b.one("CumSum", x, b.constant(b.signed(b.axis(x), x)), exact=x.kind == "i", **attributes)


def ranges(b: Builder) -> None:
    x = b.pick(rank=range(1, 5))
    shape = b.one("Shape", x, exact=True)
    size = b.one("Gather", shape, b.constant(b.axis(x)), exact=True)
    y = b.one("Range", b.constant(0), size, b.constant(b.choose([1, 2])), exact=True)
    if b.chance(0.5):
        b.one("Cast", y, exact=True, to=TensorProto.FLOAT)


def fill(b: Builder) -> None:
    shape = b.one("Shape", b.pick(rank=range(1, 5)), exact=True)
    tensor = numpy_helper.from_array(np.array([b.integer(0, 3)], b.choose([np.float32, np.int64])))
    b.one("ConstantOfShape", shape, exact=True, value=tensor)


def trilu(b: Builder) -> None:
    x = b.pick(b.choose("ffb"), range(2, 5))
    k = b.constant(b.integer(-2, 2)) if b.chance(0.5) else None
    b.emit("Trilu", [x, k], exact=True, upper=b.integer(0, 1))


def one_hot(b: Builder) -> None:
    indices = b.one("Mod", b.pick("i", range(1, 4)), b.constant(5), exact=True)
    values = b.constant([0.25, 1.5], "f")
    b.one("OneHot", indices, b.constant(5), values, exact=True, axis=b.choose([-1, 0]))


def scatter(b: Builder) -> None:
    x = b.pick("f", range(2, 4))
    update = b.one("Gather", x, b.constant([0]), exact=True, axis=0)
    target = b.constant([[x.smallest(0) - 1]])
    b.one("ScatterND", x, target, update, exact=True)


def non_zero(b: Builder) -> None:
    x = b.pick(b.choose("fib"), range(1, 4), exact=True)
    y = b.one("NonZero", x, exact=True)
    if b.chance(0.5):
        b.one("GatherND", x, b.one("Transpose", y, exact=True, perm=[1, 0]), exact=True)


def shuffle(b: Builder) -> None:
    x = b.pick(rank=4)
    op = b.choose(["DepthToSpace", "SpaceToDepth"])
    b.one(op, x, exact=True, blocksize=2)


def branch(b: Builder) -> None:
    """If with captured values, a condition from data or from a size"""
    x = b.pick(rank=range(1, 5))
    if b.chance(0.5):
        shape = b.one("Shape", x, exact=True)
        size = b.one("Gather", shape, b.constant(b.axis(x)), exact=True)
        condition = b.one("Greater", size, b.constant(b.integer(1, 4)), exact=True)
    else:
        y = b.pick("f", exact=True)
        top = b.one("ReduceMax", y, exact=True, keepdims=0)
        condition = b.one("Greater", top, b.constant(0.9, "f"), exact=True)
    then, other = b.fresh("t"), b.fresh("e")
    bodies = {}
    same = b.pick(rank=x.rank)
    for key, name in (("then_branch", then), ("else_branch", other)):
        middle = name + "_m"
        op = b.choose(["Relu", "Neg", "Tanh", "Identity"])
        second = b.choose([x.name, middle])
        nodes = [
            helper.make_node(op, [x.name if b.chance(0.6) else same.name], [middle]),
            helper.make_node(b.choose(["Add", "Max"]), [middle, second], [name]),
        ]
        if b.chance(0.3):
            nodes = [helper.make_node("Identity", [x.name], [name])]
        out = helper.make_tensor_value_info(name, TensorProto.FLOAT, [None] * x.rank)
        bodies[key] = helper.make_graph(nodes, key, [], [out])
    b.used |= {x.name, same.name}
    b.emit("If", [condition], **bodies)


def loop(b: Builder) -> None:
    """A Loop that carries a tensor, with a trip count from a size or a number"""
    x = b.pick(rank=range(1, 4))
    carried, result, go, still, i, scan = (b.fresh("l") for _ in range(6))
    nodes = [
        helper.make_node("Identity", [go], [still]),
        helper.make_node("Tanh", [carried], [scan]),
        helper.make_node("Add", [scan, x.name], [result]),
    ]
    body = helper.make_graph(
        nodes,
        "body",
        [
            helper.make_tensor_value_info(i, TensorProto.INT64, []),
            helper.make_tensor_value_info(go, TensorProto.BOOL, []),
            helper.make_tensor_value_info(carried, TensorProto.FLOAT, [None] * x.rank),
        ],
        [
            helper.make_tensor_value_info(still, TensorProto.BOOL, []),
            helper.make_tensor_value_info(result, TensorProto.FLOAT, [None] * x.rank),
            helper.make_tensor_value_info(scan, TensorProto.FLOAT, [None] * x.rank),
        ],
    )
    if b.chance(0.5):
        trips = b.constant(b.integer(0, 3))
    else:
        trips = b.one("Gather", b.one("Shape", x, exact=True), b.constant(0), exact=True)
    b.used.add(x.name)
    # What a scan output of no iterations is like is anybody's guess.
    if any(array.item() == 0 for array in trips.arrays):
        raise RejectedError
    b.emit("Loop", [trips, None, x], 2, body=body)
