"""narae.Session: arrays in and out."""

from __future__ import annotations

import threading

import ml_dtypes
import narae
import numpy as np
import pytest
import small_models
from onnx import TensorProto, helper

TYPES = {
    TensorProto.FLOAT: np.float32,
    TensorProto.DOUBLE: np.float64,
    TensorProto.FLOAT16: np.float16,
    TensorProto.BFLOAT16: ml_dtypes.bfloat16,
    TensorProto.INT8: np.int8,
    TensorProto.INT16: np.int16,
    TensorProto.INT32: np.int32,
    TensorProto.INT64: np.int64,
    TensorProto.UINT8: np.uint8,
    TensorProto.UINT16: np.uint16,
    TensorProto.UINT32: np.uint32,
    TensorProto.UINT64: np.uint64,
    TensorProto.BOOL: np.bool_,
    TensorProto.FLOAT8E4M3FN: ml_dtypes.float8_e4m3fn,
    TensorProto.FLOAT8E5M2: ml_dtypes.float8_e5m2,
    TensorProto.FLOAT8E4M3FNUZ: ml_dtypes.float8_e4m3fnuz,
    TensorProto.FLOAT8E5M2FNUZ: ml_dtypes.float8_e5m2fnuz,
    TensorProto.INT4: ml_dtypes.int4,
    TensorProto.UINT4: ml_dtypes.uint4,
}


@pytest.fixture(scope="module")
def session(linear: narae.Artifact) -> narae.Session:
    return narae.Session(linear, threads=2)


def rows(count: int) -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, 4)).astype(np.float32)


@pytest.mark.parametrize("kind", TYPES, ids=TensorProto.DataType.Name)
def test_every_type_passes_through(kind: int) -> None:
    session = narae.Session(narae.compile(small_models.unary("Identity", kind)))
    x = np.array([[0, 1, 1], [0, 1, 0]]).astype(TYPES[kind])
    y = session.run({"x": x})["y"]
    assert y.dtype == x.dtype
    np.testing.assert_array_equal(y.view(np.uint8), x.view(np.uint8))


def test_sizes_change_between_runs(session: narae.Session) -> None:
    whole = session.run({"x": rows(7)})["y"]
    for count in (1, 3, 7, 2):
        y = session.run({"x": rows(7)[:count]})["y"]
        np.testing.assert_allclose(y, whole[:count], rtol=1e-5, atol=1e-6)


def test_results_own_their_memory(session: narae.Session) -> None:
    first = session.run({"x": rows(3)})["y"]
    copy = first.copy()
    session.run({"x": -rows(3)})
    np.testing.assert_array_equal(first, copy)


def test_inputs_of_any_layout(session: narae.Session) -> None:
    x = rows(6)
    want = session.run({"x": x})["y"]
    backwards = x[::-1][::-1]
    fortran = np.asfortranarray(x)
    swapped = x.astype(x.dtype.newbyteorder(">"))
    unaligned = np.frombuffer(b"\0" + x.tobytes(), np.float32, offset=1).reshape(x.shape)
    for same in (backwards, fortran, swapped, unaligned):
        np.testing.assert_array_equal(session.run({"x": same})["y"], want)


def test_lists_are_converted(session: narae.Session) -> None:
    y = session.run({"x": [[1, 2, 3, 4.0]]})["y"]
    want = session.run({"x": np.array([[1, 2, 3, 4]], np.float32)})["y"]
    np.testing.assert_array_equal(y, want)


class Exporter:
    """What another framework's tensor looks like: DLPack and no more."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **options: object) -> object:
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()


def test_dlpack_in_and_out(session: narae.Session) -> None:
    x = rows(2)
    y = session.run({"x": Exporter(x)})["y"]
    np.testing.assert_array_equal(np.from_dlpack(y), session.run({"x": x})["y"])


def test_zero_rows(session: narae.Session) -> None:
    assert session.run({"x": np.zeros((0, 4), np.float32)})["y"].shape == (0, 5)


def test_scalars() -> None:
    session = narae.Session(narae.compile(small_models.unary("Neg", dims=())))
    y = session.run({"x": np.float32(3)})["y"]
    assert y.shape == ()
    assert y == -3


def test_outputs_are_filled() -> None:
    session = narae.Session(narae.compile(small_models.linear(3)))
    given = np.empty((3, 5), np.float32)
    results = session.run({"x": rows(3)}, outputs={"y": given})
    assert results["y"] is given
    np.testing.assert_array_equal(given, session.run({"x": rows(3)})["y"])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.empty((3, 5), np.float64), "float64"),
        (np.empty((3, 6), np.float32), "shape"),
        (np.empty((5, 3), np.float32).T, "contiguous"),
        (np.frombuffer(bytes(60), np.float32).reshape(3, 5), "written"),
        ([[0.0]], "NumPy array"),
    ],
)
def test_outputs_are_checked(array: object, message: str) -> None:
    session = narae.Session(narae.compile(small_models.linear(3)))
    with pytest.raises(narae.Error, match=message):
        session.run({"x": rows(3)}, outputs={"y": array})


def test_output_over_input() -> None:
    session = narae.Session(narae.compile(small_models.add((4,))))
    x = np.ones(4, np.float32)
    with pytest.raises(narae.Error, match="shares memory"):
        session.run({"x": x, "y": x.copy()}, outputs={"z": x})


def test_dynamic_output_given(session: narae.Session) -> None:
    given = np.empty((3, 5), np.float32)
    session.run({"x": rows(3)}, outputs={"y": given})
    np.testing.assert_array_equal(given, session.run({"x": rows(3)})["y"])
    with pytest.raises(narae.Error):
        session.run({"x": rows(3)}, outputs={"y": np.empty((4, 5), np.float32)})


def test_wrong_names_types_and_shapes_at_once(session: narae.Session) -> None:
    with pytest.raises(narae.Error) as caught:
        session.run({"y": rows(1), "z": rows(1)})
    assert len(caught.value.diagnostics) == 3
    for bad, message in (
        (rows(2).astype(np.float64), "float64"),
        (np.zeros((2, 3), np.float32), "shape"),
        (np.zeros(4, np.float32), "shape"),
        ("text", "could not convert"),
    ):
        with pytest.raises(narae.Error, match=message):
            session.run({"x": bad})


def test_sizes_that_do_not_fit_are_named_before_anything_runs() -> None:
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"], name="product"),
        helper.make_node("Softmax", ["p"], ["q"], name="soft"),
        helper.make_node("Add", ["q", "b"], ["y"], name="late_sum"),
    ]
    inputs = [small_models.value("x", ("n", 4)), small_models.value("b", ("k", 4))]
    weights = {"w": np.eye(4, dtype=np.float32)}
    model = small_models.model(nodes, inputs, [small_models.value("y", (None, 4))], weights)
    session = narae.Session(narae.compile(model))
    with pytest.raises(narae.Error, match=r"late_sum.*dimension 0 of an operand"):
        session.run({"x": rows(3), "b": rows(2)})
    assert session.run({"x": rows(3), "b": rows(1)})["y"].shape == (3, 4)


def test_unknown_entry_output_and_device(linear: narae.Artifact, session: narae.Session) -> None:
    with pytest.raises(narae.Error, match="no entry 'prefill'"):
        session.run({"x": rows(1)}, entry="prefill")
    with pytest.raises(narae.Error, match="no output 'q'"):
        session.run({"x": rows(1)}, outputs={"q": np.empty((1, 5), np.float32)})
    with pytest.raises(narae.Error):
        narae.Session(linear, device="abacus")
    with pytest.raises(narae.Error, match="threads"):
        narae.Session(linear, threads=0)
    with pytest.raises(narae.Error, match="takes an artifact"):
        narae.Session("file.narae")


def test_threads_do_not_change_results(linear: narae.Artifact) -> None:
    results = [narae.Session(linear, threads=n).run({"x": rows(50)})["y"] for n in (1, 2, 3)]
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_threads_share_a_session(session: narae.Session) -> None:
    want = {count: session.run({"x": rows(count)})["y"] for count in range(1, 9)}
    failures: list[int] = []

    def work(count: int) -> None:
        for _ in range(50):
            if not np.array_equal(session.run({"x": rows(count)})["y"], want[count]):
                failures.append(count)

    workers = [threading.Thread(target=work, args=(count,)) for count in want]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []


def test_trace(session: narae.Session) -> None:
    results, times = session.trace({"x": rows(3)})
    assert results["y"].shape == (3, 5)
    assert times
    assert all(time.end_ns >= time.begin_ns for time in times)


def test_session_outlives_its_artifact() -> None:
    session = narae.Session(narae.compile(small_models.linear()))
    assert session.run({"x": rows(2)})["y"].shape == (2, 5)
    assert session.arena_bytes >= 0
