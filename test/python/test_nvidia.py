"""The NVIDIA backend: PTX for chips, and its kernels on the emulated GPU."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import narae
import numpy as np
import pytest
import real_models
import small_models
from checkpoints import read_safetensors
from conftest import BUILD, RunTool
from language_runs import Runs

DATA = Path(__file__).resolve().parents[1] / "data"
EMULATOR = "nvidia-emulator"
CHECKED = "nvidia-emulator:check"


def compile_gpu(model: object, target: str = "nvidia:sm_80", **options: object) -> narae.Artifact:
    return narae.compile(model, target=target, emulatable=True, **options)


def ptx_of(artifact: narae.Artifact, tool: RunTool) -> str:
    result = tool("inspect", "--disassemble", artifact.path)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def linear_gpu() -> narae.Artifact:
    return compile_gpu(small_models.linear())


def reference_linear(x: np.ndarray) -> np.ndarray:
    return narae.Session(narae.compile(small_models.linear())).run({"x": x})["y"]


@pytest.mark.parametrize("device", [EMULATOR, CHECKED])
def test_dynamic_sizes_on_the_emulator(linear_gpu: narae.Artifact, device: str) -> None:
    session = narae.Session(linear_gpu, device=device)
    rng = np.random.default_rng(0)
    for n in (1, 3, 200, 0, 7):
        x = rng.standard_normal((n, 4)).astype(np.float32)
        np.testing.assert_allclose(session.run({"x": x})["y"], reference_linear(x), atol=1e-6)


def test_same_bytes_twice(linear_gpu: narae.Artifact) -> None:
    again = compile_gpu(small_models.linear())
    assert Path(again.path).read_bytes() == Path(linear_gpu.path).read_bytes()


def test_entry_points_in_ptx(linear_gpu: narae.Artifact, tool: RunTool) -> None:
    text = ptx_of(linear_gpu, tool)
    assert ".entry k0(" in text
    assert "fma.rn.f32" in text


def test_chips_choose_their_generation(tool: RunTool) -> None:
    names = narae.targets()
    assert {"nvidia:sm_80", "nvidia:sm_90a", "nvidia:h100", "nvidia:b200"} <= set(names)
    for target, sm in [
        ("nvidia:a100-80", "sm_80"),
        ("nvidia:h200", "sm_90a"),
        ("nvidia:b200", "sm_80"),
    ]:
        artifact = compile_gpu(small_models.linear(), target=target)
        assert artifact.target["sm"] == sm


@pytest.mark.parametrize("name", ["sm_70", "sm_89", "sm_80a", "h1000", "sm_"])
def test_unknown_chips_are_refused(name: str) -> None:
    with pytest.raises(narae.Error, match="nvidia"):
        narae.compile(small_models.linear(), target=f"nvidia:{name}")


def test_without_bitcode_the_emulator_says_how_to_get_it() -> None:
    artifact = narae.compile(small_models.linear(), target="nvidia:sm_80")
    with pytest.raises(narae.Error, match="--emulatable"):
        narae.Session(artifact, device=EMULATOR)


def test_artifacts_for_other_devices_are_refused(linear_gpu: narae.Artifact) -> None:
    with pytest.raises(narae.Error, match="NVIDIA GPU"):
        narae.Session(narae.compile(small_models.linear()), device=EMULATOR)
    with pytest.raises(narae.Error):
        narae.Session(linear_gpu, device="cpu")


def test_no_option_but_check() -> None:
    with pytest.raises(narae.Error, match="it has: check"):
        narae.Session(compile_gpu(small_models.linear()), device=f"{EMULATOR}:fast")


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="there is a GPU")
def test_without_a_driver(linear_gpu: narae.Artifact, tool: RunTool) -> None:
    result = tool("run", linear_gpu.path, "--device=nvidia", "--input", "x=2x4:f32:random")
    assert result.returncode == 1
    assert "libcuda.so.1" in result.stderr
    assert EMULATOR in result.stderr


def test_the_runtime_alone_loads_the_emulator(linear_gpu: narae.Artifact, tmp_path: Path) -> None:
    """narae-run has no LLVM: the emulator comes as a plugin."""
    output = tmp_path / "y.npy"
    x = np.ones((2, 4), np.float32)
    np.save(tmp_path / "x.npy", x)
    command = [BUILD / "bin" / "narae-run", linear_gpu.path, f"--device={EMULATOR}"]
    command += [f"--plugin={BUILD / 'lib' / 'libnarae-nvidia-emulator.so'}"]
    command += ["--input", f"x=@{tmp_path / 'x.npy'}", "--output", f"y=@{output}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    np.testing.assert_allclose(np.load(output), reference_linear(x), atol=1e-6)


# --- What ptxas says ----------------------------------------------------------


def ptxas() -> Path:
    found = shutil.which("ptxas")
    if found:
        return Path(found)
    try:
        candidates = list(real_models.package("nvidia").glob("*/bin/ptxas"))
    except pytest.skip.Exception:
        candidates = []
    if not candidates:
        pytest.skip("there is no ptxas; the package nvidia-cuda-nvcc has one")
    return candidates[0]


def assemble(artifact: narae.Artifact, chip: str, tool: RunTool, tmp_path: Path) -> str:
    """What ptxas says of all kernels of an artifact, compiled for a chip."""
    said = ""
    for i, module in enumerate(modules_of(artifact, tool)):
        source = tmp_path / f"{chip}-{i}.ptx"
        source.write_text(module)
        command = [ptxas(), "-v", f"-arch={chip}", source, "-o", source.with_suffix(".cubin")]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert result.returncode == 0, result.stderr
        said += result.stderr
    return said


def modules_of(artifact: narae.Artifact, tool: RunTool) -> list[str]:
    """PTX of each kernel of an artifact."""
    result = tool("inspect", "--disassemble", artifact.path)
    assert result.returncode == 0, result.stderr
    return re.split(r"^(?=//\n// Generated by LLVM)", result.stdout, flags=re.M)[1:]


MODELS: dict[str, Callable[[Path], Path]] = {
    "minilm": real_models.minilm,
    "magika": lambda folder: real_models.magika(),
}


@pytest.mark.parametrize("model", sorted(MODELS))
def test_real_models(model: str, tmp_path: Path) -> None:
    path = MODELS[model](tmp_path)
    session = narae.Session(compile_gpu(path), device=EMULATOR)
    peer = real_models.peer(path)
    rng = np.random.default_rng(1)
    inputs = {}
    for value in peer.get_inputs():
        shape = [
            n if isinstance(n, int) else 2 if axis == 0 else 8 for axis, n in enumerate(value.shape)
        ]
        dtype = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}.get(value.type, np.float32)
        high = 2 if "mask" in value.name else 1 if "type" in value.name else 250
        inputs[value.name] = rng.integers(0, high, shape).astype(dtype)
        if "mask" in value.name:
            inputs[value.name][...] = 1
    names = [output.name for output in peer.get_outputs()]
    outputs = session.run(inputs)
    for name, want in zip(names, peer.run(names, inputs), strict=True):
        real_models.assert_near(outputs[name], want, 1e-3)


@pytest.mark.parametrize("chip", ["sm_80", "sm_90", "sm_100"])
def test_portable_code_assembles_without_spills(
    chip: str, linear_gpu: narae.Artifact, tool: RunTool, tmp_path: Path
) -> None:
    said = assemble(linear_gpu, chip, tool, tmp_path)
    assert "registers" in said
    assert set(re.findall(r"(\d+) bytes spill stores", said)) == {"0"}


@pytest.mark.parametrize(
    ("device", "only"), [(EMULATOR, ""), (CHECKED, "reduce"), (CHECKED, "cache")]
)
def test_conformance(device: str, only: str, tool: RunTool) -> None:
    options = ["--target=nvidia:sm_80", f"--device={device}", "--json"]
    result = tool("conformance", *options, *([f"--only={only}"] if only else []))
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr


FAMILIES = sorted(p.parent.name for p in DATA.glob("checkpoints/*/golden.safetensors"))
PACKED = sorted(p.name for p in DATA.glob("gguf/*.gguf"))


@pytest.mark.parametrize("family", FAMILIES)
def test_language_models(family: str) -> None:
    """Prefill in chunks and decoding, a batch of two, against transformers."""
    golden = read_safetensors(DATA / "checkpoints" / family / "golden.safetensors")
    model = compile_gpu(DATA / "checkpoints" / family, batch=2, context=24, prefill_chunk=7)
    runs = Runs(model, golden["tokens"], golden["logits"], device=EMULATOR)
    runs.by_chunks("prefill", 7)
    runs.by_chunks("score", 5)
    runs.by_token()
    assert runs.error < 1e-4


@pytest.mark.parametrize("name", PACKED)
def test_packed_weights(name: str) -> None:
    golden = read_safetensors(DATA / "gguf" / f"{name}.golden.safetensors")
    model = compile_gpu(
        DATA / "gguf" / name, batch=2, context=24, prefill_chunk=8, kv_type="f32", exact=True
    )
    runs = Runs(model, golden["tokens"], golden["logits"], device=EMULATOR)
    runs.by_chunks("score", 8)
    runs.by_token()
    assert runs.error < 1e-4
