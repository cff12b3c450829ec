"""Tensors of strings, against Python's own functions and NumPy."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import narae
import numpy as np
import onnx
import pytest
import small_models
from onnx import TensorProto, helper

STRING = TensorProto.STRING
WORDS = np.array([["a", "Ünï", ""], ["한국", "b b", "a"]], dtype=object)


def text_model(
    op: str,
    inputs: dict[str, np.ndarray],
    outputs: list[tuple[str, int, int]],
    dynamic: bool,
    domain: str = "",
    **attributes: Any,
) -> onnx.ModelProto:
    """One node; outputs are name, type and rank."""
    node = helper.make_node(
        op, list(inputs), [name for name, *_ in outputs], name="node", domain=domain, **attributes
    )
    values = []
    for name, array in inputs.items():
        kind = STRING if array.dtype == object else helper.np_dtype_to_tensor_dtype(array.dtype)
        values.append(
            small_models.value(name, [None] * array.ndim if dynamic else array.shape, kind)
        )
    results = [small_models.value(name, [None] * rank, kind) for name, kind, rank in outputs]
    model = small_models.model([node], values, results, opset=21)
    if domain:
        model.opset_import.append(helper.make_opsetid(domain, 4))
    return model


def run(
    op: str,
    inputs: dict[str, np.ndarray],
    outputs: list[tuple[str, int, int]],
    dynamic: bool = False,
    **attributes: Any,
) -> list[np.ndarray]:
    model = text_model(op, inputs, outputs, dynamic, **attributes)
    results = narae.Session(narae.compile(model)).run(inputs)
    return [results[name] for name, *_ in outputs]


def error_of(model: onnx.ModelProto) -> str:
    with pytest.raises(narae.Error) as caught:
        narae.compile(model)
    assert not caught.value.internal
    return str(caught.value)


@pytest.mark.parametrize("dynamic", [False, True])
def test_movement(dynamic: bool) -> None:
    """A graph that moves strings in many ways at once."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0]),
        helper.make_node("Concat", ["t", "t"], ["c"], axis=1),
        helper.make_node("Gather", ["c", "picks"], ["g"], axis=0),
        helper.make_node("Equal", ["g", "a"], ["is_a"]),
        helper.make_node("Where", ["is_a", "other", "g"], ["w"]),
        helper.make_node("Pad", ["w", "pads", "fill"], ["p"]),
        helper.make_node("Tile", ["p", "repeats"], ["y"]),
        helper.make_node("Identity", ["other"], ["same"]),
    ]
    weights = {
        "picks": np.array([2, 0, -1]),
        "a": np.array("a", object),
        "other": np.array("넷", object),
        "pads": np.array([0, 1, 0, 0]),
        "fill": np.array("-", object),
        "repeats": np.array([1, 2]),
    }
    model = small_models.model(
        nodes,
        [small_models.value("x", [None, None] if dynamic else WORDS.shape, STRING)],
        [small_models.value("y", [None, None], STRING), small_models.value("same", [], STRING)],
        weights,
    )
    session = narae.Session(narae.compile(model))
    for words in (
        WORDS,
        WORDS[:, ::-1],
        np.array([["x", "y", "z"], ["a", "", "w" * 5000]], object),
    ):
        grid = np.concatenate([words.T, words.T], 1)[[2, 0, -1]]
        grid = np.where(grid == "a", "넷", grid)
        want = np.tile(np.pad(grid, ((0, 0), (1, 0)), constant_values="-"), (1, 2))
        results = session.run({"x": words})
        np.testing.assert_array_equal(results["y"], want)
        assert results["same"].item() == "넷"


def test_kinds_of_inputs() -> None:
    """Objects, NumPy's strings of both kinds, bytes, lists and scalars."""
    model = small_models.unary("Identity", STRING, (2,))
    session = narae.Session(narae.compile(model))
    want = ["Ünï", "b"]
    inputs = [
        np.array(want, object),
        np.array(want),
        np.array([word.encode() for word in want]),
        want,
        [np.str_(word) for word in want],
    ]
    if hasattr(np.dtypes, "StringDType"):
        inputs.append(np.array(want, np.dtypes.StringDType()))
    for value in inputs:
        result = session.run({"x": value})["y"]
        assert result.dtype == object
        assert result.tolist() == want
    target = np.empty(2, object)
    assert session.run({"x": want}, outputs={"y": target})["y"] is target
    assert target.tolist() == want
    # Bytes that are no UTF-8 come out as Python has them in file names.
    odd = session.run({"x": np.array([b"\xff", b"b"], object)})["y"]
    assert odd.tolist() == ["\udcff", "b"]
    assert session.run({"x": odd})["y"].tolist() == odd.tolist()


def test_bad_inputs() -> None:
    session = narae.Session(narae.compile(small_models.unary("Identity", STRING, (2,))))
    for value, message in (
        (np.array(["a", 3], object), "element 1 is no string, but of type int"),
        (np.array(["a", None], object), "element 1 is no string, but of type NoneType"),
        (np.array(["a\0b", "c"], object), "element 0 contains a zero character"),
        (np.array(["a", "\ud800"], object), "element 1 is no Unicode text"),
        (np.zeros(2, np.float32), "the type is float32, but strings are needed"),
        (np.array(["a"], object), "the shape is [1], but [2] is needed"),
    ):
        with pytest.raises(narae.Error, match=re.escape(message)):
            session.run({"x": value})
    numbers = narae.Session(narae.compile(small_models.unary("Neg")))
    with pytest.raises(narae.Error, match="the type is object, but float32 is needed"):
        numbers.run({"x": WORDS})


@pytest.mark.parametrize("dynamic", [False, True])
def test_split(dynamic: bool) -> None:
    x = np.array([["a,b,,c", ",", ""], ["  x  y ", "z", "a b\tc\u00a0d"]], object)
    outputs = [("y", STRING, 3), ("n", TensorProto.INT64, 2)]
    for delimiter in (None, "", ",", "b,"):
        for limit in (None, 0, 1, 2):
            attributes: dict[str, Any] = {}
            if delimiter is not None:
                attributes["delimiter"] = delimiter
            if limit is not None:
                attributes["maxsplit"] = limit
            y, n = run("StringSplit", {"x": x}, outputs, dynamic, **attributes)
            parts = [
                [word.split(delimiter or None, -1 if limit is None else limit) for word in row]
                for row in x
            ]
            most = max(len(p) for row in parts for p in row)
            want = [[p + [""] * (most - len(p)) for p in row] for row in parts]
            assert y.tolist() == want
            assert n.tolist() == [[len(p) for p in row] for row in parts]
    empty = np.empty((0, 3), object)
    y, n = run("StringSplit", {"x": empty}, outputs, dynamic)
    assert (y.shape, n.shape) == ((0, 3, 0), (0, 3))


@pytest.mark.parametrize("dynamic", [False, True])
def test_concat(dynamic: bool) -> None:
    right = np.array([["1"], ["글"]], object)
    (y,) = run("StringConcat", {"a": WORDS, "b": right}, [("y", STRING, 2)], dynamic)
    np.testing.assert_array_equal(y, WORDS + right)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("sensitive", [0, 1])
@pytest.mark.parametrize("action", ["NONE", "LOWER", "UPPER"])
def test_normalizer(action: str, sensitive: int, dynamic: bool) -> None:
    def change(word: str) -> str:
        return {"NONE": str, "LOWER": str.lower, "UPPER": str.upper}[action](word)

    for words in (["Mon", "tue", "Été", "MON", "한"], ["mon", "MON"], ["tue"]):
        x = np.array(words, object)
        stops = ["mon", "ÉTÉ"]
        attributes = {"case_change_action": action, "is_case_sensitive": sensitive}
        (y,) = run(
            "StringNormalizer", {"x": x}, [("y", STRING, 1)], dynamic, stopwords=stops, **attributes
        )
        folded = [s if sensitive else s.lower() for s in stops]
        kept = [change(w) for w in words if (w if sensitive else w.lower()) not in folded]
        assert y.tolist() == (kept or [""])
        (y,) = run("StringNormalizer", {"x": x[None]}, [("y", STRING, 2)], dynamic, **attributes)
        assert y.tolist() == [[change(w) for w in words]]


def test_regex() -> None:
    x = np.array(["user@mail.com", "no", "a@b", "한@글.kr"], object)
    pattern = r"(\W|^)[\w.\-]{0,25}@(yahoo|mail|b)(\.com)?(\W|$)"
    (y,) = run("RegexFullMatch", {"x": x}, [("y", TensorProto.BOOL, 1)], pattern=pattern)
    assert y.tolist() == [True, False, True, False]
    (y,) = run("RegexFullMatch", {"x": x}, [("y", TensorProto.BOOL, 1)], pattern=".@..kr")
    assert y.tolist() == [False, False, False, True]
    bad = text_model("RegexFullMatch", {"x": x}, [("y", TensorProto.BOOL, 1)], False, pattern="a(b")
    assert "'a(b', at byte 3: there is a ( without its )" in error_of(bad)


NUMBERS = [
    np.float32,
    np.float64,
    np.float16,
    np.int8,
    np.uint8,
    np.int32,
    np.int64,
    np.uint64,
    np.bool_,
]


@pytest.mark.parametrize("dtype", NUMBERS)
def test_casts(dtype: type) -> None:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    values = np.array([0, 1, 3, 100], dtype)
    if np.dtype(dtype).kind == "f":
        values = np.array([0.5, -3.25, np.inf, 1e-4], dtype)
    elif dtype == np.uint64:
        values = np.array([0, 2**64 - 1], dtype)
    elif dtype == np.int64:
        values = np.array([-(2**63), 2**63 - 1], dtype)
    (texts,) = run("Cast", {"x": values}, [("y", STRING, 1)], to=STRING)
    if np.dtype(dtype).kind == "f":
        np.testing.assert_array_equal(np.array([float(text) for text in texts], dtype), values)
    else:
        assert texts.tolist() == [str(value) for value in values.tolist()]
    if dtype == np.bool_:
        texts = np.array(["0", "1", "2.5", "0.0"], object)
        values = np.array([False, True, True, False])
    (back,) = run("Cast", {"x": texts}, [("y", kind, 1)], True, to=kind)
    np.testing.assert_array_equal(back, values)


def test_cast_of_what_is_no_number() -> None:
    x = np.array(["1.5", "abc"], object)
    model = text_model("Cast", {"x": x}, [("y", TensorProto.FLOAT, 1)], False, to=TensorProto.FLOAT)
    session = narae.Session(narae.compile(model))
    with pytest.raises(narae.Error, match="element 1, 'abc', is no number of type f32"):
        session.run({"x": x})
    # The session is as good as before.
    result = session.run({"x": np.array(["1.5", "INF"], object)})["y"]
    assert result.tolist() == [1.5, float("inf")]


def test_label_encoder() -> None:
    x = np.array([["b", "z"], ["a", "b"]], object)
    domain = "ai.onnx.ml"
    keys = {"keys_strings": ["a", "b"]}
    (y,) = run(
        "LabelEncoder",
        {"x": x},
        [("y", 7, 2)],
        domain=domain,
        values_int64s=[10, 20],
        default_int64=-7,
        **keys,
    )
    assert y.tolist() == [[20, -7], [10, 20]]
    (y,) = run(
        "LabelEncoder",
        {"x": x},
        [("y", STRING, 2)],
        domain=domain,
        values_strings=["A", "B"],
        **keys,
    )
    assert y.tolist() == [["B", "_Unused"], ["A", "B"]]
    (y,) = run(
        "LabelEncoder",
        {"x": np.array([2, 5])},
        [("y", STRING, 1)],
        domain=domain,
        keys_int64s=[1, 2],
        values_strings=["one", "two"],
        default_string="?",
    )
    assert y.tolist() == ["two", "?"]


@pytest.mark.parametrize("dynamic", [False, True])
def test_tfidf(dynamic: bool) -> None:
    """Counts of word pairs, next to each other or one apart."""
    attributes = {
        "mode": "TFIDF",
        "min_gram_length": 1,
        "max_gram_length": 2,
        "max_skip_count": 1,
        "ngram_counts": [0, 2],
        "ngram_indexes": [0, 3, 1, 4],
        "pool_strings": ["a", "b", "a", "b", "b", "a"],
        "weights": [1.0, 2.0, 3.0, 0.5],
    }
    x = np.array([["a", "b", "a", "c"], ["b", "b", "x", "a"]], object)
    (y,) = run("TfIdfVectorizer", {"x": x}, [("y", 1, 2)], dynamic, **attributes)
    # Grams a, b, ab, ba; row 0: 2, 1, 1, 1; row 1: 1, 2, 0, 1 (one apart).
    np.testing.assert_array_equal(y, [[2, 3, 0, 2, 0.5], [1, 0, 0, 4, 0.5]])


def test_control_flow() -> None:
    """A loop that makes longer and longer strings, in branches of an If."""
    body = helper.make_graph(
        [
            helper.make_node("StringConcat", ["s", "s"], ["twice"]),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "body",
        [
            small_models.value("i", (), 7),
            small_models.value("go", (), 9),
            small_models.value("s", (1,), STRING),
        ],
        [small_models.value("on", (), 9), small_models.value("twice", (1,), STRING)],
    )
    then = helper.make_graph(
        [helper.make_node("Loop", ["n", "", "x"], ["long"], body=body)],
        "then",
        [],
        [small_models.value("long", (1,), STRING)],
    )
    other = helper.make_graph(
        [helper.make_node("Identity", ["word"], ["same"])],
        "else",
        [],
        [small_models.value("same", (1,), STRING)],
    )
    model = small_models.model(
        [helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)],
        [
            small_models.value("c", (), 9),
            small_models.value("n", (), 7),
            small_models.value("x", (1,), STRING),
        ],
        [small_models.value("y", (1,), STRING)],
        {"word": np.array(["else"], object)},
    )
    session = narae.Session(narae.compile(model))
    for count in (0, 1, 10):
        feeds = {"c": np.array(True), "n": np.array(count), "x": np.array(["ab"], object)}
        assert session.run(feeds)["y"].tolist() == ["ab" * 2**count]
        assert session.run({**feeds, "c": np.array(False)})["y"].tolist() == ["else"]


@pytest.mark.parametrize(
    ("op", "attributes"),
    [
        ("Add", {}),
        ("MatMul", {}),
        ("Less", {}),
        ("Max", {}),
        ("Neg", {}),
        ("Relu", {}),
        ("Softmax", {}),
        ("ReduceSum", {}),
        ("ReduceMax", {}),
        ("ArgMax", {}),
        ("TopK", {"k": 1}),
        ("Unique", {}),
        ("CumSum", {}),
        ("Shrink", {}),
        ("Mod", {}),
        ("Not", {}),
        ("BitCast", {"to": 7}),
        ("IsNaN", {}),
        ("QuantizeLinear", {}),
        ("LayerNormalization", {}),
        ("Resize", {}),
        ("Einsum", {"equation": "ij,ij->i"}),
        ("Mean", {}),
        ("Hardmax", {}),
        ("Gelu", {}),
        ("Trilu", None),
        ("NonZero", None),
    ],
)
def test_ops_that_take_no_strings(op: str, attributes: dict[str, Any] | None) -> None:
    """A message with the node's name, and no crash; or a result."""
    binary = op in ("Add", "MatMul", "Less", "Max", "Mod", "Einsum", "QuantizeLinear", "CumSum")
    inputs = {"x": WORDS, "z": WORDS} if binary else {"x": WORDS}
    model = text_model(op, inputs, [("y", STRING, 2)], False, **(attributes or {}))
    if attributes is None:
        narae.compile(model)
    else:
        assert f"node ({op})" in error_of(model)


def test_models_with_strings_that_are_refused() -> None:
    zero = helper.make_tensor("w", STRING, (1,), [b"a\0b"])
    model = small_models.unary("Identity", STRING, (1,))
    model.graph.initializer.append(zero)
    model.graph.node.append(helper.make_node("Identity", ["w"], ["z"]))
    model.graph.output.append(small_models.value("z", (1,), STRING))
    assert "string 0 contains a zero character" in error_of(model)
    model.graph.initializer[0].CopyFrom(helper.make_tensor("w", STRING, (1,), [b"a"]))
    model.graph.initializer[0].string_data.append(b"b")
    assert "the data has 2 strings" in error_of(model)


def test_same_bytes_and_file(tmp_path: Path) -> None:
    model = text_model("StringConcat", {"a": WORDS, "b": WORDS}, [("y", STRING, 2)], True)
    first, second = tmp_path / "a.narae", tmp_path / "b.narae"
    narae.compile(model).save(first)
    narae.compile(model).save(second)
    assert first.read_bytes() == second.read_bytes()
    np.testing.assert_array_equal(
        narae.Session(narae.load(first)).run({"a": WORDS, "b": WORDS})["y"], WORDS + WORDS
    )


def test_command_line(tmp_path: Path, tool: Callable[..., Any]) -> None:
    model = text_model("StringConcat", {"a": WORDS, "b": WORDS}, [("y", STRING, 2)], True)
    narae.compile(model).save(tmp_path / "m.narae")
    np.save(tmp_path / "a.npy", WORDS.astype(str))
    np.save(tmp_path / "objects.npy", WORDS)

    def run_on(a: str) -> subprocess.CompletedProcess[str]:
        files = ["--input", f"a=@{a}.npy", "--input", "b=@a.npy", "--output", "y=@y.npy"]
        return tool("run", "m.narae", *files, cwd=tmp_path)

    done = run_on("a")
    assert done.returncode == 0, done.stderr
    assert 'y: string[2, 3]\n  "aa" "ÜnïÜnï" ""' in done.stdout
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), (WORDS + WORDS).astype(str))
    refused = run_on("objects")
    assert refused.returncode == 1
    assert "it holds Python objects, which are not read" in refused.stderr
