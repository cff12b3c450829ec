"""Llama and its relatives in NumPy, from a GGUF file's dequantised weights.

A reference for the tests: plain, one sequence at a time, every position, in
float64 from the rotation on. No caches, no batches, nothing shared with the
compiler.
"""

from __future__ import annotations

from pathlib import Path

import gguf_reference
import numpy as np


def _norm(x: np.ndarray, scale: np.ndarray, epsilon: float) -> np.ndarray:
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * scale


def _silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


class Decoder:
    """The weights of `path` as float64, ready to run: llama (whose q and k rows
    are stored so that neighbours rotate; also Mixtral), qwen2 and qwen3."""

    def __init__(self, path: str | Path, dtype: type = np.float64) -> None:
        self.file = gguf_reference.read(path)
        meta = self.file.metadata
        arch = str(meta["general.architecture"])
        assert arch in ("llama", "qwen2", "qwen3"), arch
        self.dtype = dtype
        self.pairs = arch == "llama"

        def key(name: str, default: float | None = None) -> float:
            return meta.get(f"{arch}.{name}", default)  # type: ignore[return-value]

        self.layers = int(key("block_count"))
        self.heads = int(key("attention.head_count"))
        self.groups = int(key("attention.head_count_kv", self.heads))
        hidden = int(key("embedding_length"))
        self.head_dim = int(key("attention.key_length", hidden // self.heads))
        self.epsilon = key("attention.layer_norm_rms_epsilon")
        rotated = int(key("rope.dimension_count", self.head_dim))
        base = key("rope.freq_base", 10000.0)
        self.frequencies = base ** (-np.arange(0, rotated, 2, dtype=np.float64) / rotated)
        self.chosen = int(key("expert_used_count", 0))
        self.weights: dict[str, np.ndarray] = {}

    def weight(self, name: str) -> np.ndarray:
        if name not in self.weights:
            self.weights[name] = self.file[name].astype(self.dtype)
        return self.weights[name]

    def _linear(self, x: np.ndarray, name: str) -> np.ndarray:
        y = x @ self.weight(name + ".weight").T
        if name + ".bias" in self.file.tensors:
            y = y + self.weight(name + ".bias")
        return y

    def _rotate(self, x: np.ndarray) -> np.ndarray:
        """x [T, heads, D]"""
        half = len(self.frequencies)
        angle = np.arange(len(x))[:, None, None] * self.frequencies
        cosine, sine = np.cos(angle).astype(self.dtype), np.sin(angle).astype(self.dtype)
        y = x.copy()
        if self.pairs:
            first, second = x[..., 0 : 2 * half : 2], x[..., 1 : 2 * half : 2]
            y[..., 0 : 2 * half : 2] = first * cosine - second * sine
            y[..., 1 : 2 * half : 2] = second * cosine + first * sine
        else:
            first, second = x[..., :half], x[..., half : 2 * half]
            y[..., :half] = first * cosine - second * sine
            y[..., half : 2 * half] = second * cosine + first * sine
        return y

    def _feed_forward(self, y: np.ndarray, prefix: str) -> np.ndarray:
        if prefix + "ffn_gate_inp.weight" in self.file.tensors:
            return self._mixture(y, prefix)
        gate = _silu(self._linear(y, prefix + "ffn_gate"))
        return self._linear(gate * self._linear(y, prefix + "ffn_up"), prefix + "ffn_down")

    def _mixture(self, y: np.ndarray, prefix: str) -> np.ndarray:
        """Mixtral's: softmax of the scores of the chosen experts."""
        scores = self._linear(y, prefix + "ffn_gate_inp")
        result = np.zeros_like(y)
        for t, row in enumerate(scores):
            chosen = np.argsort(-row, kind="stable")[: self.chosen]
            weights = np.exp(row[chosen] - row[chosen].max())
            for expert, weight in zip(chosen, weights / weights.sum(), strict=True):
                gate, up, down = (
                    self.weight(f"{prefix}ffn_{part}_exps.weight")[expert]
                    for part in ("gate", "up", "down")
                )
                result[t] += weight * (down @ (_silu(gate @ y[t]) * (up @ y[t])))
        return result

    def logits(self, tokens: np.ndarray) -> np.ndarray:
        """The logits [T, vocabulary] of `tokens` [T]."""
        count = len(tokens)
        x = self.weight("token_embd.weight")[tokens]
        mask = np.triu(np.full((count, count), -np.inf), 1)
        for layer in range(self.layers):
            prefix = f"blk.{layer}."
            y = _norm(x, self.weight(prefix + "attn_norm.weight"), self.epsilon)
            q = self._linear(y, prefix + "attn_q").reshape(count, self.heads, self.head_dim)
            k = self._linear(y, prefix + "attn_k").reshape(count, self.groups, self.head_dim)
            v = self._linear(y, prefix + "attn_v").reshape(count, self.groups, self.head_dim)
            if prefix + "attn_q_norm.weight" in self.file.tensors:
                q = _norm(q, self.weight(prefix + "attn_q_norm.weight"), self.epsilon)
                k = _norm(k, self.weight(prefix + "attn_k_norm.weight"), self.epsilon)
            q, k = self._rotate(q), self._rotate(k)
            k = np.repeat(k, self.heads // self.groups, 1)
            v = np.repeat(v, self.heads // self.groups, 1)
            scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(self.head_dim) + mask
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            scores = (scores / scores.sum(-1, keepdims=True)).astype(self.dtype)
            y = np.einsum("hqk,khd->qhd", scores, v).reshape(count, -1)
            x = x + self._linear(y, prefix + "attn_output")
            y = _norm(x, self.weight(prefix + "ffn_norm.weight"), self.epsilon)
            x = x + self._feed_forward(y, prefix)
        x = _norm(x, self.weight("output_norm.weight"), self.epsilon)
        tied = "output.weight" not in self.file.tensors
        return x @ self.weight("token_embd.weight" if tied else "output.weight").T
