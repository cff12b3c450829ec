"""The tensors of a model's checkpoint, as its maker releases them, from its configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]

LINEAR, NORM, EMBEDDING, HEAD, ROUTER, BIAS, CHOICE_BIAS, SMALL, QUERY_AND_GATE = range(9)
"""What a tensor is: what its numbers should look like, and whether fp8 applies."""


@dataclass(frozen=True)
class TensorShape:
    name: str
    shape: tuple[int, ...]
    role: int = LINEAR


Tensors = Iterator[TensorShape]


def family(config: Config) -> str:
    return str(config.get("model_type", "")).lower()


def layer_count(config: Config) -> int:
    return int(config.get("num_hidden_layers") or config["num_layers"])


def tensors(config: Config) -> Tensors:
    """All tensors without those of multi-token prediction, in the order of the layers."""
    if family(config) not in FAMILIES:
        known = ", ".join(sorted(FAMILIES))
        raise ValueError(f"model_type {config.get('model_type')!r} is not one of {known}")
    hidden, vocabulary = config["hidden_size"], config["vocab_size"]
    prefix, embedding, norm = "model.layers.", "model.embed_tokens", "model.norm"
    if family(config) == "exaone":
        prefix, embedding, norm = "transformer.h.", "transformer.wte", "transformer.ln_f"
    yield TensorShape(f"{embedding}.weight", (vocabulary, hidden), EMBEDDING)
    for index in range(layer_count(config)):
        for tensor in FAMILIES[family(config)](config, index):
            yield TensorShape(f"{prefix}{index}.{tensor.name}", tensor.shape, tensor.role)
    yield TensorShape(f"{norm}.weight", (hidden,), NORM)
    if not config.get("tie_word_embeddings", False):
        yield TensorShape("lm_head.weight", (vocabulary, hidden), HEAD)


def _norms(config: Config, *names: str) -> Tensors:
    for name in names:
        yield TensorShape(f"{name}.weight", (config["hidden_size"],), NORM)


def _heads(config: Config) -> tuple[int, int, int]:
    heads = config["num_attention_heads"]
    dim = config.get("head_dim") or config["hidden_size"] // heads
    return heads, config.get("num_key_value_heads") or heads, dim


def _attention(
    config: Config,
    *,
    bias: bool = False,
    norms: bool = False,
    prefix: str = "self_attn.",
    output: str = "o_proj",
) -> Tensors:
    heads, groups, dim = _heads(config)
    hidden = config["hidden_size"]
    for name, count in (("q", heads), ("k", groups), ("v", groups)):
        yield TensorShape(f"{prefix}{name}_proj.weight", (count * dim, hidden))
        if bias:
            yield TensorShape(f"{prefix}{name}_proj.bias", (count * dim,), BIAS)
    yield TensorShape(f"{prefix}{output}.weight", (hidden, heads * dim))
    if norms:
        yield TensorShape(f"{prefix}q_norm.weight", (dim,), NORM)
        yield TensorShape(f"{prefix}k_norm.weight", (dim,), NORM)


def _latent_attention(config: Config, *, gated: bool = False) -> Tensors:
    heads, hidden = config["num_attention_heads"], config["hidden_size"]
    rank, rope = config["kv_lora_rank"], config["qk_rope_head_dim"]
    fresh, value = config["qk_nope_head_dim"], config["v_head_dim"]
    query = config.get("q_lora_rank")
    width = heads * (fresh + rope)
    if gated:
        # Of each head the query, from the normed latent, then the output's
        # gate, from the latent before its norm: a matrix of two blocks.
        shape = (width + heads * value, 2 * query)
        yield TensorShape("self_attn.q_a_proj.weight", (query, hidden))
        yield TensorShape("self_attn.q_a_layernorm.weight", (query,), NORM)
        yield TensorShape("self_attn.q_b_proj.weight", shape, QUERY_AND_GATE)
    elif query:
        yield TensorShape("self_attn.q_a_proj.weight", (query, hidden))
        yield TensorShape("self_attn.q_a_layernorm.weight", (query,), NORM)
        yield TensorShape("self_attn.q_b_proj.weight", (width, query))
    else:
        yield TensorShape("self_attn.q_proj.weight", (width, hidden))
    yield TensorShape("self_attn.kv_a_proj_with_mqa.weight", (rank + rope, hidden))
    yield TensorShape("self_attn.kv_a_layernorm.weight", (rank,), NORM)
    yield TensorShape("self_attn.kv_b_proj.weight", (heads * (fresh + value), rank))
    yield TensorShape("self_attn.o_proj.weight", (hidden, heads * value))


def _mlp(config: Config, width: int, prefix: str = "mlp.") -> Tensors:
    hidden = config["hidden_size"]
    yield TensorShape(f"{prefix}gate_proj.weight", (width, hidden))
    yield TensorShape(f"{prefix}up_proj.weight", (width, hidden))
    yield TensorShape(f"{prefix}down_proj.weight", (hidden, width))


def _experts(config: Config, choice_bias: str | None) -> Tensors:
    count = config.get("n_routed_experts") or config["num_experts"]
    shared = config.get("n_shared_experts") or config.get("num_shared_experts") or 0
    width = config["moe_intermediate_size"]
    yield TensorShape("mlp.gate.weight", (count, config["hidden_size"]), ROUTER)
    if choice_bias:
        yield TensorShape(f"mlp.{choice_bias}", (count,), CHOICE_BIAS)
    for expert in range(count):
        yield from _mlp(config, width, f"mlp.experts.{expert}.")
    if shared:
        yield from _mlp(config, width * shared, "mlp.shared_experts.")


def _is_sparse(config: Config, layer: int) -> bool:
    kinds = config.get("mlp_layer_types")
    if kinds:
        return kinds[layer] == "sparse"
    return layer >= config.get("first_k_dense_replace", 0)


def _feed_forward(config: Config, layer: int, choice_bias: str | None) -> Tensors:
    if _is_sparse(config, layer):
        yield from _experts(config, choice_bias)
    else:
        yield from _mlp(config, config["intermediate_size"])


GATE_BIAS = "gate.e_score_correction_bias"


def _llama(config: Config, layer: int) -> Tensors:
    yield from _norms(config, "input_layernorm", "post_attention_layernorm")
    yield from _attention(config, bias=config.get("attention_bias", False))
    yield from _mlp(config, config["intermediate_size"])


def _qwen2(config: Config, layer: int) -> Tensors:
    yield from _norms(config, "input_layernorm", "post_attention_layernorm")
    yield from _attention(config, bias=True)
    yield from _mlp(config, config["intermediate_size"])


def _qwen3(config: Config, layer: int) -> Tensors:
    yield from _norms(config, "input_layernorm", "post_attention_layernorm")
    yield from _attention(config, norms=True)
    yield from _mlp(config, config["intermediate_size"])


def _qwen3_moe(config: Config, layer: int) -> Tensors:
    yield from _norms(config, "input_layernorm", "post_attention_layernorm")
    yield from _attention(config, norms=True)
    step = config.get("decoder_sparse_step", 1)
    if layer in (config.get("mlp_only_layers") or []) or (layer + 1) % step:
        yield from _mlp(config, config["intermediate_size"])
    else:
        yield from _experts(config, None)


def _exaone(config: Config, layer: int) -> Tensors:
    hidden, width = config["hidden_size"], config["intermediate_size"]
    yield from _norms(config, "ln_1", "ln_2")
    yield from _attention(config, prefix="attn.attention.", output="out_proj")
    yield TensorShape("mlp.c_fc_0.weight", (width, hidden))
    yield TensorShape("mlp.c_fc_1.weight", (width, hidden))
    yield TensorShape("mlp.c_proj.weight", (hidden, width))


def _exaone4(config: Config, layer: int) -> Tensors:
    yield from _norms(config, "post_attention_layernorm", "post_feedforward_layernorm")
    yield from _attention(config, norms=True)
    yield from _mlp(config, config["intermediate_size"])


def _exaone_moe(config: Config, layer: int) -> Tensors:
    yield from _norms(config, "input_layernorm", "post_attention_layernorm")
    yield from _attention(config, norms=True)
    yield from _feed_forward(config, layer, "e_score_correction_bias")


def _solar_open(config: Config, layer: int) -> Tensors:
    yield from _norms(config, "input_layernorm", "post_attention_layernorm")
    yield from _attention(config, bias=config.get("attention_bias", False))
    yield from _feed_forward(config, layer, GATE_BIAS)


def _glm4_moe(config: Config, layer: int) -> Tensors:
    yield from _norms(config, "input_layernorm", "post_attention_layernorm")
    yield from _attention(
        config,
        bias=config.get("attention_bias", False),
        norms=config.get("use_qk_norm", False),
    )
    yield from _feed_forward(config, layer, GATE_BIAS)


def _hyperclovax(config: Config, layer: int) -> Tensors:
    yield from _llama(config, layer)
    if config.get("use_post_norm", False):
        yield from _norms(config, "post_norm1", "post_norm2")


def _deepseek(config: Config, layer: int) -> Tensors:
    yield from _norms(config, "input_layernorm", "post_attention_layernorm")
    yield from _latent_attention(config)
    yield from _feed_forward(config, layer, GATE_BIAS)


def _axk1(config: Config, layer: int) -> Tensors:
    yield from _deepseek(config, layer)
    if _is_sparse(config, layer):
        yield from _norms(config, "post_mlp_layernorm")


def _gated_norm(config: Config, name: str) -> Tensors:
    hidden, rank = config["hidden_size"], config["gated_norm_rank"]
    yield TensorShape(f"{name}.norm.weight", (hidden,), NORM)
    yield TensorShape(f"{name}.W_down.weight", (rank, hidden), SMALL)
    yield TensorShape(f"{name}.W_up.weight", (hidden, rank), SMALL)


def _indexer(config: Config) -> Tensors:
    """Which keys are attended to; all are, up to a context of `index_topk`."""
    heads, dim = config["index_n_heads"], config["index_head_dim"]
    hidden, prefix = config["hidden_size"], "self_attn.indexer."
    yield TensorShape(f"{prefix}wq_b.weight", (heads * dim, config["q_lora_rank"]))
    yield TensorShape(f"{prefix}wk.weight", (dim, hidden))
    yield TensorShape(f"{prefix}k_norm.weight", (dim,), NORM)
    yield TensorShape(f"{prefix}k_norm.bias", (dim,), BIAS)
    yield TensorShape(f"{prefix}weights_proj.weight", (heads, hidden), SMALL)


def _axk2(config: Config, layer: int) -> Tensors:
    yield from _gated_norm(config, "input_layernorm")
    if _is_sparse(config, layer):
        yield from _gated_norm(config, "post_attention_layernorm")
    else:
        yield from _norms(config, "post_attention_layernorm")
    yield from _latent_attention(config, gated=True)
    yield from _indexer(config)
    yield from _feed_forward(config, layer, GATE_BIAS)


def _vaetki(config: Config, layer: int) -> Tensors:
    yield from _norms(config, "input_layernorm", "post_attention_layernorm")
    yield from _norms(config, "pre_mlp_layernorm", "post_mlp_layernorm")
    yield from _latent_attention(config)
    yield from _feed_forward(config, layer, None)


FAMILIES = {
    "axk1": _axk1,
    "axk2": _axk2,
    "deepseek_v3": _deepseek,
    "exaone": _exaone,
    "exaone4": _exaone4,
    "exaone_moe": _exaone_moe,
    "glm4_moe": _glm4_moe,
    "granite": _llama,
    "hyperclovax": _hyperclovax,
    "llama": _llama,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "qwen3_moe": _qwen3_moe,
    "solar_open": _solar_open,
    "vaetki": _vaetki,
}
"""A function from configuration and layer to the layer's tensors. To add a family, write one."""
