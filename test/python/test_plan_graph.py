"""`narae plan` of ONNX graphs: counts against closed forms, no weights read."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import BUILD, ROOT
from onnx import TensorProto, helper, numpy_helper

NARAE = BUILD / "bin" / "narae"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(NARAE), "plan", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def plan(*arguments: str | Path) -> dict:
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def save(
    path: Path, nodes: list, inputs: dict, outputs: dict, weights: dict, **options: object
) -> Path:
    def info(items: dict) -> list:
        return [
            helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in items.items()
        ]

    initializers = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "g", info(inputs), info(outputs), initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path, **options)
    return path


def two_layers(path: Path, **options: object) -> Path:
    """[batch, 256] x [256, 1024], relu, x [1024, 64]."""
    weights = {
        "first": np.zeros((256, 1024), np.float32),
        "second": np.zeros((1024, 64), np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["x", "first"], ["h"], name="up"),
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("MatMul", ["r", "second"], ["y"], name="down"),
    ]
    return (
        save(
            path,
            nodes,
            {"x": ["batch", 256]},
            {"y": ["batch", 64]},
            weights,
            size_threshold=0,
            **options,
        )
        if options
        else save(path, nodes, {"x": ["batch", 256]}, {"y": ["batch", 64]}, weights)
    )


PARAMETERS = 256 * 1024 + 1024 * 64


def test_counts_of_two_products(tmp_path: Path) -> None:
    model = two_layers(tmp_path / "m.onnx")
    result = plan(model, "--target=nvidia:a100-80", "--batch=32")
    assert result["parameters"] == PARAMETERS
    assert result["weight_bytes"] == 4 * PARAMETERS
    assert result["batch"] == 32
    assert result["fits"]
    (space,) = result["spaces"]
    assert space["weights"] == 4 * PARAMETERS
    # Input, hidden tensor (the relu is done in it) and output, which the caller keeps.
    activations = 4 * 32 * (256 + 1024 + 64)
    assert space["activations"] == pytest.approx(activations, abs=3 * 256)
    hardware = result["hardware"]
    peak = hardware["peak"]["f32"]["value"]
    bandwidth = hardware["memory"]["bandwidth"]["value"]
    operations = 2 * 32 * PARAMETERS + 32 * 1024  # the relu has one an element
    bound = max(operations / peak, 4 * PARAMETERS / bandwidth)
    assert result["run"]["bound_ms"] == pytest.approx(1e3 * bound, rel=1e-6)
    assert result["run"]["bound_ms"] <= result["run"]["estimate_ms"]
    assert result["run"]["bound_by"] == "compute"
    alone = plan(model, "--target=nvidia:a100-80", "--batch=1")["run"]
    assert alone["bound_by"] == "HBM"
    assert alone["bound_ms"] == pytest.approx(1e3 * 4 * PARAMETERS / bandwidth, rel=1e-6)
    assert any("stands in" in note for note in result["notes"])


def test_precision_changes_bytes(tmp_path: Path) -> None:
    model = two_layers(tmp_path / "m.onnx")
    expected = {
        "f32": 4 * PARAMETERS,
        "bf16": 2 * PARAMETERS,
        "int8": PARAMETERS + 2 * (256 * 8 + 1024 * 1),
        "fp8": PARAMETERS + 4 * (2 * 8 + 8 * 1),
    }
    for precision, weights in expected.items():
        assert (
            plan(model, "--target=npu:atom", f"--precision={precision}")["weight_bytes"] == weights
        )


def test_convolution(tmp_path: Path) -> None:
    weights = {"w": np.zeros((32, 8, 3, 3), np.float32)}
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], name="c", pads=[1, 1, 1, 1], group=2)]
    shape = {"x": [1, 16, "h", "w_"]}
    model = save(tmp_path / "c.onnx", nodes, shape, {"y": [1, 32, "h", "w_"]}, weights)
    done = run(model, "--target=npu:atom")
    assert done.returncode == 1
    assert "h, w_" in done.stderr
    assert "--dim" in done.stderr
    result = plan(model, "--target=npu:atom", "--dim", "h=512", "--dim", "w_=256")
    operations = 2 * 32 * 512 * 256 * 8 * 9
    hardware = result["hardware"]
    seconds = operations / (
        hardware["peak"]["f16"]["value"] * hardware["compute_efficiency"]["value"]
    )
    assert result["run"]["compute_ms"] == pytest.approx(1e3 * seconds, rel=1e-6)


def test_weights_are_not_read(tmp_path: Path) -> None:
    two_layers(tmp_path / "m.onnx", save_as_external_data=True, location="m.bin")
    inline = plan(two_layers(tmp_path / "n.onnx"), "--target=npu:rebel-quad")
    (tmp_path / "m.bin").unlink()
    outside = plan(tmp_path / "m.onnx", "--target=npu:rebel-quad")
    for key in ("parameters", "weight_bytes", "spaces", "run", "largest"):
        assert outside[key] == inline[key], key
    # Stacks have equal parts.
    assert len({space["weights"] for space in outside["spaces"]}) == 1


def test_an_encoder() -> None:
    model = ROOT / "test" / "data" / "minilm" / "model.onnx"
    done = run(model, "--target=npu:atom", "--batch=4")
    dims = [] if done.returncode == 0 else ["--dim", "sequence_length=128", "--dim", "seq=128"]
    if dims:
        assert "without a size" in done.stderr
        names = done.stderr.split("without a size: ")[1].split(";")[0].split(", ")
        dims = [part for name in names for part in ("--dim", f"{name}=128")]
    result = plan(model, "--target=npu:atom", "--batch=4", *dims)
    graph = onnx.load(model, load_external_data=False).graph
    elements = sum(
        int(np.prod(t.dims)) for t in graph.initializer if t.data_type == TensorProto.FLOAT
    )
    assert result["parameters"] == pytest.approx(elements, rel=1e-4)
    assert run(model, "--target=npu:atom", "--batch=4", *dims).returncode == 0


def small_target(path: Path, capacity: int) -> str:
    """A card like ATOM with another memory."""
    target = json.loads((ROOT / "backends" / "npu" / "targets" / "atom.json").read_text())
    target["memory"]["capacity"] = {"value": capacity, "assumed": "for a test"}
    target["memory"]["reserve"] = {"value": 0, "assumed": "for a test"}
    target["memory"]["granule"] = 256
    path.write_text(json.dumps(target))
    return f"--target={path}"


def test_advice_of_what_does_not_fit(tmp_path: Path) -> None:
    model = two_layers(tmp_path / "m.onnx")
    # Weights, and 4 (256 + 1,024 + 64) bytes of activations for each of 1,000 rows.
    target = small_target(tmp_path / "t.json", 4 * PARAMETERS + 4 * 1344 * 1000)
    assert plan(model, target, "--batch=1000")["fits"]
    result = plan(model, target, "--batch=1500")
    assert not result["fits"]
    advice = {item["change"]: item["effect"] for item in result["advice"]}
    batches = [int(change.split()[1]) for change in advice if change.startswith("--batch")]
    assert len(batches) == 1
    assert plan(model, target, f"--batch={batches[0]}")["fits"]
    assert not plan(model, target, f"--batch={batches[0] + 1}")["fits"]
    precisions = [change.split()[1] for change in advice if change.startswith("--precision")]
    assert precisions == ["bf16"]
    assert plan(model, target, "--batch=1500", "--precision=bf16")["fits"]
    text = run(model, target, "--batch=1500").stdout
    assert f"--batch {batches[0]}: the most that fit" in text
    assert "Memory, MiB in each space" in text
    # Where nothing helps, how much it would take.
    tiny = small_target(tmp_path / "u.json", 1 << 20)
    (last,) = plan(model, tiny, "--batch=1")["advice"][-1:]
    assert last["change"].startswith(("--precision", "--target"))


def test_trace_adds_up(tmp_path: Path) -> None:
    model = two_layers(tmp_path / "m.onnx")
    trace = tmp_path / "t.json"
    result = plan(model, "--target=npu:atom", "--batch=64", f"--trace={trace}")
    events = json.loads(trace.read_text())["traceEvents"]
    slices = [e for e in events if e["ph"] == "X"]
    (whole,) = [e for e in slices if e["name"] == "run"]
    assert whole["dur"] == pytest.approx(1e3 * result["run"]["estimate_ms"], abs=0.01)
    lanes = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    for lane, field in (("compute", "compute_ms"), ("gddr", "memory_ms")):
        spent = sum(e["dur"] for e in slices if lanes[e["tid"]] == lane)
        assert spent == pytest.approx(1e3 * result["run"][field], abs=0.01)
    names = {e["name"] for e in slices if lanes[e["tid"]] == "compute"}
    assert any("up" in name for name in names)
    assert any("down" in name for name in names)
    held = [e["args"] for e in events if e["ph"] == "C"]
    (space,) = result["spaces"]
    assert {h["weights"] for h in held} == {space["weights"]}
    # All that lives at one time, within what rounding of places adds.
    most = max(h["activations"] for h in held)
    assert most == pytest.approx(space["activations"], abs=3 * 256)
    assert held[-1]["activations"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--devices=2"], "one device"),
        (["--parallel=tp=2"], "--parallel"),
        (["--search"], "--search"),
        (["--precision=fp7"], "fp7"),
        (["--dim", "nosuch=3"], "nosuch"),
        (["--dim", "batch=3.."], "upper bound"),
    ],
)
def test_bad_requests(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run(two_layers(tmp_path / "m.onnx"), "--target=npu:atom", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
