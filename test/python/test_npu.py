"""The simulated NPU from Python."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from narae import Error, npu

ROOT = Path(__file__).parents[2]

SILU = """
.parameter n 1 1024
.code act
  param x1, 0
  view v0, f32, scratchpad, 1, -1, 0
  dim v0, 0, x1, 1
  v.silu v0, v0
.stream vector 3 0 act
"""

PRODUCT = """
.parameter rows 1 64
.code multiply
  param x1, 0
  view v0, f16, scratchpad, 2, -1, 0
  dim v0, 0, x1, 32
  dim v0, 1, 32, 1
  view v1, f16, scratchpad, 2, -1, 65536
  dim v1, 0, 32, 48
  dim v1, 1, 48, 1
  view v2, f32, accumulator, 2, -1, 0
  dim v2, 0, x1, 48
  dim v2, 1, 48, 1
  view v3, f32, scratchpad, 2, -1, 131072
  dim v3, 0, x1, 48
  dim v3, 1, 48, 1
  t.matmul v2, v0, v1, -, -, plain, no, 0, output
  t.drain v3, v2, -, -, -, none, none, -
.stream tensor 0 0 multiply
"""

# Stores before the load has arrived.
RACE = """
.code load
  view v0, f32, dram, 1, 0, 0
  dim v0, 0, 64, 1
  view v1, f32, scratchpad, 1, -1, 0
  dim v1, 0, 64, 1
  d.copy v1, v0
.code use
  view v1, f32, scratchpad, 1, -1, 0
  dim v1, 0, 64, 1
  v.neg v1, v1
.stream dma 0 0 load
.stream vector 0 0 use
"""


@pytest.fixture(scope="module")
def machine() -> npu.Machine:
    return npu.Machine("npu:rebel-quad")


def test_machines(machine: npu.Machine, tmp_path: Path) -> None:
    assert {"npu:atom", "npu:atom-max", "npu:rebel-quad"} <= set(npu.targets())
    assert machine["npu.chiplets"].value == 4
    assert not machine["npu.scratchpad.bytes"].assumed
    assert machine["npu.tensor.rows"].assumed
    assert all(number.origin for path, number in machine.items() if path.startswith("npu."))
    path = ROOT / "backends" / "npu" / "targets" / "rebel-quad.json"
    description = json.loads(path.read_text())
    assert npu.Machine(path) == npu.Machine(description) == machine
    description["npu"]["vector"]["lanes"]["value"] = 128
    assert npu.Machine(description) != machine
    description["npu"]["cores"]["value"] = 0
    del description["npu"]["clock"]
    with pytest.raises(Error, match=r"npu\.c(.|\n)*npu\.c"):
        npu.Machine(description)
    with pytest.raises(Error, match="no target 'npu:nought'"):
        npu.Machine("npu:nought")
    with pytest.raises(Error, match="cannot read"):
        npu.Machine(tmp_path / "none.json")


def test_programs(machine: npu.Machine) -> None:
    program = npu.assemble(SILU)
    assert program.parameters == [npu.Parameter("n", 1, 1024)]
    assert program.streams == ["core 3 vector"]
    again = npu.Program(bytes(program))
    assert bytes(npu.assemble(again.disassemble())) == bytes(program)
    assert len(again) == len(program) == 4
    assert program.check(machine) == []
    (problem,) = npu.assemble(".code a\nnop\n.stream vector 400 0 a\n").check(machine)
    assert "400" in problem
    with pytest.raises(Error, match=r"line 2.*\n.*line 4"):
        npu.assemble(".code a\n  fly x1\n  nop\n  add x99, x1, 1\n")
    with pytest.raises(Error):
        npu.Program(bytes(program)[:-1])


def test_runs_match_numpy(machine: npu.Machine) -> None:
    simulator = npu.Simulator(machine, npu.assemble(SILU))
    x = np.linspace(-20, 20, 500, dtype=np.float32)
    memory = simulator.memory("scratchpad", 3)
    memory.write(0, x)
    assert simulator.run(n=500) == 4
    wide = x.astype(np.float64)
    np.testing.assert_allclose(memory.read(0, 500, np.float32), wide / (1 + np.exp(-wide)), 4e-7)

    generator = np.random.default_rng(3)
    a = generator.standard_normal((16, 32)).astype(np.float16)
    b = generator.standard_normal((32, 48)).astype(np.float16)
    simulator.load(npu.assemble(PRODUCT))
    core = simulator.memory("scratchpad")
    core.write(0, a)
    core.write(65536, b)
    simulator.run(rows=16)
    expected = a.astype(np.float64) @ b.astype(np.float64)
    np.testing.assert_allclose(
        core.read(131072, (16, 48), np.float32), expected, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    "kind",
    [
        np.float32, np.float16, np.int32, np.int16, np.int8, np.uint8, ml_dtypes.bfloat16,
        ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.float8_e8m0fnu,
        ml_dtypes.int4, ml_dtypes.uint4, ml_dtypes.float4_e2m1fn,
    ],
)  # fmt: skip
def test_memories(machine: npu.Machine, kind: type) -> None:
    simulator = npu.Simulator(machine)
    values = np.array([[0.5, 1, 2], [4, 1, 6]], np.float32)
    if np.dtype(kind) == ml_dtypes.int4:
        values = np.array([[-8, 7, -1], [0, 1, -5]], np.float32)
    array = values.astype(kind)
    for space, unit in [("dram", 3), ("shared", 1), ("scratchpad", 63), ("host", 0)]:
        memory = simulator.memory(space, unit)
        memory.write(1 << 20, array)
        result = memory.read(1 << 20, (2, 3), kind)
        assert result.dtype == array.dtype
        np.testing.assert_array_equal(result.astype(np.float32), array.astype(np.float32))
    # Elements of four bits: two a byte, the first in the low half.
    if np.dtype(kind) == ml_dtypes.uint4:
        simulator.memory("dram").write(0, np.array([1, 2, 3], kind))
        assert simulator.memory("dram").read(0, 2, np.uint8).tolist() == [0x21, 0x03]


def test_conversions_match_ml_dtypes(machine: npu.Machine) -> None:
    """Rounding of the vector engine against an independent library."""
    generator = np.random.default_rng(5)
    x = (generator.standard_normal(4096) * 2.0 ** generator.integers(-12, 6, 4096)).astype(
        np.float32
    )
    for name, kind in [("bf16", ml_dtypes.bfloat16), ("e4m3", ml_dtypes.float8_e4m3fn)]:
        program = npu.assemble(f"""
.code a
  view v0, f32, scratchpad, 1, -1, 0
  dim v0, 0, 4096, 1
  view v1, {name}, scratchpad, 1, -1, 65536
  dim v1, 0, 4096, 1
  v.convert v1, v0
.stream vector 0 0 a
""")
        simulator = npu.Simulator(machine, program)
        memory = simulator.memory("scratchpad")
        memory.write(0, x)
        simulator.run()
        np.testing.assert_array_equal(
            memory.read(65536, 4096, kind).astype(np.float32), x.astype(kind).astype(np.float32)
        )


def test_memory_errors(machine: npu.Machine) -> None:
    simulator = npu.Simulator(machine)
    with pytest.raises(Error, match="there is no memory 'cache'"):
        simulator.memory("cache")
    with pytest.raises(Error, match="there is no dram 4"):
        simulator.memory("dram", 4).read(0, 1, np.uint8)
    with pytest.raises(Error, match="are not in scratchpad 0"):
        simulator.memory("scratchpad").write(4 << 20, np.zeros(1, np.uint8))
    with pytest.raises(Error, match="more than"):
        simulator.memory("scratchpad").read(0, 1 << 60, np.uint8)
    with pytest.raises(Error, match="there is no shape"):
        simulator.memory("scratchpad").read(0, (-1, 2), np.uint8)


def test_faults_are_exceptions(machine: npu.Machine) -> None:
    simulator = npu.Simulator(machine, npu.assemble(RACE))
    simulator.memory("dram").write(0, np.ones(64, np.float32))
    with pytest.raises(npu.Fault) as caught:
        simulator.run()
    assert caught.value.kind == "access before a descriptor has arrived"
    assert caught.value.engine == "core 0 vector"
    assert caught.value.word == 2
    assert "v.neg" in str(caught.value)
    with pytest.raises(Error, match="call launch again"):
        simulator.resume()
    # Without a look at the order nothing is found.
    careless = npu.Simulator(machine, npu.assemble(RACE), track=False)
    careless.run()
    deadlock = npu.assemble(".code a\nwait core, -1, 0, 1\n.stream vector 0 0 a\n")
    with pytest.raises(npu.Fault) as caught:
        npu.Simulator(machine, deadlock).run()
    assert caught.value.kind == "deadlock"
    endless = npu.assemble(".code a\nloop x1, 1000000\nend\n.stream vector 0 0 a\n")
    with pytest.raises(npu.Fault, match="words were executed"):
        npu.Simulator(machine, endless, instruction_limit=1000).run()


def test_steps(machine: npu.Machine) -> None:
    source = """
.code count
  loop x2, 3
    add x1, x1, 5
  end
  signal core, -1, 0, 1
.code follow
  wait core, -1, 0, 1
.stream vector 0 0 count
.stream tensor 0 0 follow
"""
    simulator = npu.Simulator(machine, npu.assemble(source))
    with pytest.raises(Error, match="call launch first"):
        simulator.step(0)
    simulator.launch()
    assert simulator.step(1).kind == "blocked"
    assert simulator.stream(1).status == "blocked"
    first = simulator.step(0)
    assert (first.kind, first.word, first.instruction) == ("executed", 0, "loop x2, 3")
    seen = [simulator.step(0).instruction for _ in range(6)]
    assert seen == ["add x1, x1, 5", "end"] * 3
    assert simulator.stream(0).registers[1] == 15
    assert simulator.step(0).instruction.startswith("signal")
    assert simulator.step(1).kind == "executed"
    assert simulator.step(1).kind == simulator.step(0).kind == "finished"
    simulator.resume()
    with pytest.raises(Error, match="there is no stream 7; the program has 2"):
        simulator.step(7)


def test_launches(machine: npu.Machine) -> None:
    simulator = npu.Simulator(machine)
    with pytest.raises(Error, match="no program is loaded"):
        simulator.run()
    simulator.load(npu.assemble(SILU))
    with pytest.raises(Error, match="'n' has no value; the program has no parameter 'm'"):
        simulator.run(m=1)
    with pytest.raises(Error, match="from 1 to 1024"):
        simulator.run(n=5000)
    with pytest.raises(Error, match="cannot run"):
        simulator.load(npu.assemble(".code a\nnop\n.stream vector 400 0 a\n"))


def test_time(machine: npu.Machine) -> None:
    """Closed forms of docs/npu-isa.md."""
    simulator = npu.Simulator(machine, npu.assemble(PRODUCT), data=False)
    timing = simulator.time(rows=16, timeline=True)
    rows, columns = machine["npu.tensor.rows"].value, machine["npu.tensor.columns"].value
    start = machine["npu.tensor.start"].value
    product = start + rows + columns + 32 - 2 - 1
    drain = start + -(-16 * 48 // columns)
    assert timing.cycles == 13 + product + drain
    assert timing.seconds == pytest.approx(timing.cycles / machine["npu.clock"].value)
    (engine,) = timing.report["engines"]
    assert engine["busy"] == product + drain
    assert engine["macs"] == 16 * 32 * 48
    assert "core 0 tensor" in timing.text
    names = {event["name"] for event in json.loads(timing.trace)["traceEvents"]}
    assert {"t.matmul", "t.drain"} <= names
    # With data the same time, and the result too.
    computing = npu.Simulator(machine, npu.assemble(PRODUCT))
    computing.memory("scratchpad").write(0, np.ones((16, 32), np.float16))
    computing.memory("scratchpad").write(65536, np.ones((32, 48), np.float16))
    assert computing.time(rows=16).cycles == timing.cycles
    assert (computing.memory("scratchpad").read(131072, (16, 48), np.float32) == 32).all()
    with pytest.raises(npu.Fault):
        npu.Simulator(machine, npu.assemble(RACE)).time()


def test_threads(machine: npu.Machine) -> None:
    results: dict[int, np.ndarray] = {}

    def work(number: int) -> None:
        simulator = npu.Simulator(machine, npu.assemble(SILU))
        simulator.memory("scratchpad", 3).write(0, np.full(64, number, np.float32))
        simulator.run(n=64)
        results[number] = simulator.memory("scratchpad", 3).read(0, 64, np.float32)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        np.testing.assert_allclose(results[number], number / (1 + np.exp(-float(number))), 1e-6)
