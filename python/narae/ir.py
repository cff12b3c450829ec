"""The compiler's intermediate representation, as text."""

from __future__ import annotations

import os

from . import _narae
from ._compile import Dims, _run_compiler, _set_dims, raise_on_error


def parse(text: str) -> str:
    """Parses and verifies IR of any phase and returns it as it prints."""
    return run(text, "")


def run(text: str, pipeline: str) -> str:
    """Runs a pass pipeline on IR, as "canonicalize,cse"."""
    result = _narae.run_pipeline(text, pipeline)
    raise_on_error(result, "ir")
    return result.ir


def lower(
    model: object,
    stop_after: str,
    *,
    target: str = "cpu",
    dims: Dims | None = None,
    start_from: str = "import",
    opt: int = 3,
    directory: str | os.PathLike[str] | None = None,
) -> str:
    """The IR of a model after a phase; `phases()` lists them."""
    options = _narae.CompileOptions()
    options.target = target
    options.opt_level = opt
    options.set_start_from(start_from)
    options.set_stop_after(stop_after)
    _set_dims(options, dims)
    folder = None if directory is None else os.fspath(directory)
    result, name = _run_compiler(model, "", options, folder)
    raise_on_error(result, name)
    return result.ir


def phases() -> list[str]:
    """The phases in their order."""
    return [name.strip() for name in _narae.phases().split(",")]
