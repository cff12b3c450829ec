"""Running artifacts."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _narae
from ._artifact import Artifact, Entry, Tensor
from ._errors import Diagnostic, Error
from ._tensors import TensorTuple, as_input, as_output, empty, fixed_shape, from_session
from ._types import STRING, dtype_of


@dataclass(frozen=True)
class KernelTime:
    """One dispatch of a traced run."""

    kernel: str
    nodes: str
    """The model nodes that the kernel computes."""
    begin_ns: int
    end_ns: int


class Session:
    """Runs an artifact on a device and keeps the memory for it.

    Threads may share a session; their runs take turns.
    """

    def __init__(
        self, artifact: Artifact, device: str | None = None, threads: int | None = None
    ) -> None:
        if not isinstance(artifact, Artifact):
            raise Error(
                "a session takes an artifact, from narae.compile or narae.load, "
                f"not {type(artifact).__name__}"
            )
        if threads is not None and threads < 1:
            raise Error(f"threads is at least 1, not {threads}")
        try:
            self._handle = _narae.Session(artifact._handle, device, threads or 0)
        except RuntimeError as error:
            raise Error(str(error)) from None
        self._artifact = artifact

    @property
    def artifact(self) -> Artifact:
        return self._artifact

    @property
    def arena_bytes(self) -> int:
        """Bytes of the memory for intermediate values, as of the last run."""
        return self._handle.arena_bytes()

    def run(
        self,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, np.ndarray] | None = None,
        entry: str = "main",
    ) -> dict[str, np.ndarray]:
        """Runs an entry and returns its outputs by name.

        Inputs are NumPy arrays, used where they are when they are contiguous,
        or objects with `__dlpack__`; types have to be exact. `outputs` gives
        arrays to be filled; all others are new arrays.
        """
        return self._run(inputs, outputs, entry, traced=False)[0]

    def trace(
        self, inputs: Mapping[str, Any], entry: str = "main"
    ) -> tuple[dict[str, np.ndarray], list[KernelTime]]:
        """Runs an entry and returns the outputs and the time of each kernel."""
        results, times = self._run(inputs, None, entry, traced=True)
        return results, [KernelTime(*time) for time in times]

    def device_report(self) -> dict[str, Any] | None:
        """What the device has measured of all runs so far, in its own time: the
        cycles of a simulator. None where it measures nothing."""
        text = self._report("json")
        return json.loads(text) if text else None

    def device_trace(self) -> str:
        """The timeline of the device in Chrome's trace format, or ""."""
        return self._report("trace")

    def _report(self, kind: str) -> str:
        try:
            return self._handle.device_report(kind)
        except RuntimeError as error:
            raise Error(str(error)) from None

    def state(self) -> dict[str, np.ndarray]:
        """Copies of what the session keeps from run to run, by name.

        Where elements are in blocks (a q8_0 cache) the bytes of the blocks are
        the last dimension of a uint8 array.
        """
        result = {}
        for index, (tensor, size, *_) in enumerate(self._handle.states()):
            array = _state_array(tensor, size)
            self._handle.read_state(index, array.ctypes.data, size)
            result[tensor[0]] = array
        return result

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Brings back what `state` returned, of this session or another one of
        the same artifact."""
        states = self._handle.states()
        problems, arrays = _match_states(states, state)
        _refuse(problems)
        for index, array in enumerate(arrays):
            self._handle.write_state(index, array.ctypes.data, states[index][1])

    def reset(self) -> None:
        """Makes the session forget: all of its state is zero again."""
        self._handle.reset_states()

    def _run(
        self,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, np.ndarray] | None,
        entry_name: str,
        traced: bool,
    ) -> tuple[dict[str, np.ndarray], list[tuple[str, str, int, int]]]:
        entry = self._artifact.entry(entry_name)
        feeds, keep = _bind_inputs(entry, inputs)
        arrays = _bind_outputs(entry, outputs or {}, keep)
        slots: list[TensorTuple | None] = [
            None
            if array is None or spec.type == STRING
            else (spec.type, array.shape, array.ctypes.data)
            for spec, array in zip(entry.outputs, arrays, strict=True)
        ]

        def receive(results: list[TensorTuple]) -> dict[str, np.ndarray]:
            return {
                spec.name: _received(spec, array, result)
                for spec, array, result in zip(entry.outputs, arrays, results, strict=True)
            }

        try:
            if traced:
                return self._handle.run_traced(entry.index, feeds, slots, receive)
            return self._handle.run(entry.index, feeds, slots, receive), []
        except RuntimeError as error:
            raise Error(str(error)) from None


def _received(spec: Tensor, array: np.ndarray | None, result: TensorTuple) -> np.ndarray:
    """The array of an output; strings are objects that only Python can write."""
    if array is None:
        return from_session(result)
    if spec.type == STRING:
        if array.shape != tuple(result[1]):
            raise Error(
                f"output {spec.name!r} has shape {list(result[1])}, "
                f"the given array is {list(array.shape)}"
            )
        array[...] = from_session(result)
    return array


def _state_array(tensor: tuple[str, int, list[tuple[int, int, int, str]]], size: int) -> np.ndarray:
    """An array for a state of so many bytes."""
    _, number, dims = tensor
    shape = [dim[0] for dim in dims]
    try:
        dtype = dtype_of(number)
    except KeyError:
        rows = math.prod(shape[:-1])
        return np.empty([*shape[:-1], size // max(rows, 1)], np.uint8)
    return np.empty(shape, dtype)


def _match_states(
    states: list[Any], given: Mapping[str, np.ndarray]
) -> tuple[list[str], list[np.ndarray]]:
    """What does not fit, and the arrays in the order of the states."""
    problems: list[str] = []
    arrays: list[np.ndarray] = []
    known = {tensor[0] for tensor, *_ in states}
    problems.extend(f"there is no state {name!r}" for name in given if name not in known)
    for tensor, size, *_ in states:
        name = tensor[0]
        if name not in given:
            problems.append(f"state {name!r} is missing")
            continue
        wanted = _state_array(tensor, size)
        array = np.ascontiguousarray(given[name])
        if array.dtype != wanted.dtype or array.size != wanted.size:
            problems.append(
                f"state {name!r} is {wanted.dtype}{list(wanted.shape)}, "
                f"not {array.dtype}{list(array.shape)}"
            )
        arrays.append(array)
    return problems, arrays


def _bind_inputs(
    entry: Entry, inputs: Mapping[str, Any]
) -> tuple[list[TensorTuple], list[np.ndarray]]:
    """The tensors of a run and the arrays that hold their memory."""
    problems: list[str] = []
    feeds: list[TensorTuple] = []
    keep: list[np.ndarray] = []
    known = {spec.name for spec in entry.inputs}
    for name in inputs:
        if name not in known:
            names = ", ".join(repr(spec.name) for spec in entry.inputs) or "none"
            problems.append(f"there is no input {name!r}; there are {names}")
    for spec in entry.inputs:
        if spec.name not in inputs:
            problems.append(f"input {spec} is missing")
            continue
        try:
            feed, arrays = as_input(spec, inputs[spec.name])
        except (TypeError, ValueError, BufferError) as error:
            problems.append(f"input {spec.name!r}: {error}")
            continue
        feeds.append(feed)
        keep.extend(arrays)
    _refuse(problems)
    return feeds, keep


def _bind_outputs(
    entry: Entry, outputs: Mapping[str, np.ndarray], inputs: list[np.ndarray]
) -> list[np.ndarray | None]:
    """The array of each output where it is known before the run."""
    problems: list[str] = []
    known = {spec.name for spec in entry.outputs}
    for name in outputs:
        if name not in known:
            names = ", ".join(repr(spec.name) for spec in entry.outputs)
            problems.append(f"there is no output {name!r}; there are {names}")
    arrays: list[np.ndarray | None] = []
    for spec in entry.outputs:
        arrays.append(_output_array(spec, outputs, inputs, problems))
    given = [array for array in arrays if array is not None]
    for index, first in enumerate(given):
        if any(np.may_share_memory(first, second) for second in given[index + 1 :]):
            problems.append("two outputs share memory")
    _refuse(problems)
    return arrays


def _output_array(
    spec: Tensor,
    outputs: Mapping[str, np.ndarray],
    inputs: list[np.ndarray],
    problems: list[str],
) -> np.ndarray | None:
    if spec.name in outputs:
        try:
            return as_output(spec, outputs[spec.name], inputs)
        except (TypeError, ValueError) as error:
            problems.append(f"output {spec.name!r}: {error}")
            return None
    return empty(spec) if fixed_shape(spec) else None


def _refuse(problems: list[str]) -> None:
    if problems:
        raise Error("\n".join(problems), [Diagnostic("error", "", problem) for problem in problems])
