"""Memory that tensors share: peaks of plans as closed forms, results as ONNX Runtime's."""

from __future__ import annotations

from pathlib import Path

import narae
import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import ROOT
from onnx import helper
from safetensors import safe_open
from small_models import model, value

KIB = 1024


def compiled(proto: onnx.ModelProto, folder: Path) -> tuple[narae.Artifact, dict]:
    onnx.save(proto, folder / "model.onnx")
    artifact = narae.compile(folder / "model.onnx", output=folder / "model.narae")
    return artifact, artifact.report["entries"][0]


def check(proto: onnx.ModelProto, artifact: narae.Artifact, *inputs: np.ndarray) -> None:
    """The artifact's results, run twice on one arena, are ONNX Runtime's."""
    reference = onnxruntime.InferenceSession(proto.SerializeToString())
    session = narae.Session(artifact)
    names = [entry.name for entry in reference.get_inputs()]
    for x in (*inputs, *inputs):
        feeds = dict.fromkeys(names, x)
        outputs = session.run(feeds)
        for output, expected in zip(
            reference.get_outputs(), reference.run(None, feeds), strict=True
        ):
            np.testing.assert_allclose(outputs[output.name], expected, rtol=2e-4, atol=2e-4)


def residual(rows: int | str, blocks: int = 3) -> onnx.ModelProto:
    """Blocks of x + relu(x w) v, 128 wide with 512 inside."""
    random = np.random.default_rng(0)
    nodes, weights, x = [], {}, "x"
    for i in range(blocks):
        weights[f"w{i}"] = (random.standard_normal((128, 512)) / 12).astype(np.float32)
        weights[f"v{i}"] = (random.standard_normal((512, 128)) / 24).astype(np.float32)
        out = "y" if i + 1 == blocks else f"x{i}"
        nodes += [
            helper.make_node("MatMul", [x, f"w{i}"], [f"h{i}"]),
            helper.make_node("Relu", [f"h{i}"], [f"r{i}"]),
            helper.make_node("MatMul", [f"r{i}", f"v{i}"], [f"p{i}"]),
            helper.make_node("Add", [x, f"p{i}"], [out]),
        ]
        x = out
    return model(nodes, [value("x", (rows, 128))], [value("y", (rows, 128))], weights)


def test_residual_stream_is_added_to_in_place(tmp_path: Path) -> None:
    proto = residual(64)
    artifact, entry = compiled(proto, tmp_path)
    # The stream, 64 x 128 x 4 = 32 KiB, and the inner product, 64 x 512 x 4 = 128 KiB;
    # a second stream, of another 32 KiB, would be there without.
    assert entry["arena_peak"] == (32 + 128) * KIB
    check(proto, artifact, np.random.default_rng(1).standard_normal((64, 128)).astype(np.float32))


def test_residual_stream_of_any_length(tmp_path: Path) -> None:
    proto = residual("n")
    artifact, _ = compiled(proto, tmp_path)
    random = np.random.default_rng(2)
    check(
        proto, artifact, *(random.standard_normal((n, 128)).astype(np.float32) for n in (5, 1, 70))
    )


def conv(name: str, inputs: str, channels: int, filters: int, weights: dict) -> onnx.NodeProto:
    random = np.random.default_rng(len(weights))
    shape = (filters, channels, 3, 3)
    weights[name + ".w"] = (random.standard_normal(shape) / 3 / channels**0.5).astype(np.float32)
    return helper.make_node("Conv", [inputs, name + ".w"], [name], name=name, pads=[1, 1, 1, 1])


def test_branches_write_the_concatenation(tmp_path: Path) -> None:
    weights: dict[str, np.ndarray] = {}
    nodes = [
        conv("a", "x", 8, 16, weights),
        conv("b", "x", 8, 16, weights),
        helper.make_node("Concat", ["a", "b"], ["both"], axis=1),
        conv("y", "both", 32, 4, weights),
    ]
    image = [value("x", (1, 8, 16, 16))]
    proto = model(nodes, image, [value("y", (1, 4, 16, 16))], weights)
    artifact, entry = compiled(proto, tmp_path)
    assert (entry["dispatches"], entry["copies"]) == (3, 0)
    assert entry["arena_peak"] == 32 * 16 * 16 * 4  # the concatenation alone
    check(
        proto, artifact, np.random.default_rng(3).standard_normal((1, 8, 16, 16)).astype(np.float32)
    )


def test_concatenations_of_concatenations(tmp_path: Path) -> None:
    weights: dict[str, np.ndarray] = {}
    nodes = [conv("c0", "x", 4, 16, weights)]
    name, channels = "c0", 16
    for i in range(1, 5):
        nodes.append(conv(f"n{i}", name, channels, 8, weights))
        nodes.append(helper.make_node("Concat", [name, f"n{i}"], [f"c{i}"], axis=1))
        name, channels = f"c{i}", channels + 8
    nodes.append(conv("y", name, channels, 4, weights))
    image = [value("x", (1, 4, 12, 12))]
    proto = model(nodes, image, [value("y", (1, 4, 12, 12))], weights)
    artifact, _ = compiled(proto, tmp_path)
    check(
        proto, artifact, np.random.default_rng(4).standard_normal((1, 4, 12, 12)).astype(np.float32)
    )


def test_what_must_be_copied_is(tmp_path: Path) -> None:
    """An input, a result, and one value twice: pieces lie elsewhere."""
    weights: dict[str, np.ndarray] = {}
    nodes = [
        conv("a", "x", 8, 8, weights),
        conv("b", "a", 8, 8, weights),
        helper.make_node("Concat", ["a", "b", "x", "b"], ["all"], axis=1),
        conv("y", "all", 32, 8, weights),
        helper.make_node("Concat", ["all", "y"], ["z"], axis=1),
    ]
    outputs = [value("a", (1, 8, 9, 9)), value("z", (1, 40, 9, 9))]
    proto = model(nodes, [value("x", (1, 8, 9, 9))], outputs, weights)
    artifact, _ = compiled(proto, tmp_path)
    check(
        proto, artifact, np.random.default_rng(5).standard_normal((1, 8, 9, 9)).astype(np.float32)
    )


def test_pieces_of_unknown_size(tmp_path: Path) -> None:
    random = np.random.default_rng(6)
    weights = {
        name: (random.standard_normal((32, 32)) / 6).astype(np.float32) for name in ("u", "v", "w")
    }
    nodes = [
        helper.make_node("MatMul", ["x", "u"], ["a"]),
        helper.make_node("MatMul", ["x", "v"], ["b"]),
        helper.make_node("Concat", ["a", "b"], ["both"], axis=0),
        helper.make_node("MatMul", ["both", "w"], ["y"]),
    ]
    proto = model(nodes, [value("x", ("n", 32))], [value("y", (None, 32))], weights)
    artifact, entry = compiled(proto, tmp_path)
    assert (entry["dispatches"], entry["copies"]) == (3, 0)
    check(
        proto, artifact, *(random.standard_normal((n, 32)).astype(np.float32) for n in (3, 1, 17))
    )


def test_early_pieces_do_not_raise_the_peak(tmp_path: Path) -> None:
    """A skip connection: the early half would keep the whole alive for long."""
    weights: dict[str, np.ndarray] = {}
    nodes = [
        conv("skip", "x", 4, 16, weights),
        conv("wide", "skip", 16, 64, weights),
        conv("narrow", "wide", 64, 16, weights),
        helper.make_node("Concat", ["skip", "narrow"], ["both"], axis=1),
        conv("y", "both", 32, 4, weights),
    ]
    image = [value("x", (1, 4, 16, 16))]
    proto = model(nodes, image, [value("y", (1, 4, 16, 16))], weights)
    artifact, entry = compiled(proto, tmp_path)
    # At the fullest time the skip, 16 KiB, the wide, 64, and the result of narrow, 16.
    assert entry["arena_peak"] == (16 + 64 + 16) * KIB
    check(
        proto, artifact, np.random.default_rng(7).standard_normal((1, 4, 16, 16)).astype(np.float32)
    )


@pytest.mark.parametrize("chunk", [4, 32])
def test_entries_share_arena_and_weights(tmp_path: Path, chunk: int) -> None:
    folder = ROOT / "test" / "data" / "checkpoints" / "llama"
    artifact = narae.compile(folder, output=tmp_path / "m.narae", context=64, prefill_chunk=chunk)
    report = artifact.report
    spaces = {space["space"]: space for space in report["memory"]}
    assert len(report["entries"]) == 3
    assert spaces["arena"]["peak"] == max(entry["arena_peak"] for entry in report["entries"])
    # All weights of the checkpoint once, and tables of angles: a second copy would double them.
    with safe_open(folder / "model.safetensors", "np") as file:
        stored = sum(file.get_tensor(name).nbytes for name in file.keys())  # noqa: SIM118
    assert stored <= spaces["weights"]["peak"] <= 1.05 * stored
