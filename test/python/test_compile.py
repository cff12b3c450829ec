"""narae.compile, narae.load, Artifact."""

from __future__ import annotations

import gc
import os
import threading
from pathlib import Path

import narae
import numpy as np
import onnx
import pytest
import small_models
from onnx import TensorProto


def run_linear(artifact: narae.Artifact) -> np.ndarray:
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    return narae.Session(artifact).run({"x": x})["y"]


def test_compiles_path_bytes_and_proto(linear_file: Path) -> None:
    model = onnx.load(linear_file)
    results = [
        run_linear(narae.compile(source))
        for source in (str(linear_file), linear_file, linear_file.read_bytes(), model)
    ]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_other_models_are_refused() -> None:
    with pytest.raises(narae.Error, match="not int"):
        narae.compile(3)


def test_same_bytes_twice(tmp_path: Path) -> None:
    model = small_models.linear()
    narae.compile(model, output=tmp_path / "a.narae")
    narae.compile(model, output=tmp_path / "b.narae")
    assert (tmp_path / "a.narae").read_bytes() == (tmp_path / "b.narae").read_bytes()


def test_temporary_file_goes_with_the_artifact() -> None:
    artifact = narae.compile(small_models.linear())
    path = artifact.path
    assert os.path.exists(path)
    del artifact
    gc.collect()
    assert not os.path.exists(path)


def test_save_and_load(linear: narae.Artifact, tmp_path: Path) -> None:
    path = tmp_path / "saved.narae"
    linear.save(path)
    np.testing.assert_array_equal(run_linear(narae.load(path)), run_linear(linear))


def test_save_into_missing_folder(linear: narae.Artifact, tmp_path: Path) -> None:
    with pytest.raises(narae.Error, match="No such file"):
        linear.save(tmp_path / "none" / "x.narae")


def test_inputs_and_outputs(linear: narae.Artifact) -> None:
    (x,) = linear.inputs
    (y,) = linear.outputs
    assert (x.name, x.dtype, x.shape) == ("x", np.dtype(np.float32), ("n", 4))
    assert (y.name, y.dtype) == ("y", np.dtype(np.float32))
    assert y.shape[1] == 5
    assert list(linear.entries) == ["main"]


def test_report_and_target(linear: narae.Artifact) -> None:
    assert isinstance(linear.report, dict)
    assert linear.report
    assert linear.target


def test_dims_fix_and_bound() -> None:
    fixed = narae.compile(small_models.linear(), dims={"n": 7})
    assert fixed.inputs[0].shape == (7, 4)
    bounded = narae.compile(small_models.linear(), dims={"n": (1, 8)})
    assert bounded.inputs[0].shape == ("n", 4)
    assert bounded.inputs[0].bounds[0] == (1, 8)
    session = narae.Session(bounded)
    session.run({"x": np.zeros((8, 4), np.float32)})
    with pytest.raises(narae.Error):
        session.run({"x": np.zeros((9, 4), np.float32)})


@pytest.mark.parametrize("dims", [{"n": -1}, {"n": (5, 2)}, {"nothing": 3}])
def test_bad_dims(dims: dict) -> None:
    with pytest.raises(narae.Error):
        narae.compile(small_models.linear(), dims=dims)


@pytest.mark.parametrize("opt", [0, 1, 2, 3])
def test_optimisation_levels_agree(opt: int, linear: narae.Artifact) -> None:
    artifact = narae.compile(small_models.linear(), opt=opt)
    np.testing.assert_allclose(run_linear(artifact), run_linear(linear), rtol=1e-5)


def test_exact_and_threads() -> None:
    assert run_linear(narae.compile(small_models.linear(), exact=True, threads=1)).shape == (3, 5)


def test_all_dynamic() -> None:
    artifact = narae.compile(small_models.add((2, 3)), all_dynamic=True)
    assert not any(isinstance(dim, int) for dim in artifact.inputs[0].shape)
    x = np.ones((4, 5), np.float32)
    np.testing.assert_array_equal(narae.Session(artifact).run({"x": x, "y": x})["z"], x + x)


def test_unknown_target_and_option() -> None:
    with pytest.raises(narae.Error, match="abacus"):
        narae.compile(small_models.linear(), target="abacus")
    with pytest.raises(narae.Error, match="opt"):
        narae.compile(small_models.linear(), opt=9)
    with pytest.raises(narae.Error, match="f7"):
        narae.compile(small_models.linear(), precision="f7")


def test_progress_is_told() -> None:
    seen: list[tuple[float, str]] = []
    narae.compile(small_models.linear(), progress=lambda done, phase: seen.append((done, phase)))
    assert seen
    assert all(0 <= done <= 1 for done, _ in seen)


def test_threads_compile_at_once() -> None:
    results: list[np.ndarray] = []
    workers = [
        threading.Thread(
            target=lambda: results.append(run_linear(narae.compile(small_models.linear())))
        )
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(results) == 4
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_targets() -> None:
    names = narae.targets()
    assert any(name.split(":")[0] == "cpu" for name in names)
    assert narae.describe_target("cpu")
    with pytest.raises(narae.Error):
        narae.describe_target("abacus")


def test_check(linear_file: Path, tmp_path: Path) -> None:
    errors = [item for item in narae.check(linear_file) if item.severity == "error"]
    assert errors == []
    path = tmp_path / "unknown.onnx"
    path.write_bytes(small_models.unary("Wobble").SerializeToString())
    found = narae.check(path)
    assert any("Wobble" in str(item) for item in found)


def test_check_takes_what_compile_takes(linear_file: Path, tmp_path: Path) -> None:
    model = onnx.load(linear_file)
    for source in (str(linear_file), linear_file.read_bytes(), model):
        assert narae.check(source) == narae.check(linear_file)
    wobbly = small_models.unary("Wobble")
    for source in (wobbly, wobbly.SerializeToString()):
        assert any("Wobble" in str(item) for item in narae.check(source))
    with pytest.raises(narae.Error, match="not int"):
        narae.check(3)
    (tmp_path / "w.bin").write_bytes(bytes(16))
    outside = small_models.external("w.bin", 0, 16)
    assert not [
        item for item in narae.check(outside, directory=tmp_path) if item.severity == "error"
    ]
    assert "w.bin" in str(narae.check(outside, directory=tmp_path / "elsewhere"))


def test_diagnostics_name_the_node() -> None:
    with pytest.raises(narae.Error) as caught:
        narae.compile(small_models.unary("Wobble"))
    (diagnostic, *_) = caught.value.diagnostics
    assert diagnostic.severity == "error"
    assert "Wobble" in str(diagnostic)
    assert "the_node" in str(diagnostic)
    assert not caught.value.internal


def test_ir() -> None:
    text = narae.ir.lower(small_models.linear(), "import")
    assert "fm.matmul" in text
    assert narae.ir.parse(text) == narae.ir.parse(narae.ir.parse(text))
    assert "fm.matmul" in narae.ir.run(text, "canonicalize")
    assert narae.ir.phases()[0] == "import"
    with pytest.raises(narae.Error):
        narae.ir.parse("this is not MLIR")
    with pytest.raises(narae.Error):
        narae.ir.run(text, "no-such-pass")


def test_element_types_of_inputs() -> None:
    artifact = narae.compile(small_models.unary("Identity", TensorProto.BFLOAT16))
    assert artifact.inputs[0].dtype.name == "bfloat16"
