"""One node test of the onnx package through narae's Python API."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

PASSED = "passed"


def normalize(value: Any) -> Any:
    """What onnx's runner compares: arrays, or lists of them."""
    if isinstance(value, onnx.TensorProto):
        return numpy_helper.to_array(value)
    if isinstance(value, onnx.SequenceProto):
        return numpy_helper.to_list(value)
    if isinstance(value, onnx.OptionalProto):
        return numpy_helper.to_optional(value)
    return value


def _compare_tensor(name: str, have: np.ndarray, want: Any, rtol: float, atol: float) -> None:
    """As `assert_similar_outputs` of onnx's runner, with types and shapes."""
    want = np.asarray(want)
    np.testing.assert_array_equal(have.shape, want.shape, err_msg=f"shape of {name}")
    if want.dtype.kind in "OUS":
        np.testing.assert_array_equal(have, want.astype(object), err_msg=name)
        return
    if have.dtype != want.dtype:
        raise AssertionError(f"type of {name} is {have.dtype}, not {want.dtype}")
    if have.dtype.name == "bfloat16":
        rtol = max(rtol, 2**-6)
    if have.dtype.kind == "V" or have.dtype.isbuiltin == 2:
        have, want = have.astype(np.float32), want.astype(np.float32)
    np.testing.assert_allclose(have, want, rtol=rtol, atol=atol, err_msg=name)


def compare(name: str, have: Any, want: Any, rtol: float, atol: float) -> None:
    if isinstance(want, list | tuple) or want is None:
        raise AssertionError(f"{name} is not a tensor")
    _compare_tensor(name, have, want, rtol, atol)


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:300] if lines else type(error).__name__


def _compile_cause(error: Any) -> str:
    """The first error, without the node's name: causes should group."""
    for diagnostic in error.diagnostics:
        if diagnostic.severity == "error":
            place = f"{diagnostic.location}: " if diagnostic.location else ""
            return f"{place}{diagnostic.message.splitlines()[0]}"[:300]
    return _first_line(error)


def run_case(case: Any, dynamic: bool, target: str = "cpu") -> str:
    """ "passed", or the cause after "compile", "run" or "result"."""
    import narae

    try:
        artifact = narae.compile(
            case.model.SerializeToString(), target=target, threads=1, all_dynamic=dynamic
        )
    except narae.Error as error:
        kind = "internal" if error.internal else "compile"
        return f"{kind}: {_compile_cause(error)}"
    try:
        session = narae.Session(artifact, device=target, threads=1)
    except narae.Error as error:
        return f"load: {_first_line(error)}"
    initialized = {tensor.name for tensor in case.model.graph.initializer}
    wanted = [value.name for value in case.model.graph.input if value.name not in initialized]
    if len(artifact.inputs) > len(wanted):
        wanted = [value.name for value in case.model.graph.input]
    for inputs, outputs in case.data_sets:
        feeds = {
            name: np.asarray(normalize(value)) for name, value in zip(wanted, inputs, strict=False)
        }
        try:
            results = session.run(feeds)
        except narae.Error as error:
            return f"run: {_first_line(error)}"
        names = [value.name for value in case.model.graph.output]
        if len(names) != len(results):
            return f"result: {len(results)} outputs, not {len(names)}"
        try:
            for name, want in zip(names, outputs, strict=True):
                compare(name, results[name], normalize(want), case.rtol, case.atol)
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            return f"result: {_first_line(error)}"
    return PASSED
