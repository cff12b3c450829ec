"""Narae compiles foundation models for several accelerators and runs the result.

artifact = narae.compile("model.onnx", target="cpu")
session = narae.Session(artifact)
outputs = session.run({"x": array})

llm = narae.LLM(narae.compile("model.gguf"))
text = llm.generate("Once upon a time")
"""

from . import _narae, ir, memory, npu
from ._artifact import Artifact, Entry, Tensor, load
from ._compile import check, compile, describe_target, devices, targets
from ._errors import Diagnostic, Error
from ._generate import Generation, TokenStream
from ._llm import LLM
from ._session import KernelTime, Session

__version__: str = _narae.version()
__all__ = [
    "LLM",
    "Artifact",
    "Diagnostic",
    "Entry",
    "Error",
    "Generation",
    "KernelTime",
    "Session",
    "Tensor",
    "TokenStream",
    "check",
    "compile",
    "describe_target",
    "devices",
    "ir",
    "load",
    "load_plugin",
    "memory",
    "npu",
    "targets",
]


def load_plugin(path: str) -> None:
    """Adds a backend from a shared library: its compiler side, its runtime side, or both."""
    try:
        _narae.load_plugin(path)
    except RuntimeError as error:
        raise Error(str(error)) from None
