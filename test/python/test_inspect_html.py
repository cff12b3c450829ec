"""The page of `narae inspect --html`: arenas as they are in the artifact."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import narae
import numpy as np
import onnx
import pytest
from browser import Browser
from conftest import RunTool
from onnx import TensorProto, helper, numpy_helper
from test_plan_html import browser, check_texts, tooltip  # noqa: F401

pytestmark = pytest.mark.xdist_group("browser")
WIDTHS = (8, 32, 16, 64, 24, 40)


def tower() -> onnx.ModelProto:
    """Matrix products of several widths, and a sum over a long distance."""
    rng = np.random.default_rng(7)
    nodes, weights, last = [], [], "x"
    for i, (rows, columns) in enumerate(pairwise(WIDTHS)):
        weight = rng.standard_normal((rows, columns)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{i}"))
        nodes.append(helper.make_node("MatMul", [last, f"w{i}"], [f"p{i}"], f"product{i}"))
        nodes.append(helper.make_node("Softmax", [f"p{i}"], [f"h{i}"], f"softmax{i}"))
        last = f"h{i}"
    weight = rng.standard_normal((WIDTHS[1], WIDTHS[-1])).astype(np.float32)
    weights.append(numpy_helper.from_array(weight, "skip"))
    nodes.append(helper.make_node("MatMul", ["h0", "skip"], ["s"], "skipped"))
    nodes.append(helper.make_node("Add", [last, "s"], ["y"], "sum"))
    graph = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", WIDTHS[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", WIDTHS[-1]])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tower") / "tower.narae"
    narae.compile(tower()).save(path)
    return path


@pytest.mark.parametrize("rows", [1, 100])
def test_places(browser: Browser, tool: RunTool, artifact: Path, tmp_path: Path, rows: int) -> None:  # noqa: F811
    page = tmp_path / "page.html"
    done = tool("inspect", artifact, f"--html={page}", "--size", f"n={rows}", "--json")
    assert done.returncode == 0, done.stderr
    inside = json.loads(done.stdout)["entries"][0]
    browser.resize(1280)
    browser.open(page)
    space = browser.evaluate(
        """(({ tree, peak, timeEnd }) => ({ peak, end: timeEnd, buffers: tree.children.map((b) =>
             [b.name, b.from, b.to, b.offset, b.size]) }))(page.panels[0].space)"""
    )
    assert space["end"] == inside["command_count"]
    buffers = space["buffers"]
    arena = [b for b in inside["buffers"] if b["kind"] == "Arena"]
    assert len(arena) > 4
    assert all(b["first"] < b["last"] <= inside["command_count"] for b in arena)
    # A product is used by the softmax alone, the first softmax to the end.
    by_name = {b["name"].split()[0]: b for b in arena}
    assert by_name["product1"]["last"] - by_name["product1"]["first"] == 2
    assert by_name["softmax0"]["last"] == inside["command_count"]
    assert [(b[1], b[2]) for b in buffers] == [(b["first"], b["last"]) for b in arena]
    # All are f32 matrices with the rows of x.
    assert all(size % (4 * rows) == 0 and size > 0 for *_, size in buffers)
    assert max(offset + size for *_, offset, size in buffers) <= space["peak"]
    for i, a in enumerate(buffers):
        for b in buffers[i + 1 :]:
            apart = a[2] <= b[1] or b[2] <= a[1]
            assert apart or a[3] + a[4] <= b[3] or b[3] + b[4] <= a[3]
    assert len(browser.evaluate("page.panels[0].shapes.map((s) => s.node.name)")) == len(buffers)
    check_texts(browser, 1280, least=10)
    browser.evaluate("document.querySelector('svg [tabindex=\"0\"]').focus()")
    browser.settle()
    assert "command" in tooltip(browser)
    assert not browser.problems()


def test_refusals(tool: RunTool, artifact: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    for arguments, message in (
        (["--size", "m=3", f"--html={page}"], "'m'"),
        (["--size", "n=3"], "--html"),
        (["--size", "n", f"--html={page}"], "NAME=SIZE"),
        ([f"--html={tmp_path / 'missing' / 'page.html'}"], "missing"),
    ):
        done = tool("inspect", artifact, *arguments)
        assert done.returncode == 1, arguments
        assert message in done.stderr
        assert not page.exists()
