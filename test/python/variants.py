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

Config = dict[str, Any]
Shapes = dict[str, tuple[int, ...]]

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
LATENT = {"deepseek_v3", "axk1", "axk2", "vaetki"}
EXPERTS = {"qwen3_moe", "exaone_moe", "solar_open", "glm4_moe", *LATENT}
WINDOWS = {"qwen2", "qwen3", "exaone4", "exaone_moe"}


class Variant:
    """A configuration and what its tensors look like."""

    def __init__(self, family: str, seed: int) -> None:
        self.family = family
        self.rng = np.random.default_rng([seed, FAMILIES.index(family)])
        self.storage = str(self.pick(["F32", "F32", "F32", "BF16", "F16"]))
        if family in LATENT and self.chance(0.3):
            self.storage = "F8_E4M3"
        self.shards = self.pick([1, 1, 2, 3])
        self.layers = int(self.rng.integers(2, 8))
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

    def add_experts(self) -> None:
        c, family = self.config, self.family
        count = self.pick([4, 8, 12])
        c["num_experts" if family in ("qwen3_moe", "exaone_moe") else "n_routed_experts"] = count
        c["num_experts_per_tok"] = self.pick([1, 2, 3])
        c["moe_intermediate_size"] = self.pick([32, 48, 40])
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

    # Tensors.

    def sparse(self, i: int) -> bool:
        c = self.config
        if self.family not in EXPERTS:
            return False
        if "mlp_layer_types" in c:
            return c["mlp_layer_types"][i] == "sparse"
        if self.family == "qwen3_moe":
            return i not in c["mlp_only_layers"] and (i + 1) % c["decoder_sparse_step"] == 0
        return i >= c["first_k_dense_replace"]

    def attention_shapes(self, name: str) -> Shapes:
        c, hidden = self.config, self.config["hidden_size"]
        heads, groups = c["num_attention_heads"], c["num_key_value_heads"]
        size = c.get("head_dim") or hidden // heads
        rows = {"q": heads * size, "k": groups * size, "v": groups * size}
        shapes: Shapes = {f"{name}.{p}_proj.weight": (n, hidden) for p, n in rows.items()}
        shapes[name + ".o_proj.weight"] = (hidden, heads * size)
        if self.family == "qwen2" or c.get("attention_bias"):
            shapes |= {f"{name}.{p}_proj.bias": (n,) for p, n in rows.items()}
        if self.family == "llama" and c.get("attention_bias"):
            shapes[name + ".o_proj.bias"] = (hidden,)
        normed = self.family in ("qwen3", "qwen3_moe", "exaone4", "exaone_moe")
        if normed or c.get("use_qk_norm"):
            shapes |= {f"{name}.{p}_norm.weight": (size,) for p in "qk"}
        return shapes

    def latent_shapes(self, name: str) -> Shapes:
        c, hidden = self.config, self.config["hidden_size"]
        heads, rank = c["num_attention_heads"], c["kv_lora_rank"]
        fixed, turned = c["qk_nope_head_dim"], c["qk_rope_head_dim"]
        out, down = c["v_head_dim"], c["q_lora_rank"]
        shapes: Shapes = {}
        if down:
            shapes[name + ".q_a_proj.weight"] = (down, hidden)
            shapes[name + ".q_a_layernorm.weight"] = (down,)
            shapes[name + ".q_b_proj.weight"] = (heads * (fixed + turned), down)
        else:
            shapes[name + ".q_proj.weight"] = (heads * (fixed + turned), hidden)
        if self.family == "axk2":
            width, rows, keys = c["index_head_dim"], c["index_n_heads"], name + ".indexer"
            shapes[name + ".q_b_proj.weight"] = (heads * (fixed + turned + out), 2 * down)
            shapes[keys + ".wq_b.weight"] = (rows * width, down)
            shapes[keys + ".wk.weight"] = (width, hidden)
            shapes[keys + ".k_norm.weight"] = shapes[keys + ".k_norm.bias"] = (width,)
            shapes[keys + ".weights_proj.weight"] = (rows, hidden)
        shapes[name + ".kv_a_proj_with_mqa.weight"] = (rank + turned, hidden)
        shapes[name + ".kv_a_layernorm.weight"] = (rank,)
        shapes[name + ".kv_b_proj.weight"] = (heads * (fixed + out), rank)
        shapes[name + ".o_proj.weight"] = (hidden, heads * out)
        return shapes

    def mlp_shapes(self, name: str, width: int) -> Shapes:
        hidden = self.config["hidden_size"]
        shapes: Shapes = {f"{name}.{p}_proj.weight": (width, hidden) for p in ("gate", "up")}
        shapes[name + ".down_proj.weight"] = (hidden, width)
        if self.config.get("mlp_bias"):
            shapes |= {f"{name}.{p}_proj.bias": (width,) for p in ("gate", "up")}
            shapes[name + ".down_proj.bias"] = (hidden,)
        return shapes

    def expert_shapes(self, name: str) -> Shapes:
        c, hidden = self.config, self.config["hidden_size"]
        count = c.get("n_routed_experts") or c["num_experts"]
        shapes: Shapes = {name + ".gate.weight": (count, hidden)}
        if self.family not in ("qwen3_moe", "vaetki"):
            place = name if self.family == "exaone_moe" else name + ".gate"
            shapes[place + ".e_score_correction_bias"] = (count,)
        width = c["moe_intermediate_size"]
        for e in range(count):
            shapes |= self.mlp_shapes(f"{name}.experts.{e}", width)
        if shared := c.get("n_shared_experts") or c.get("num_shared_experts"):
            shapes |= self.mlp_shapes(name + ".shared_experts", width * shared)
        return shapes

    def norm_names(self, i: int) -> list[str]:
        family = self.family
        if family == "exaone4":
            return ["post_attention_layernorm", "post_feedforward_layernorm"]
        names = ["input_layernorm", "post_attention_layernorm"]
        if family == "vaetki":
            names += ["pre_mlp_layernorm", "post_mlp_layernorm"]
        if family == "axk1" and self.sparse(i):
            names += ["post_mlp_layernorm"]
        if family == "hyperclovax" and self.config["use_post_norm"]:
            names += ["post_norm1", "post_norm2"]
        return names

    def tensor_shapes(self) -> Shapes:
        c, hidden = self.config, self.config["hidden_size"]
        shapes: Shapes = {"model.embed_tokens.weight": (c["vocab_size"], hidden)}
        for i in range(self.layers):
            name = f"model.layers.{i}"
            for norm in self.norm_names(i):
                gated = norm == "input_layernorm" or self.sparse(i)
                if self.family == "axk2" and gated:
                    rank = c["gated_norm_rank"]
                    shapes[f"{name}.{norm}.norm.weight"] = (hidden,)
                    shapes[f"{name}.{norm}.W_down.weight"] = (rank, hidden)
                    shapes[f"{name}.{norm}.W_up.weight"] = (hidden, rank)
                else:
                    shapes[f"{name}.{norm}.weight"] = (hidden,)
            make = self.latent_shapes if self.family in LATENT else self.attention_shapes
            shapes |= make(name + ".self_attn")
            if self.sparse(i):
                shapes |= self.expert_shapes(name + ".mlp")
            else:
                shapes |= self.mlp_shapes(name + ".mlp", c["intermediate_size"])
        shapes["model.norm.weight"] = (hidden,)
        if not c["tie_word_embeddings"]:
            shapes["lm_head.weight"] = (c["vocab_size"], hidden)
        return shapes

    def tensor(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        x = self.rng.standard_normal(shape)
        if name.endswith("embed_tokens.weight"):
            x *= 0.5
        elif len(shape) == 2:
            x *= shape[1] ** -0.5
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
