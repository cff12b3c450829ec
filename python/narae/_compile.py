"""Compiling models."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from . import _narae
from ._artifact import Artifact, _remove
from ._errors import Diagnostic, Error

Dims = Mapping[str, "int | tuple[int, int | None]"]
Model = Any
"""A path (`.onnx`, `.gguf`, `.mlir`, a checkpoint's folder), the bytes of an
ONNX model, or an `onnx.ModelProto`."""


def _set_dims(options: _narae.CompileOptions, dims: Dims | None) -> None:
    for name, size in (dims or {}).items():
        low, high = size if isinstance(size, tuple | list) else (size, size)
        limit = -1 if high is None else int(high)
        if low < 0 or (high is not None and high < low):
            raise Error(f"dims: {name!r} cannot be {size!r}: give a number or (min, max)")
        options.set_dim(name, int(low), limit)


def _set_language(
    options: _narae.CompileOptions,
    batch: int,
    context: int | None,
    kv_type: str | None,
    prefill_chunk: int,
    quantize: str | None,
) -> None:
    if context is not None and context < 1:
        raise Error(f"context is at least 1, not {context}")
    options.batch = batch
    options.context = context or 0
    options.kv_type = kv_type or ""
    options.prefill_chunk = prefill_chunk
    options.quantize = quantize or ""


def _diagnostics(result: _narae.CompileResult) -> list[Diagnostic]:
    return [Diagnostic(item.severity, item.location, item.message) for item in result.diagnostics]


def raise_on_error(result: _narae.CompileResult, name: str) -> list[Diagnostic]:
    """The diagnostics of a result, or an Error that lists them."""
    diagnostics = _diagnostics(result)
    if result.status == 0:
        return diagnostics
    lines = [str(item) for item in diagnostics] or ["error: the compiler gave no reason"]
    raise Error(f"{name}:\n" + "\n".join(lines), diagnostics, internal=result.status != 1)


def _serialized(model: Model) -> tuple[bytes, str] | None:
    """Bytes and name of a model in memory; None for a path."""
    if isinstance(model, bytes | bytearray | memoryview):
        return bytes(model), "model"
    serialize = getattr(model, "SerializeToString", None)
    if serialize is not None:
        return serialize(), model.graph.name or "model"
    return None


def _path(model: Model) -> str:
    try:
        path = os.fspath(model)
    except TypeError:
        raise Error(
            "a model is a path, the bytes of an ONNX model or an onnx.ModelProto, "
            f"not {type(model).__name__}"
        ) from None
    return os.fsdecode(path)


def _run_compiler(
    model: Model, output: str, options: _narae.CompileOptions, directory: str | None
) -> tuple[_narae.CompileResult, str]:
    memory = _serialized(model)
    if memory is not None:
        data, name = memory
        return _narae.compile_bytes(data, name, directory or "", output, options), name
    path = _path(model)
    return _narae.compile(path, output, options), path


def compile(  # the name of what it does
    model: Model,
    target: str = "cpu",
    output: str | os.PathLike[str] | None = None,
    dims: Dims | None = None,
    precision: str | None = None,
    *,
    exact: bool = False,
    emulatable: bool = False,
    opt: int = 3,
    threads: int | None = None,
    directory: str | os.PathLike[str] | None = None,
    dump_phases: str | os.PathLike[str] | None = None,
    progress: Callable[[float, str], None] | None = None,
    all_dynamic: bool = False,
    batch: int = 1,
    context: int | None = None,
    kv_type: str | None = None,
    prefill_chunk: int = 128,
    quantize: str | None = None,
    weights: str = "embedded",
    without_weights: bool = False,
    ignore: Sequence[str] = (),
) -> Artifact:
    """Compiles a model and returns the artifact.

    `model` is a path, the bytes of an ONNX model, or an `onnx.ModelProto`
    (then `directory` is where its external data is). `target` is `BACKEND`
    or `BACKEND:CHIP`; `narae.targets()` lists them. `output` is the file to
    write; without one the artifact lives in a temporary file as long as the
    returned object. `dims` fixes dynamic dimensions by name (`{"batch": 1}`)
    or bounds them (`{"seq": (1, 512)}`). `precision` ("f32", "bf16",
    "f16") is the type that wider weight matrices are rounded to; None keeps
    what the model stores. `exact` forbids approximations beyond
    rounding of f32; `emulatable` keeps what an emulator of the device needs
    (for the device "nvidia-emulator"); `opt` is 0 to 3; `threads` are those of the compiler.

    Language models (a checkpoint's folder or a `.gguf` file): `batch`
    sequences of up to `context` positions at a time (the smaller of the
    model's and 4096), a cache of `kv_type` ("f32", "bf16", "f16", "q8_0"),
    `prefill_chunk` tokens at most in one run of `prefill`; `quantize` packs
    the weights ("q8_0", "q4_0", "q4_k"); `ignore` names keys and tensors of
    the checkpoint that may stay unread, with * and ?. `weights="external"`
    leaves weights in the model's own files where kernels can read them there;
    `without_weights` takes shapes only, for reports.

    Raises `narae.Error`, which lists all problems in `.diagnostics`.
    """
    if opt not in (0, 1, 2, 3):
        raise Error(f"opt is 0, 1, 2 or 3, not {opt!r}")
    options = _narae.CompileOptions()
    options.target = target
    options.precision = precision or ""
    options.exact = exact
    options.emulatable = emulatable
    options.opt_level = opt
    options.threads = threads or 0
    options.all_dynamic = all_dynamic
    options.dump_phases = os.fspath(dump_phases) if dump_phases is not None else ""
    _set_language(options, batch, context, kv_type, prefill_chunk, quantize)
    if weights not in ("embedded", "external"):
        raise Error(f'weights is "embedded" or "external", not {weights!r}')
    options.external_weights = weights == "external"
    options.without_weights = without_weights
    options.ignore = list(ignore)
    if progress is not None:
        options.set_progress(progress)
    _set_dims(options, dims)

    temporary = output is None
    if temporary:
        file, path = tempfile.mkstemp(prefix="narae-", suffix=".narae")
        os.close(file)
    else:
        path = os.fspath(output)
    try:
        folder = None if directory is None else os.fspath(directory)
        result, name = _run_compiler(model, path, options, folder)
        raise_on_error(result, name)
    except BaseException:
        if temporary:
            _remove(path)
        raise
    outside = os.path.dirname(name) if os.path.isfile(name) else name
    return Artifact(
        path,
        weights_dir=outside or "." if weights == "external" else None,
        temporary=temporary,
    )


def check(
    model: Model,
    target: str = "cpu",
    *,
    dims: Dims | None = None,
    precision: str | None = None,
    directory: str | os.PathLike[str] | None = None,
) -> list[Diagnostic]:
    """Everything that stands in the way of compiling a model for a target; an
    empty list when nothing does. `model` and `directory` are as in `compile`."""
    options = _narae.CompileOptions()
    options.target = target
    options.precision = precision or ""
    _set_dims(options, dims)
    memory = _serialized(model)
    if memory is None:
        return _diagnostics(_narae.check(_path(model), options))
    data, name = memory
    folder = "" if directory is None else os.fspath(directory)
    return _diagnostics(_narae.check_bytes(data, name, folder, options))


def targets() -> list[str]:
    """The names of the targets of this build."""
    return _narae.targets()


def devices() -> dict[str, Any]:
    """The devices that artifacts can run on, by backend: a list of dictionaries
    with name, kind, chiplets, cores, memory_bytes, reserved_bytes, version, ... as
    far as they are known; None for a backend that lists none."""
    return json.loads(_narae.list_devices())


def describe_target(target: str) -> dict[str, Any]:
    """The description of a target: memories, units, types, rates."""
    try:
        return json.loads(_narae.describe_target(target))
    except ValueError as error:
        raise Error(str(error)) from None
