"""Narae compiles foundation models for several accelerators and runs the result.

artifact = narae.compile("model.onnx", target="cpu")
session = narae.Session(artifact)
outputs = session.run({"x": array})
"""

from . import _narae, ir
from ._artifact import Artifact, Entry, Tensor, load
from ._compile import check, compile, describe_target, targets
from ._errors import Diagnostic, Error
from ._session import KernelTime, Session

__version__: str = _narae.version()
__all__ = [
    "Artifact",
    "Diagnostic",
    "Entry",
    "Error",
    "KernelTime",
    "Session",
    "Tensor",
    "check",
    "compile",
    "describe_target",
    "ir",
    "load",
    "load_plugin",
    "targets",
]


def load_plugin(path: str) -> None:
    """Adds the runtime side of a backend from a shared library."""
    try:
        _narae.load_plugin(path)
    except RuntimeError as error:
        raise Error(str(error)) from None
