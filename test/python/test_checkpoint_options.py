"""Compiling checkpoints: what MODEL may be, the options, memory, weights outside."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import ml_dtypes  # noqa: F401  (NumPy learns bfloat16)
import narae
import numpy as np
import pytest
from conftest import ROOT, RunTool
from safetensors.numpy import load_file, save_file

DATA = ROOT / "test" / "data"
LLAMA = DATA / "checkpoints" / "llama"
EXAONE = DATA / "configs" / "k-exaone-236b-a23b" / "config.json"


def score(artifact: narae.Artifact, tokens: int = 5) -> np.ndarray:
    session = narae.Session(artifact)
    batch = artifact.metadata["language_model"]["batch"]
    inputs = {
        "tokens": np.arange(batch * tokens).reshape(batch, tokens),
        "start": np.zeros(batch, np.int64),
        "lengths": np.full(batch, tokens),
    }
    return session.run(inputs, entry="score")["logits"]


def test_options_reach_the_model(tmp_path: Path) -> None:
    artifact = narae.compile(
        LLAMA,
        output=tmp_path / "a.narae",
        batch=3,
        context=40,
        kv_type="bf16",
        prefill_chunk=8,
    )
    assert list(artifact.entries) == ["prefill", "decode", "score"]
    model = artifact.metadata["language_model"]
    assert (model["batch"], model["context"], model["prefill_chunk"]) == (3, 40, 8)
    states = narae.Session(artifact).state()
    assert {array.dtype.name for array in states.values()} == {"bfloat16"}
    report = artifact.report
    token = sum(array[0, :, 0].nbytes for array in states.values())
    assert report["kv_bytes_per_token"] == token
    assert report["kv_bytes_fixed"] == 0
    assert report["state_bytes"] == sum(array.nbytes for array in states.values())
    # One memory for all entries: the state is updated where it is.
    assert [entry["copies"] for entry in report["entries"]] == [0, 0, 0]
    assert score(artifact).shape[:2] == (3, 5)


def test_identical_layers_compile_once(tmp_path: Path) -> None:
    count = {}
    for layers in (2, 6):
        folder = tmp_path / str(layers)
        folder.mkdir()
        config = json.loads((LLAMA / "config.json").read_text())
        config["num_hidden_layers"] = layers
        (folder / "config.json").write_text(json.dumps(config))
        options = {"without_weights": True, "output": folder / "a.narae"}
        narae.compile(folder, **options)
        report = _report(folder / "config.json", folder)
        count[layers] = len(report["kernels"])
    assert count[2] == count[6]


def _report(config: Path, folder: Path) -> dict:
    import subprocess

    from conftest import BUILD

    command = [BUILD / "bin" / "narae", "compile", config, "--without-weights"]
    command += ["--stop-after=memory", "-o", folder / "a.mlir", f"--report={folder}/r.json"]
    subprocess.run(command, check=True, capture_output=True)
    return json.loads((folder / "r.json").read_text())


def test_bare_configuration(tmp_path: Path, tool: RunTool) -> None:
    made = tool("compile", EXAONE, "--stop-after=schedule", "-o", tmp_path / "a.mlir")
    assert made.returncode == 1
    assert "--without-weights" in made.stderr
    made = tool(
        "compile", EXAONE, "--without-weights", "--stop-after=schedule", "-o", tmp_path / "a.mlir"
    )
    assert made.returncode == 0, made.stderr
    assert "bytes a token" in made.stderr
    assert "fm.state" in (tmp_path / "a.mlir").read_text()


def test_a_host_that_is_too_small(tmp_path: Path, tool: RunTool) -> None:
    made = tool(
        "compile", EXAONE, "--without-weights", "--stop-after=memory", "-o", tmp_path / "a.mlir"
    )
    assert made.returncode == 1
    assert "does not fit into the target's memory: need" in made.stderr
    assert "weight 'model.layers" in made.stderr
    assert "--context" in made.stderr
    assert not (tmp_path / "a.mlir").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "batch is at least 1"),
        ({"prefill_chunk": -3}, "prefill chunk is at least 1"),
        ({"context": 0}, "context is at least 1"),
        ({"kv_type": "i8"}, "f32, bf16, f16 or q8_0, not 'i8'"),
        ({"quantize": "q9"}, "q8_0, q4_0 or q4_k, not 'q9'"),
        ({"weights": "nowhere"}, '"embedded" or "external"'),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(narae.Error, match=message):
        narae.compile(LLAMA, **options)


def test_what_a_model_is(tmp_path: Path, tool: RunTool) -> None:
    made = tool("compile", tmp_path, "-o", tmp_path / "a.narae")
    assert made.returncode == 1
    assert "a folder without config.json" in made.stderr
    made = tool("compile", tmp_path / "no.gguf", "-o", tmp_path / "a.narae")
    assert made.returncode == 1
    assert "there is no file" in made.stderr


@pytest.mark.parametrize("model", ["checkpoints/llama", "gguf/llama.F16.gguf"])
def test_weights_outside(tmp_path: Path, model: str) -> None:
    source = DATA / model
    copy = tmp_path / "model"
    if source.is_dir():
        shutil.copytree(source, copy)
        folder, path = copy, copy
    else:
        folder = copy
        copy.mkdir()
        path = Path(shutil.copy(source, copy))
    inside = narae.compile(path, output=tmp_path / "in.narae", context=32)
    outside = narae.compile(path, output=tmp_path / "out.narae", context=32, weights="external")
    assert (tmp_path / "out.narae").stat().st_size < (tmp_path / "in.narae").stat().st_size
    with pytest.raises(narae.Error, match="a file of their own"):
        narae.load(tmp_path / "out.narae")
    np.testing.assert_allclose(score(outside), score(inside), rtol=1e-4, atol=1e-4)
    moved = narae.load(tmp_path / "out.narae", weights_dir=folder)
    np.testing.assert_array_equal(score(moved), score(outside))


@pytest.mark.parametrize(("kind", "loss"), [("q8_0", 0.03), ("q4_0", 0.8), ("q4_k", 0.03)])
def test_quantized(tmp_path: Path, kind: str, loss: float) -> None:
    exact = score(narae.compile(LLAMA, output=tmp_path / "a.narae", context=32))
    path = tmp_path / "q.narae"
    packed = narae.compile(LLAMA, output=path, context=32, quantize=kind, exact=True)
    difference = np.abs(score(packed) - exact).max() / np.abs(exact).max()
    assert difference < loss
    bits = {"q8_0": 8.5, "q4_0": 4.5, "q4_k": 8.5}[kind]  # rows too short for q4_k
    stored = narae.compile(LLAMA, output=path, context=32).weight_bytes
    assert packed.weight_bytes < stored * (bits + 4) / 32
    with pytest.raises(narae.Error, match="--weights=external or --quantize"):
        narae.compile(LLAMA, output=path, quantize=kind, weights="external")


def test_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        narae.compile(LLAMA, output=tmp_path / f"{name}.narae", context=32)
    assert (tmp_path / "a.narae").read_bytes() == (tmp_path / "b.narae").read_bytes()


def test_dumped_phases_compile_on(tmp_path: Path, tool: RunTool) -> None:
    made = tool(
        "compile", LLAMA, "--context=32", f"--dump-phases={tmp_path}", "-o", tmp_path / "a.narae"
    )
    assert made.returncode == 0, made.stderr
    expected = score(narae.load(tmp_path / "a.narae"))
    for phase, later in (("1-import", "graph"), ("5-schedule", "memory")):
        out = tmp_path / f"{later}.narae"
        made = tool("compile", tmp_path / f"{phase}.mlir", f"--start-from={later}", "-o", out)
        assert made.returncode == 0, made.stderr
        artifact = narae.load(out)
        assert artifact.attachments == narae.load(tmp_path / "a.narae").attachments
        np.testing.assert_array_equal(score(artifact), expected)


def rounded_copy(folder: Path, dtype: str) -> Path:
    """The checkpoint with its matrices rounded, all stored as f32."""
    shutil.copytree(LLAMA, folder)
    for path in folder.glob("*.safetensors"):
        tensors = load_file(path)
        for name, tensor in tensors.items():
            if tensor.ndim >= 2:
                tensors[name] = tensor.astype(dtype).astype(np.float32)
        save_file(tensors, path)
    return folder


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_precision_rounds_the_matrices(tmp_path: Path, dtype: str) -> None:
    short = {"bfloat16": "bf16", "float16": "f16"}[dtype]
    plain = narae.compile(LLAMA)
    rounded = narae.compile(LLAMA, precision=short, kv_type="f32")
    want = score(narae.compile(rounded_copy(tmp_path / "rounded", dtype)))
    have = score(rounded)
    assert np.abs(have - want).max() <= 1e-5 * np.abs(want).max()
    assert np.abs(have - score(plain)).max() > 1e-5 * np.abs(want).max()
    assert rounded.report["weight_bytes"] < 0.6 * plain.report["weight_bytes"]
    cached = narae.compile(LLAMA, precision=short)
    assert cached.metadata["language_model"]["kv_type"] == "f16"


def test_rounded_weights_are_not_outside() -> None:
    with pytest.raises(narae.Error, match="--weights=external or --precision"):
        narae.compile(LLAMA, precision="bf16", weights="external")
