"""The blocks of language models in NumPy and float64, as their papers and
releases define them: what the tests compare compiled models with. Written for
reading; nothing here is shared with the compiler. Shapes: B sequences, T
tokens, H heads, G groups of keys, D a head's size."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray
Config = dict[str, Any]


def sigmoid(x: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * x))


def silu(x: Array) -> Array:
    return x * sigmoid(x)


def gelu(x: Array) -> Array:
    return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def gelu_tanh(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "silu": silu,
    "gelu": gelu,
    "gelu_pytorch_tanh": gelu_tanh,
    "relu": lambda x: np.maximum(x, 0),
}


def softmax(x: Array) -> Array:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    y = x @ weight.T
    return y if bias is None else y + bias


def rms_norm(x: Array, scale: Array, epsilon: float, zero_centred: bool = False) -> Array:
    y = x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon)
    return y * (1 + scale if zero_centred else scale)


def gated_norm(x: Array, scale: Array, epsilon: float, down: Array, up: Array) -> Array:
    y = rms_norm(x, scale, epsilon)
    return y * sigmoid(linear(silu(linear(y, down)), up))


def default_frequencies(theta: float, size: int) -> Array:
    return theta ** (-np.arange(0, size, 2) / size)


def llama3_frequencies(theta: float, size: int, rope: Config) -> Array:
    f = default_frequencies(theta, size)
    length = rope["original_max_position_embeddings"]
    wave = 2 * math.pi / f
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    smooth = (length / wave - low) / (high - low)
    middle = (1 - smooth) * f / rope["factor"] + smooth * f
    scaled = np.where(wave > length / low, f / rope["factor"], middle)
    return np.where(wave < length / high, f, scaled)


def yarn_mscale(factor: float, mscale: float = 1.0) -> float:
    return 1.0 if factor <= 1 else 0.1 * mscale * math.log(factor) + 1.0


def yarn_frequencies(
    theta: float, size: int, rope: Config, max_positions: int
) -> tuple[Array, float]:
    """Frequencies, and the factor of cosine and sine."""
    length = rope.get("original_max_position_embeddings") or max_positions
    factor = rope.get("factor") or max_positions / length
    f = default_frequencies(theta, size)

    def dimension(rotations: float) -> float:
        return size * math.log(length / (rotations * 2 * math.pi)) / (2 * math.log(theta))

    low = dimension(rope.get("beta_fast") or 32)
    high = dimension(rope.get("beta_slow") or 1)
    if rope.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, size - 1)
    if low == high:
        high += 0.001
    ramp = np.clip((np.arange(size // 2) - low) / (high - low), 0, 1)
    attention = rope.get("attention_factor")
    if attention is None:
        one, all_ = rope.get("mscale"), rope.get("mscale_all_dim")
        attention = yarn_mscale(factor)
        if one and all_:
            attention = yarn_mscale(factor, one) / yarn_mscale(factor, all_)
    return f / factor * ramp + f * (1 - ramp), attention


def rotary(theta: float, size: int, rope: Config, max_positions: int) -> tuple[Array, float]:
    """Frequencies [size / 2] and the factor of cosine and sine."""
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return default_frequencies(theta, size), 1.0
    if kind == "linear":
        return default_frequencies(theta, size) / rope["factor"], 1.0
    if kind == "llama3":
        return llama3_frequencies(theta, size, rope), 1.0
    if kind == "yarn":
        return yarn_frequencies(theta, size, rope, max_positions)
    raise NotImplementedError(f"rope type {kind}")


def rotate(
    x: Array, frequencies: Array, factor: float = 1.0, pairs: bool = False, start: int = 0
) -> Array:
    """x [B, T, H, D] at positions start, start + 1, ...; elements after the
    first 2 * len(frequencies) stay. Angles are products in float32, as every
    implementation has them."""
    half = len(frequencies)
    positions = np.arange(start, start + x.shape[1], dtype=np.float32)
    angles = (positions[:, None] * frequencies.astype(np.float32)).astype(np.float64)
    cos = factor * np.cos(angles)[None, :, None]
    sin = factor * np.sin(angles)[None, :, None]
    rotated, rest = x[..., : 2 * half], x[..., 2 * half :]
    if pairs:
        a, b = rotated[..., 0::2], rotated[..., 1::2]
        both = np.stack([a * cos - b * sin, b * cos + a * sin], -1).reshape(rotated.shape)
    else:
        a, b = rotated[..., :half], rotated[..., half:]
        both = np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)
    return np.concatenate([both, rest], -1)


def attention(query: Array, key: Array, value: Array, scale: float, window: int = 0) -> Array:
    """query [B, T, H, D], key [B, T, G, D], value [B, T, G, E]: causal, the last
    `window` keys with the query's own (0: all); result [B, T, H, E]."""
    tokens, repeat = query.shape[1], query.shape[2] // key.shape[2]
    key, value = np.repeat(key, repeat, 2), np.repeat(value, repeat, 2)
    scores = scale * np.einsum("bthd,bshd->bhts", query, key)
    distance = np.arange(tokens)[:, None] - np.arange(tokens)[None]
    seen = distance >= 0
    if window:
        seen &= distance < window
    return np.einsum("bhts,bshe->bthe", softmax(np.where(seen, scores, -np.inf)), value)


def mlp(
    x: Array,
    gate: Array,
    up: Array,
    down: Array,
    act: Callable[[Array], Array] = silu,
    limit: float = 0,
    biases: tuple[Array | None, Array | None, Array | None] = (None, None, None),
) -> Array:
    """down(act(gate x) * up x), with the gate at most `limit` and the other
    within +-`limit` where there is one."""
    g, u = linear(x, gate, biases[0]), linear(x, up, biases[1])
    if limit:
        g, u = np.minimum(g, limit), np.clip(u, -limit, limit)
    return linear(act(g) * u, down, biases[2])


def route(
    logits: Array,
    chosen: int,
    scoring: str = "sigmoid",
    bias: Array | None = None,
    groups: int = 1,
    chosen_groups: int = 1,
    normalise: bool = True,
    scaling: float = 1.0,
    dropped: float = -np.inf,
) -> Array:
    """Weight of every expert for every token, [N, E]; 0 where not chosen. Experts
    of groups that are not chosen count as `dropped`."""
    scores = sigmoid(logits) if scoring == "sigmoid" else softmax(logits)
    choice = scores if bias is None else scores + bias
    if groups > 1:
        grouped = choice.reshape(len(choice), groups, -1)
        best = np.sort(grouped, -1)[..., -2:].sum(-1)
        kept = np.argsort(-best, -1, kind="stable")[:, :chosen_groups]
        mask = np.zeros(best.shape, bool)
        np.put_along_axis(mask, kept, True, -1)
        choice = np.where(mask[..., None], grouped, dropped).reshape(choice.shape)
    index = np.argsort(-choice, -1, kind="stable")[:, :chosen]
    weights = np.zeros_like(scores)
    np.put_along_axis(weights, index, np.take_along_axis(scores, index, -1), -1)
    if normalise:
        weights /= weights.sum(-1, keepdims=True) + 1e-20
    return weights * scaling
