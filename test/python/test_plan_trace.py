"""`narae plan --trace`: trace events that say what the plan says."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import BUILD, ROOT

CONFIGS = ROOT / "test" / "data" / "configs"
REQUESTS = {
    "stages": ("a.x-k1", "nvidia:h100", ["--parallel=tp=16,ep=16,pp=2", "--precision=bf16"]),
    "pools": ("llama-3.3-70b", "npu:rebel-quad", ["--precision=fp8", "--batch=8"]),
    "windows": (
        "k-exaone-236b-a23b",
        "nvidia:h200",
        ["--parallel=tp=4,ep=4", "--precision=bf16", "--context=262144", "--batch=8"],
    ),
    "uneven": ("qwen3-32b", "nvidia:a100-80", ["--parallel=pp=3", "--context=1000"]),
    "many": ("a.x-k1", "nvidia:h100", ["--parallel=tp=64,pp=2", "--precision=bf16"]),
}


def make(name: str, folder: Path) -> tuple[dict, dict]:
    model, target, options = REQUESTS[name]
    path = folder / "trace.json"
    done = subprocess.run(
        [
            str(BUILD / "bin" / "narae"),
            "plan",
            str(CONFIGS / model / "config.json"),
            f"--target={target}",
            *options,
            "--json",
            f"--trace={path}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), json.loads(path.read_text())


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_trace(name: str, tmp_path: Path) -> None:
    plan, trace = make(name, tmp_path)
    events = trace["traceEvents"]
    stages, ranks = plan["parallel"]["pp"], plan["parallel"]["tp"]
    threads = {
        (e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == "thread_name"
    }
    processes = {e["pid"] for e in events if e["name"] == "process_name"}
    timed = [e for e in events if e["ph"] != "M"]
    assert {e["ph"] for e in timed} == {"X", "C"}
    assert [e["ts"] for e in timed] == sorted(e["ts"] for e in timed)

    # A process for each device, or one a stage where there are many.
    if name == "many":
        assert processes == {0, 64}
    else:
        assert processes == set(range(plan["devices"]))
    lanes: dict[tuple[int, str], list[dict]] = defaultdict(list)
    for event in timed:
        if event["ph"] == "X":
            assert event["dur"] > 0
            lanes[event["pid"], threads[event["pid"], event["tid"]]].append(event)
    for lane in lanes.values():
        for before, after in pairwise(lane):
            assert before["ts"] + before["dur"] <= after["ts"] + 1e-6

    for resource, field in (("compute", "compute_ms"), ("HBM", "memory_ms"), ("link", "link_ms")):
        for step in ("prefill", "decode"):
            spent = [0.0] * stages
            for stage in range(stages):
                lane = lanes[stage * ranks, resource]
                spent[stage] = sum(e["dur"] for e in lane if e["cat"] == step) / 1e3
            total = sum(spent) / (stages if step == "prefill" else 1)
            assert total == pytest.approx(plan[step][field], rel=1e-3, abs=1e-3), (resource, step)

    # All devices of a stage do the same; the steps end when the plan says.
    for (process, lane), happening in lanes.items():
        first = lanes[process // ranks * ranks, lane]
        assert [e["dur"] for e in happening] == [e["dur"] for e in first]
    steps = [e for (_, lane), found in lanes.items() if lane == "step" for e in found]
    prefills = [e for e in steps if e["name"].startswith("prefill")]
    decodes = [e for e in steps if e["name"].startswith("decode")]
    ends = max(e["ts"] + e["dur"] for e in prefills)
    assert ends / 1e3 == pytest.approx(plan["prefill"]["estimate_ms"], rel=1e-6)
    last = max(e["ts"] + e["dur"] for e in decodes)
    assert (last - ends) / 1e3 == pytest.approx(plan["decode"]["estimate_ms"], rel=1e-4)

    # Counters end at what the plan says of each space.
    final = {(e["pid"], e["name"]): e["args"] for e in timed if e["ph"] == "C"}
    spaces = [s for s in plan["spaces"] if s["device"] in processes]
    assert len(final) == len(spaces)
    for space in spaces:
        held = final[space["device"], f"{space['name']} bytes"]
        for part in ("weights", "cache", "activations"):
            assert held[part] == pytest.approx(space[part], abs=2)


def test_same_request_same_bytes(tmp_path: Path) -> None:
    make("pools", tmp_path)
    first = (tmp_path / "trace.json").read_bytes()
    make("pools", tmp_path)
    assert (tmp_path / "trace.json").read_bytes() == first


def test_refuses_what_it_cannot_show(tmp_path: Path) -> None:
    command = [str(BUILD / "bin" / "narae"), "plan", str(CONFIGS / "qwen3-32b" / "config.json")]
    path = tmp_path / "missing" / "trace.json"
    for options, message in (
        (["--compare=nvidia:h100,nvidia:h200", f"--trace={tmp_path / 't.json'}"], "--compare"),
        (["--target=nvidia:h100", f"--trace={path}"], str(path)),
    ):
        done = subprocess.run(
            [*command, *options], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 1
        assert message in done.stderr
