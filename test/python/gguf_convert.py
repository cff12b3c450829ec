"""Hugging Face checkpoints as GGUF files, as llama.cpp's converter writes them.

Only for the tests; the names and rules are those of conversion/*.py there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf_writer
import numpy as np
from language_reference import EXAONE3

Array = np.ndarray
Config = dict[str, Any]
Encode = Callable[[str, Array], object]

ARCHITECTURES = {
    "llama": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "qwen3_moe": "qwen3moe",
    "exaone": "exaone",
    "exaone4": "exaone4",
    "exaone_moe": "exaone-moe",
    "solar_open": "glm4moe",
    "glm4_moe": "glm4moe",
    "granite": "granite",
    "deepseek_v3": "deepseek2",
}
NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "self_attn.q_a_proj": "attn_q_a",
    "self_attn.q_a_layernorm": "attn_q_a_norm",
    "self_attn.q_b_proj": "attn_q_b",
    "self_attn.kv_a_proj_with_mqa": "attn_kv_a_mqa",
    "self_attn.kv_a_layernorm": "attn_kv_a_norm",
    "self_attn.kv_b_proj": "attn_kv_b",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "mlp.gate": "ffn_gate_inp",
    "mlp.shared_experts.gate_proj": "ffn_gate_shexp",
    "mlp.shared_experts.up_proj": "ffn_up_shexp",
    "mlp.shared_experts.down_proj": "ffn_down_shexp",
    "input_layernorm": "attn_norm",
    "post_feedforward_layernorm": "post_ffw_norm",
}
OTHERS = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


class Unwritable(Exception):
    """The configuration says what no GGUF file can."""


def permuted(rows: Array, heads: int) -> Array:
    """q and k as llama's files have them: neighbours rotate."""
    split = rows.reshape(heads, 2, len(rows) // heads // 2, *rows.shape[1:])
    return split.swapaxes(1, 2).reshape(rows.shape)


class Conversion:
    """`folder_config` and `tensors` are a checkpoint's; `separate` writes the
    matrices of latent attention apart (new files), or together (old ones)."""

    def __init__(self, config: Config, tensors: dict[str, Array], separate: bool = True) -> None:
        self.config, self.separate = config, separate
        self.family = config["model_type"].lower()
        self.arch = ARCHITECTURES[self.family]
        if self.family == "exaone":
            for old, new in EXAONE3:
                tensors = {k.replace(old, new): v for k, v in tensors.items()}
        self.layers = config.get("num_hidden_layers") or config["num_layers"]
        self.heads = config["num_attention_heads"]
        self.head_dim = config.get("head_dim") or config["hidden_size"] // self.heads
        self.rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
        self.theta = self.rope.get("rope_theta", config.get("rope_theta", 1e4))
        self.metadata: dict[str, object] = {
            "general.architecture": self.arch,
            "tokenizer.ggml.model": "none",
        }
        self.tensors: dict[str, Array] = {}
        self.add_sizes()
        self.add_rope()
        self.add_windows()
        self.add_multipliers()
        if "moe_intermediate_size" in config:
            self.add_experts()
        if self.arch == "deepseek2":
            self.add_latent()
        for name, tensor in tensors.items():
            if not name.startswith("mtp."):
                self.add_tensor(name, tensor)
        self.stack_experts()

    def write(self, path: Path, encode: Encode | None = None) -> Path:
        """Tensors as float32, or as `encode(name, values)` says."""
        tensors = {
            name: encode(name, tensor) if encode else tensor.astype(np.float32)
            for name, tensor in self.tensors.items()
        }
        gguf_writer.write(path, self.metadata, tensors)  # type: ignore[arg-type]
        return path

    def fuse(self) -> int:
        """Joins q, k and v, and the experts' gate and up; says how many times."""
        count = 0
        for at in range(self.layers):
            for parts, target, axis in (
                (("attn_q.weight", "attn_k.weight", "attn_v.weight"), "attn_qkv.weight", 0),
                (("attn_q.bias", "attn_k.bias", "attn_v.bias"), "attn_qkv.bias", 0),
                (("ffn_gate_exps.weight", "ffn_up_exps.weight"), "ffn_gate_up_exps.weight", 1),
            ):
                names = [f"blk.{at}.{part}" for part in parts]
                if all(name in self.tensors for name in names):
                    joined = [self.tensors.pop(name) for name in names]
                    self.tensors[f"blk.{at}.{target}"] = np.concatenate(joined, axis)
                    count += 1
        return count

    def put(self, key: str, value: object) -> None:
        self.metadata[f"{self.arch}.{key}"] = value

    def add_sizes(self) -> None:
        c = self.config
        self.put("block_count", self.layers)
        self.put("context_length", c["max_position_embeddings"])
        self.put("embedding_length", c["hidden_size"])
        self.put("feed_forward_length", c["intermediate_size"])
        self.put("attention.head_count", self.heads)
        self.put("attention.head_count_kv", c.get("num_key_value_heads", self.heads))
        self.put("vocab_size", c["vocab_size"])
        epsilon = c.get("rms_norm_eps", c.get("layer_norm_epsilon"))
        self.put("attention.layer_norm_rms_epsilon", float(epsilon))
        if self.arch != "deepseek2":
            self.put("attention.key_length", self.head_dim)
            self.put("attention.value_length", self.head_dim)
        if c.get("use_sliding_window"):
            raise Unwritable("windows of Qwen")

    def add_rope(self) -> None:
        rope = self.rope
        share = rope.get("partial_rotary_factor", self.config.get("partial_rotary_factor", 1.0))
        self.rotated = int(self.head_dim * share)
        self.put("rope.freq_base", float(self.theta))
        self.put("rope.dimension_count", self.rotated)
        kind = rope.get("rope_type", rope.get("type", "default"))
        if kind == "llama3":
            self.tensors["rope_freqs.weight"] = self.llama3_factors()
        elif kind in ("linear", "yarn"):
            self.put("rope.scaling.type", kind)
            self.put("rope.scaling.factor", float(rope["factor"]))
        if kind != "yarn":
            return
        if not rope.get("truncate", True):
            raise Unwritable("YaRN without truncation")
        self.put("rope.scaling.original_context_length", rope["original_max_position_embeddings"])
        for theirs, ours in {
            "attention_factor": "attn_factor",
            "beta_fast": "beta_fast",
            "beta_slow": "beta_slow",
        }.items():
            if theirs in rope:
                self.put("rope.scaling.yarn_" + ours, float(rope[theirs]))
        if self.arch == "deepseek2" and "mscale_all_dim" in rope:
            if (rope["mscale"], rope["mscale_all_dim"]) not in ((1.0, 1.0), (1.0, 0.0)):
                raise Unwritable("two different mscales")
            self.put("rope.scaling.yarn_log_multiplier", 0.1 * rope["mscale_all_dim"])

    def llama3_factors(self) -> Array:
        rope = self.rope
        original, factor = rope["original_max_position_embeddings"], rope["factor"]
        low, high = rope["low_freq_factor"], rope["high_freq_factor"]
        factors = []
        for i in range(0, self.rotated, 2):
            length = 2 * math.pi * self.theta ** (i / self.rotated)
            smooth = (original / length - low) / (high - low)
            smooth = min(max(smooth, 0.0), 1.0)
            factors.append(1 / ((1 - smooth) / factor + smooth))
        return np.array(factors)

    def add_windows(self) -> None:
        c = self.config
        if self.arch not in ("exaone4", "exaone-moe"):
            return
        if (widths := c.get("sliding_windows")) is not None:
            self.put("attention.sliding_window", [width or 0 for width in widths])
        elif c.get("sliding_window"):
            self.put("attention.sliding_window", c["sliding_window"])
            pattern = c.get("sliding_window_pattern")
            if "layer_types" in c:
                slides = [kind == "sliding_attention" for kind in c["layer_types"]]
            elif isinstance(pattern, str):
                slides = [pattern[i % len(pattern)] == "L" for i in range(self.layers)]
            else:
                slides = [(i + 1) % pattern != 0 for i in range(self.layers)]
            self.put("attention.sliding_window_pattern", slides)
        if any(limits := c.get("swiglu_limits") or []):
            self.put("swiglu_clamp_exp", [float(limit) for limit in limits])
            self.put("swiglu_clamp_shexp", [float(limit) for limit in limits])

    def add_multipliers(self) -> None:
        c = self.config
        if self.arch != "granite":
            return
        for theirs, ours in {
            "attention_multiplier": "attention.scale",
            "embedding_multiplier": "embedding_scale",
            "residual_multiplier": "residual_scale",
            "logits_scaling": "logit_scale",
        }.items():
            self.put(ours, float(c[theirs]))

    def add_experts(self) -> None:
        c = self.config
        dense = c.get("first_k_dense_replace", 0)
        kinds = c.get("mlp_layer_types")
        if kinds is not None and kinds != ["dense"] * dense + ["sparse"] * (self.layers - dense):
            raise Unwritable("dense layers between others")
        if self.arch == "qwen3moe":
            if c["mlp_only_layers"] or c["decoder_sparse_step"] != 1:
                raise Unwritable("dense layers in Qwen 3's mixtures")
            if not c["norm_topk_prob"]:
                self.put("expert_weights_norm", False)
        self.put("expert_count", c.get("n_routed_experts") or c["num_experts"])
        self.put("expert_used_count", c["num_experts_per_tok"])
        self.put("expert_feed_forward_length", c["moe_intermediate_size"])
        if self.arch == "qwen3moe":
            return
        shared = c.get("n_shared_experts", c.get("num_shared_experts", 0)) or 0
        self.put("expert_shared_count", shared)
        self.put("leading_dense_block_count", dense)
        self.put("expert_weights_scale", float(c["routed_scaling_factor"]))
        self.put("expert_weights_norm", bool(c["norm_topk_prob"]))
        self.put("expert_gating_func", 2)
        self.put("expert_group_count", c.get("n_group", 1) or 1)
        self.put("expert_group_used_count", c.get("topk_group", 1) or 1)

    def add_latent(self) -> None:
        c = self.config
        rank, turned = c["kv_lora_rank"], c["qk_rope_head_dim"]
        key, value = c["qk_nope_head_dim"] + turned, c["v_head_dim"]
        if c.get("q_lora_rank"):
            self.put("attention.q_lora_rank", c["q_lora_rank"])
        self.put("attention.kv_lora_rank", rank)
        self.put("rope.dimension_count", turned)
        if not self.separate:
            self.put("attention.key_length", key)
            self.put("attention.value_length", value)
            return
        self.put("attention.head_count_kv", 1)
        self.put("attention.key_length", rank + turned)
        self.put("attention.value_length", rank)
        self.put("attention.key_length_mla", key)
        self.put("attention.value_length_mla", value)

    def add_tensor(self, name: str, tensor: Array) -> None:
        if name in OTHERS:
            if name != "lm_head.weight" or not self.config.get("tie_word_embeddings"):
                self.tensors[OTHERS[name]] = tensor
            return
        layer, part = name.removeprefix("model.layers.").split(".", 1)
        prefix = f"blk.{layer}."
        if int(layer) >= self.layers:
            return
        if part == "mlp.experts.gate_up_proj":  # transformers 5 stacks them
            gate, up = np.split(tensor, 2, axis=1)
            self.tensors[prefix + "ffn_gate_exps.weight"] = gate
            self.tensors[prefix + "ffn_up_exps.weight"] = up
            return
        if part == "mlp.experts.down_proj":
            self.tensors[prefix + "ffn_down_exps.weight"] = tensor
            return
        if ".experts." in part or ".e_score_correction_bias" in part:
            key = "exp_probs_b.bias" if "bias" in part else "raw." + part
            self.tensors[prefix + key] = tensor
            return
        part, suffix = part.rsplit(".", 1)
        if part == "post_attention_layernorm":
            after = self.arch in ("glm4moe", "exaone4")
            target = "post_attention_norm" if after else "ffn_norm"
        else:
            target = NAMES[part]
        if self.arch in ("llama", "granite") and target in ("attn_q", "attn_k"):
            groups = self.config.get("num_key_value_heads", self.heads)
            tensor = permuted(tensor, self.heads if target == "attn_q" else groups)
        if target == "attn_kv_b" and self.separate:
            split = self.config["qk_nope_head_dim"]
            heads = tensor.reshape(self.heads, -1, tensor.shape[-1])
            self.tensors[prefix + "attn_k_b.weight"] = heads[:, :split].swapaxes(1, 2)
            self.tensors[prefix + "attn_v_b.weight"] = heads[:, split:]
            return
        self.tensors[f"{prefix}{target}.{suffix}"] = tensor

    def stack_experts(self) -> None:
        raw = [name for name in self.tensors if ".raw." in name]
        groups: dict[str, dict[int, Array]] = {}
        for name in raw:
            prefix, part = name.split("raw.mlp.experts.")
            number, kind, _ = part.split(".")
            key = f"{prefix}ffn_{kind.removesuffix('_proj')}_exps.weight"
            groups.setdefault(key, {})[int(number)] = self.tensors.pop(name)
        for key, experts in groups.items():
            self.tensors[key] = np.stack([experts[i] for i in range(len(experts))])
