"""The simulated NPU: machines, programs, memories, time.

machine = npu.Machine("npu:rebel-quad")
program = npu.assemble(source)
simulator = npu.Simulator(machine, program)
simulator.memory("dram").write(0, np.ones(64, np.float16))
simulator.run(length=64)
result = simulator.memory("dram").read(4096, (64,), np.float16)
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import ml_dtypes
import numpy as np
import numpy.typing as npt

from . import _npu
from ._errors import Error

SPACES = ("scratchpad", "accumulator", "shared", "dram", "host")
"""Memories, see docs/npu-isa.md."""

_NARROW = {np.dtype(ml_dtypes.int4), np.dtype(ml_dtypes.uint4), np.dtype(ml_dtypes.float4_e2m1fn)}
"""Types of four bits: NumPy has a byte for each, memories have two in a byte."""


class Fault(Error):
    """A program did what the instruction set forbids; its run has ended."""

    kind: str
    """"missing synchronisation", "out of range", ..., see docs/npu-isa.md."""
    engine: str
    """"core 3 tensor"."""
    word: int
    """The instruction, counted in its stream."""

    def __init__(self, kind: str, engine: str, word: int, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.engine = engine
        self.word = word


@dataclass(frozen=True)
class Number:
    """A number of a machine."""

    value: int | float
    origin: str
    """Where it was published, or why it is assumed."""
    assumed: bool


class Machine(Mapping[str, Number]):
    """A chip: its numbers by their path, as `machine["npu.tensor.rows"].value`."""

    def __init__(self, target: str | os.PathLike[str] | Mapping[str, Any]) -> None:
        """A target of `narae.npu.targets()`, a path of a .json file, or the contents
        of one. All that is wrong with it is in the error."""
        try:
            if isinstance(target, Mapping):
                text = json.dumps(target)
            else:
                text = _npu.read_target(os.fspath(target))
            self._handle = _npu.Machine(text)
        except ValueError as error:
            _refuse(error)
        self.description: dict[str, Any] = json.loads(text)
        self._numbers = {
            path: Number(value, origin, assumed)
            for path, value, origin, assumed in self._handle.fields()
        }

    @property
    def name(self) -> str:
        return self._handle.name

    def __getitem__(self, path: str) -> Number:
        return self._numbers[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __hash__(self) -> int:
        return self._handle.hash()

    def __eq__(self, other: object) -> bool:
        """Whether programs for one run on the other."""
        return isinstance(other, Machine) and self._handle.hash() == other._handle.hash()

    def __repr__(self) -> str:
        return f"<Machine {self.name}>"


def targets() -> list[str]:
    """Names of the machines of this build."""
    return [name for name in _npu.target_names() if name.startswith("npu:")]


@dataclass(frozen=True)
class Parameter:
    """A number that a launch binds."""

    name: str
    low: int
    high: int


class Program:
    """Code, the streams that run it, constants and parameters."""

    def __init__(self, data: bytes) -> None:
        """Reads the bytes of a program file."""
        try:
            self._handle = _npu.Program(bytes(data))
        except ValueError as error:
            _refuse(error)

    @classmethod
    def _of(cls, handle: _npu.Program) -> Program:
        program = cls.__new__(cls)
        program._handle = handle
        return program

    @property
    def parameters(self) -> list[Parameter]:
        return [Parameter(*parameter) for parameter in self._handle.parameters()]

    @property
    def streams(self) -> list[str]:
        """The engine of each stream: "core 0 dma 1"."""
        return self._handle.streams()

    def check(self, machine: Machine) -> list[str]:
        """All that is known to be wrong before a launch; empty for nothing."""
        return self._handle.check(machine._handle)

    def disassemble(self) -> str:
        """Text that `assemble` turns into the same program."""
        return self._handle.disassemble()

    def __bytes__(self) -> bytes:
        return self._handle.bytes()

    def __len__(self) -> int:
        """Words of code."""
        return self._handle.words()


def assemble(source: str) -> Program:
    """A program from text, see docs/npu-isa.md; the error lists all bad lines."""
    try:
        return Program._of(_npu.assemble(source))
    except ValueError as error:
        _refuse(error)


class Memory:
    """One memory of a simulator, as the host sees it between runs."""

    def __init__(self, simulator: Simulator, space: str, unit: int) -> None:
        if space not in SPACES:
            raise Error(f"there is no memory {space!r}; there are {', '.join(SPACES)}")
        self._simulator = simulator
        self._space = SPACES.index(space)
        self._unit = unit

    def write(self, address: int, array: npt.ArrayLike) -> None:
        """Puts the elements of an array, row by row, at a byte address. Types of
        four bits (ml_dtypes) become two elements a byte, the first in the low half."""
        values = np.ascontiguousarray(array)
        if values.dtype in _NARROW:
            nibbles = values.view(np.uint8).ravel() & 15
            nibbles = np.append(nibbles, np.zeros(nibbles.size % 2, np.uint8))
            values = nibbles[0::2] | nibbles[1::2] << 4
        try:
            self._simulator._handle.write(self._space, self._unit, address, values.tobytes())
        except ValueError as error:
            _refuse(error)

    def read(self, address: int, shape: int | tuple[int, ...], dtype: npt.DTypeLike) -> np.ndarray:
        """A copy of the elements from a byte address on."""
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        if any(size < 0 for size in shape):
            raise Error(f"there is no shape {shape}")
        kind, count = np.dtype(dtype), math.prod(shape)
        size = (count + 1) // 2 if kind in _NARROW else count * kind.itemsize
        try:
            data = self._simulator._handle.read(self._space, self._unit, address, size)
        except ValueError as error:
            _refuse(error)
        if kind not in _NARROW:
            return np.frombuffer(data, kind).reshape(shape).copy()
        packed = np.frombuffer(data, np.uint8)
        codes = np.stack([packed & 15, packed >> 4], 1).ravel()[:count]
        if kind == np.dtype(ml_dtypes.int4):  # one byte with its sign
            codes = (codes.astype(np.int8) << 4 >> 4).view(np.uint8)
        return codes.view(kind).reshape(shape)


@dataclass(frozen=True)
class Step:
    """What one step of a stream did."""

    kind: str
    """"executed", "blocked" or "finished"."""
    word: int
    """Of the stream."""
    instruction: str
    """"add x1, x2, 16"; "" when finished."""


@dataclass(frozen=True)
class Stream:
    """A stream between two steps."""

    engine: str
    status: str
    """"ready", "blocked" or "finished"."""
    word: int
    """The next one."""
    registers: list[int]


@dataclass(frozen=True)
class Timing:
    """How long a run takes."""

    cycles: float
    seconds: float
    report: dict[str, Any]
    """All counters: engines with stalls by cause, memories, bounds, roofline."""
    text: str
    trace: str
    """The timeline in Chrome's trace format, if it was asked for."""


class Simulator:
    """A machine that executes programs. Memories keep what they hold."""

    def __init__(
        self,
        machine: Machine | str | os.PathLike[str],
        program: Program | None = None,
        *,
        track: bool = True,
        data: bool = True,
        instruction_limit: int = 1 << 36,
    ) -> None:
        """`track` finds races and reads of what nobody wrote. Without `data` nothing
        is computed, for `time`."""
        self.machine = machine if isinstance(machine, Machine) else Machine(machine)
        self._handle = _npu.Simulator(self.machine._handle, track, data, instruction_limit)
        self._program: Program | None = None
        if program is not None:
            self.load(program)

    def load(self, program: Program) -> None:
        """Takes a program in the place of the one before it."""
        try:
            self._handle.load(program._handle)
        except ValueError as error:
            _refuse(error)
        self._program = program

    def memory(self, space: str, unit: int = 0) -> Memory:
        """`unit` is the core, chiplet or pool."""
        return Memory(self, space, unit)

    def launch(self, **parameters: int) -> None:
        """Binds all parameters of the program; streams begin anew."""
        if self._program is None:
            raise Error("no program is loaded")
        names = [parameter.name for parameter in self._program.parameters]
        missing = [name for name in names if name not in parameters]
        unknown = [name for name in parameters if name not in names]
        problems = [f"parameter {name!r} has no value" for name in missing]
        problems += [f"the program has no parameter {name!r}" for name in unknown]
        if problems:
            raise Error("; ".join(problems))
        try:
            self._handle.launch([parameters[name] for name in names])
        except (ValueError, TypeError) as error:
            _refuse(error)

    def step(self, stream: int) -> Step:
        """Executes the next word of a stream of a launched program."""
        try:
            kind, word, instruction = self._handle.step(stream)
        except (ValueError, TypeError) as error:
            _refuse(error)
        if kind == "faulted":
            _raise(self._handle.fault())
        return Step(kind, word, instruction)

    def stream(self, number: int) -> Stream:
        """The state of a stream of a launched program."""
        try:
            return Stream(*self._handle.stream(number))
        except (ValueError, TypeError) as error:
            _refuse(error)

    def run(self, **parameters: int) -> int:
        """Launches and runs to the end; the number of executed words."""
        self.launch(**parameters)
        return self.resume()

    def resume(self) -> int:
        """Runs what is launched to its end, after any steps; as `run`."""
        try:
            _raise(self._handle.run())
        except ValueError as error:
            _refuse(error)
        return self._handle.executed()

    def time(
        self, *, timeline: bool = False, pipelined_folds: bool = False, **parameters: int
    ) -> Timing:
        """Launches, runs to the end and says how long that takes, see
        docs/npu-timing.md."""
        self.launch(**parameters)
        try:
            fault, report, text, trace = self._handle.time(timeline, pipelined_folds)
        except ValueError as error:
            _refuse(error)
        _raise(fault)
        counters = json.loads(report)
        return Timing(counters["cycles"], counters["seconds"], counters, text, trace)


def _raise(fault: _npu.Fault | None) -> None:
    if fault is not None:
        raise Fault(*fault)


def _refuse(error: Exception) -> NoReturn:
    raise Error(str(error)) from None
