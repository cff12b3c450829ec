"""Runs the entries of a compiled language model in the ways that programs do:
one prefill, chunks, token by token, sequences of different lengths, and random
mixtures of these. Positions are kept here; see docs/llm.md."""

from __future__ import annotations

from dataclasses import dataclass, field

import narae
import numpy as np

Array = np.ndarray


@dataclass
class Runs:
    """Feeds `tokens` [B, T] to a session and collects what comes out."""

    artifact: narae.Artifact
    tokens: Array
    expected: Array | None = None
    """Logits [B, T, vocabulary]."""
    device: str | None = None
    session: narae.Session = field(init=False)
    positions: Array = field(init=False)
    """Tokens of each sequence that the cache holds."""
    errors: list[float] = field(init=False, default_factory=list)
    """Largest difference of each run from the expected logits, relative to the
    largest of these."""

    def __post_init__(self) -> None:
        model = self.artifact.metadata["language_model"]
        self.chunk: int = model["prefill_chunk"]
        self.vocabulary: int = model["vocabulary"]
        self.session = narae.Session(self.artifact, device=self.device)
        self.reset()

    def reset(self) -> None:
        self.session.reset()
        self.positions = np.zeros(len(self.tokens), np.int64)

    def run(self, entry: str, lengths: Array, rng: np.random.Generator | None = None) -> Array:
        """Feeds the next `lengths` [B] tokens, filled up with tokens that must
        not matter."""
        batch, width = len(self.tokens), max(1, int(lengths.max()))
        if rng is not None:
            width = int(rng.integers(width, self.chunk + 1)) if entry != "decode" else 1
            padding = rng.integers(0, self.vocabulary, (batch, width))
        else:
            padding = np.zeros((batch, width), np.int64)
        for b, (at, count) in enumerate(zip(self.positions, lengths, strict=True)):
            padding[b, :count] = self.tokens[b, at : at + count]
        feeds = {"tokens": padding, "start": self.positions, "lengths": lengths}
        logits = self.session.run(feeds, entry=entry)["logits"]
        self.check(entry, logits, lengths)
        self.positions = self.positions + lengths
        return logits

    def check(self, entry: str, logits: Array, lengths: Array) -> None:
        if self.expected is None:
            return
        largest = 0.0
        for b, (at, count) in enumerate(zip(self.positions, lengths, strict=True)):
            if count == 0:
                continue
            if entry == "score":
                got, want = logits[b, :count], self.expected[b, at : at + count]
            else:
                got, want = logits[b], self.expected[b, at + count - 1]
            difference = np.abs(got - want).max()
            largest = max(largest, float(difference if np.isfinite(difference) else np.inf))
        self.errors.append(largest / float(np.abs(self.expected).max()))

    def left(self) -> Array:
        return self.tokens.shape[1] - self.positions

    def same(self, count: int) -> Array:
        """The same number for all sequences, but none beyond its end."""
        return np.minimum(self.left(), count)

    # Ways through all the tokens.

    def by_chunks(self, entry: str, count: int) -> None:
        self.reset()
        while self.left().any():
            self.run(entry, self.same(count))

    def by_token(self) -> None:
        self.by_chunks("decode", 1)

    def randomly(self, seed: int) -> None:
        """Entries, chunks and progress of each sequence at random; sequences
        also wait."""
        rng = np.random.default_rng(seed)
        self.reset()
        while self.left().any():
            entry = str(rng.choice(["prefill", "decode", "score"]))
            most = 1 if entry == "decode" else int(rng.integers(1, self.chunk + 1))
            lengths = np.minimum(self.left(), rng.integers(0, most + 1, len(self.tokens)))
            self.run(entry, lengths, rng)

    @property
    def error(self) -> float:
        return max(self.errors)
