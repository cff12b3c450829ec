"""State that sessions keep, entries that share it, and files that travel along."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import narae
import numpy as np
import pytest
from conftest import ROOT, RunTool

MODULES = ROOT / "test" / "data" / "modules"


def build(folder: Path, name: str, element: str = "f32") -> narae.Artifact:
    """Compiles one of the modules, its states in another type if need be."""
    (folder / "notes.txt").write_text("hello")
    path = folder / "model.mlir"
    path.write_text((MODULES / name).read_text().replace("x4xELEMENT>", f"x4x{element}>"))
    return narae.compile(path, output=folder / "model.narae")


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> narae.Artifact:
    return build(tmp_path_factory.mktemp("counter"), "counter.mlir")


def test_entries_share_state(counter: narae.Artifact) -> None:
    assert list(counter.entries) == ["add", "average"]
    session = narae.Session(counter)
    for n, x in enumerate(([1, 2, 3], [3, 2, 1], [2, 2, 2])):
        out = session.run({"x": np.array(x, np.float32)}, entry="add")
        assert out["n"] == n
    np.testing.assert_array_equal(out["sum"], [6, 6, 6])
    np.testing.assert_array_equal(session.run({}, entry="average")["mean"], [2, 2, 2])
    other = narae.Session(counter)
    assert other.run({"x": np.zeros(3, np.float32)}, entry="add")["n"] == 0


def test_save_restore_reset(counter: narae.Artifact) -> None:
    session = narae.Session(counter)
    x = np.array([1, 2, 3], np.float32)
    session.run({"x": x}, entry="add")
    saved = session.state()
    assert saved["count"] == 1
    assert saved["count"].shape == ()
    np.testing.assert_array_equal(saved["total"], x)
    session.run({"x": x}, entry="add")
    np.testing.assert_array_equal(saved["total"], x)  # a copy
    session.restore(saved)
    np.testing.assert_array_equal(session.run({"x": x}, entry="add")["sum"], 2 * x)
    session.reset()
    np.testing.assert_array_equal(session.run({"x": x}, entry="add")["sum"], x)
    other = narae.Session(counter)
    other.restore(saved)
    assert other.run({"x": x}, entry="add")["n"] == 1


def test_restore_refuses_what_does_not_fit(counter: narae.Artifact) -> None:
    session = narae.Session(counter)
    saved = session.state()
    with pytest.raises(narae.Error) as caught:
        session.restore({"total": saved["total"][:2], "more": saved["total"]})
    text = str(caught.value)
    assert "there is no state 'more'" in text
    assert "state 'count' is missing" in text
    assert "state 'total' is float32[3], not float32[2]" in text


def test_attachments_and_metadata(counter: narae.Artifact) -> None:
    assert counter.metadata == {"answer": 42}
    assert counter.attachments == ("notes.txt",)
    assert counter.attachment("notes.txt") == b"hello"
    with pytest.raises(narae.Error, match=r"no attachment 'x'; there are 'notes.txt'"):
        counter.attachment("x")


def test_states_change_places(tmp_path: Path) -> None:
    session = narae.Session(build(tmp_path, "exchange.mlir"))
    x = np.arange(4, dtype=np.float32)
    session.run({"x": x}, entry="put")
    np.testing.assert_array_equal(session.run({}, entry="exchange")["a"], x)
    np.testing.assert_array_equal(session.run({}, entry="exchange")["a"], 0 * x)
    np.testing.assert_array_equal(session.run({}, entry="exchange")["a"], x)


@pytest.mark.parametrize("kind", ["f32", "f16"])
def test_ring(tmp_path: Path, kind: str) -> None:
    artifact = build(tmp_path, "ring.mlir", kind)
    copies = {entry["name"]: entry["copies"] for entry in artifact.report["entries"]}
    assert copies["put"] == 0  # in place
    session = narae.Session(artifact)
    expected = np.zeros((2, 1, 6, 4), np.float32)
    random = np.random.default_rng(1)
    start = np.zeros(2, np.int64)
    for n in (4, 1, 3, 2, 4):
        x = random.integers(-9, 9, (2, n, 1, 4)).astype(np.float32)
        lengths = np.array([n, n - 1])
        session.run({"x": x, "start": start, "lengths": lengths}, entry="put")
        for b in range(2):
            for t in range(lengths[b]):
                expected[b, :, (start[b] + t) % 6] = x[b, t]
        start += lengths
    np.testing.assert_array_equal(session.state()["ring"].astype(np.float32), expected)
    x = np.full((2, 1, 1, 4), 7, np.float32)
    out = session.run({"x": x, "start": start, "lengths": np.array([1, 0])}, entry="both")
    np.testing.assert_array_equal(out["old"], expected)
    expected[0, :, start[0] % 6] = 7
    np.testing.assert_array_equal(out["new"], expected)
    np.testing.assert_array_equal(session.state()["ring"].astype(np.float32), expected)
    assert artifact.report["kv_bytes_fixed"] == 6 * 4 * (4 if kind == "f32" else 2)
    assert artifact.report["kv_bytes_per_token"] == 0


def test_report_and_inspect(counter: narae.Artifact, tool: RunTool) -> None:
    spaces = {space["space"]: space for space in counter.report["memory"]}
    assert spaces["state"]["peak"] == 64 + 12
    assert [entry["name"] for entry in counter.report["entries"]] == ["add", "average"]
    shown = tool("inspect", counter.path)
    assert shown.returncode == 0
    assert "total: f32[3] plain" in shown.stdout
    assert "notes.txt" in shown.stdout
    data = json.loads(tool("inspect", counter.path, "--json").stdout)
    assert data["metadata"] == {"answer": 42}
    assert [state["name"] for state in data["states"]] == ["count", "total"]
    assert data["state_bytes"] == 76


def test_weights_of_pieces_and_outside(tmp_path: Path, tool: RunTool) -> None:
    table = np.arange(24, dtype=np.float32).reshape(6, 4)
    (tmp_path / "table.bin").write_bytes(b"\0" * 8 + table.tobytes())
    shutil.copy(MODULES / "pieces.mlir", tmp_path / "model.mlir")
    path = tmp_path / "model.narae"
    artifact = narae.compile(tmp_path / "model.mlir", output=path, weights="external")
    out = narae.Session(artifact).run({"i": np.array([5, 2])})
    np.testing.assert_array_equal(out["y"], table[[5, 2]])
    np.testing.assert_array_equal(out["z"], table[[5, 2]] + table[[4, 0]])
    weights = json.loads(tool("inspect", path, "--json").stdout)["weights"]
    assert {weight["name"]: weight["file"] for weight in weights} == {
        "whole": "table.bin",
        "parts": "",
    }
    # Elsewhere, by name and hash.
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "table.bin").rename(other / "table.bin")
    with pytest.raises(narae.Error, match="a file of their own"):
        narae.load(path)
    narae.Session(narae.load(path, weights_dir=other)).run({"i": np.array([5, 2])})
    data = bytearray((other / "table.bin").read_bytes())
    data[20] ^= 1
    (other / "table.bin").write_bytes(data)
    with pytest.raises(narae.Error, match="hash does not match"):
        narae.load(path, weights_dir=other)


def test_without_weights(tmp_path: Path) -> None:
    artifact = narae.compile(MODULES / "absent.mlir", output=tmp_path / "model.narae")
    with pytest.raises(narae.Error, match="compiled without weights"):
        narae.Session(artifact)
