"""What the logits of a checkpoint folder are, in NumPy and float64, straight
from its config.json and tensors. Covers every family that the compiler reads
from such folders; latent attention is expanded here, and absorbed there."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import language_blocks as blocks
import numpy as np
from checkpoints import read_checkpoint
from language_blocks import Array, Config

LATENT = {"deepseek_v3", "axk1", "axk2", "vaetki"}
# EXAONE 3's names, as Llama's.
EXAONE3 = [
    ("transformer.h.", "model.layers."),
    ("transformer.wte.", "model.embed_tokens."),
    ("transformer.ln_f.", "model.norm."),
    (".ln_1.", ".input_layernorm."),
    (".ln_2.", ".post_attention_layernorm."),
    (".attn.attention.out_proj.", ".self_attn.o_proj."),
    (".attn.attention.", ".self_attn."),
    (".mlp.c_fc_0.", ".mlp.gate_proj."),
    (".mlp.c_fc_1.", ".mlp.up_proj."),
    (".mlp.c_proj.", ".mlp.down_proj."),
]


class Reference:
    """A checkpoint's model."""

    def __init__(self, folder: Path) -> None:
        self.config: Config = json.loads((folder / "config.json").read_text())
        self.family = self.config["model_type"].lower()
        self.tensors = read_checkpoint(folder)
        if self.family == "exaone":
            for old, new in EXAONE3:
                self.tensors = {k.replace(old, new): v for k, v in self.tensors.items()}
            self.config["num_hidden_layers"] = self.config["num_layers"]
            self.config["rms_norm_eps"] = self.config["layer_norm_epsilon"]
            self.config["hidden_act"] = self.config["activation_function"]
        self.hidden = self.config["hidden_size"]
        self.heads = self.config["num_attention_heads"]
        self.epsilon = self.config.get("rms_norm_eps", 1e-6)
        self.act = blocks.ACTIVATIONS[self.config.get("hidden_act", "silu")]

    # What the configuration says of layers.

    @cached_property
    def rope(self) -> Config:
        return self.config.get("rope_parameters") or self.config.get("rope_scaling") or {}

    @property
    def layers(self) -> int:
        return self.config["num_hidden_layers"]

    def windows(self) -> list[int]:
        """Keys that each layer sees; 0: all."""
        c, count = self.config, self.layers
        if c.get("sliding_windows"):
            return list(c["sliding_windows"])
        width = c.get("sliding_window")
        if self.family.startswith("qwen") and not c.get("use_sliding_window"):
            width = None
        if not width:
            return [0] * count
        if c.get("layer_types"):
            return [width if t == "sliding_attention" else 0 for t in c["layer_types"]]
        if self.family.startswith("qwen"):
            return [width if i >= c["max_window_layers"] else 0 for i in range(count)]
        if self.family == "vaetki":
            return [0 if (i + 1) % 6 == 0 else width for i in range(count)]
        pattern = c.get("sliding_window_pattern")
        if isinstance(pattern, str):
            return [width * (pattern[i % len(pattern)] == "L") for i in range(count)]
        if pattern:
            return [width * ((i + 1) % pattern != 0) for i in range(count)]
        return [0] * count

    def sparse(self, i: int) -> bool:
        """Whether layer i has experts."""
        return any(k.startswith(f"model.layers.{i}.mlp.experts.") for k in self.tensors)

    # Blocks with their tensors.

    def get(self, name: str) -> Array | None:
        return self.tensors.get(name)

    def linear(self, x: Array, name: str) -> Array:
        return blocks.linear(x, self.tensors[name + ".weight"], self.get(name + ".bias"))

    def norm(self, x: Array, name: str, epsilon: float | None = None) -> Array:
        epsilon = self.epsilon if epsilon is None else epsilon
        if name + ".W_down.weight" in self.tensors:
            parts = [self.tensors[f"{name}.{p}.weight"] for p in ("norm", "W_down", "W_up")]
            return blocks.gated_norm(x, parts[0], epsilon, *parts[1:])
        centred = self.family == "vaetki"
        return blocks.rms_norm(x, self.tensors[name + ".weight"], epsilon, centred)

    def optional_norm(self, x: Array, name: str) -> Array:
        return self.norm(x, name) if name + ".weight" in self.tensors else x

    def rotary(self, i: int, size: int) -> tuple[Array, float] | None:
        """Frequencies and factor of layer i; None where nothing rotates."""
        windows = self.windows()
        # Layers without a window rotate only where the model has no window.
        windowed = any(windows) or self.config.get("sliding_window") is not None
        if self.family in ("exaone4", "exaone_moe") and windowed and not windows[i]:
            return None
        theta = self.rope.get("rope_theta", self.config.get("rope_theta", 10000.0))
        if self.family == "vaetki" and not windows[i]:
            theta = self.config["rope_theta_global"]
            assert not self.rope
            return blocks.default_frequencies(theta, size) / 8, 1.0
        return blocks.rotary(theta, size, self.rope, self.config["max_position_embeddings"])

    def attention(self, i: int, x: Array) -> Array:
        name, c = f"model.layers.{i}.self_attn", self.config
        size = c.get("head_dim") or self.hidden // self.heads
        q, k, v = (
            self.linear(x, f"{name}.{p}_proj").reshape(*x.shape[:2], -1, size) for p in "qkv"
        )
        q = self.optional_norm(q, name + ".q_norm")
        k = self.optional_norm(k, name + ".k_norm")
        part = 0.5 if self.family == "glm4_moe" else 1.0
        part = self.rope.get("partial_rotary_factor", c.get("partial_rotary_factor", part))
        rope = self.rotary(i, int(size * part))
        if rope:
            q, k = blocks.rotate(q, *rope), blocks.rotate(k, *rope)
        scale = size**-0.5
        if self.family in ("granite", "hyperclovax") and c.get("attention_multiplier"):
            scale = c["attention_multiplier"]
        y = blocks.attention(q, k, v, scale, self.windows()[i])
        return self.linear(y.reshape(*x.shape[:2], -1), name + ".o_proj")

    def latent_attention(self, i: int, x: Array) -> Array:
        name, c = f"model.layers.{i}.self_attn", self.config
        fixed, turned = c["qk_nope_head_dim"], c["qk_rope_head_dim"]
        out, rank = c["v_head_dim"], c["kv_lora_rank"]
        # Releases of transformers leave these two at the default.
        epsilon = self.epsilon if self.family == "vaetki" else 1e-6
        gate = None
        if self.family == "axk2":
            # One matrix makes each head's query from the normed latent and its
            # gate from the latent as it was.
            before = self.linear(x, name + ".q_a_proj")
            latent = self.norm(before, name + ".q_a_layernorm", epsilon)
            both = self.linear(np.concatenate([latent, before], -1), name + ".q_b_proj")
            both = both.reshape(*x.shape[:2], self.heads, fixed + turned + out)
            q, gate = both[..., : fixed + turned], both[..., fixed + turned :]
        elif c.get("q_lora_rank"):
            latent = self.norm(self.linear(x, name + ".q_a_proj"), name + ".q_a_layernorm", epsilon)
            q = self.linear(latent, name + ".q_b_proj")
        else:
            q = self.linear(x, name + ".q_proj")
        q = q.reshape(*x.shape[:2], self.heads, fixed + turned)
        both = self.linear(x, name + ".kv_a_proj_with_mqa")
        latent = self.norm(both[..., :rank], name + ".kv_a_layernorm", epsilon)
        kv = self.linear(latent, name + ".kv_b_proj")
        kv = kv.reshape(*x.shape[:2], self.heads, fixed + out)
        shared = both[..., None, rank:]
        rope = self.rotary(i, turned)
        q_turned = q[..., fixed:]
        if rope:
            pairs = c.get("rope_interleave", True)
            shared = blocks.rotate(shared, *rope, pairs=pairs)
            q_turned = blocks.rotate(q_turned, *rope, pairs=pairs)
        q = np.concatenate([q[..., :fixed], q_turned], -1)
        shared = np.broadcast_to(shared, (*q.shape[:3], turned))
        k = np.concatenate([kv[..., :fixed], shared], -1)
        scale = (fixed + turned) ** -0.5
        all_ = self.rope.get("mscale_all_dim")
        if all_ and self.rope.get("rope_type", self.rope.get("type")) != "default":
            scale *= blocks.yarn_mscale(self.rope["factor"], all_) ** 2
        y = blocks.attention(q, k, kv[..., fixed:], scale, self.windows()[i])
        if gate is not None:
            y = y * blocks.sigmoid(gate)
        return self.linear(y.reshape(*x.shape[:2], -1), name + ".o_proj")

    def mlp(self, x: Array, name: str, limit: float) -> Array:
        parts = [f"{name}.{p}_proj" for p in ("gate", "up", "down")]
        weights = [self.tensors[p + ".weight"] for p in parts]
        biases = tuple(self.get(p + ".bias") for p in parts)
        return blocks.mlp(x, *weights, self.act, limit, biases)

    def expert(self, x: Array, name: str, e: int, limit: float) -> Array:
        if f"{name}.experts.gate_up_proj" in self.tensors:
            gate, up = np.split(self.tensors[f"{name}.experts.gate_up_proj"][e], 2)
            down = self.tensors[f"{name}.experts.down_proj"][e]
            return blocks.mlp(x, gate, up, down, self.act, limit)
        return self.mlp(x, f"{name}.experts.{e}", limit)

    def experts(self, i: int, x: Array, limit: float) -> Array:
        name, c = f"model.layers.{i}.mlp", self.config
        flat = x.reshape(-1, self.hidden)
        router = self.tensors[name + ".gate.weight"]
        bias = self.get(name + ".gate.e_score_correction_bias")
        if bias is None:
            bias = self.get(name + ".e_score_correction_bias")
        softmax = self.family == "qwen3_moe"
        weights = blocks.route(
            blocks.linear(flat, router),
            c["num_experts_per_tok"],
            "softmax" if softmax else "sigmoid",
            bias,
            c.get("n_group") or 1,
            c.get("topk_group") or 1,
            c.get("norm_topk_prob", not softmax),
            c.get("routed_scaling_factor", 1.0),
            0.0 if self.family == "axk2" else -np.inf,
        )
        y = np.zeros_like(flat)
        for e in range(len(router)):
            if weights[:, e].any():
                y += weights[:, e : e + 1] * self.expert(flat, name, e, limit)
        y = y.reshape(x.shape)
        if name + ".shared_experts.gate_proj.weight" in self.tensors:
            y = y + self.mlp(x, name + ".shared_experts", limit)
        return y

    def feed_forward(self, i: int, x: Array) -> Array:
        limits = self.config.get("swiglu_limits")
        limit = limits[i] if limits else 0
        if self.sparse(i):
            return self.experts(i, x, limit)
        return self.mlp(x, f"model.layers.{i}.mlp", limit)

    def layer(self, i: int, x: Array) -> Array:
        name = f"model.layers.{i}."
        attend = self.latent_attention if self.family in LATENT else self.attention
        before = name + "input_layernorm"
        between = name + "post_attention_layernorm"
        if self.family == "exaone4":  # norms of results alone
            x = x + self.norm(attend(i, x), between)
            return x + self.norm(self.feed_forward(i, x), name + "post_feedforward_layernorm")
        if self.family == "vaetki":
            x = x + self.norm(attend(i, self.norm(x, before)), between)
            y = self.feed_forward(i, self.norm(x, name + "pre_mlp_layernorm"))
            return x + self.norm(y, name + "post_mlp_layernorm")
        times = 1.0
        if self.family in ("granite", "hyperclovax"):
            times = self.config.get("residual_multiplier", 1.0)
        y = attend(i, self.norm(x, before))
        x = x + times * self.optional_norm(y, name + "post_norm1")
        y = self.feed_forward(i, self.norm(x, between))
        if self.family == "axk1":
            y = self.optional_norm(y, name + "post_mlp_layernorm")
        return x + times * self.optional_norm(y, name + "post_norm2")

    def logits(self, tokens: Array) -> Array:
        """tokens [B, T]: logits [B, T, vocabulary] of all positions from 0 on."""
        c, multiplies = self.config, self.family in ("granite", "hyperclovax")
        embedding = self.tensors["model.embed_tokens.weight"]
        x = embedding[tokens]
        if multiplies:
            x = x * c.get("embedding_multiplier", 1.0)
        for i in range(self.layers):
            x = self.layer(i, x)
        x = self.norm(x, "model.norm")
        logits = blocks.linear(x, self.tensors.get("lm_head.weight", embedding))
        if self.family == "granite":
            return logits / c.get("logits_scaling", 1.0)
        return logits * c.get("logits_scaling", 1.0) if multiplies else logits
