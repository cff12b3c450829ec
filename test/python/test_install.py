"""The installed tree serves programs and backends outside of this one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import narae
import numpy as np
import onnx
import pytest
import small_models
from conftest import BUILD, ROOT

Narae = Callable[..., "subprocess.CompletedProcess[str]"]
pytestmark = [
    pytest.mark.skipif(not shutil.which("cmake"), reason="needs CMake"),
    pytest.mark.xdist_group("install"),
]


def run(
    *command: object, check: bool = True, timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=timeout
    )
    assert not check or result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Narae installed in `narae`, the toy backend built against it in `toy`."""
    folder = tmp_path_factory.mktemp("install")
    run("cmake", "--install", BUILD, "--prefix", folder / "narae")
    # A compiler that the packages of `scripts/setup.sh` have.
    compilers = ["-DCMAKE_C_COMPILER=clang-19", "-DCMAKE_CXX_COMPILER=clang++-19", "-GNinja"]
    prefix = f"-DCMAKE_PREFIX_PATH={folder / 'narae'}"
    sources = {
        "toy": ROOT / "examples" / "toy-backend",
        "anchors": ROOT / "test" / "python" / "plugins" / "anchors",
    }
    for name, source in sources.items():
        run("cmake", "-S", source, "-B", folder / name, *compilers, prefix)
        run("cmake", "--build", folder / name)
    onnx.save(small_models.linear(3), folder / "linear.onnx")
    return folder


@pytest.fixture(scope="module")
def plugin(folder: Path) -> Path:
    return folder / "toy" / "libtoy-backend.so"


@pytest.fixture(scope="module")
def installed(folder: Path) -> Narae:
    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        return run(folder / "narae" / "bin" / "narae", *arguments, check=False)

    return call


def test_program_on_the_runtime(folder: Path, installed: Narae) -> None:
    path = folder / "cpu.narae"
    assert installed("compile", folder / "linear.onnx", "-o", path).returncode == 0
    printed = run(folder / "toy" / "run-toy", path).stdout
    x = np.ones((3, 4), np.float32)
    want = narae.Session(narae.load(path)).run({"x": x})["y"]
    np.testing.assert_allclose(np.array(printed.split(), float), want.ravel(), rtol=1e-5)


def test_backend_outside_the_tree(folder: Path, plugin: Path, installed: Narae) -> None:
    path = folder / "toy.narae"
    model = folder / "linear.onnx"
    assert "toy" in installed("targets", "--plugin", plugin).stdout.split()
    result = installed("compile", model, "--target=toy", "--plugin", plugin, "-o", path)
    assert result.returncode == 0, result.stderr
    result = installed("verify", path, "--model", model, "--plugin", plugin)
    assert result.returncode == 0, result.stdout + result.stderr
    printed = run(folder / "toy" / "run-toy", path, plugin).stdout
    assert len(printed.split()) == 15
    result = installed("run", path)
    assert result.returncode == 1
    assert "no backend for device 'toy'" in result.stderr


def test_toy_backend_passes_the_kit(plugin: Path, installed: Narae) -> None:
    result = installed("conformance", "--plugin", plugin, "--json")
    report = json.loads(result.stdout)
    assert [check for check in report["checks"] if check["outcome"] == "failed"] == []
    assert result.returncode == 0, result.stderr
    assert report["target"] == report["device"] == "toy"
    assert report["passed"] > 50
    for check in report["checks"]:
        assert check["outcome"] == "passed" or check["detail"], check


#: Mistakes in Runtime.cpp: (what it says, what it should not), and the checks that must see it.
MUTANTS = {
    "a wrong copy": (
        [("std::memmove(target, source, bytes);", "std::memmove(target, source, bytes / 2 * 2);")],
        "copy: sizes",
    ),
    "copies of aligned addresses alone": (
        [("device->memory.get() + at :", "device->memory.get() + at / 4 * 4 :")],
        "copy: unaligned",
    ),
    "an event that is past at once": (
        [("= *event = new NaraeEvent();", "= *event = new NaraeEvent{true};")],
        "queue: events",
    ),
    "a queue that waits for no other": (
        [("[=] { return event->done; }", "[=] { return true; }")],
        "queue: between queues",
    ),
    "a bad object that is accepted": (
        [("if (!in.ok)", "if (false)"), ("words[1] != toy::checksum(words)", "false")],
        "errors: parts of objects",
    ),
    "an unchecked object": (
        [
            ("words[0] != toy::kMagic", "false"),
            ("words[1] != toy::checksum(words)", "false"),
            ("if (!in.ok)", "if (false)"),
        ],
        "errors: objects that are none",
    ),
    "a wrong rounding": (
        [("? x + y", "? std::nextafter(x + y, 0.0f)")],
        "numerics: fm.add",
    ),
    "sums that lose bits": (
        [("to.own[i] = float(sum);", "to.own[i] = float(int64_t(sum * 4096)) / 4096;")],
        "numerics: fm.matmul",
    ),
    "memory that never comes back": (
        [("device->allocations.erase(", "(void)(")],
        "memory: until it is refused",
    ),
    "a message behind the end": (
        [("std::snprintf(error, size,", "std::snprintf(error, size + 8,")],
        "errors: other targets",
    ),
    "a message that is missing": (
        [("std::snprintf(error, size,", "std::snprintf(error, 1,")],
        "errors: too much memory",
    ),
    "a crash": (
        [
            (
                "if (words.size() < 2 ||",
                "if (words.empty())\n    std::abort();\n  if (words.size() < 2 ||",
            )
        ],
        "errors: objects that are none",
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mistakes_fail_the_kit(folder: Path, installed: Narae, tmp_path: Path, name: str) -> None:
    changes, group = MUTANTS[name]
    text = (ROOT / "examples" / "toy-backend" / "Runtime.cpp").read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    source, plugin = tmp_path / "Runtime.cpp", tmp_path / "mutant.so"
    source.write_text(text)
    compiler_side = next((folder / "toy").rglob("Compiler.cpp.o"))
    includes = [f"-I{folder / 'narae' / 'include'}", f"-I{ROOT / 'examples' / 'toy-backend'}"]
    library = run("llvm-config-19", "--libdir").stdout.strip()
    run(
        *("clang++-19", "-std=c++17", "-O1", "-fPIC", "-shared", *includes, source, compiler_side),
        *(f"-L{library}", f"-Wl,-rpath,{library}", "-lMLIR", "-lLLVM", "-o", plugin),
    )
    result = installed("conformance", "--plugin", plugin, "--json", f"--only={group}")
    assert result.returncode == 1, result.stdout + result.stderr
    checks = json.loads(result.stdout)["checks"]
    assert any(check["outcome"] == "failed" and check["detail"] for check in checks)
    if name == "a crash":
        assert "the process died" in result.stdout


def test_plugin_with_the_code_generators(folder: Path, installed: Narae) -> None:
    """It has dialect classes of its own, in a copy of the compiler's module."""
    plugin = folder / "anchors" / "libanchors.so"
    arguments = ("--target=anchors", "--plugin", plugin)
    path = folder / "anchors.narae"
    result = installed("compile", folder / "linear.onnx", *arguments, "-o", path)
    assert result.returncode == 0, result.stderr
    assert b"anchor fm.matmul is a product" in path.read_bytes()
    onnx.save(small_models.unary("Sigmoid"), folder / "sigmoid.onnx")
    result = installed("check", folder / "sigmoid.onnx", *arguments)
    assert result.returncode == 1
    assert "anchors are not for fm.sigmoid" in result.stderr


@pytest.mark.slow
def test_the_npu_by_itself(folder: Path, installed: Narae, tmp_path: Path) -> None:
    """`backends/npu` alone, away from the tree, as a plugin in the place of the built-in one."""
    source = tmp_path / "elsewhere" / "backends" / "npu"
    shutil.copytree(ROOT / "backends" / "npu", source)
    prefix = f"-DCMAKE_PREFIX_PATH={folder / 'narae'}"
    compilers = ["-DCMAKE_C_COMPILER=clang-19", "-DCMAKE_CXX_COMPILER=clang++-19", "-GNinja"]
    run("cmake", "-S", source, "-B", tmp_path / "build", *compilers, prefix)
    run("cmake", "--build", tmp_path / "build", timeout=1800)
    plugin = tmp_path / "build" / "libnarae-npu.so"
    arguments = ("--plugin", plugin, "--target=npu:atom", "--device=npu:atom", "--json")
    for only in ("interface", "copy", "queue", "errors", "numerics: fm.add f16"):
        result = installed("conformance", *arguments, f"--only={only}")
        assert result.returncode == 0, result.stdout + result.stderr
    path = folder / "npu.narae"
    model = folder / "linear.onnx"
    result = installed("compile", model, *arguments[:3], "-o", path)
    assert result.returncode == 0, result.stderr


def test_what_the_toy_lacks_is_named(folder: Path, plugin: Path, installed: Narae) -> None:
    onnx.save(small_models.unary("Softmax"), folder / "softmax.onnx")
    arguments = ("--target=toy", "--plugin", plugin)
    result = installed("check", folder / "softmax.onnx", *arguments)
    assert result.returncode == 1
    assert "the_node (Softmax)" in result.stderr
    assert "not known to the toy" in result.stderr


def test_plugins_of_the_environment(folder: Path, plugin: Path, tool: Narae) -> None:
    environment = {**os.environ, "NARAE_PLUGINS": str(plugin)}
    assert "toy" in tool("targets", env=environment).stdout.split()
    environment["NARAE_PLUGINS"] = "/no/such.so"
    result = tool("targets", env=environment)
    assert result.returncode == 1
    assert "NARAE_PLUGINS: cannot load plugin" in result.stderr


def test_plugin_in_python(plugin: Path, tmp_path: Path) -> None:
    narae.load_plugin(str(plugin))
    narae.load_plugin(str(plugin))
    assert "toy" in narae.targets()
    model = small_models.linear(3)
    x = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    got = narae.Session(narae.compile(model, target="toy")).run({"x": x})["y"]
    np.testing.assert_allclose(got, narae.Session(narae.compile(model)).run({"x": x})["y"], 1e-5)
    with pytest.raises(narae.Error, match="cannot load plugin"):
        narae.load_plugin(str(tmp_path / "none.so"))
