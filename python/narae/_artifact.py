"""Artifacts: what the compiler makes and sessions run."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _narae
from ._errors import Error
from ._types import dtype_of


@dataclass(frozen=True)
class Tensor:
    """An input or output of an entry."""

    name: str
    dtype: np.dtype
    """NumPy's dtype (of ml_dtypes for bf16, f8 and types below a byte)."""
    shape: tuple[int | str | None, ...]
    """A number where the size is fixed, a name or None where it is not."""
    bounds: tuple[tuple[int, int | None], ...]
    """Smallest and largest size of each dimension; None: any."""
    type: int
    """The type's number in narae/runtime.h."""

    def __str__(self) -> str:
        dims = ", ".join("?" if dim is None else str(dim) for dim in self.shape)
        return f"{self.name}: {self.dtype}[{dims}]"


@dataclass(frozen=True)
class Entry:
    """One way into an artifact: a function with inputs and outputs."""

    name: str
    index: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


def _tensor(description: tuple[str, int, list[tuple[int, int, int, str]]]) -> Tensor:
    name, number, dims = description
    return Tensor(
        name,
        dtype_of(number),
        tuple(value if value >= 0 else dim or None for value, _, _, dim in dims),
        tuple((low, high if high >= 0 else None) for _, low, high, _ in dims),
        number,
    )


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)


class Artifact:
    """A compiled model: immutable, shared by any number of sessions."""

    def __init__(
        self,
        path: str,
        *,
        verify: bool = False,
        weights_dir: str | None = None,
        temporary: bool = False,
    ) -> None:
        try:
            self._handle = _narae.Artifact(path, verify, weights_dir)
        except RuntimeError as error:
            if temporary:
                _remove(path)
            raise Error(str(error)) from None
        self._path = path
        if temporary:
            weakref.finalize(self, _remove, path)
        self._entries = {
            name: Entry(
                name,
                index,
                tuple(_tensor(tensor) for tensor in inputs),
                tuple(_tensor(tensor) for tensor in outputs),
            )
            for index, (name, inputs, outputs) in enumerate(self._handle.entries())
        }

    @property
    def path(self) -> str:
        """The file; a temporary one goes away with this object."""
        return self._path

    @property
    def entries(self) -> dict[str, Entry]:
        """The entries by name; most models have one, "main"."""
        return dict(self._entries)

    def entry(self, name: str = "main") -> Entry:
        """An entry by name; the only one also answers to "main"."""
        found = self._entries.get(name)
        if found is None and name == "main" and len(self._entries) == 1:
            return next(iter(self._entries.values()))
        if found is None:
            known = ", ".join(repr(entry) for entry in self._entries)
            raise Error(f"there is no entry {name!r}; there are {known}")
        return found

    def _first(self) -> Entry:
        return self._entries.get("main") or next(iter(self._entries.values()))

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The inputs of the main entry."""
        return self._first().inputs

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The outputs of the main entry."""
        return self._first().outputs

    @property
    def report(self) -> dict[str, Any]:
        """The compiler's report: phase times, kernels, memory plan."""
        return json.loads(self._handle.report() or "{}")

    @property
    def target(self) -> dict[str, Any]:
        """The description of the target that it was compiled for."""
        return json.loads(self._handle.target() or "{}")

    @property
    def weight_bytes(self) -> int:
        return self._handle.weight_bytes()

    @property
    def metadata(self) -> dict[str, Any]:
        """What the model says of itself, as {"language_model": {...}}."""
        return json.loads(self._handle.metadata() or "{}")

    @property
    def attachments(self) -> tuple[str, ...]:
        """Names of the files that travel in the artifact."""
        return tuple(self._handle.attachments())

    def attachment(self, name: str) -> bytes:
        """The bytes of an attachment."""
        data = self._handle.attachment(name)
        if data is None:
            known = ", ".join(map(repr, self.attachments)) or "none"
            raise Error(f"{self._path}: there is no attachment {name!r}; there are {known}")
        return data

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the artifact to a file, which appears whole or not at all."""
        target = os.fspath(path)
        part = f"{target}.{os.getpid()}.part"
        try:
            shutil.copyfile(self._path, part)
            os.replace(part, target)
        except OSError as error:
            _remove(part)
            raise Error(f"{target}: {error.strerror or error}") from error

    def __repr__(self) -> str:
        entry = self._first()
        inputs = ", ".join(map(str, entry.inputs))
        outputs = ", ".join(map(str, entry.outputs))
        return f"<narae.Artifact ({inputs}) -> ({outputs})>"


def load(
    path: str | os.PathLike[str],
    *,
    verify: bool = False,
    weights_dir: str | os.PathLike[str] | None = None,
) -> Artifact:
    """Opens a `.narae` file. An artifact holds native code: load only files
    that you trust as you would trust a shared library.

    `verify` checks the hashes of weights beyond 1 GiB too; `weights_dir` is
    where weights outside of the artifact are (beside it).
    """
    folder = None if weights_dir is None else os.fspath(weights_dir)
    return Artifact(os.fspath(path), verify=verify, weights_dir=folder)
