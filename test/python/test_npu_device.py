"""Artifacts on the simulated NPU: results, times, refusals."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import narae
import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import BUILD
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).parents[2]
Tool = Callable[..., subprocess.CompletedProcess]
ROWS = 300


@pytest.fixture(scope="module")
def tool() -> Tool:
    def run(*words: str | Path) -> subprocess.CompletedProcess:
        return subprocess.run(
            [BUILD / "bin" / "narae", *map(str, words)], capture_output=True, text=True, timeout=300
        )

    return run


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three kernels, the first of which has a large weight; twice the same one."""
    weight = np.random.default_rng(0).standard_normal((ROWS, 64)).astype(np.float32)
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [ROWS, 64])  # noqa: E731
    nodes = [
        helper.make_node("Add", ["x", "w"], ["a"], "bias"),
        helper.make_node("Softmax", ["a"], ["b"], "first", axis=-1),
        helper.make_node("Softmax", ["b"], ["c"], "second", axis=-1),
        helper.make_node("Softmax", ["c"], ["y"], "third", axis=-1),
    ]
    graph = helper.make_graph(
        nodes, "g", [value("x")], [value("y")], [numpy_helper.from_array(weight, "w")]
    )
    path = tmp_path_factory.mktemp("npu") / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


@pytest.fixture(scope="module")
def artifact(model: Path) -> narae.Artifact:
    return narae.compile(model, target="npu:atom")


@pytest.fixture(scope="module")
def file(model: Path) -> Path:
    path = model.with_suffix(".narae")
    narae.compile(model, target="npu:atom", output=path)
    return path


def feed() -> dict[str, np.ndarray]:
    return {"x": np.random.default_rng(1).standard_normal((ROWS, 64)).astype(np.float32)}


@pytest.mark.parametrize("device", [None, "npu", "npu:atom", "npu:atom,timing", ",unchecked"])
def test_results(model: Path, artifact: narae.Artifact, device: str | None) -> None:
    (expected,) = onnxruntime.InferenceSession(model).run(None, feed())
    session = narae.Session(artifact, device=device)
    for _ in range(2):
        np.testing.assert_allclose(session.run(feed())["y"], expected, rtol=1e-5)
    if device != "npu:atom,timing":
        assert session.device_report() is None
        assert session.device_trace() == ""


def test_times(artifact: narae.Artifact) -> None:
    session = narae.Session(artifact, device=",timing")
    for _ in range(3):
        session.run(feed())
    report = session.device_report()
    assert report["machine"] == "npu:atom"
    launches = sum(kernel["launches"] for kernel in report["kernels"])
    assert launches == report["launches"] == 3 * report["launches"] // 3
    # All launches of a kernel are alike here.
    assert report["simulated_launches"] <= len(report["kernels"]) < launches
    assert report["bound"]["movement_seconds"] <= report["seconds"]
    # Twelve buffers of so many bytes cross device memory, less what is fused.
    tensor = ROWS * 64 * 4
    assert 3 * 3 * tensor <= report["dram_bytes"] <= 12 * 3 * tensor
    assert {node for kernel in report["kernels"] for node in kernel["nodes"].split(", ")} >= {
        "first (Softmax)", "second (Softmax)", "third (Softmax)",
    }  # fmt: skip
    for kernel in report["kernels"]:
        for engine in kernel["engines"].values():
            assert 0 <= engine["busy"] <= 1
            assert sum(engine["stalls"].values()) <= 1 + 1e-9
    events = json.loads(session.device_trace())["traceEvents"]
    shown = [event for event in events if event.get("cat") == "launch"]
    assert len(shown) == launches
    for first, second in itertools.pairwise(shown):
        assert first["ts"] + first["dur"] <= second["ts"] + 1e-9


def test_equal_layers_are_simulated_once(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    value = helper.make_tensor_value_info
    nodes, weights, name = [], [], "x"
    for layer in range(12):
        weight = generator.standard_normal((64, 64)).astype(np.float16)
        weights.append(numpy_helper.from_array(weight, f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [name, f"w{layer}"], [f"p{layer}"], f"m{layer}"))
        nodes.append(
            helper.make_node("Softmax", [f"p{layer}"], [f"y{layer}"], f"s{layer}", axis=-1)
        )
        name = f"y{layer}"
    kind, shape = TensorProto.FLOAT16, ["n", 64]
    graph = helper.make_graph(
        nodes, "g", [value("x", kind, shape)], [value(name, kind, shape)], weights
    )
    path = tmp_path / "layers.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    session = narae.Session(narae.compile(path, target="npu:atom"), device=",timing-only")
    x = np.zeros((40, 64), np.float16)
    session.run({"x": x})
    report = session.device_report()
    assert report["launches"] >= 12
    assert report["simulated_launches"] <= len(report["kernels"]) <= 4
    # The same again costs nothing to simulate; another length does.
    session.run({"x": x})
    again = session.device_report()
    assert again["simulated_launches"] == report["simulated_launches"]
    assert again["launches"] == 2 * report["launches"]
    session.run({"x": x[:7]})
    assert session.device_report()["simulated_launches"] > again["simulated_launches"]


def test_opencl(artifact: narae.Artifact) -> None:
    """The same bits, or the name of the package that is missing."""
    try:
        session = narae.Session(artifact, device=",opencl")
    except narae.Error as error:
        assert "pocl-opencl-icd" in str(error)  # noqa: PT017
        pytest.skip("no OpenCL device")
    expected = narae.Session(artifact).run(feed())["y"]
    np.testing.assert_array_equal(session.run(feed())["y"], expected)


def test_times_without_data(artifact: narae.Artifact) -> None:
    silent = narae.Session(artifact, device=",timing-only")
    computing = narae.Session(artifact, device=",timing")
    assert not silent.run(feed())["y"].any()
    computing.run(feed())
    assert silent.device_report()["cycles"] == computing.device_report()["cycles"]


def test_command_line(tool: Tool, file: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.json"
    result = tool("run", file, "--device=npu:atom,timing", "--trace", trace)
    assert result.returncode == 0, result.stderr
    assert "y: f32[300, 64]" in result.stdout
    assert "npu:atom: " in result.stdout
    assert "tensor" in result.stdout
    lanes = {
        event["cat"] for event in json.loads(trace.read_text())["traceEvents"] if "cat" in event
    }
    assert {"launch", "vector", "core dma"} <= lanes
    result = tool("run", file, "--timing-only", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["outputs"] == []
    assert report["device"]["launches"] > 0
    assert "tokens_per_second" not in report
    listing = tool("inspect", file, "--disassemble")
    assert listing.returncode == 0, listing.stderr
    assert "(Softmax)" in listing.stdout
    assert "v.expsub" in listing.stdout or "v.exp" in listing.stdout
    lines = tool("targets", "--devices").stdout.splitlines()
    (atom,) = (line for line in lines if line.startswith("npu:atom "))
    assert "simulator" in atom
    assert "16.0 GiB" in atom
    assert "288.0 MiB" in atom


def test_refusals(tool: Tool, file: Path, model: Path, tmp_path: Path) -> None:
    for device, text in [
        ("npu:rebel-quad", "compiled for 'npu:atom', this device is 'npu:rebel-quad'"),
        ("npu:atom,fast", "unknown option 'fast'"),
        ("npu:seven", "there is no device 'npu:seven'; there are npu:atom"),
        ("cpu", "compiled for 'npu'"),
        (str(tmp_path / "none.json"), "cannot read"),
    ]:
        result = tool("run", file, "--device", device)
        assert result.returncode == 1
        assert text in result.stderr
    host = tmp_path / "host.narae"
    narae.compile(model, target="cpu", output=host)
    result = tool("run", host, "--device=npu:atom")
    assert result.returncode == 1
    assert "compiled for 'cpu'" in result.stderr


def test_target_files(tool: Tool, model: Path, tmp_path: Path) -> None:
    """Another machine by file: it runs there, faster, and nowhere else."""
    description = json.loads((ROOT / "backends/npu/targets/atom.json").read_text())
    description["npu"]["vector"]["lanes"]["value"] *= 2
    chip, file = tmp_path / "my-npu.json", tmp_path / "a.narae"
    chip.write_text(json.dumps(description))
    result = tool("compile", model, f"--target={chip}", "-o", file)
    if result.returncode and "unknown target" in result.stderr:
        pytest.skip("the compiler takes no target files")
    assert result.returncode == 0, result.stderr
    for device in [str(chip), f"npu:{chip}", "npu"]:
        result = tool("run", file, f"--device={device}")
        assert result.returncode == 0, result.stderr
    result = tool("run", file, "--device=npu:atom")
    assert result.returncode == 1
    assert "npu.vector.lanes (128, 64)" in result.stderr
    # Device memory that is smaller than the weight alone.
    small = {**description["memory"]["capacity"], "value": (1 << 20) + (300 << 20)}
    description["memory"]["capacity"] = small
    description["memory"]["reserve"]["value"] = 300 << 20
    description["memory"]["granule"] = 4096
    chip.write_text(json.dumps(description))
    result = tool("compile", model, f"--target={chip}", "-o", file)
    if result.returncode == 0:
        result = tool("run", file)
        # 75 KiB each: weight, input, output and what lies between.
        assert result.returncode == 0 or "out of device memory" in result.stderr


def test_models_without_weights(tmp_path: Path, tool: Tool) -> None:
    source = tmp_path / "bias.mlir"
    file = tmp_path / "a.narae"
    tensor = "tensor<100000x64xf32>"
    source.write_text(
        f'fm.weight_data @w : {tensor} {{file = "", offset = 0 : i64, length = 25600000 : i64, '
        "hash = 0 : i64, absent}\n"
        f'func.func @main(%x: {tensor} {{fm.name = "x"}}) -> ({tensor} {{fm.name = "y"}}) {{\n'
        f"  %w = fm.weight @w : {tensor}\n"
        f"  %y = fm.add %x, %w : ({tensor}, {tensor}) -> {tensor}\n"
        f"  return %y : {tensor}\n"
        "}\n"
    )
    result = tool("compile", source, "--target=npu:atom", "-o", file)
    assert result.returncode == 0, result.stderr
    assert file.stat().st_size < 1 << 20
    result = tool("run", file, "--timing-only", "--json")
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["weight_bytes"] == 100000 * 64 * 4
    assert report["device"]["dram_bytes"] == 3 * 100000 * 64 * 4
    # No faster than device memory.
    assert report["device"]["seconds"] >= 3 * 100000 * 64 * 4 / 256e9
    for device in ("npu", "npu:atom,timing"):
        result = tool("run", file, f"--device={device}")
        assert result.returncode == 1
        assert "compiled without weights" in result.stderr


def test_threads(artifact: narae.Artifact) -> None:
    results: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        session = narae.Session(artifact)
        for _ in range(3):
            results[number] = session.run(feed())["y"]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(3):
        np.testing.assert_array_equal(results[number], results[0])
