"""The exception of this package, and what it carries."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnostic:
    """One problem, placed in the user's model."""

    severity: str
    """"error", "warning" or "note"."""
    location: str
    """"node 'conv1 (Conv)'", a file, or empty."""
    message: str

    def __str__(self) -> str:
        place = f"{self.location}: " if self.location else ""
        return f"{self.severity}: {place}{self.message}"


class Error(Exception):
    """A model, an artifact or an argument that Narae cannot work with."""

    diagnostics: list[Diagnostic]
    internal: bool
    """True when the compiler itself failed: please report it."""

    def __init__(
        self,
        message: str,
        diagnostics: Iterable[Diagnostic] = (),
        *,
        internal: bool = False,
    ) -> None:
        super().__init__(message)
        self.diagnostics = list(diagnostics) or [Diagnostic("error", "", message)]
        self.internal = internal
