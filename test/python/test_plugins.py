"""Plugins that do not fit are refused by name, and nothing of them stays."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import narae
import pytest
from conftest import BUILD, ROOT, RunTool

PLUGINS = BUILD / "lib" / "test-plugins"
pytestmark = pytest.mark.skipif(not PLUGINS.is_dir(), reason="needs the unit tests' plugins")

REFUSED = {
    "null": "hands over nothing",
    "throws": "threw an exception: no licence",
    "tiny": "incomplete table",
    "size": "incomplete table",
    "version": r"built for version 1 of the backend API; this Narae has version \d",
    "hash": r"schema 0{12}1234 of the backend API; this Narae has schema [0-9a-f]{16}",
    "sides": "neither a compiler nor a runtime side",
    "runtime_nulls": "lacks these functions of its runtime side: copy, wait",
    "runtime_name": "'cpu' is registered already",
    "compiler_size": "compiler side has an incomplete table",
    "compiler_version": "compiler side was built for version 7",
    "compiler_name": "'cpu' is registered already",
    "compiler_nulls": "lacks these functions of its compiler side: supports, compile",
    "compiler_mlir": r"built with MLIR 3\.1\.4, this is 19",
}


def plugin(name: str) -> Path:
    return PLUGINS / f"narae_plugin_{name}.so"


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tool: RunTool, name: str) -> None:
    result = tool("targets", "--plugin", plugin(name))
    assert result.returncode == 1
    assert re.search(REFUSED[name], result.stderr), result.stderr
    assert plugin(name).name in result.stderr


def test_nothing_stays_of_a_refused_plugin() -> None:
    """Its runtime side is fine, and must not be there when its compiler side is not."""
    for _ in range(2):
        with pytest.raises(narae.Error, match=r"MLIR 3\.1\.4"):
            narae.load_plugin(str(plugin("compiler_mlir")))
    assert "bad-compiler_mlir" not in narae.targets()


def test_a_plugin_takes_the_place_of_a_built_in_backend(tool: RunTool) -> None:
    assert "npu:atom" in tool("targets").stdout.split()
    result = tool("targets", "--plugin", plugin("npu"))
    assert result.returncode == 0, result.stderr
    names = result.stdout.split()
    assert names.count("npu") == 1
    assert "npu:atom" not in names


@pytest.mark.parametrize("contents", [None, b"", b"#!/bin/sh\nexit 0\n", b"\x7fELF" + bytes(60)])
def test_no_shared_object(tool: RunTool, tmp_path: Path, contents: bytes | None) -> None:
    path = tmp_path / "plugin.so"
    if contents is None:
        path.mkdir()
    else:
        path.write_bytes(contents)
    result = tool("targets", "--plugin", path)
    assert result.returncode == 1
    assert "cannot load plugin" in result.stderr


def schema_hash(header: str, folder: Path) -> str:
    source, output = folder / "backend.h", folder / "schema.h"
    source.write_text(header)
    script = ROOT / "cmake" / "NaraeBackendSchema.cmake"
    schema = ROOT / "lib" / "artifact" / "Artifact.fbs"
    names = {"HEADER": source, "SCHEMA": schema, "OUTPUT": output}
    command = ["cmake", *(f"-D{name}={path}" for name, path in names.items()), "-P", script]
    subprocess.run(command, check=True, timeout=60)
    found = re.search(r"0x([0-9a-f]{16})ull", output.read_text())
    assert found
    return found[1]


def test_schema_hash(tmp_path: Path) -> None:
    """It is that of the layout: comments and optional members do not count."""
    header = (ROOT / "include" / "narae" / "backend.h").read_text()
    built = (BUILD / "narae" / "backend_schema.h").read_text()
    hash_now = schema_hash(header, tmp_path)
    assert hash_now in built
    same = [
        header.replace("/// One launch.", "/// One start of a kernel."),
        header.replace("  uint32_t api_version;", "  uint32_t    api_version; // its version"),
        header.replace("} NaraeBackendRuntime;", "  int (*more)(void);\n} NaraeBackendRuntime;"),
    ]
    other = [
        header.replace("size_t param_count;", "int32_t param_count;"),
        header.replace("int (*load)(", "int (*load_object)("),
        header.replace("} NaraeLaunch;", "  int more;\n} NaraeLaunch;"),
        header.replace("NARAE_COPY_TO_HOST = 1", "NARAE_COPY_TO_HOST = 5"),
    ]
    assert all(text != header for text in same + other)
    assert [schema_hash(text, tmp_path) for text in same] == [hash_now] * len(same)
    assert hash_now not in [schema_hash(text, tmp_path) for text in other]
