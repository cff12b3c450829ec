"""A session of a language model and what its caches hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._errors import Error
from ._language import LanguageModel, Tokens
from ._session import Session


@dataclass(frozen=True)
class State:
    """Everything that later steps depend on, as of one moment."""

    history: tuple[tuple[int, ...], ...]
    """The tokens of each sequence."""
    highest: tuple[int, ...]
    session: Any
    """The caches, as the session gives them."""
    model: LanguageModel

    @property
    def lengths(self) -> tuple[int, ...]:
        return tuple(len(tokens) for tokens in self.history)


class CachedSession:
    """Runs the entries of a language model and keeps the positions.

    Position p of a sequence lies in slot p of a growing cache and in slot
    p modulo the number of slots of a ring. A ring has lost what lies more than
    its slots below the highest position that was ever written.
    """

    def __init__(self, session: Session, model: LanguageModel) -> None:
        self._session = session
        self._model = model
        self.history: list[list[int]] = [[] for _ in range(model.batch)]
        self._highest = [0] * model.batch
        self.changes = 0
        """Grows with every change of the caches."""

    @property
    def lengths(self) -> np.ndarray:
        return np.array([len(tokens) for tokens in self.history], np.int64)

    def step(self, tokens: Tokens) -> np.ndarray:
        """Appends tokens to the first sequences, and returns the logits
        [B, vocabulary] after the last token of each (0 for those without)."""
        model, rows = self._model, len(tokens.ids)
        if rows > model.batch:
            raise Error(
                f"tokens has {rows} sequences, but the model was compiled for {model.batch}: "
                f"compile with --batch={rows}"
            )
        self._refuse_too_long(tokens.lengths)
        logits = np.zeros((rows, model.vocabulary), np.float32)
        for first in range(0, int(tokens.lengths.max()), model.prefill_chunk):
            counts = np.clip(tokens.lengths - first, 0, model.prefill_chunk)
            part = tokens.ids[:, first : first + int(counts.max())]
            result = self._run(part, self.lengths[:rows], counts)
            ends = (counts > 0) & (first + counts == tokens.lengths)
            logits[ends] = result[ends]
            self._append(part, counts)
        return logits

    def _refuse_too_long(self, counts: np.ndarray) -> None:
        for row, count in enumerate(counts):
            have = len(self.history[row])
            if have + count > self._model.context:
                raise Error(
                    f"sequence {row}: {have} tokens are there and {count} are added, but the "
                    f"context has {self._model.context}: compile with a larger --context, or "
                    "make room with reset() or truncate()"
                )

    def is_full(self, row: int) -> bool:
        """Whether a sequence has as many tokens as the context."""
        return len(self.history[row]) >= self._model.context

    def _run(self, ids: np.ndarray, start: np.ndarray, counts: np.ndarray) -> np.ndarray:
        entry = "decode" if ids.shape[1] == 1 else "prefill"
        return run_entry(self._session, self._model, entry, ids, start, counts)

    def _append(self, ids: np.ndarray, counts: np.ndarray) -> None:
        self.changes += 1
        for row, count in enumerate(counts):
            self.history[row] += ids[row, :count].tolist()
            self._highest[row] = max(self._highest[row], len(self.history[row]))

    def reset(self) -> None:
        # Nobody sees what lies at positions that are not written yet.
        self.changes += 1
        self.history = [[] for _ in self.history]
        self._highest = [0] * len(self.history)

    def oldest_length(self, row: int) -> int:
        """The smallest length above 0 that a sequence can go back to."""
        oldest = 0
        for ring in self._model.rings:
            lost = self._highest[row] - ring.slots
            if lost > 0:
                # The next query sees `window` positions, its own included.
                oldest = max(oldest, lost + ring.window - 1)
        return min(oldest, len(self.history[row]))

    def truncate(self, lengths: Sequence[int]) -> None:
        """Goes back to the first tokens of each sequence."""
        problems = []
        for row, length in enumerate(lengths):
            have, oldest = len(self.history[row]), self.oldest_length(row)
            if not 0 <= length <= have:
                problems.append(f"sequence {row} has {have} tokens, not {length}")
            elif 0 < length < oldest:
                problems.append(
                    f"sequence {row} cannot go back to {length} tokens: the caches of layers "
                    f"with a window hold what {oldest} and more need; give 0, or restore() a state"
                )
        if problems:
            raise Error("; ".join(problems))
        self.changes += 1
        for row, length in enumerate(lengths):
            del self.history[row][length:]
            if length == 0:
                self._highest[row] = 0

    def state(self) -> State:
        history = tuple(tuple(tokens) for tokens in self.history)
        return State(history, tuple(self._highest), self._session.state(), self._model)

    def restore(self, state: State) -> None:
        if not isinstance(state, State):
            raise Error(f"a state comes from .state(), it is no {type(state).__name__}")
        if state.model != self._model:
            raise Error(
                f"the state is of another artifact: {_summary(state.model)}, "
                f"but this one is {_summary(self._model)}"
            )
        self._session.restore(state.session)
        self.changes += 1
        self.history = [list(tokens) for tokens in state.history]
        self._highest = list(state.highest)


def _summary(model: LanguageModel) -> str:
    return f"{model.name or model.family} (batch {model.batch}, context {model.context})"


def run_entry(
    session: Session,
    model: LanguageModel,
    entry: str,
    ids: np.ndarray,
    start: np.ndarray,
    counts: np.ndarray,
) -> np.ndarray:
    """Runs an entry with fewer sequences than it takes: the others do
    nothing. Returns the logits of those given."""
    inputs = {"tokens": ids, "start": start, "lengths": counts}
    feeds = {name: _fill_up(array, model.batch) for name, array in inputs.items()}
    return session.run(feeds, entry=entry)["logits"][: len(ids)]


def _fill_up(array: np.ndarray, rows: int) -> np.ndarray:
    """The array with rows of zeros behind its own."""
    if len(array) == rows:
        return np.ascontiguousarray(array)
    result = np.zeros((rows, *array.shape[1:]), array.dtype)
    result[: len(array)] = array
    return result
