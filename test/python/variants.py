"""Random tiny checkpoints of every family, in the layout of releases: other head
sizes, groups, windows, patterns, multipliers, rotary scalings, tied embeddings,
types and numbers of files than the committed ones. The same seed makes the same
checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from checkpoints import to_blocked_fp8, write_checkpoint
from language_reference import EXAONE3
from variant_layout import EXPERTS, LATENT, Config, Layout

ARCHITECTURES = {
    "llama": "LlamaForCausalLM",
    "exaone": "ExaoneForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM",
    "exaone4": "Exaone4ForCausalLM",
    "exaone_moe": "ExaoneMoeForCausalLM",
    "solar_open": "SolarOpenForCausalLM",
    "glm4_moe": "Glm4MoeForCausalLM",
    "hyperclovax": "HyperCLOVAXForCausalLM",
    "granite": "GraniteForCausalLM",
    "deepseek_v3": "DeepseekV3ForCausalLM",
    "axk1": "AXK1ForCausalLM",
    "axk2": "AXK2ForCausalLM",
    "vaetki": "VaetkiForCausalLM",
}
FAMILIES = list(ARCHITECTURES)
WINDOWS = {"qwen2", "qwen3", "exaone4", "exaone_moe"}


class Variant(Layout):
    """A configuration and what its tensors look like. `wide` ones have matrices
    of many tiles, and sizes that no tile divides."""

    def __init__(self, family: str, seed: int, wide: bool = False) -> None:
        self.wide = wide
        self.family = family
        self.rng = np.random.default_rng([seed, FAMILIES.index(family)])
        self.storage = str(self.pick(["F32", "F32", "F32", "BF16", "F16"]))
        if family in LATENT and self.chance(0.3):
            self.storage = "F8_E4M3"
        self.shards = self.pick([1, 1, 2, 3])
        self.layers = int(self.rng.integers(2, 4 if wide else 8))
        self.fused = self.chance(0.25)
        self.config = self.base()
        if family in LATENT:
            self.add_latent()
        if family in EXPERTS:
            self.add_experts()
        self.add_rope()
        if family in WINDOWS:
            self.add_windows()
        self.add_extras()
        self.shapes = self.tensor_shapes()

    def pick(self, options: list[Any]) -> Any:
        return options[int(self.rng.integers(len(options)))]

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def base(self) -> Config:
        heads, groups = self.pick([(4, 2), (4, 1), (6, 3), (4, 4), (5, 1), (8, 2), (7, 7)])
        wide = self.storage == "F8_E4M3"  # more than one block a matrix
        config: Config = {
            "architectures": [ARCHITECTURES[self.family]],
            "model_type": self.family,
            "hidden_size": heads * self.pick([8, 12, 16]) * (3 if wide else 1),
            "intermediate_size": self.pick([160, 288] if wide else [64, 96, 112]),
            "num_hidden_layers": self.layers,
            "num_attention_heads": heads,
            "num_key_value_heads": groups,
            "vocab_size": self.pick([61, 97, 128, 131]),
            "max_position_embeddings": self.pick([64, 128, 256]),
            "rms_norm_eps": self.pick([1e-5, 1e-6]),
            "hidden_act": "silu",
            "tie_word_embeddings": self.chance(0.3),
            "bos_token_id": 1,
            "eos_token_id": self.pick([2, [2, 3]]),
        }
        names = {"F32": "float32", "BF16": "bfloat16", "F16": "float16", "F8_E4M3": "bfloat16"}
        config[self.pick(["dtype", "torch_dtype"])] = names[self.storage]
        size = self.pick([8, 12, 16, 20, 32])
        config["head_dim"] = size
        if self.family == "qwen2":  # which has no such key
            del config["head_dim"]
            config["hidden_size"] = heads * size
        if self.storage == "F8_E4M3":
            config["quantization_config"] = {
                "quant_method": "fp8",
                "fmt": "e4m3",
                "activation_scheme": "dynamic",
                "weight_block_size": [128, 128],
            }
        if self.wide:
            config["intermediate_size"] = self.pick([344, 512, 1000])
            config["vocab_size"] = self.pick([1031, 2048])
            config["max_position_embeddings"] = 256
            config["head_dim"] = self.pick([64, 80, 112, 128, 160])
            config["hidden_size"] = heads * config["head_dim"]
            if self.family == "qwen2":
                del config["head_dim"]
        return config

    def add_latent(self) -> None:
        c = self.config
        c["num_key_value_heads"] = c["num_attention_heads"]
        del c["head_dim"]
        fp8 = self.storage == "F8_E4M3"
        c["kv_lora_rank"] = self.pick([128, 160] if fp8 else [16, 24, 32])
        c["q_lora_rank"] = self.pick([144] if fp8 else [20, 24, 40])
        if self.family == "deepseek_v3" and self.chance(0.4):
            c["q_lora_rank"] = None
        c["qk_nope_head_dim"] = self.pick([8, 12, 16])
        c["qk_rope_head_dim"] = self.pick([4, 8, 12])
        c["v_head_dim"] = self.pick([8, 10, 16])
        c["tie_word_embeddings"] = False
        if self.wide:
            c["kv_lora_rank"], c["q_lora_rank"] = self.pick([128, 200]), self.pick([192, 264])
            c["qk_nope_head_dim"], c["qk_rope_head_dim"], c["v_head_dim"] = 64, 32, 72

    def add_experts(self) -> None:
        c, family = self.config, self.family
        count = self.pick([4, 8, 12])
        c["num_experts" if family in ("qwen3_moe", "exaone_moe") else "n_routed_experts"] = count
        c["num_experts_per_tok"] = self.pick([1, 2, 3])
        c["moe_intermediate_size"] = self.pick([136, 256] if self.wide else [32, 48, 40])
        c["norm_topk_prob"] = self.chance(0.7)
        if family == "qwen3_moe":
            c["decoder_sparse_step"] = self.pick([1, 1, 2])
            c["mlp_only_layers"] = self.pick([[], [0], [1]])
            return
        shared = "num_shared_experts" if family == "exaone_moe" else "n_shared_experts"
        c[shared] = self.pick([1, 1, 2])
        c["routed_scaling_factor"] = self.pick([1.0, 2.5, 1.8])
        groups = self.pick([(1, 1), (2, 1), (4, 2)] if count > 4 else [(1, 1), (2, 1)])
        if family != "vaetki":
            c["n_group"], c["topk_group"] = groups
        c["num_experts_per_tok"] = min(c["num_experts_per_tok"], count * groups[1] // groups[0])
        dense = 0 if family == "solar_open" else min(self.pick([0, 1, 2]), self.layers)
        c["first_k_dense_replace"] = dense
        if family in ("exaone_moe", "axk1", "axk2") and self.chance(0.5):
            c["mlp_layer_types"] = ["dense"] * dense + ["sparse"] * (self.layers - dense)

    def add_rope(self) -> None:
        c, family = self.config, self.family
        theta = self.pick([10000.0, 500000.0, 1000000.0])
        kinds = ["default", "default", "llama3", "yarn", "linear"]
        if family in LATENT or family == "solar_open":
            kinds = ["default", "yarn"]
        if family in ("vaetki", "qwen2"):
            kinds = ["default"]
        kind = self.pick(kinds)
        rope: Config = {}
        if kind == "linear":
            rope = {"factor": 4.0}
        elif kind == "llama3":
            rope = {
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": self.pick([16, 32]),
            }
        elif kind == "yarn":
            rope = {"factor": self.pick([2.0, 4.0, 40.0])}
            rope["original_max_position_embeddings"] = self.pick([8, 16])
            if self.chance(0.6):
                rope |= {"beta_fast": 32.0, "beta_slow": 1.0}
            if self.chance(0.3):
                rope["truncate"] = False
            if family in LATENT:
                rope["mscale"], rope["mscale_all_dim"] = self.pick(
                    [(1.0, 1.0), (1.0, 0.0), (0.7, 1.0), (1.0, 0.5)]
                )
            elif self.chance(0.3):
                rope["attention_factor"] = 1.3
        if family == "vaetki":
            c["rope_theta"], c["rope_theta_global"], c["rope_scaling"] = 1e4, theta, None
        elif self.chance(0.5):
            c["rope_parameters"] = {"rope_theta": theta, "rope_type": kind, **rope}
        else:
            c["rope_theta"] = theta
            key = self.pick(["type", "rope_type"]) if kind in ("yarn", "linear") else "rope_type"
            c["rope_scaling"] = {key: kind, **rope} if rope else None

    def add_windows(self) -> None:
        c, family = self.config, self.family
        width, layers = int(self.rng.integers(2, 9)), self.layers
        if family in ("qwen2", "qwen3"):
            c["use_sliding_window"] = self.chance(0.5)
            c["sliding_window"] = width
            c["max_window_layers"] = self.pick([0, 1, layers])
            return
        pattern = self.pick(["LLLG", "LG", "LLG", 3, 4, None])
        if pattern is None:
            c["sliding_window"] = None if family == "exaone4" else 64
            if family == "exaone4":
                c["sliding_window_pattern"] = None
                return
            pattern = 2
        c["sliding_window"] = width
        c["sliding_window_pattern"] = pattern
        period = len(pattern) if isinstance(pattern, str) else pattern
        kinds = [
            "full_attention" if (i + 1) % period == 0 else "sliding_attention"
            for i in range(layers)
        ]
        if self.chance(0.7) or isinstance(pattern, str):
            c["layer_types"] = kinds
        if family == "exaone_moe" and self.chance(0.4):
            widths = [width if k == "sliding_attention" else 0 for k in kinds]
            if widths[0]:
                widths[0] = width + 3
            c["layer_types"] = kinds
            c["sliding_windows"] = widths
            c["swiglu_limits"] = [self.pick([0.0, 0.3, 0.7]) for _ in range(layers)]

    def add_extras(self) -> None:
        c, family = self.config, self.family
        if family in ("granite", "hyperclovax"):
            c["embedding_multiplier"] = self.pick([1.0, 3.0, 10.0])
            c["attention_multiplier"] = self.pick([0.05, 0.125])
            c["residual_multiplier"] = self.pick([1.0, 0.7, 0.22])
            c["logits_scaling"] = self.pick([0.125, 1.0, 8.0])
            c["attention_bias"] = c["mlp_bias"] = False
        if family == "hyperclovax":
            c["use_post_norm"] = self.chance(0.6)
        if family == "llama":
            c["attention_bias"], c["mlp_bias"] = self.chance(0.3), self.chance(0.3)
        if family == "glm4_moe":
            c["partial_rotary_factor"] = 0.5
            if "rope_parameters" in c:
                c["rope_parameters"]["partial_rotary_factor"] = 0.5
            c["attention_bias"], c["use_qk_norm"] = self.chance(0.6), self.chance(0.5)
            c["head_dim"] = self.pick([8, 16, 24, 32])
        if family in ("solar_open", "qwen3", *LATENT):
            c["attention_bias"] = False
        if family == "axk2":
            c["index_topk"], c["index_head_dim"], c["index_n_heads"] = 256, 16, 2
            c["gated_norm_rank"] = self.pick([4, 16])
        if family == "vaetki":
            c["sliding_window"] = int(self.rng.integers(2, 9))
            period = self.pick([2, 3, 6])
            c["layer_types"] = [
                "full_attention" if (i + 1) % period == 0 else "sliding_attention"
                for i in range(self.layers)
            ]
            c["moe_layer_freq"] = 1
        if family == "exaone":
            c["num_layers"] = c.pop("num_hidden_layers")
            c["layer_norm_epsilon"] = c.pop("rms_norm_eps")
            c["activation_function"] = c.pop("hidden_act")

    def tensor(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        x = self.rng.standard_normal(shape)
        if name.endswith("embed_tokens.weight"):
            x *= 0.5
        elif len(shape) > 1:
            x *= shape[-1] ** -0.5
        elif name.endswith("bias"):  # some scores of experts become negative
            x *= 0.5 if "correction" in name else 0.1
        else:
            x = 0.2 * x + (self.family != "vaetki")
        return x.astype(np.float32)

    def tensors(self) -> dict[str, tuple[np.ndarray, str]]:
        result = {}
        for name, shape in self.shapes.items():
            value, kind = self.tensor(name, shape), self.storage
            if "e_score_correction_bias" in name:
                kind = "F32"
            elif kind == "F8_E4M3":
                kind = "BF16"
                parts = (".self_attn.", ".mlp.")
                packed = ".gate.weight" not in name and "indexer" not in name
                if len(shape) == 2 and packed and any(p in name for p in parts):
                    value, scale = to_blocked_fp8(value)
                    result[name + "_scale_inv"] = (scale, "F32")
                    kind = "F8_E4M3"
            if self.family == "exaone":
                for old, new in EXAONE3:
                    name = name.replace(new, old)
            result[name] = (value, kind)
        return result

    def write(self, folder: Path) -> None:
        write_checkpoint(folder, self.config, self.tensors(), self.shards)
