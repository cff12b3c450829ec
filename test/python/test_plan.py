"""`narae plan` against published facts; see test/data/configs/README.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "test" / "data" / "configs"
NARAE = ROOT / "build" / "bin" / "narae"
EXPECTED: dict[str, dict] = json.loads((CONFIGS / "expected.json").read_text())
MIB = 1 << 20


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(NARAE), "plan", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def plan(model: str, *arguments: str) -> dict:
    done = run(str(CONFIGS / model / "config.json"), "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("model", sorted(EXPECTED))
def test_counts(model: str) -> None:
    facts = EXPECTED[model]
    result = plan(model, "--precision=bf16", "--kv-type=bf16", "--target=nvidia:h200")
    assert result["parameters"] == facts["params_total_main"]
    if "params_active_per_token" in facts:
        active = facts["params_active_per_token"]
        assert abs(result["active_parameters"] - active) <= 1e-4 * active
    weights = facts.get("weight_bytes", {})
    if weights:
        assert result["weight_bytes"] == weights["bf16"]
    for precision, key in (("fp8", "fp8_linear_bf16_rest"), ("int4", "int4_g128_linear_bf16_rest")):
        if key in weights:
            bytes_ = plan(model, f"--precision={precision}", "--target=nvidia:h200")["weight_bytes"]
            assert abs(bytes_ - weights[key]) <= 1e-3 * weights[key], precision
    cache = facts.get("kv_bytes_bf16", {})
    for ours, theirs in (
        ("kv_bytes_per_token_uniform", "per_tok_all_layers_uniform"),
        ("kv_bytes_per_token_uniform", "latent_per_tok_all_layers"),
        ("kv_bytes_per_token", "per_tok_growing"),
        ("kv_bytes_per_token", "latent_per_tok_growing"),
        ("kv_bytes_fixed", "window_cap"),
        ("kv_bytes_fixed", "latent_window_cap"),
    ):
        if theirs in cache:
            assert result[ours] == cache[theirs], theirs


def test_k_exaone_on_four_h200_and_not_on_eight_a100_40() -> None:
    assert plan("k-exaone-236b-a23b", "--precision=bf16", "--target=nvidia:h200", "--devices=4")[
        "fits"
    ]
    small = plan("k-exaone-236b-a23b", "--precision=bf16", "--target=nvidia:a100-40", "--devices=8")
    assert not small["fits"]
    space = small["spaces"][0]
    assert space["weights"] > space["capacity"] - space["reserve"]
    assert any("--devices" in item["change"] for item in small["advice"])
    assert any("--precision" in item["change"] for item in small["advice"])


@pytest.mark.parametrize("devices", [8, 12])
def test_ax_k1_does_not_fit_few_h100(devices: int) -> None:
    assert not plan("a.x-k1", "--precision=bf16", "--target=nvidia:h100", f"--devices={devices}")[
        "fits"
    ]


def test_ax_k1_on_32_h100_leaves_the_room_it_prints() -> None:
    result = plan("a.x-k1", "--precision=bf16", "--target=nvidia:h100", "--parallel=tp=32,ep=32")
    assert result["fits"]
    assert result["devices"] == 32
    tokens = result["room"]["tokens"]
    assert tokens > 0
    context = result["context"]
    if context + tokens <= 131072:
        assert plan(
            "a.x-k1",
            "--precision=bf16",
            "--target=nvidia:h100",
            "--parallel=tp=32,ep=32",
            f"--context={context + tokens}",
        )["fits"]


def test_vaetki_fits_four_cards_of_80_gb() -> None:
    assert plan("vaetki-100b-a10b", "--precision=bf16", "--target=nvidia:a100-80", "--devices=4")[
        "fits"
    ]


def test_llama_70b_fp8_on_a_rebel_quad_is_bound_at_14_7_ms() -> None:
    result = plan("llama-3.3-70b", "--precision=fp8", "--target=npu:rebel-quad")
    assert result["fits"]
    assert result["decode"]["bound_ms"] == pytest.approx(14.7, abs=0.05)
    assert result["decode"]["bound_ms"] < result["decode"]["estimate_ms"] < 17.6 * 1.25
    assert result["decode"]["bound_by"] == "HBM"
    assert len(result["spaces"]) == 4


def test_room_grows_with_devices_and_spaces_add_up() -> None:
    for devices in (4, 8):
        result = plan(
            "solar-open-100b", "--precision=bf16", "--target=nvidia:h100", f"--devices={devices}"
        )
        assert len(result["spaces"]) == devices
        total = sum(space["weights"] for space in result["spaces"])
        assert total >= result["weight_bytes"]
        for space in result["spaces"]:
            parts = space["weights"] + space["cache"] + space["activations"]
            assert parts <= space["peak"] <= parts + 6 * MIB
            assert space["lower_bound"] <= space["peak"]


def test_search_finds_the_fewest_devices() -> None:
    found = plan("k-exaone-236b-a23b", "--precision=bf16", "--target=nvidia:h200", "--search")
    assert found["fits"]
    fewer = run(
        str(CONFIGS / "k-exaone-236b-a23b" / "config.json"),
        "--precision=bf16",
        "--target=nvidia:h200",
        "--search",
        f"--max-devices={found['devices'] - 1}",
    )
    assert fewer.returncode == 1
    assert "no layout" in fewer.stderr


def test_compare_and_fail_if() -> None:
    config = str(CONFIGS / "llama-3.1-8b" / "config.json")
    done = run(config, "--compare=nvidia:h100,nvidia:a100-40,npu:atom")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 4
    beside = run(config, "--target=nvidia:h100", "--compare=nvidia:a100-40,npu:atom")
    assert beside.stdout == done.stdout
    assert run(config, "--target=npu:atom", "--fail-if=not-fits", "--precision=f32").returncode == 1
    assert run(config, "--target=nvidia:h100", "--fail-if=decode-ms>1000").returncode == 0
    assert run(config, "--target=nvidia:h100", "--fail-if=decode-ms>0.001").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target=nvidia:h300"], "nvidia:h300"),
        (["--search", "--parallel=tp=2"], "leave out --parallel"),
        (["--search", "--devices=2", "--max-devices=4"], "both limit --search"),
        (["--max-devices=4"], "--max-devices limits --search"),
        (["--latency-ms=4"], "--latency-ms is what --search has to meet"),
        (["--target=missing.json"], "missing.json"),
        (["--parallel=tp=3"], "tp of 1, 2, 4, 8, 16 and 32 works"),
        (["--parallel=tp=4,ep=3"], "ep of 1, 2 and 4 does"),
        (["--parallel=tp=3,pp=99"], "pp of at most 32 works"),
        (["--devices=67"], "tp of 1, 2, 4, 8, 16 and 32"),
        (["--parallel=xp=3"], "xp=3"),
        (["--precision=fp7"], "fp7"),
        (["--kv-type=fp7"], "fp7"),
        (["--context=99999999"], "--context"),
        (["--fail-if=what"], "--fail-if"),
        (["--parallel=tp=2", "--devices=4"], "--devices"),
    ],
)
def test_bad_requests(arguments: list[str], message: str) -> None:
    done = run(str(CONFIGS / "llama-3.1-8b" / "config.json"), *arguments)
    assert done.returncode == 1
    assert message in done.stderr


def test_target_files_are_checked(tmp_path: Path) -> None:
    good = json.loads((ROOT / "backends" / "npu" / "targets" / "atom.json").read_text())
    config = str(CONFIGS / "llama-3.1-8b" / "config.json")
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(good))
    assert run(config, f"--target={path}").returncode == 0
    bad = json.loads(json.dumps(good))
    del bad["memory"]["bandwidth"]
    bad["memory"]["capacity"]["value"] = -1
    bad["peak"]["f16"] = 5
    path.write_text(json.dumps(bad))
    done = run(config, f"--target={path}")
    assert done.returncode == 1
    bad["memory"]["interleave"] = "sideways"
    bad["memory"]["organisation"] = {"channels": 0, "banks": 4, "interleave_bytes": 256}
    path.write_text(json.dumps(bad))
    done = run(config, f"--target={path}")
    for field in (
        "memory.bandwidth",
        "memory.capacity",
        "peak.f16",
        "memory.interleave",
        "memory.organisation.channels",
        "memory.organisation.bank_sets",
    ):
        assert field in done.stderr
    path.write_text("{")
    assert run(config, f"--target={path}").returncode == 1


def test_the_tightest_stack_decides() -> None:
    result = plan("llama-3.3-70b", "--precision=fp8", "--target=npu:rebel-quad")
    spaces = result["spaces"]
    assert sum(s["capacity"] - s["reserve"] for s in spaces) == 140 << 30
    worst = min(spaces, key=lambda s: s["capacity"] - s["reserve"] - s["peak"])
    room = worst["capacity"] - worst["reserve"] - worst["peak"]
    assert result["tightest"]["room"] == room
    for space in spaces:
        assert space["peak"] % (2 * MIB) == 0
        assert space["padding"] > 0
        parts = space["weights"] + space["cache"] + space["activations"] + space["padding"]
        assert parts <= space["peak"] <= parts + 6 * MIB
        assert space["shared_banks"] == 0
        sets = [range(r["bank_sets"][0], r["bank_sets"][1] + 1) for r in space["regions"]]
        assert sum(map(len, sets)) == len({s for r in sets for s in r})
    for item in result["padded"]:
        # An odd number of units of 256 bytes visits all channels and banks.
        assert item["padded_row"] % 512 == 256
        assert item["row"] < item["padded_row"] <= item["row"] + 512
    assert plan("llama-3.3-70b", "--target=nvidia:h200")["padded"] == []


def test_bandwidth_is_derated_by_the_dram_model() -> None:
    h100 = plan("llama-3.1-8b", "--target=nvidia:h100")["bandwidth"]
    assert h100["derated"] / h100["peak"] == pytest.approx(698 / 819.2, abs=0.02)
    assert h100["refresh_tax"] == pytest.approx(260 / 3900, rel=0.01)
    a100 = plan("llama-3.1-8b", "--target=nvidia:a100-40")["bandwidth"]
    assert a100["derated"] / a100["peak"] == pytest.approx(237 / 256, abs=0.02)
    for target in ("nvidia:h100", "npu:atom", "cpu"):
        bandwidth = plan("llama-3.1-8b", f"--target={target}")["bandwidth"]
        assert bandwidth["source"]
        assert bandwidth["refresh_source"]


def test_streaming_costs_what_the_link_takes() -> None:
    request = ["llama-3.3-70b", "--precision=bf16", "--target=nvidia:a100-80"]
    without = plan(*request)
    assert not without["fits"]
    assert any(item["change"] == "--offload" for item in without["advice"])
    result = plan(*request, "--offload")
    assert result["fits"]
    streaming = result["streaming"]
    assert streaming["unit"] == "layer"
    # A dense model reads all that is not there, and the link is slower than HBM.
    assert streaming["bytes_per_token"] == pytest.approx(streaming["host_bytes"], rel=1e-6)
    link = result["hardware"]["host_bandwidth"]["value"]
    assert result["decode"]["bound_ms"] == pytest.approx(1e3 * streaming["host_bytes"] / link)
    assert result["decode"]["bound_by"] == "host link"
    assert result["decode"]["estimate_ms"] >= result["decode"]["bound_ms"]
    # Of a mixture only the chosen experts come.
    experts = plan("a.x-k1", "--precision=bf16", "--target=nvidia:h100", "--devices=8", "--offload")
    assert experts["streaming"]["unit"] == "expert"
    assert experts["streaming"]["bytes_per_token"] < 0.1 * experts["streaming"]["host_bytes"]


@pytest.mark.parametrize("model", sorted(EXPECTED))
def test_every_model_on_every_target(model: str) -> None:
    files = sorted((ROOT / "backends").glob("*/targets/*.json"))
    targets = [f"{f.parents[1].name}:{f.stem}" for f in files]
    done = run(str(CONFIGS / model / "config.json"), f"--compare={','.join(targets)}", "--json")
    assert done.returncode == 0, done.stderr
    plans = json.loads(done.stdout)
    assert [p["target"] for p in plans] == targets
    for p in plans:
        assert p["decode"]["bound_ms"] <= p["decode"]["estimate_ms"]
        assert p["fits"] == all(s["fits"] for s in p["spaces"])
        assert p["fits"] or p["advice"]


def test_commands_of_the_documentation(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "plan.md").read_text()
    block = re.search(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert block
    model = CONFIGS / "k-exaone-236b-a23b" / "config.json"
    (tmp_path / "config.json").write_bytes(model.read_bytes())
    environment = os.environ | {"PATH": f"{NARAE.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block[1]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "exaone_moe on 4 x nvidia:h200" in done.stdout


def test_the_table_of_national_models() -> None:
    """The table of docs/plan.md is what the tool says."""
    rows = {
        "k-exaone-236b-a23b": "K-EXAONE 236B",
        "a.x-k1": "A.X K1 519B",
        "solar-open-100b": "Solar Open 100B",
        "hyperclovax-seed-think-32b": "HyperCLOVA X SEED Think 32B",
        "vaetki-100b-a10b": "VAETKI 112B",
    }
    text = (ROOT / "docs" / "plan.md").read_text()
    for model, title in rows.items():
        p = plan(model, "--target=nvidia:h200", "--precision=bf16", "--context=32768", "--search")
        fixed = p["kv_bytes_fixed"] / MIB
        decode = p["decode"]
        row = (
            f"| {title} | {p['weight_bytes'] / 2**30:.1f} | {p['kv_bytes_per_token']:,} + "
            f"{f'{fixed:.1f}' if fixed else '0'} | {p['devices']} | {p['room']['sequences']} | "
            f"{decode['bound_ms']:.2f} / {decode['estimate_ms']:.2f} |"
        )
        assert row in text, row
