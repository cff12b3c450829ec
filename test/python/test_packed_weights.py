"""Weights in quantised blocks and narrow floats, against their definitions."""

from __future__ import annotations

from pathlib import Path

import gguf_reference
import narae
import numpy as np
import packed_models
import pytest

TARGETS = [
    target
    for target, flag in [
        ("cpu", "avx2"),
        ("cpu:x86-64-v3", "avx2"),
        ("cpu:x86-64-v4", "avx512vl"),
    ]
    if flag in Path("/proc/cpuinfo").read_text()
]
ROWS, COLUMNS = 40, 512


def check(
    artifact: narae.Artifact, weight: np.ndarray, exact: bool, tokens: tuple[int, ...] = (1, 3, 35)
) -> None:
    """Runs a linear layer with ReLU and an embedding of `weight`."""
    rng = np.random.default_rng(1)
    index = np.array([0, 17, len(weight) - 1], np.int64)
    results = []
    for threads in (1, 2):
        session = narae.Session(artifact, threads=threads)
        results.append([])
        for count in tokens:
            x = rng.standard_normal((count, weight.shape[1])).astype(np.float32)
            x[0] = 0
            got = session.run({"x": x, "i": index})
            np.testing.assert_array_equal(got["e"], weight[index])
            want = np.maximum(x.astype(np.float64) @ weight.astype(np.float64).T, 0)
            scale = np.abs(want).max() + np.linalg.norm(weight, axis=1).max()
            limit = 2e-6 if exact else 2e-2
            assert np.abs(got["z"] - want).max() <= limit * scale, count
            results[-1].append(got["z"])
        rng = np.random.default_rng(1)
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("name", packed_models.FORMATS)
@pytest.mark.parametrize("exact", [False, True], ids=["bytes", "exact"])
@pytest.mark.parametrize("target", TARGETS)
def test_blocks(name: str, exact: bool, target: str, tmp_path: Path) -> None:
    data = packed_models.random_blocks(name, ROWS, COLUMNS)
    weight = gguf_reference.dequantize(name.upper(), data).reshape(ROWS, COLUMNS)
    path = packed_models.linear_and_embedding(tmp_path, f"!fm.block<{name}>", data, ROWS, COLUMNS)
    check(narae.compile(path, target, exact=exact), weight, exact)


def int8_loss(weight: np.ndarray) -> tuple[float, float]:
    """Of products with normal numbers rounded in groups of 32: the root mean
    square of the differences and the largest, relative to the products'."""
    x = np.random.default_rng(1).standard_normal((400, weight.shape[1]))
    groups = x.reshape(len(x), -1, 32)
    scale = np.abs(groups).max(-1, keepdims=True) / 127
    rounded = (np.rint(groups / scale) * scale).reshape(x.shape)
    y, wrong = x @ weight.T, (rounded - x) @ weight.T
    rms = float(np.sqrt((wrong**2).mean() / (y**2).mean()))
    return rms, float(np.abs(wrong).max() / np.abs(y).max())


@pytest.mark.parametrize("name", ["q4_0", "q4_k", "q8_0"])
def test_loss_is_reported(name: str, tmp_path: Path) -> None:
    data = packed_models.random_blocks(name, ROWS, COLUMNS)
    weight = gguf_reference.dequantize(name.upper(), data).reshape(ROWS, COLUMNS)
    path = packed_models.linear_and_embedding(tmp_path, f"!fm.block<{name}>", data, ROWS, COLUMNS)
    report = narae.compile(path).report
    kernels = [k for k in report["kernels"] if "activations" in k]
    if not kernels:
        pytest.skip("this CPU has no products of bytes")
    total = report["quantised_activations"]
    assert total["int8_kernels"] == len(kernels)
    rms, largest = int8_loss(weight.astype(np.float64))
    for kernel in [*kernels, total]:
        assert kernel["loss_rms"] == pytest.approx(rms, rel=0.4)  # of 16 vectors
        assert kernel["loss_max"] == pytest.approx(largest, rel=0.6)
    exact = narae.compile(path, exact=True).report
    assert "quantised_activations" not in exact
    assert not any("activations" in kernel for kernel in exact["kernels"])


@pytest.mark.parametrize("name", ["q4_1", "q6_k"])
def test_one_token(name: str, tmp_path: Path) -> None:
    """As decode has it: the number of rows is static, whole panels."""
    data = packed_models.random_blocks(name, 64, COLUMNS)
    weight = gguf_reference.dequantize(name.upper(), data).reshape(64, COLUMNS)
    path = packed_models.linear_and_embedding(
        tmp_path, f"!fm.block<{name}>", data, 64, COLUMNS, tokens="1"
    )
    check(narae.compile(path), weight, False, (1,))


def narrow(element: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bytes of values rounded to a type, and what they are."""
    if element == "f16":
        data = values.astype(np.float16)
        return data, data.astype(np.float32)
    bits = values.view(np.uint32) & np.uint32(0xFFFF0000)
    return (bits >> 16).astype(np.uint16), bits.view(np.float32)


@pytest.mark.parametrize("element", ["bf16", "f16"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("tokens", ["?", "1"])
def test_narrow_floats(element: str, target: str, tokens: str, tmp_path: Path) -> None:
    values = np.random.default_rng(0).standard_normal((ROWS, 200)).astype(np.float32)
    data, weight = narrow(element, values)
    path = packed_models.linear_and_embedding(tmp_path, element, data, ROWS, 200, tokens)
    check(narae.compile(path, target), weight, True, (1,) if tokens == "1" else (1, 3, 35))


def float8(codes: np.ndarray) -> np.ndarray:
    """f8E4M3FN by its definition."""
    exponent, mantissa = (codes >> 3) & 15, codes & 7
    size = np.where(
        exponent == 0, mantissa * 2.0**-9, (8 + mantissa) * 2.0 ** (exponent.astype(int) - 10)
    )
    return np.where(codes & 128, -size, size).astype(np.float32)


def float8_model(
    folder: Path, codes: np.ndarray, block: tuple[int, int], tokens: str = "?"
) -> tuple[Path, np.ndarray]:
    """With a random scale for each block; and the weights."""
    rows, columns = codes.shape
    lines, steps = -(-rows // block[0]), -(-columns // block[1])
    scale = np.random.default_rng(5).uniform(0.5, 2, (lines, steps)).astype(np.float32)
    spread = np.repeat(np.repeat(scale, block[0], 0), block[1], 1)[:rows, :columns]
    kind, packed = f"tensor<{lines}x{steps}xf32>", f"tensor<{rows}x{columns}xf8E4M3FN>"
    path = packed_models.linear_and_embedding(
        folder,
        "f8E4M3FN",
        codes,
        rows,
        columns,
        tokens,
        widen=f"fm.dequantize %w, %s {{scale_rows = {block[0]} : i64, "
        f"scale_columns = {block[1]} : i64}} : ({packed}, {kind})",
        more={"s": (kind, scale)},
    )
    return path, float8(codes) * spread


BLOCKS = {"blocks": (128, 128), "rows": (1, 256), "tensor": (512, 512), "odd": (24, 64)}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("weights", ["embedded", "external"])
@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_float8(target: str, weights: str, block: tuple[int, int], tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(0, 256, (136, 224), dtype=np.uint8)
    codes[(codes & 127) == 127] = 0
    path, weight = float8_model(tmp_path, codes, block)
    artifact = narae.compile(path, target, output=tmp_path / "m.narae", weights=weights)
    check(artifact, weight, True)
    if target != "cpu":
        assert "stream" in [kernel.get("way") for kernel in artifact.report["kernels"]]


@pytest.mark.parametrize("columns", [200, 7])
def test_float8_with_parts_of_blocks(columns: int, tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(0, 127, (33, columns), dtype=np.uint8)
    for weights in ("embedded", "external"):
        for block in ((1, 128), (128, 128), (3, 5)):
            path, weight = float8_model(tmp_path, codes, block)
            file = tmp_path / "m.narae"
            check(narae.compile(path, output=file, weights=weights), weight, True)


@pytest.mark.parametrize("weights", ["embedded", "external"])
@pytest.mark.parametrize("tokens", ["1", "?"])
def test_float8_knows_nan(weights: str, tokens: str, tmp_path: Path) -> None:
    codes = np.random.default_rng(0).integers(0, 127, (48, 64), dtype=np.uint8)
    codes[5, 60], codes[40, 1] = 127, 255
    path, _ = float8_model(tmp_path, codes, (1, 64), tokens)
    artifact = narae.compile(path, output=tmp_path / "m.narae", weights=weights)
    for count in (1,) if tokens == "1" else (1, 9):
        x = np.ones((count, 64), np.float32)
        got = narae.Session(artifact).run({"x": x, "i": np.array([0, 5], np.int64)})
        assert np.isnan(got["e"]).sum() == 1
        assert np.isnan(got["z"]).all(axis=0).nonzero()[0].tolist() == [5, 40]
        assert np.isnan(got["z"]).sum() == 2 * count


@pytest.mark.parametrize("name", [*packed_models.FORMATS, "bf16", "f16"])
@pytest.mark.parametrize("target", TARGETS[:2])
def test_external(name: str, target: str, tmp_path: Path) -> None:
    """Weights that stay in the model's file are read as they lie there."""
    if name in packed_models.FORMATS:
        data = packed_models.random_blocks(name, ROWS, COLUMNS)
        weight = gguf_reference.dequantize(name.upper(), data).reshape(ROWS, COLUMNS)
        name = f"!fm.block<{name}>"
    else:
        values = np.random.default_rng(0).standard_normal((ROWS, COLUMNS))
        data, weight = narrow(name, values.astype(np.float32))
    path = packed_models.linear_and_embedding(tmp_path, name, data, ROWS, COLUMNS)
    file = tmp_path / "m.narae"
    artifact = narae.compile(path, target, output=file, weights="external")
    assert file.stat().st_size < 200_000
    check(artifact, weight, False)


@pytest.mark.parametrize("name", packed_models.FORMATS)
@pytest.mark.parametrize("rows", [ROWS, 48])
def test_external_blocks_are_computed_as_packed_ones(name: str, rows: int, tmp_path: Path) -> None:
    """Rows become the same panels: every bit agrees."""
    data = packed_models.random_blocks(name, rows, COLUMNS)
    path = packed_models.linear_and_embedding(tmp_path, f"!fm.block<{name}>", data, rows, COLUMNS)
    results = []
    for weights in ("embedded", "external"):
        file = tmp_path / f"{weights}.narae"
        session = narae.Session(narae.compile(path, output=file, weights=weights))
        rng = np.random.default_rng(3)
        inputs = [rng.standard_normal((n, COLUMNS)).astype(np.float32) for n in (1, 11, 130)]
        index = np.array([rows - 1], np.int64)
        results.append([session.run({"x": x, "i": index})["z"] for x in inputs])
    for packed, external in zip(*results, strict=True):
        np.testing.assert_array_equal(packed, external)


def test_batched_blocks(tmp_path: Path) -> None:
    """A matrix a head, as absorbed projections have them."""
    heads, rows, columns = 3, 24, 64
    data = packed_models.random_blocks("q8_0", heads * rows, columns)
    weight = gguf_reference.dequantize("Q8_0", data).reshape(heads, rows, columns)
    packed = packed_models.tensor("!fm.block<q8_0>", heads, rows, columns)
    wide = packed_models.tensor("f32", heads, rows, columns)
    x, y = f"tensor<{heads}x?x{columns}xf32>", f"tensor<{heads}x?x{rows}xf32>"
    body = f"""
      %f = fm.dequantize %w : ({packed}) -> {wide}
      %y = fm.matmul %x, %f {{transpose_rhs}} : ({x}, {wide}) -> {y}
    """
    path = packed_models.packed_model(
        tmp_path, "!fm.block<q8_0>", data, (heads, rows, columns), body, {"x": x}, {"y": y}
    )
    for exact, limit, weights in (
        (True, 2e-6, "embedded"),
        (False, 2e-2, "embedded"),
        (False, 2e-2, "external"),
    ):
        file = tmp_path / "m.narae"
        session = narae.Session(narae.compile(path, output=file, exact=exact, weights=weights))
        for count in (1, 9):
            x = np.random.default_rng(2).standard_normal((heads, count, columns))
            x = x.astype(np.float32)
            want = x @ weight.transpose(0, 2, 1)
            got = session.run({"x": x})["y"]
            assert np.abs(got - want).max() <= limit * np.abs(want).max()


def test_weights_stay_packed(tmp_path: Path) -> None:
    """The file is as large as the packed weight, though two kernels read it."""
    data = packed_models.random_blocks("q4_1", 2048, 1024)
    path = packed_models.linear_and_embedding(tmp_path, "!fm.block<q4_1>", data, 2048, 1024)
    narae.compile(path, output=tmp_path / "m.narae")
    assert (tmp_path / "m.narae").stat().st_size < data.nbytes + 200_000
    values = np.zeros((2048, 512), np.uint16)
    path = packed_models.linear_and_embedding(tmp_path, "bf16", values, 2048, 512)
    narae.compile(path, output=tmp_path / "m.narae")
    assert (tmp_path / "m.narae").stat().st_size < values.nbytes + 200_000


@pytest.mark.parametrize("element", ["bf16", "f16"])
def test_tied_embedding_is_stored_once(element: str, tmp_path: Path) -> None:
    """The gather of rows that are widened behind it reads the head's panels."""
    rows, columns = 2100, 512
    values = np.random.default_rng(0).standard_normal((rows, columns)).astype(np.float32)
    data, weight = narrow(element, values)
    packed, wide = (packed_models.tensor(t, rows, columns) for t in (element, "f32"))
    x, y = packed_models.tensor("f32", "?", columns), packed_models.tensor("f32", "?", rows)
    some, chosen = (packed_models.tensor(t, "?", columns) for t in (element, "f32"))
    body = f"""
      %f = fm.cast %w {{to = f32}} : ({packed}) -> {wide}
      %y = fm.matmul %x, %f {{transpose_rhs}} : ({x}, {wide}) -> {y}
      %z = fm.relu %y : ({y}) -> {y}
      %g = fm.gather %w, %i {{axis = 0 : i64}} : ({packed}, tensor<?xi64>) -> {some}
      %e = fm.cast %g {{to = f32}} : ({some}) -> {chosen}
    """
    inputs, outputs = {"x": x, "i": "tensor<?xi64>"}, {"z": y, "e": chosen}
    path = packed_models.packed_model(
        tmp_path, element, data, (rows, columns), body, inputs, outputs
    )
    artifact = narae.compile(path, output=tmp_path / "m.narae")
    assert (tmp_path / "m.narae").stat().st_size < data.nbytes * 1.02 + 200_000
    check(artifact, weight, True)


def test_wide_result_is_refused(tmp_path: Path) -> None:
    data = packed_models.random_blocks("q4_0", 256, 256)
    body = """
      %y = fm.dequantize %w : (tensor<256x256x!fm.block<q4_0>>) -> tensor<256x256xf32>
    """
    path = packed_models.packed_model(
        tmp_path, "!fm.block<q4_0>", data, (256, 256), body, {}, {"y": "tensor<256x256xf32>"}
    )
    with pytest.raises(narae.Error, match="would write the packed weight 'w' out"):
        narae.compile(path)


@pytest.mark.parametrize("columns", [96, 200])
def test_tied_floats_are_stored_once(columns: int, tmp_path: Path) -> None:
    """An embedding of f32 that the last matmul reads too."""
    rows = 3000
    weight = np.random.default_rng(0).standard_normal((rows, columns)).astype(np.float32)
    wide = packed_models.tensor("f32", rows, columns)
    x, y = packed_models.tensor("f32", "?", columns), packed_models.tensor("f32", "?", rows)
    body = f"""
      %y = fm.matmul %x, %w {{transpose_rhs}} : ({x}, {wide}) -> {y}
      %z = fm.relu %y : ({y}) -> {y}
      %e = fm.gather %w, %i {{axis = 0 : i64}} : ({wide}, tensor<?xi64>) -> {x}
    """
    inputs, outputs = {"x": x, "i": "tensor<?xi64>"}, {"z": y, "e": x}
    path = packed_models.packed_model(
        tmp_path, "f32", weight, weight.shape, body, inputs, outputs, None
    )
    file = tmp_path / "m.narae"
    check(narae.compile(path, output=file), weight, True)
    assert file.stat().st_size < weight.nbytes * 1.1 + 200_000
