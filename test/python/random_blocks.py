"""Products, convolutions and the patterns that exporters write, for random graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper
from random_builder import Builder, Value


def matmul(b: Builder) -> None:
    x = b.pick(rank=range(1, 5))
    draw = b.random.random()
    if draw < 0.4:
        k, n = x.static(x.rank - 1), b.choose([1, 2, 3, 5, 8, 17, 33])
        shape = [k, n] if b.chance(0.8) else [k]
        if b.chance(0.1):
            shape = [2, 1, k, n]
        y = b.one("MatMul", x, b.weight(shape, 0.5))
        if b.chance(0.5) and len(shape) == 2:
            y = b.one("Add", y, b.weight([n]))
        if b.chance(0.3):
            b.one(b.choose(["Relu", "Gelu", "Sigmoid"]), y)
    elif draw < 0.7 and x.rank > 1:
        perm = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
        t = b.one("Transpose", x, exact=True, perm=perm)
        b.emit("MatMul", [x, t] if b.chance(0.5) else [t, x])
    else:
        b.one("MatMul", x, b.pick(rank=range(1, 5)))


def gemm(b: Builder) -> None:
    x = b.pick(rank=2)
    trans_a, trans_b = b.integer(0, 1), b.integer(0, 1)
    n = b.choose([1, 3, 7, 16, 19])
    if b.chance(0.7):
        k = x.static(0 if trans_a else 1)
        y = b.weight([n, k] if trans_b else [k, n])
    else:
        y = b.pick(rank=2)
    shift = b.weight(b.choose([[], [1], [n], [1, n], [1, 1]])) if b.chance(0.7) else None
    scale = {"alpha": 0.5, "beta": 0.25} if b.chance(0.5) else {}
    b.emit("Gemm", [x, y, shift], transA=trans_a, transB=trans_b, **scale)


def einsum(b: Builder) -> None:
    x = b.pick(rank=range(2, 5))
    letters = "abcd"[: x.rank]
    if b.chance(0.5):
        out = letters[::-1][: b.integer(1, x.rank)]
        b.one("Einsum", x, equation=f"{letters}->{out}")
    else:
        k = x.static(x.rank - 1)
        b.one(
            "Einsum",
            x,
            b.weight([5, k], 0.5),
            equation=f"{letters},e{letters[-1]}->{letters[:-1]}e",
        )


def conv(b: Builder) -> None:
    x = b.pick(rank=range(3, 5))
    channels, spatial = x.static(1), x.rank - 2
    groups = b.choose([1, 1, channels, b.choose([d for d in (1, 2, 3) if channels % d == 0])])
    kernel = [b.integer(1, 3) for _ in range(spatial)]
    attributes: dict[str, Any] = {"group": groups, "kernel_shape": kernel}
    if b.chance(0.5):
        attributes["strides"] = [b.integer(1, 3) for _ in range(spatial)]
    if b.chance(0.3):
        attributes["dilations"] = [b.integer(1, 2) for _ in range(spatial)]
    if b.chance(0.2):
        attributes["auto_pad"] = b.choose(["SAME_UPPER", "SAME_LOWER", "VALID"])
        attributes.pop("dilations", None)
    elif b.chance(0.7):
        attributes["pads"] = [b.integer(0, 2) for _ in range(2 * spatial)]
    if b.chance(0.2):
        out = b.integer(1, 3)
        shape = [channels, out, *kernel]
        shift = b.weight([out * groups]) if b.chance(0.5) else None
        b.one("ConvTranspose", x, b.weight(shape, 0.5), shift, **attributes)
        return
    out = groups * b.integer(1, 3) if b.chance(0.7) or groups > 1 else b.choose([16, 33])
    shape = [out, channels // groups, *kernel]
    y = b.one(
        "Conv", x, b.weight(shape, 0.5), b.weight([out]) if b.chance(0.6) else None, **attributes
    )
    if b.chance(0.4):
        y = b.one(b.choose(["Relu", "HardSwish", "Sigmoid"]), y)
    if b.chance(0.3):
        b.one("Add", y, b.pick(rank=x.rank))


def pool(b: Builder) -> None:
    x = b.pick(rank=range(3, 5))
    spatial = x.rank - 2
    if b.chance(0.2):
        b.one(b.choose(["GlobalAveragePool", "GlobalMaxPool"]), x)
        return
    kernel = [b.integer(1, min(3, max(1, x.smallest(2 + i)))) for i in range(spatial)]
    attributes: dict[str, Any] = {"kernel_shape": kernel, "ceil_mode": b.integer(0, 1)}
    if b.chance(0.6):
        attributes["strides"] = [b.integer(1, 3) for _ in range(spatial)]
    if b.chance(0.5):
        attributes["pads"] = [b.integer(0, k - 1) for k in [*kernel, *kernel]]
    if b.chance(0.3):
        attributes["dilations"] = [b.integer(1, 2) for _ in range(spatial)]
    if b.chance(0.5):
        b.one("MaxPool", x, exact=True, **attributes)
    else:
        # Runtimes disagree on what padding counts for in a last window of ceil_mode.
        attributes["ceil_mode"] = 0
        b.one("AveragePool", x, count_include_pad=b.integer(0, 1), **attributes)


def resize(b: Builder) -> None:
    x = b.pick(rank=4)
    mode = b.choose(["nearest", "nearest", "linear", "cubic"])
    where_ = b.choose(["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])
    attributes = {"mode": mode, "coordinate_transformation_mode": where_}
    if mode == "nearest":
        attributes["nearest_mode"] = b.choose(["floor", "round_prefer_floor", "ceil"])
    if b.chance(0.6):
        scales = [1.0, 1.0, b.choose([1.0, 2.0, 0.5, 3.0]), b.choose([2.0, 1.5, 1.0])]
        if where_ == "align_corners":  # of a size that isn't rounded
            scales[2:] = [3.0, 2.0]
        b.emit("Resize", [x, None, b.constant(scales, "f")], **attributes)
    else:
        shape = b.one("Shape", x, exact=True)
        first = b.one("Slice", shape, b.constant([0]), b.constant([2]), exact=True)
        other = b.one("Shape", b.pick(rank=4), exact=True, start=2)
        sizes = b.one("Concat", first, other, exact=True, axis=0)
        b.emit("Resize", [x, None, None, sizes], **attributes)


def attention(b: Builder) -> None:
    """Decomposed attention, several heads, masks of several shapes"""
    x = b.pick(rank=3)
    width, heads = x.static(2), b.choose([1, 2, 4])
    size = b.choose([1, 2, 3, 8])
    groups = b.choose([g for g in (1, 2, 4) if heads % g == 0])
    zero = b.constant([0])

    def project(count: int) -> Value:
        y = b.one("MatMul", x, b.weight([width, count * size], 0.5))
        if b.chance(0.5):
            y = b.one("Add", b.weight([count * size]), y)
        y = b.one("Reshape", y, b.constant([0, 0, count, size]), exact=True)
        return b.one("Transpose", y, exact=True, perm=[0, 2, 1, 3])

    def repeat(y: Value) -> Value:
        if groups == heads:
            return y
        shape = b.one("Shape", y, exact=True)
        batch = b.one("Slice", shape, zero, b.constant([1]), exact=True)
        rows = b.one("Slice", shape, b.constant([2]), b.constant([3]), exact=True)
        times, last = b.constant([heads // groups]), b.constant([size])
        y = b.one("Unsqueeze", y, b.constant([2]), exact=True)
        wide = b.one("Concat", batch, b.constant([groups]), times, rows, last, exact=True, axis=0)
        y = b.one("Expand", y, wide, exact=True)
        return b.one("Reshape", y, b.constant([0, heads, -1, size]), exact=True)

    q, k, v = project(heads), project(groups), project(groups)
    if size % 2 == 0 and b.chance(0.5):
        q, k = rotate(b, q), rotate(b, k)
    k, v = repeat(k), repeat(v)
    k = b.one("Transpose", k, exact=True, perm=[0, 1, 3, 2])
    if b.chance(0.5):
        q = b.one("Mul", q, b.constant(0.5, "f"))
    s = b.one("MatMul", q, k)
    if b.chance(0.5):
        s = b.one(b.choose(["Mul", "Div"]), s, b.constant(1.5, "f"))
    draw = b.random.random()
    if draw < 0.3:  # causal
        shape = b.one("Shape", s, exact=True, start=2)
        tensor = numpy_helper.from_array(np.array([-100.0], np.float32))
        mask = b.one("ConstantOfShape", shape, exact=True, value=tensor)
        mask = b.one("Trilu", mask, b.constant(1), exact=True, upper=1)
        if b.chance(0.5):
            mask = b.one("Unsqueeze", mask, b.constant([0, 1]), exact=True)
        s = b.one("Add", s, mask)
    elif draw < 0.6:  # padding, from the first column of x
        column = b.one("Slice", x, zero, b.constant([1]), b.constant([2]), exact=True)
        mask = b.one("Squeeze", column, b.constant([2]), exact=True)
        if mask.exact:
            keep = b.one("GreaterOrEqual", mask, b.constant(-0.3, "f"), exact=True)
            keep = b.one("Unsqueeze", keep, b.constant([1, 2]), exact=True)
            s = b.one("Where", keep, s, b.constant(-100.0, "f"))
        else:
            s = b.one("Add", s, b.one("Unsqueeze", mask, b.constant([1, 2]), exact=True))
    elif draw < 0.75:
        s = b.one("Add", s, b.weight(b.choose([[1], [heads, 1, 1], [1, 1, 1, 1], []])))
    p = b.one("Softmax", s, axis=b.choose([-1, 3]))
    y = b.one("Transpose", b.one("MatMul", p, v), exact=True, perm=[0, 2, 1, 3])
    y = b.one("Reshape", y, b.constant([0, 0, heads * size]), exact=True)
    y = b.one("MatMul", y, b.weight([heads * size, width], 0.5))
    b.one("Add", x, y)


def rotate(b: Builder, x: Value) -> Value:
    """Rotary embedding by slices and Concat"""
    half = x.static(3) // 2
    shape = b.one("Shape", x, exact=True)
    rows = b.one("Gather", shape, b.constant(2), exact=True)
    positions = b.one("Range", b.constant(0), rows, b.constant(1), exact=True)
    positions = b.one("Cast", positions, exact=True, to=TensorProto.FLOAT)
    positions = b.one("Unsqueeze", positions, b.constant([1]), exact=True)
    angles = b.one("Mul", positions, b.weight([1, half]))
    angles = b.one("Concat", angles, angles, axis=-1)
    zero, middle, end = b.constant([0]), b.constant([half]), b.constant([2**63 - 1])
    axis = b.constant([3])
    first = b.one("Slice", x, zero, middle, axis, exact=True)
    second = b.one("Slice", x, middle, end, axis, exact=True)
    turned = b.one("Concat", b.one("Neg", second, exact=True), first, exact=True, axis=-1)
    left = b.one("Mul", x, b.one("Cos", angles))
    return b.one("Add", left, b.one("Mul", turned, b.one("Sin", angles)))


def decomposed_norm(b: Builder) -> None:
    """LayerNorm or RMSNorm, written out"""
    x = b.pick(rank=range(2, 5))
    axis = b.constant([b.choose([-1, x.rank - 1])])
    y = x
    if b.chance(0.5):
        y = b.one("Sub", x, b.one("ReduceMean", x, axis, keepdims=1))
    square = b.one("Pow", y, b.constant(2, "f")) if b.chance(0.5) else b.one("Mul", y, y)
    mean = b.one("ReduceMean", square, axis, keepdims=1)
    root = b.one("Sqrt", b.one("Add", mean, b.constant(1e-2, "f")))
    y = b.one("Div", y, root) if b.chance(0.5) else b.one("Mul", b.one("Reciprocal", root), y)
    width = x.static(x.rank - 1)
    if b.chance(0.7):
        y = b.one("Mul", b.weight([width]), y)
    if b.chance(0.5):
        b.one("Add", y, b.weight([width]))


def gelu(b: Builder) -> None:
    x = b.pick()
    if b.chance(0.5):
        y = b.one("Erf", b.one("Div", x, b.constant(2**0.5, "f")))
    else:
        cube = b.one("Mul", b.one("Pow", x, b.constant(3, "f")), b.constant(0.044715, "f"))
        y = b.one("Tanh", b.one("Mul", b.one("Add", x, cube), b.constant(0.7978845608, "f")))
    y = b.one("Add", y, b.constant(1, "f"))
    if b.chance(0.5):
        b.one("Mul", b.one("Mul", x, y), b.constant(0.5, "f"))
    else:
        b.one("Mul", b.one("Mul", x, b.constant(0.5, "f")), y)


def squeeze_excite(b: Builder) -> None:
    x = b.pick(rank=4)
    channels = x.static(1)
    y = b.one("GlobalAveragePool", x)
    y = b.one("Relu", b.one("Conv", y, b.weight([3, channels, 1, 1]), b.weight([3])))
    y = b.one("HardSigmoid", b.one("Conv", y, b.weight([channels, 3, 1, 1])), alpha=1 / 6)
    b.one("Mul", x, y)


def pyramid(b: Builder) -> None:
    """Down, up, concat"""
    x = b.pick(rank=4)
    channels = x.static(1)
    weight = b.weight([channels, channels, 3, 3], 0.3)
    down = b.one("Conv", x, weight, strides=[2, 2], pads=[1, 1, 1, 1])
    shape = b.one("Shape", x, exact=True)
    sizes = b.one("Concat", b.one("Slice", b.one("Shape", down, exact=True), b.constant([0]),
                                  b.constant([2]), exact=True),
                  b.one("Slice", shape, b.constant([2]), b.constant([4]), exact=True),
                  exact=True, axis=0)  # fmt: skip
    attributes = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    up = b.emit("Resize", [down, None, None, sizes], mode="nearest", **attributes)[0]
    y = b.one("Concat", x, up, axis=1)
    b.one("Conv", y, b.weight([channels, 2 * channels, 1, 1], 0.3), b.weight([channels]))
