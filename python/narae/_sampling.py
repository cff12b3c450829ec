"""Choosing a token from logits.

All arithmetic is in float64 and in an order of its own, so that the choice
depends on the logits and the seed alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ._errors import Error


@dataclass(frozen=True)
class Sampling:
    """How tokens are chosen. Applied in the order of the fields."""

    repetition_penalty: float = 1.0
    """Logits of tokens that occurred are divided by this when positive and
    multiplied when negative; 1 changes nothing."""
    temperature: float = 0.0
    """Logits are divided by this; 0 takes the most likely token."""
    top_k: int | None = None
    """Keeps the k most likely tokens; None or 0: all."""
    top_p: float | None = None
    """Keeps the fewest most likely tokens that have this much of the
    probability that is left; None or 1: all."""
    min_p: float | None = None
    """Keeps tokens at least this fraction as likely as the most likely one;
    None or 0: all."""

    def __post_init__(self) -> None:
        problems = []
        if not (math.isfinite(self.repetition_penalty) and self.repetition_penalty > 0):
            problems.append(f"repetition_penalty is above 0, not {self.repetition_penalty!r}")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            problems.append(f"temperature is 0 or above, not {self.temperature!r}")
        if self.top_k is not None and self.top_k < 0:
            problems.append(f"top_k is 0 (all tokens) or above, not {self.top_k!r}")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            problems.append(f"top_p is above 0 and at most 1, not {self.top_p!r}")
        if self.min_p is not None and not 0 <= self.min_p <= 1:
            problems.append(f"min_p is 0 to 1, not {self.min_p!r}")
        if problems:
            raise Error("; ".join(problems))


class Sampler:
    """Chooses tokens one after the other. `seed` None takes a fresh one."""

    def __init__(
        self, sampling: Sampling, seed: int | None = None, seen: Iterable[int] = ()
    ) -> None:
        if seed is not None and seed < 0:
            raise Error(f"seed is 0 or above, not {seed}")
        self._sampling = sampling
        self._random = np.random.Generator(np.random.Philox(seed))
        self._seen = set(map(int, seen))

    def choose(self, logits: np.ndarray) -> int:
        """The next token for logits [V]; it counts as seen from then on."""
        token = self._choose(logits)
        self._seen.add(token)
        return token

    def _choose(self, logits: np.ndarray) -> int:
        sampling = self._sampling
        # Every token takes one number, whatever the logits are.
        number = self._random.random() if sampling.temperature > 0 else 0.0
        penalised = sampling.repetition_penalty != 1 and self._seen
        if sampling.temperature == 0 and not penalised:
            _refuse_not_finite(logits)
            return int(np.argmax(logits))
        values = logits.astype(np.float64)
        _refuse_not_finite(values)
        if penalised:
            values = penalise(values, self._seen, sampling.repetition_penalty)
        if sampling.temperature == 0:
            return int(np.argmax(values))
        ids, weights = candidates(values, sampling)
        return draw(ids, weights, number)


def _refuse_not_finite(logits: np.ndarray) -> None:
    if not np.isfinite(logits.max()):
        raise Error("the model's logits are not finite: its numbers overflow or are damaged")


def penalise(values: np.ndarray, seen: Iterable[int], penalty: float) -> np.ndarray:
    """Makes tokens that occurred less likely (or more, below 1)."""
    ids = np.fromiter(seen, np.int64)
    values = values.copy()
    chosen = values[ids]
    values[ids] = np.where(chosen > 0, chosen / penalty, chosen * penalty)
    return values


def candidates(values: np.ndarray, sampling: Sampling) -> tuple[np.ndarray, np.ndarray]:
    """The tokens that may be drawn, in ascending order, and their weights.

    Of tokens with equal logits, the lower number counts as more likely.
    """
    values = values / sampling.temperature
    ids = np.arange(len(values))
    if sampling.top_k and sampling.top_k < len(values):
        ids = _largest(values, sampling.top_k)
    weights = np.exp(values[ids] - values[ids].max())
    if sampling.top_p is not None and sampling.top_p < 1:
        kept = _nucleus(weights, sampling.top_p)
        ids, weights = ids[kept], weights[kept]
    if sampling.min_p:
        kept = weights >= sampling.min_p * weights.max()
        ids, weights = ids[kept], weights[kept]
    return ids, weights


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """The ids of the largest values, ascending; of equal ones the first."""
    limit = np.partition(values, len(values) - count)[len(values) - count]
    above = np.flatnonzero(values > limit)
    equal = np.flatnonzero(values == limit)[: count - len(above)]
    return np.sort(np.concatenate([above, equal]))


def _nucleus(weights: np.ndarray, fraction: float) -> np.ndarray:
    """The indices, ascending, of the fewest largest weights whose sum is at
    least that fraction of all."""
    wanted = fraction * weights.sum()
    # Weights below this one together are less than what may be left out (half
    # of it, which leaves room for rounding): no need to sort them.
    small = (1 - fraction) * weights.sum() / (2 * len(weights))
    large = np.flatnonzero(weights >= small)
    order = large[np.argsort(-weights[large], kind="stable")]
    count = int(np.searchsorted(np.cumsum(weights[order]), wanted)) + 1
    return np.sort(order[:count])


def draw(ids: np.ndarray, weights: np.ndarray, number: float) -> int:
    """The token at a number of [0, 1) when tokens in ascending order share
    the interval by their weights."""
    ends = np.cumsum(weights)
    index = int(np.searchsorted(ends, number * ends[-1], side="right"))
    return int(ids[min(index, len(ids) - 1)])
