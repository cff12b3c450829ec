"""A language model in integers, with the entries and caches of a real one.

Its logits depend on every token that a query sees, and on those alone: one
that sees everything (a growing cache) and one with a window (a ring). What a
cache has lost or a chunk overwrote shows at once.
"""

from __future__ import annotations

import codecs
import copy
from typing import Any

import numpy as np

MODULUS = 1_000_003


def numbers_to_logits(number: np.ndarray, vocabulary: int) -> np.ndarray:
    mixed = (number[..., None] * (np.arange(vocabulary) * 7919 + 104729)) % MODULUS
    return (mixed / MODULUS * 8).astype(np.float32)


def stateless(tokens: np.ndarray, window: int, vocabulary: int) -> np.ndarray:
    """Logits [T, vocabulary] of one sequence."""
    weights = (tokens + 1) * (np.arange(len(tokens)) * 31 + 17)
    numbers = [
        weights[: end + 1].sum() + 3 * (weights * weights)[max(0, end + 1 - window) : end + 1].sum()
        for end in range(len(tokens))
    ]
    return numbers_to_logits(np.array(numbers, np.int64) % MODULUS, vocabulary)


class ToyArtifact:
    """What `narae.LLM` reads of an artifact."""

    path = "toy.narae"

    def __init__(
        self,
        batch: int = 2,
        context: int = 64,
        chunk: int = 4,
        window: int = 6,
        vocabulary: int = 257,
        end_tokens: tuple[int, ...] = (),
    ) -> None:
        self.entries = dict.fromkeys(("prefill", "decode", "score"))
        slots = window + chunk - 1
        self.window, self.slots = window, min(slots, context)
        near = {"kind": "growing", "slots": context, "window": window}
        if slots < context:
            near |= {"kind": "ring", "slots": slots}
        self.metadata: dict[str, Any] = {
            "language_model": {
                "name": "toy",
                "family": "toy",
                "batch": batch,
                "context": context,
                "prefill_chunk": chunk,
                "vocabulary": vocabulary,
                "end_tokens": list(end_tokens),
                "states": [{"kind": "growing", "slots": context, "window": 0}, near, near],
            }
        }

    @property
    def attachments(self) -> list[str]:
        return []

    def attachment(self, name: str) -> bytes:
        raise KeyError(name)


class ToySession:
    """Runs it. `runs` lists entry and shape of every run."""

    def __init__(
        self, artifact: ToyArtifact, device: str | None = None, threads: int | None = None
    ) -> None:
        self.model = artifact.metadata["language_model"]
        batch, context = self.model["batch"], self.model["context"]
        random = np.random.default_rng(0)  # nothing may depend on what was never written
        self.growing = random.integers(0, 99, (batch, context))
        self.ring = random.integers(0, 99, (batch, artifact.slots))
        self.window = artifact.window
        self.runs: list[tuple[str, tuple[int, ...]]] = []
        instances.append(self)

    def run(self, inputs: dict[str, np.ndarray], entry: str) -> dict[str, np.ndarray]:
        tokens, start, lengths = inputs["tokens"], inputs["start"], inputs["lengths"]
        batch, width = tokens.shape
        assert tokens.dtype == start.dtype == lengths.dtype == np.int64
        assert batch == self.model["batch"]
        assert start.shape == lengths.shape == (batch,)
        assert 1 <= width <= (1 if entry == "decode" else self.model["prefill_chunk"])
        assert ((start + lengths) <= self.model["context"]).all()
        self.runs.append((entry, tokens.shape))
        numbers = np.full((batch, width), 12345)
        for row in range(batch):
            self._write(row, tokens[row, : lengths[row]], int(start[row]))
            for column in range(lengths[row]):
                numbers[row, column] = self._read(row, int(start[row]) + column)
        logits = numbers_to_logits(numbers % MODULUS, self.model["vocabulary"])
        if entry != "score":
            logits = logits[np.arange(batch), np.maximum(lengths - 1, 0)]
        return {"logits": logits}

    def _write(self, row: int, tokens: np.ndarray, start: int) -> None:
        positions = start + np.arange(len(tokens))
        weights = (tokens + 1) * (positions * 31 + 17)
        self.growing[row, positions] = weights
        self.ring[row, positions % self.ring.shape[1]] = weights

    def _read(self, row: int, position: int) -> int:
        seen = np.arange(max(0, position + 1 - self.window), position + 1)
        near = self.ring[row, seen % self.ring.shape[1]]
        return int(self.growing[row, : position + 1].sum() + 3 * (near * near).sum())

    def state(self) -> Any:
        return copy.deepcopy((self.growing, self.ring))

    def restore(self, state: Any) -> None:
        self.growing, self.ring = copy.deepcopy(state)

    def reset(self) -> None:
        self.growing[:] = 0
        self.ring[:] = 0


instances: list[ToySession] = []
"""All sessions, the last one last."""


class ByteTokenizer:
    """Tokens are the bytes of UTF-8; 256 ends a text."""

    vocabulary_size = 257
    stop_ids = (256,)

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return list(text.encode())

    def decode(self, tokens: list[int]) -> str:
        return bytes(tokens).decode(errors="replace")

    def decoder(self) -> ByteDecoder:
        return ByteDecoder()

    def apply_chat_template(self, messages: list[dict[str, str]]) -> str:
        turns = [f"<{message['role']}>{message['content']}\n" for message in messages]
        return "".join(turns) + "<assistant>"


class ByteDecoder:
    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token: int) -> str:
        return self._decoder.decode(bytes([token % 256]))

    def finish(self) -> str:
        return self._decoder.decode(b"", True)
