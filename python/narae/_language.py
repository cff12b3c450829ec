"""What an artifact says of the language model in it, and checks of tokens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._artifact import Artifact
from ._errors import Error


@dataclass(frozen=True)
class Ring:
    """The caches of layers with a window."""

    window: int
    """Tokens that a query sees, its own included."""
    slots: int
    """Positions that the cache holds; a later one takes the place of an older."""


@dataclass(frozen=True)
class LanguageModel:
    """The numbers that a program needs that runs the entries `prefill`,
    `decode` and `score`."""

    name: str
    family: str
    batch: int
    """Sequences of one run."""
    context: int
    """Positions of a sequence."""
    prefill_chunk: int
    """Most tokens a sequence of one run."""
    vocabulary: int
    end_tokens: tuple[int, ...]
    rings: tuple[Ring, ...]

    @staticmethod
    def of(artifact: Artifact) -> LanguageModel:
        metadata = artifact.metadata.get("language_model")
        missing = {"prefill", "decode", "score"} - set(artifact.entries)
        if not isinstance(metadata, dict) or missing:
            entries = ", ".join(repr(name) for name in artifact.entries)
            raise Error(
                f"{artifact.path}: no language model (its entries are {entries}); "
                "narae compile makes one from a checkpoint's folder or a .gguf file"
            )
        try:
            return LanguageModel(
                name=str(metadata.get("name", "")),
                family=str(metadata.get("family", "")),
                batch=int(metadata["batch"]),
                context=int(metadata["context"]),
                prefill_chunk=int(metadata["prefill_chunk"]),
                vocabulary=int(metadata["vocabulary"]),
                end_tokens=tuple(map(int, metadata.get("end_tokens") or ())),
                rings=_rings(metadata["states"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Error(
                f"{artifact.path}: its description of the language model is damaged: {error!r}"
            ) from None


def _rings(states: list[dict[str, Any]]) -> tuple[Ring, ...]:
    """The different rings among the states."""
    rings = {
        Ring(int(state["window"]), int(state["slots"]))
        for state in states
        if state["kind"] == "ring"
    }
    return tuple(sorted(rings, key=lambda ring: (ring.window, ring.slots)))


@dataclass(frozen=True)
class Tokens:
    """Sequences of tokens, padded on the right."""

    ids: np.ndarray
    """[B, T] i64; padding is 0."""
    lengths: np.ndarray
    """[B] i64, of each sequence."""

    @staticmethod
    def check(tokens: Any, lengths: Any, vocabulary: int) -> Tokens:
        ids = _integers(tokens, "tokens")
        if ids.ndim != 2:
            raise Error(
                f"tokens has the shape {list(ids.shape)}, but [B, T] is needed: "
                "B sequences of T tokens"
            )
        rows, width = ids.shape
        if rows == 0 or width == 0:
            raise Error(f"tokens has the shape {list(ids.shape)}: there is no token")
        if lengths is None:
            counts = np.full(rows, width, np.int64)
        else:
            counts = _integers(lengths, "lengths")
            if counts.shape != (rows,):
                raise Error(
                    f"lengths has the shape {list(counts.shape)}, but [{rows}] is needed: "
                    "a number for each sequence"
                )
            wrong = np.flatnonzero((counts < 0) | (counts > width))
            if len(wrong):
                raise Error(
                    f"lengths[{wrong[0]}] is {counts[wrong[0]]}, but there are {width} tokens"
                )
        given = np.arange(width) < counts[:, None]
        wrong = np.argwhere(given & ((ids < 0) | (ids >= vocabulary)))
        if len(wrong):
            row, column = wrong[0]
            raise Error(
                f"tokens[{row}, {column}] is {ids[row, column]}, "
                f"but the vocabulary has {vocabulary} tokens"
            )
        return Tokens(np.where(given, ids, 0), counts)


def _integers(value: Any, name: str) -> np.ndarray:
    try:
        array = np.asarray(value)
    except ValueError:
        raise Error(f"{name} is ragged: pad on the right and give lengths") from None
    if array.size == 0:
        return array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise Error(f"{name} has the type {array.dtype}, but integers are needed")
    return array.astype(np.int64)
