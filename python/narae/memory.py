"""The memory planner: offsets for buffers with lifetimes.

problem = narae.memory.Problem([Buffer("a", 0, 3, 4096), Buffer("b", 2, 5, 8192)], capacity=16384)
solution = narae.memory.allocate(problem)
assert not narae.memory.verify(problem, solution)
"""

from __future__ import annotations

import operator
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from . import _narae
from ._errors import Diagnostic, Error

__all__ = [
    "Buffer",
    "Observer",
    "Problem",
    "Solution",
    "Space",
    "SpacePlan",
    "Trace",
    "allocate",
    "lower_bound",
    "random_problem",
    "read_csv",
    "verify",
    "write_csv",
]

_PATTERNS = ("cuts", "spirals", "heap")


@dataclass
class Buffer:
    """A buffer that is live during [lower, upper)."""

    name: str
    lower: int
    upper: int
    size: int
    """Bytes."""
    alignment: int = 1
    """A power of two that divides the offset."""
    offset: int | None = None
    """The offset that the plan must use."""
    space: str = ""
    """The name of its space; empty for the first."""


@dataclass
class Space:
    """A memory with addresses from zero."""

    name: str = "memory"
    capacity: int | None = None
    """Bytes; None is no limit."""
    reserve: int = 0
    """Bytes at the end of the capacity that no buffer may use."""
    granule: int = 1
    """A power of two: offsets are multiples of it, sizes are rounded up to it."""


@dataclass
class Problem:
    """What to place, and where."""

    buffers: list[Buffer] = field(default_factory=list)
    spaces: list[Space] = field(default_factory=lambda: [Space()])
    share: list[list[str]] = field(default_factory=list)
    """Names of buffers with the same offset. A group takes the largest of its sizes from the first
    to the last time of any."""
    apart: list[list[str]] = field(default_factory=list)
    """Names of buffers no two of which have a byte in common at any time."""

    def __init__(
        self,
        buffers: Iterable[Buffer] = (),
        spaces: Iterable[Space] | None = None,
        share: Iterable[Iterable[str]] = (),
        apart: Iterable[Iterable[str]] = (),
        *,
        capacity: int | None = None,
    ) -> None:
        self.buffers = list(buffers)
        if spaces is not None and capacity is not None:
            raise Error("give the capacity with the spaces")
        self.spaces = [Space(capacity=capacity)] if spaces is None else list(spaces)
        self.share = [list(group) for group in share]
        self.apart = [list(group) for group in apart]

    @classmethod
    def from_arrays(
        cls,
        lower: Any,
        upper: Any,
        size: Any,
        *,
        alignment: int = 1,
        capacity: int | None = None,
    ) -> Problem:
        """A problem from arrays of integers of the same length; names are indices."""
        columns = [np.asarray(column) for column in (lower, upper, size)]
        if any(c.ndim != 1 or c.dtype.kind not in "iu" for c in columns):
            raise Error("lower, upper and size: expected one-dimensional arrays of integers")
        if len({len(column) for column in columns}) != 1:
            raise Error(f"lengths differ: {', '.join(str(len(c)) for c in columns)}")
        rows = zip(*(column.tolist() for column in columns), strict=True)
        buffers = [Buffer(str(i), a, b, s, alignment) for i, (a, b, s) in enumerate(rows)]
        return cls(buffers, capacity=capacity)


@dataclass(frozen=True)
class SpacePlan:
    """How a space is used."""

    name: str
    peak: int
    lower_bound: int
    """No plan has a smaller peak."""
    strategy: str
    fits: bool
    proven: bool
    """True when it does not fit and no plan does."""

    @property
    def ratio(self) -> float:
        """The peak in lower bounds."""
        return self.peak / self.lower_bound if self.lower_bound else 1.0


@dataclass(frozen=True)
class Solution:
    """Offsets for the buffers of a problem, in its order."""

    offsets: np.ndarray
    """uint64."""
    spaces: list[SpacePlan]

    @property
    def fits(self) -> bool:
        return all(space.fits for space in self.spaces)

    @property
    def peak(self) -> int:
        """The highest of all spaces."""
        return max((space.peak for space in self.spaces), default=0)

    @property
    def lower_bound(self) -> int:
        """The highest of all spaces."""
        return max((space.lower_bound for space in self.spaces), default=0)


class Observer(Protocol):
    """Is told what the planner decides."""

    def tried(self, part: int, strategy: str, peak: int | None, kept: bool) -> None:
        """An order or search on an independent part; no peak when given up above the best."""

    def placed(self, buffer: str, offset: int, rejected: list[tuple[int, str]]) -> None:
        """The final place of a buffer; lower offsets, each with the buffer in the way."""


@dataclass
class Trace:
    """An observer that keeps everything as dictionaries, ready for `json.dumps`."""

    decisions: list[dict[str, Any]] = field(default_factory=list)

    def tried(self, part: int, strategy: str, peak: int | None, kept: bool) -> None:
        self.decisions.append(
            {"kind": "tried", "part": part, "strategy": strategy, "peak": peak, "kept": kept}
        )

    def placed(self, buffer: str, offset: int, rejected: list[tuple[int, str]]) -> None:
        places = [{"offset": at, "blocked_by": name} for at, name in rejected]
        self.decisions.append(
            {"kind": "placed", "buffer": buffer, "offset": offset, "rejected": places}
        )


class _Converter:
    """Turns a problem into tuples, and collects what is wrong with its fields."""

    def __init__(self, problem: Problem) -> None:
        self.errors: list[str] = []
        indices: dict[str, int] = {}
        for i, space in enumerate(problem.spaces):
            if indices.setdefault(space.name, i) != i:
                self.errors.append(f"space '{space.name}' appears twice")
        self.spaces: list[_narae.MemorySpace] = []
        for space in problem.spaces:
            where = f"space '{space.name}'"
            capacity = space.capacity
            if capacity is not None:
                capacity = self._number(where, "capacity", capacity)
            reserve = self._number(where, "reserve", space.reserve)
            granule = self._number(where, "granule", space.granule)
            self.spaces.append((space.name, capacity, reserve, granule))
        self.buffers: list[_narae.MemoryBuffer] = []
        names: dict[str, int] = {}
        for i, buffer in enumerate(problem.buffers):
            names.setdefault(buffer.name, i)
            where = f"buffer '{buffer.name}'"
            lower = self._number(where, "lower", buffer.lower, signed=True)
            upper = self._number(where, "upper", buffer.upper, signed=True)
            size = self._number(where, "size", buffer.size)
            alignment = self._number(where, "alignment", buffer.alignment)
            offset = buffer.offset
            if offset is not None:
                offset = self._number(where, "offset", offset)
            index = indices.get(buffer.space, 0)
            if buffer.space not in indices and (buffer.space or not problem.spaces):
                self.errors.append(f"{where}: there is no space '{buffer.space}'")
            self.buffers.append((buffer.name, lower, upper, size, alignment, offset, index))
        self.groups: list[_narae.MemoryGroup] = []
        for kind, groups in (("share", problem.share), ("apart", problem.apart)):
            for group in groups:
                for name in group:
                    if name not in names:
                        self.errors.append(f"group of '{kind}': there is no buffer '{name}'")
                members = [names[name] for name in group if name in names]
                self.groups.append((members, kind == "share"))

    def _number(self, where: str, what: str, value: object, *, signed: bool = False) -> int:
        low, high = (-(2**63), 2**63 - 1) if signed else (0, 2**64 - 1)
        try:
            number = operator.index(value)  # type: ignore[arg-type]
        except TypeError:
            self.errors.append(f"{where}: {what}: {value!r} is no integer")
            return 1
        if not low <= number <= high:
            self.errors.append(f"{where}: {what}: {number} is out of range")
            return 1
        return number

    def check(self) -> None:
        errors = self.errors or _narae.memory_check(self.buffers, self.spaces, self.groups)
        _raise(errors)


def _raise(errors: Sequence[str], source: str = "") -> None:
    if errors:
        prefix = f"{source}: " if source else ""
        message = "\n".join(prefix + error for error in errors)
        raise Error(message, [Diagnostic("error", source, error) for error in errors])


def allocate(
    problem: Problem,
    *,
    budget: int | None = None,
    threads: int = 0,
    observer: Observer | None = None,
) -> Solution:
    """Places the buffers of a problem.

    The plan is never worse than the best greedy order and the same for any number of threads. It
    may exceed a capacity: see `Solution.fits`. `budget` bounds the search of a space in counted
    steps. By default that is some hundredths of a second, or up to about two seconds where there
    are capacities and no plan that fits is found before.
    """
    converter = _Converter(problem)
    converter.check()
    if budget is not None and budget < 0:
        raise Error(f"budget: {budget} is negative")
    if budget is None and any(space.capacity is not None for space in problem.spaces):
        budget = 1_000_000_000
    offsets, plans, trials, places = _narae.memory_allocate(
        converter.buffers,
        converter.spaces,
        converter.groups,
        budget,
        max(threads, 0),
        observer is not None,
    )
    if observer is not None:
        for trial in trials:
            observer.tried(*trial)
        for index, offset, rejected in places:
            named = [(at, problem.buffers[other].name) for at, other in rejected]
            observer.placed(problem.buffers[index].name, offset, named)
    spaces = []
    for space, (peak, bound, strategy, proven) in zip(problem.spaces, plans, strict=True):
        fits = space.capacity is None or peak <= space.capacity - space.reserve
        spaces.append(SpacePlan(space.name, peak, bound, strategy, fits, proven and not fits))
    return Solution(np.array(offsets, np.uint64), spaces)


def verify(problem: Problem, solution: Solution | Any) -> list[str]:
    """What is wrong with a solution, or with an array of offsets; empty when it is valid.

    Shares no code with the planner.
    """
    converter = _Converter(problem)
    converter.check()
    array = np.asarray(solution.offsets if isinstance(solution, Solution) else solution)
    if array.shape != (len(problem.buffers),) or (array.size and array.dtype.kind not in "iu"):
        return [f"expected {len(problem.buffers)} integers, found {array.dtype}{list(array.shape)}"]
    offsets = array.tolist()
    if any(offset < 0 for offset in offsets):
        return [
            f"buffer '{buffer.name}': the offset {offset} is negative"
            for buffer, offset in zip(problem.buffers, offsets, strict=True)
            if offset < 0
        ]
    if isinstance(solution, Solution):
        peaks = [space.peak for space in solution.spaces]
    else:
        peaks = [0] * len(problem.spaces)
        for row, offset in zip(converter.buffers, offsets, strict=True):
            granule = problem.spaces[row[6]].granule
            end = offset + (row[3] + granule - 1) // granule * granule
            peaks[row[6]] = max(peaks[row[6]], min(end, 2**64 - 1))
    return _narae.memory_verify(
        converter.buffers, converter.spaces, converter.groups, offsets, peaks
    )


def lower_bound(problem: Problem, space: str | None = None) -> int:
    """Bytes that every plan of a space needs; without a name the most of all spaces."""
    converter = _Converter(problem)
    converter.check()
    bounds = _narae.memory_lower_bounds(converter.buffers, converter.spaces, converter.groups)
    if space is None:
        return max(bounds, default=0)
    for known, bound in zip(problem.spaces, bounds, strict=True):
        if known.name == space:
            return bound
    raise Error(f"there is no space '{space}'")


def read_csv(path: str | os.PathLike[str], *, capacity: int | None = None) -> Problem:
    """Reads a problem in MiniMalloc's format; a column `offset` becomes fixed offsets."""
    try:
        rows, errors = _narae.memory_read_csv(Path(path).read_bytes())
    except OSError as error:
        raise Error(f"{os.fspath(path)}: {error.strerror}") from None
    _raise(errors, os.fspath(path))
    return Problem([Buffer(*row[:6]) for row in rows], capacity=capacity)


def write_csv(
    path: str | os.PathLike[str], problem: Problem, solution: Solution | None = None
) -> None:
    """Writes a problem in MiniMalloc's format, with the offsets of a solution."""
    converter = _Converter(problem)
    converter.check()
    offsets = None if solution is None else solution.offsets.tolist()
    if offsets is not None and len(offsets) != len(problem.buffers):
        raise Error(f"{len(offsets)} offsets for {len(problem.buffers)} buffers")
    text = _narae.memory_write_csv(converter.buffers, offsets)
    # The old file stays until the new one is whole.
    partial = Path(f"{os.fspath(path)}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise Error(f"{os.fspath(path)}: {error.strerror}") from None


def random_problem(
    buffers: int = 100,
    *,
    seed: int = 0,
    pattern: str = "cuts",
    duration: int = 1000,
    capacity: int = 1 << 20,
    alignment: int = 1,
) -> tuple[Problem, Solution]:
    """A problem and a plan without a gap for it, so that the capacity is the lower bound.

    `pattern` is "cuts" (a rectangle cut in two again and again), "spirals" (also into five around a
    middle) or "heap" (a heap that is always full). The same arguments give the same problem.
    """
    if pattern not in _PATTERNS:
        raise Error(f"pattern: '{pattern}' is none of {', '.join(_PATTERNS)}")
    if not (0 < buffers < 2**31 and 0 < duration < 2**62 and 0 < capacity < 2**60):
        raise Error("buffers, duration and capacity must be positive and below 2^31, 2^62 and 2^60")
    if alignment <= 0 or alignment & (alignment - 1) or capacity % alignment:
        raise Error(f"alignment: {alignment} is no power of two that divides the capacity")
    rows, offsets, peak = _narae.memory_generate(
        buffers, duration, capacity, alignment, seed % 2**64, _PATTERNS.index(pattern)
    )
    problem = Problem([Buffer(*row[:6]) for row in rows], capacity=peak)
    plan = SpacePlan(problem.spaces[0].name, peak, peak, "generated", True, False)
    return problem, Solution(np.array(offsets, np.uint64), [plan])
