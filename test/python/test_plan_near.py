"""Fast memory over device memory in plans: what it holds, and what it gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import ROOT
from test_plan import plan, run

MIB = 1 << 20
REBEL = json.loads((ROOT / "backends" / "npu" / "targets" / "rebel-quad.json").read_text())


def target(path: Path, **near: object) -> str:
    """REBEL-Quad with another fast memory; None takes a field away."""
    changed = json.loads(json.dumps(REBEL))
    changed["near"].update(near)
    changed["near"] = {key: value for key, value in changed["near"].items() if value is not None}
    path.write_text(json.dumps(changed))
    return f"--target={path}"


def figure(value: float) -> dict:
    return {"value": value, "assumed": "for a test"}


def steps(*arguments: str) -> dict[str, dict]:
    return {step["step"]: step for step in plan(*arguments)["near"]["steps"]}


@pytest.mark.parametrize("chip", ["atom", "atom-max", "rebel-quad"])
def test_it_is_the_memory_that_the_chip_describes(chip: str) -> None:
    described = json.loads((ROOT / "backends" / "npu" / "targets" / f"{chip}.json").read_text())
    near, npu = described["near"], described["npu"]
    assert near["capacity"] == npu["shared"]["bytes"]
    assert near["channels"] == npu["dma"]["chiplet_engines"]["value"]
    rate = npu["dma"]["chiplet_bytes"]["value"] * npu["clock"]["value"]
    assert near["fill"]["value"] == near["drain"]["value"] == rate
    assert near["startup"]["value"] == npu["dma"]["start"]["value"] / npu["clock"]["value"]


def test_activations_stay_and_weights_pass() -> None:
    result = plan("llama-3.3-70b", "--target=npu:rebel-quad", "--precision=fp8")
    assert result["near"]["spaces"] == 4
    prefill, decode = result["near"]["steps"]
    assert (prefill["step"], decode["step"]) == ("prefill", "decode")
    for step in (prefill, decode):
        assert step["lower_bound"] <= step["peak"] <= 64 * MIB
        assert step["bound_ms"] <= step["ms"] <= step["ms_at_home"]
        assert step["weights"] + step["cache"] + step["activations"] <= step["peak"]
    # The residual stream of a chunk on a chiplet: 512 tokens x 8,192 x 2 bytes / 4; it, a norm
    # and the widest tensor are there at once.
    assert prefill["activations"] >= 2 * 512 * 8192 * 2 // 4 + 512 * 28672 * 2 // 4
    # A token reads the 70 billion bytes of its layers from four stacks, at best at their peak.
    read = result["parameters"] - 2 * 128256 * 8192
    assert decode["ms"] > 1e3 * read / (4 * 1.2e12)
    assert decode["ms"] < 1.2 * result["decode"]["estimate_ms"]


def test_what_does_not_fit_stays_home(tmp_path: Path) -> None:
    request = ["llama-3.3-70b", "--precision=fp8"]
    small = steps(*request, target(tmp_path / "small.json", capacity=figure(MIB)))
    large = steps(*request, target(tmp_path / "large.json", capacity=figure(64 * MIB)))
    assert small["prefill"]["peak"] <= MIB
    assert small["prefill"]["ms"] > large["prefill"]["ms"]
    assert small["prefill"]["home_bytes"] > large["prefill"]["home_bytes"]
    # A token's activations are small: they are near in either.
    assert small["decode"]["ms"] == pytest.approx(large["decode"]["ms"], rel=0.01)


def test_hardware_without_it_says_nothing() -> None:
    assert plan("llama-3.1-8b", "--target=nvidia:h100")["near"] is None
    assert (
        "Fast memory"
        not in run(
            str(ROOT / "test/data/configs/llama-3.1-8b/config.json"), "--target=nvidia:h100"
        ).stdout
    )


def test_text(tmp_path: Path) -> None:
    config = str(ROOT / "test/data/configs/k-exaone-236b-a23b/config.json")
    text = run(config, "--target=npu:rebel-quad", "--precision=fp8", "--devices=4").stdout
    assert "Fast memory, MiB in each of 16 spaces 'shared' (SRAM)" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_bad_fields_are_all_named(tmp_path: Path) -> None:
    option = target(
        tmp_path / "bad.json",
        capacity=figure(-1),
        fill=5,
        granule=96,
        channels=0,
        startup=None,
    )
    done = run(str(ROOT / "test/data/configs/llama-3.1-8b/config.json"), option)
    assert done.returncode == 1
    for field in ("capacity.value", "fill", "granule", "channels", "startup"):
        assert f"near.{field}'" in done.stderr, done.stderr
    full = target(tmp_path / "full.json", reserve=figure(64 * MIB))
    done = run(str(ROOT / "test/data/configs/llama-3.1-8b/config.json"), full)
    assert "'near.reserve' leaves nothing of 'near.capacity'" in done.stderr
