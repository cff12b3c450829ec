"""Damaged and impossible models: a clear error, never a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import narae
import numpy as np
import onnx
import pytest
import small_models
from conftest import ROOT
from onnx import helper


def refused(source: object, *parts: str) -> narae.Error:
    """The error of a model; its text holds all parts."""
    with pytest.raises(narae.Error) as caught:
        narae.compile(source)
    error = caught.value
    assert not error.internal, str(error)
    for part in parts:
        assert part in str(error)
    return error


def internal_error(source: bytes) -> str | None:
    """An error of the compiler itself; None when it compiles or refuses."""
    try:
        narae.compile(source)
    except narae.Error as error:
        return str(error) if error.internal else None
    return None


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path / "none.onnx", "none.onnx")


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.onnx"
    path.touch()
    refused(path, "empty.onnx")
    refused(b"")


def test_truncated(linear_file: Path) -> None:
    whole = linear_file.read_bytes()
    for size in range(1, len(whole), 17):
        assert internal_error(whole[:size]) is None, f"cut at {size}"


def test_flipped_bits(linear_file: Path) -> None:
    whole = linear_file.read_bytes()
    random = np.random.default_rng(1)
    for _ in range(100):
        damaged = bytearray(whole)
        damaged[random.integers(len(damaged))] ^= 1 << random.integers(8)
        assert internal_error(bytes(damaged)) is None


def test_random_file(tmp_path: Path) -> None:
    path = tmp_path / "random.onnx"
    path.write_bytes(np.random.default_rng(0).bytes(4096))
    refused(path, "random.onnx")


def test_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model.onnx"
    folder.mkdir()
    refused(folder, "model.onnx")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable(linear_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "secret.onnx"
    path.write_bytes(linear_file.read_bytes())
    path.chmod(0)
    refused(path, "secret.onnx")


def test_external_data(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    path = saved(small_models.external("weights.bin", 0, 16), tmp_path)
    x = np.ones(4, np.float32)
    y = narae.Session(narae.compile(path)).run({"x": x})["y"]
    np.testing.assert_array_equal(y, [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("location", "offset", "length"),
    [
        ("weights.bin", 4, 16),
        ("weights.bin", 0, 1 << 40),
        ("weights.bin", 1 << 62, 16),
        ("weights.bin", -4, 16),
        ("weights.bin", 0, 8),
        ("none.bin", 0, 16),
        ("../../../../etc/passwd", 0, 16),
        ("/etc/passwd", 0, 16),
    ],
)
def test_bad_external_data(location: str, offset: int, length: int, tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(16))
    refused(saved(small_models.external(location, offset, length), tmp_path), "'w'")


def test_cyclic_graph() -> None:
    refused(small_models.cyclic(), "cycl")


def test_unknown_op() -> None:
    refused(small_models.unary("Wobble"), "Wobble", "the_node")


def test_unknown_domain() -> None:
    refused(small_models.unary("Relu", domain="com.example"), "com.example", "Relu")


def test_all_problems_at_once() -> None:
    nodes = [
        helper.make_node("Wobble", ["x"], ["a"], name="one"),
        helper.make_node("Wiggle", ["a"], ["y"], name="two"),
    ]
    model = small_models.model(
        nodes, [small_models.value("x", (2,))], [small_models.value("y", (2,))]
    )
    refused(model, "Wobble", "Wiggle")


def test_conflicting_shapes() -> None:
    node = helper.make_node("Add", ["x", "y"], ["z"], name="sum")
    inputs = [small_models.value("x", (2, 3)), small_models.value("y", (4,))]
    refused(small_models.model([node], inputs, [small_models.value("z", (2, 3))]), "sum")


def test_wrong_ranks_and_types() -> None:
    node = helper.make_node("MatMul", ["x", "y"], ["z"], name="product")
    inputs = [small_models.value("x", (2, 3)), small_models.value("y", (4, 5))]
    refused(small_models.model([node], inputs, [small_models.value("z", (2, 5))]), "product")
    inputs = [
        small_models.value("x", (2, 3)),
        small_models.value("y", (3, 5), onnx.TensorProto.INT64),
    ]
    refused(small_models.model([node], inputs, [small_models.value("z", (2, 5))]), "product")


def test_undefined_value() -> None:
    node = helper.make_node("Add", ["x", "nowhere"], ["z"], name="sum")
    model = small_models.model(
        [node], [small_models.value("x", (2,))], [small_models.value("z", (2,))]
    )
    refused(model, "nowhere")


def test_value_made_twice() -> None:
    nodes = [helper.make_node(op, ["x"], ["y"], name=op) for op in ("Relu", "Neg")]
    model = small_models.model(
        nodes, [small_models.value("x", (2,))], [small_models.value("y", (2,))]
    )
    refused(model, "y")


def test_missing_input_of_a_node() -> None:
    node = helper.make_node("Add", ["x"], ["y"], name="sum")
    model = small_models.model(
        [node], [small_models.value("x", (2,))], [small_models.value("y", (2,))]
    )
    refused(model, "sum")


def test_attribute_of_a_wrong_type() -> None:
    refused(small_models.unary("Transpose", perm="yes"), "the_node")
    refused(small_models.unary("Transpose", perm=[0, 7]), "the_node")


def test_signatures() -> None:
    """What an op does not have is refused, not passed over."""
    refused(small_models.unary("Relu", alpha=0.5), "the_node", "'alpha'", "it has none")
    refused(small_models.unary("Elu", alfa=0.5), "the_node", "'alfa'", "alpha")
    x, y = small_models.value("x", (2, 2)), small_models.value("y", (4, 2))
    node = helper.make_node("Concat", ["x", "x"], ["y"], name="the_node")
    refused(small_models.model([node], [x], [y]), "the_node", "'axis'", "missing")
    node = helper.make_node("Relu", ["x", "x"], ["y"], name="the_node")
    refused(small_models.model([node], [x], [x]), "the_node", "at most 1")
    # Axes were an attribute until operator set 13.
    node = helper.make_node("ReduceSum", ["x"], ["y"], name="the_node", axes=[0])
    model = small_models.model([node], [x], [small_models.value("y", (1, 2))])
    refused(model, "the_node", "'axes'")
    model.opset_import[0].version = 12
    narae.compile(model)


def test_signatures_are_those_of_the_standard() -> None:
    script = ROOT / "scripts" / "onnx_signatures.py"
    printed = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    table = ROOT / "lib" / "frontend" / "onnx" / "Signatures.inc"
    assert printed.stdout == table.read_text()


def test_newer_opset() -> None:
    model = small_models.linear()
    model.opset_import[0].version = 9999
    refused(model, "9999")


def test_weights_of_a_wrong_size() -> None:
    model = small_models.linear()
    model.graph.initializer[0].raw_data = b"1234"
    refused(model, "'w'")
    model.graph.initializer[0].dims[0] = 1 << 62
    refused(model, "'w'")


def test_full_disk(linear_file: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    with pytest.raises(narae.Error):
        narae.compile(linear_file, output="/dev/full")


def test_output_in_missing_folder(linear_file: Path, tmp_path: Path) -> None:
    with pytest.raises(narae.Error, match="none"):
        narae.compile(linear_file, output=tmp_path / "none" / "x.narae")
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_no_file(tmp_path: Path) -> None:
    output = tmp_path / "x.narae"
    with pytest.raises(narae.Error):
        narae.compile(small_models.unary("Wobble"), output=output)
    assert list(tmp_path.iterdir()) == []
    narae.compile(small_models.linear(), output=output)
    before = output.read_bytes()
    with pytest.raises(narae.Error):
        narae.compile(small_models.unary("Wobble"), output=output)
    assert output.read_bytes() == before
