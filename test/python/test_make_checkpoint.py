"""scripts/make_checkpoint.py: names and shapes of real models, numbers that behave."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import ml_dtypes
import narae
import numpy as np
import pytest
from safetensors import safe_open

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "test" / "data" / "configs"
sys.path.insert(0, str(ROOT / "scripts"))

import make_checkpoint  # noqa: E402
import model_tensors  # noqa: E402

TINY = {
    "model_type": "axk2",
    "hidden_size": 128,
    "intermediate_size": 256,
    "moe_intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "first_k_dense_replace": 1,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "q_lora_rank": 128,
    "kv_lora_rank": 64,
    "qk_nope_head_dim": 32,
    "qk_rope_head_dim": 16,
    "v_head_dim": 32,
    "gated_norm_rank": 4,
    "index_n_heads": 2,
    "index_head_dim": 16,
    "layer_types": ["full_attention"] * 3,
    "vocab_size": 300,
    "torch_dtype": "float32",
}


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(TINY))
    return str(path)


def expected() -> dict[str, int]:
    entries = json.loads((CONFIGS / "expected.json").read_text())
    return {name: entry["params_total_main"] for name, entry in entries.items()}


def raw_tensor(path: Path, name: str) -> np.ndarray:
    """Bytes of a tensor whose type the reader lacks."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    begin, end = json.loads(data[8:start])[name]["data_offsets"]
    return np.frombuffer(data[start + begin : start + end], np.uint8)


@pytest.mark.parametrize("name", sorted(path.name for path in CONFIGS.iterdir() if path.is_dir()))
def test_parameters_of_real_models(name: str) -> None:
    config = make_checkpoint.read_config(name)
    tensors = list(model_tensors.tensors(config))
    assert len({tensor.name for tensor in tensors}) == len(tensors)
    assert sum(math.prod(tensor.shape) for tensor in tensors) == expected()[name]


@pytest.mark.parametrize("dtype", ["bf16", "f16", "f32"])
def test_linear_layers_keep_the_size_of_their_input(tiny: str, tmp_path: Path, dtype: str) -> None:
    folder = tmp_path / dtype
    make_checkpoint.make_checkpoint(tiny, folder, dtype=dtype)
    config = json.loads((folder / "config.json").read_text())
    assert config["torch_dtype"] == make_checkpoint.DTYPES[dtype][2]
    with safe_open(folder / "model.safetensors", "np") as file:
        names = {tensor.name for tensor in model_tensors.tensors(config)}
        assert set(file.keys()) == names
        up = file.get_tensor("model.layers.1.mlp.experts.3.up_proj.weight").astype(np.float32)
        assert up.std() == pytest.approx(128**-0.5, rel=0.05)
        norm = file.get_tensor("model.norm.weight").astype(np.float32)
        assert abs(norm.mean() - 1) < 0.05
        bias = file.get_tensor("model.layers.1.mlp.gate.e_score_correction_bias")
        assert bias.dtype == np.float32


def test_queries_and_gates_are_blocks(tiny: str, tmp_path: Path) -> None:
    folder = tmp_path / "f32"
    make_checkpoint.make_checkpoint(tiny, folder, dtype="f32")
    with safe_open(folder / "model.safetensors", "np") as file:
        weight = file.get_tensor("model.layers.0.self_attn.q_b_proj.weight")
    heads = weight.reshape(2, 48 + 32, 2, 128)
    assert not heads[:, :48, 1].any()
    assert not heads[:, 48:, 0].any()
    assert heads[:, :48, 0].std() == pytest.approx(128**-0.5, rel=0.1)


def test_fp8_has_scales(tiny: str, tmp_path: Path) -> None:
    folder = tmp_path / "fp8"
    make_checkpoint.make_checkpoint(tiny, folder, dtype="fp8")
    config = json.loads((folder / "config.json").read_text())
    assert config["quantization_config"]["weight_block_size"] == [128, 128]
    name = "model.layers.0.mlp.down_proj.weight"
    weight = raw_tensor(folder / "model.safetensors", name).view(ml_dtypes.float8_e4m3fn)
    with safe_open(folder / "model.safetensors", "np") as file:
        scale = file.get_tensor(f"{name}_scale_inv")
        assert "model.embed_tokens.weight_scale_inv" not in set(file.keys())
    assert scale.shape == (1, 2)
    values = weight.reshape(128, 2, 128).astype(np.float32) * scale[:, :, None]
    assert np.isfinite(values).all()
    assert values.std() == pytest.approx(256**-0.5, rel=0.1)


def test_shards_layers_and_seeds(tiny: str, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    make_checkpoint.make_checkpoint(tiny, one, layers=2, dtype="f32", shard_bytes=300_000)
    make_checkpoint.make_checkpoint(tiny, two, layers=2, dtype="f32")
    index = json.loads((one / "model.safetensors.index.json").read_text())["weight_map"]
    config = json.loads((one / "config.json").read_text())
    assert config["num_hidden_layers"] == 2
    assert config["layer_types"] == ["full_attention"] * 2
    assert len(set(index.values())) > 2
    assert not any(".layers.2." in name for name in index)
    with safe_open(two / "model.safetensors", "np") as whole:
        for name, shard in index.items():
            with safe_open(one / shard, "np") as part:
                np.testing.assert_array_equal(part.get_tensor(name), whole.get_tensor(name))


def test_tokenizer_takes_any_text(tiny: str, tmp_path: Path) -> None:
    tokenizers = pytest.importorskip("tokenizers")
    make_checkpoint.make_checkpoint(tiny, tmp_path / "out", layers=1)
    tokenizer = tokenizers.Tokenizer.from_file(str(tmp_path / "out" / "tokenizer.json"))
    assert tokenizer.get_vocab_size() == TINY["vocab_size"]
    for text in ("Hello, world", "나래 \n🙂"):
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--like=nothing"], "exaone-4.0-1.2b"),
        (["--like=exaone-4.0-1.2b", "--layers=31"], "1 to 30"),
    ],
)
def test_errors_say_what_would_work(arguments: list[str], message: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "make_checkpoint.py"), *arguments]
    result = subprocess.run(
        [*command, "-o", str(tmp_path / "out")], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_disk_that_is_too_small(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage(tmp_path))(1 << 20, 1 << 20, 1000)
    monkeypatch.setattr(make_checkpoint.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(make_checkpoint.UserError, match="--layers=N writes fewer"):
        make_checkpoint.make_checkpoint(tiny, tmp_path / "out")


SMALL = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "moe_intermediate_size": 48,
    "num_attention_heads": 4,
    "head_dim": 16,
    "vocab_size": 300,
    "n_routed_experts": 8,
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "n_group": 2,
    "topk_group": 1,
    "q_lora_rank": 48,
    "kv_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 16,
    "gated_norm_rank": 4,
    "index_n_heads": 2,
    "index_head_dim": 16,
}


def one_of_each_family() -> list[str]:
    names = {}
    for name in sorted(path.name for path in CONFIGS.iterdir() if path.is_dir()):
        names[model_tensors.family(make_checkpoint.read_config(name))] = name
    return list(names.values())


@pytest.mark.parametrize("name", one_of_each_family())
def test_every_family_compiles_and_stays_finite(name: str, tmp_path: Path) -> None:
    """With the real configuration's keys, and small numbers."""
    config = make_checkpoint.read_config(name)
    config |= {key: value for key, value in SMALL.items() if config.get(key) is not None}
    if "num_key_value_heads" in config:
        config["num_key_value_heads"] = 4 if "kv_lora_rank" in config else 2
    (tmp_path / "config.json").write_text(json.dumps(config))
    folder = tmp_path / "model"
    layers = min(5, model_tensors.layer_count(config))
    make_checkpoint.make_checkpoint(str(tmp_path), folder, layers=layers)
    llm = narae.LLM(narae.compile(folder, context=64, prefill_chunk=16))
    tokens = np.random.default_rng(0).integers(0, config["vocab_size"], (1, 40))
    logits = llm.score(tokens)
    assert np.isfinite(logits).all()
    assert 0.01 < logits.std() < 20
    assert llm.generate("Hello", max_tokens=4)
