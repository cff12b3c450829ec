"""Names and shapes of the tensors of tiny checkpoints, from their configuration."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]
Shapes = dict[str, tuple[int, ...]]

LATENT = {"deepseek_v3", "axk1", "axk2", "vaetki"}
EXPERTS = {"qwen3_moe", "exaone_moe", "solar_open", "glm4_moe", *LATENT}


class Layout:
    """The tensors that a family's release has with a configuration."""

    family: str
    config: Config
    layers: int
    fused: bool
    """Experts in two tensors a layer, as newer files have them."""

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
        if self.fused:
            shapes[name + ".experts.gate_up_proj"] = (count, 2 * width, hidden)
            shapes[name + ".experts.down_proj"] = (count, hidden, width)
        else:
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
