"""The command line, through build/bin/narae."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import small_models
from conftest import BUILD

Tool = Callable[..., "subprocess.CompletedProcess[str]"]

COMMANDS = [
    "compile", "run", "check", "inspect", "verify", "bench", "targets", "pack", "conformance",
    "completion",
]  # fmt: skip


@pytest.fixture(scope="module")
def artifact(tool: Tool, linear_file: Path) -> Path:
    path = linear_file.with_name("cli.narae")
    result = tool("compile", linear_file, "-o", path)
    assert result.returncode == 0, result.stderr
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_options_and_examples(tool: Tool, command: str) -> None:
    result = tool(command, "--help")
    assert result.returncode == 0
    assert f"narae {command}" in result.stdout
    assert "Examples:" in result.stdout
    assert "Options:" in result.stdout
    assert result.stderr == ""


def test_general_help_and_version(tool: Tool) -> None:
    assert all(command in tool("--help").stdout for command in COMMANDS)
    assert tool("help", "compile").stdout == tool("compile", "--help").stdout
    assert tool("--version").stdout.startswith("narae ")
    assert tool().returncode == 1


def test_did_you_mean(tool: Tool, linear_file: Path) -> None:
    result = tool("complie", linear_file)
    assert result.returncode == 1
    assert "did you mean 'compile'" in result.stderr
    result = tool("compile", linear_file, "--tagret=cpu")
    assert result.returncode == 1
    assert "did you mean '--target'" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["compile"],
        ["compile", "a.onnx", "b.onnx"],
        ["compile", "MODEL", "--opt=4"],
        ["compile", "MODEL", "--opt"],
        ["compile", "MODEL", "--exact=yes"],
        ["compile", "MODEL", "--dim", "n"],
        ["compile", "MODEL", "--dim", "n=5..2"],
        ["compile", "MODEL", "--dim", "n=x"],
        ["compile", "MODEL", "--dim", "nothing=2"],
        ["compile", "MODEL", "--target=abacus"],
        ["compile", "MODEL", "--precision=f7"],
        ["compile", "MODEL", "--stop-after=nowhere"],
        ["compile", "MODEL", "--start-from=memory", "--stop-after=import"],
        ["compile", "MODEL", "--devices=2"],
        ["compile", "MODEL", "-o", "/nowhere/x.narae"],
        ["compile", "none.onnx"],
        ["check"],
        ["check", "none.onnx"],
        ["inspect"],
        ["inspect", "MODEL"],
        ["verify", "MODEL"],
        ["bench", "MODEL"],
        ["run", "MODEL"],
        ["targets", "abacus"],
        ["pack", "MODEL"],
        ["completion", "tcsh"],
    ],
)
def test_errors_of_the_user(
    tool: Tool, linear_file: Path, tmp_path: Path, arguments: list[str]
) -> None:
    given = [str(linear_file) if item == "MODEL" else item for item in arguments]
    result = tool(*given, cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    assert "error" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_compile_names_the_output_after_the_model(
    tool: Tool, linear_file: Path, tmp_path: Path
) -> None:
    result = tool("compile", linear_file, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "linear.narae").exists()


def test_compile_never_replaces_the_model(tool: Tool, linear_file: Path) -> None:
    result = tool("compile", linear_file, "-o", linear_file)
    assert result.returncode == 1
    assert "replace the model" in result.stderr


def test_diagnostics(tool: Tool, tmp_path: Path) -> None:
    path = tmp_path / "wobble.onnx"
    path.write_bytes(small_models.unary("Wobble").SerializeToString())
    result = tool("compile", path)
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert lines[0].startswith(f"error: {path}: node 'the_node (Wobble)': ")
    check = tool("check", path)
    assert check.returncode == 1
    found = json.loads(tool("check", path, "--json").stdout)
    assert found["supported"] is False
    assert "Wobble" in json.dumps(found["diagnostics"])


def test_compile_json_and_report(tool: Tool, linear_file: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    result = tool(
        "compile", linear_file, "-o", tmp_path / "x.narae", "--json", f"--report={report}"
    )
    answer = json.loads(result.stdout)
    assert answer["status"] == 0
    assert answer["report"] == json.loads(report.read_text())
    assert result.stderr == ""


def test_stop_after(tool: Tool, linear_file: Path, tmp_path: Path) -> None:
    graph = tool("compile", linear_file, "--stop-after=graph")
    assert graph.returncode == 0, graph.stderr
    assert "fm." in graph.stdout
    path = tmp_path / "import.mlir"
    assert tool("compile", linear_file, "--stop-after=import", "-o", path).returncode == 0
    assert "fm." in path.read_text()


@pytest.mark.parametrize("phase", ["graph", "dispatch", "codegen"])
def test_resume_from_a_dump(
    tool: Tool, linear_file: Path, artifact: Path, tmp_path: Path, phase: str
) -> None:
    dump = tmp_path / "dump"
    first = tmp_path / "first.narae"
    result = tool("compile", linear_file, f"--dump-phases={dump}", "-o", first)
    assert result.returncode == 0, result.stderr
    files = sorted(dump.glob("*.mlir"))
    assert len(files) == 7
    before = {"graph": "import", "dispatch": "place", "codegen": "memory"}[phase]
    (ir,) = dump.glob(f"*{before}.mlir")
    again = tmp_path / "again.narae"
    result = tool("compile", ir, f"--start-from={phase}", "-o", again)
    assert result.returncode == 0, result.stderr
    assert tool("verify", again, f"--reference={artifact}").returncode == 0


def test_run(tool: Tool, artifact: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.ones((2, 4), np.float32))
    result = tool(
        "run", artifact, "--input", f"x=@{tmp_path}/x.npy", "--output", f"y=@{tmp_path}/y.npy"
    )
    assert result.returncode == 0, result.stderr
    assert np.load(tmp_path / "y.npy").shape == (2, 5)


def test_inspect(tool: Tool, artifact: Path, tmp_path: Path) -> None:
    text = tool("inspect", artifact, "--commands", "--buffers")
    assert text.returncode == 0, text.stderr
    assert "entry main" in text.stdout
    assert "f32[n" in text.stdout
    assert "dispatch" in text.stdout
    found = json.loads(tool("inspect", artifact, "--json", "--commands").stdout)
    assert found["entries"][0]["inputs"][0]["name"] == "x"
    assert any("product" in kernel["nodes"] for kernel in found["kernels"])
    assert found["entries"][0]["commands"]
    assert tool("inspect", artifact, f"--extract={tmp_path}").returncode == 0
    assert next(tmp_path.glob("0.*")).read_bytes()[:4] == b"\x7fELF"


def test_verify(tool: Tool, artifact: Path, linear_file: Path, tmp_path: Path) -> None:
    result = tool("verify", artifact, f"--model={linear_file}")
    assert result.returncode == 0, result.stderr
    assert "y: equal" in result.stdout
    model = small_models.linear()
    model.graph.initializer[1].raw_data = np.full(5, 9, np.float32).tobytes()
    other = tmp_path / "other.onnx"
    other.write_bytes(model.SerializeToString())
    result = tool("verify", artifact, f"--model={other}")
    assert result.returncode == 1
    assert "first output that differs is 'y'" in result.stderr


def test_bench(tool: Tool, artifact: Path) -> None:
    result = tool("bench", artifact, "--dim", "n=8", "--repeat=5", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["runs"] == 5
    assert 0 < found["min_ms"] <= found["median_ms"]
    assert "shortest" in tool("bench", artifact, "--seconds=0.1").stdout


def test_targets(tool: Tool) -> None:
    names = json.loads(tool("targets", "--json").stdout)
    assert any(name.split(":")[0] == "cpu" for name in names)
    assert json.loads(tool("targets", "cpu").stdout)


def test_devices(tool: Tool) -> None:
    devices = json.loads(tool("targets", "--devices", "--json").stdout)
    (cpu,) = devices["cpu"]
    assert cpu["memory_bytes"] == os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    lines = tool("targets", "--devices").stdout.splitlines()
    assert lines[0].split()[:2] == ["device", "kind"]
    assert any(line.split()[:2] == ["cpu", "processor"] for line in lines)
    result = tool("targets", "cpu", "--devices")
    assert result.returncode == 1
    assert "takes no target" in result.stderr


def test_times_need_a_simulator(tool: Tool, artifact: Path) -> None:
    result = tool("run", artifact, "--timing-only", "--input", "x=2x3:f32:ones")
    assert result.returncode == 1
    assert "there is no device 'cpu,timing-only'" in result.stderr


def test_pack(tool: Tool, tmp_path: Path) -> None:
    problem = Path(__file__).parents[1] / "data" / "minimalloc" / "A.1048576.csv"
    solution = tmp_path / "a.csv"
    result = tool("pack", problem, "--capacity=1048576", "-o", solution, "--json")
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["fits"] is True
    assert "offset" in solution.read_text().splitlines()[0]
    assert tool("pack", problem, "--capacity=100000").returncode == 1


def test_completion(tool: Tool) -> None:
    script = tool("completion", "bash").stdout

    def complete(*words: str) -> list[str]:
        probe = f"COMP_WORDS=(narae {' '.join(words)}); COMP_CWORD={len(words)}; _narae; "
        result = subprocess.run(
            ["bash", "-c", script + probe + 'echo "${COMPREPLY[@]}"'],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PATH": f"{BUILD}/bin:{os.environ['PATH']}"},
        )
        return result.stdout.split()

    assert complete("comp") == ["compile", "completion"]
    assert complete("compile", "--kv") == ["--kv-type"]
    # Commands that are programs of their own.
    assert "generate" in complete("g")
    assert complete("generate", "--top") == ["--top-k", "--top-p"]
    assert "--system" in complete("chat", "--s")


def test_programs_on_the_path_are_commands(tool: Tool, tmp_path: Path) -> None:
    program = tmp_path / "narae-greet"
    program.write_text('#!/bin/sh\necho "hello $1"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    assert tool("greet", "you", env=environment).stdout == "hello you\n"
    assert "greet" in tool("--help", env=environment).stdout


def test_full_standard_output(linear_file: Path) -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [BUILD / "bin" / "narae", "compile", linear_file, "--stop-after=graph"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert result.returncode == 1
    assert b"standard output" in result.stderr


def test_progress_bar_on_a_terminal(linear_file: Path, tmp_path: Path) -> None:
    parent, child = pty.openpty()
    command = [BUILD / "bin" / "narae", "compile", linear_file, "-o", tmp_path / "x.narae"]
    subprocess.run(command, stderr=child, check=True)
    os.close(child)
    shown = os.read(parent, 1 << 16).decode()
    os.close(parent)
    assert "[" in shown
    assert "%" in shown


def test_ir_and_its_weights_go_on_from_a_file(
    tool: Tool, linear_file: Path, tmp_path: Path
) -> None:
    whole, pieces = tmp_path / "whole.narae", tmp_path / "pieces.narae"
    assert tool("compile", linear_file, "-o", whole).returncode == 0
    for stop, start in (("import", "graph"), ("graph", "place"), ("dispatch", "schedule")):
        ir = tmp_path / f"{stop}.mlir"
        result = tool("compile", linear_file, f"--stop-after={stop}", "-o", ir)
        assert result.returncode == 0, result.stderr
        assert (tmp_path / f"{stop}.weights.bin").exists()
        result = tool("compile", ir, f"--start-from={start}", "-o", pieces)
        assert result.returncode == 0, result.stderr
        result = tool("verify", pieces, f"--reference={whole}")
        assert result.returncode == 0, result.stdout + result.stderr
    bare = tool("compile", linear_file, "--stop-after=import", "-o", "-").stdout
    (tmp_path / "bare.mlir").write_text(bare)
    result = tool("compile", tmp_path / "bare.mlir", "--start-from=graph", "-o", pieces)
    assert result.returncode == 1
    assert "printed without its weights" in result.stderr


def test_artifact_to_the_standard_output(linear_file: Path, artifact: Path) -> None:
    command = [BUILD / "bin" / "narae", "compile", linear_file, "-o", "-"]
    result = subprocess.run(command, capture_output=True, timeout=300)
    assert result.returncode == 0
    assert result.stdout == artifact.read_bytes()
    result = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=300)
    assert result.returncode == 1
    assert "both want the standard output" in result.stderr


def test_disassembly_names_kernels_and_nodes(tool: Tool, artifact: Path) -> None:
    result = tool("inspect", "--disassemble", artifact)
    assert result.returncode == 0, result.stderr
    assert "product (MatMul)" in result.stdout
    assert "\tret" in result.stdout
    assert "(no instruction)" not in result.stdout
