"""Text as it is generated."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from ._cache import CachedSession
from ._errors import Error
from ._language import Tokens
from ._sampling import Sampler
from ._stops import StopStrings


class Decoder(Protocol):
    """Turns tokens into text, one after the other."""

    def push(self, token: int) -> str:
        """The characters that this token completes."""
        ...

    def finish(self) -> str:
        """What is left when no token follows."""
        ...


class TokenStream(Iterator[int]):
    """The tokens that follow a prompt, of sequence 0 of a cache."""

    def __init__(
        self,
        cache: CachedSession,
        prompt: Tokens,
        sampler: Sampler,
        max_tokens: int,
        stop_tokens: set[int],
        reuse: bool,
    ) -> None:
        self.prompt_tokens = len(prompt.ids[0])
        self.reused_tokens = 0
        """Tokens of the prompt that were in the cache already."""
        self.tokens: list[int] = []
        self.finish_reason: str | None = None
        """None while it goes on, then "stop" (an end token or a stop string),
        "length" (`max_tokens`) or "context"."""
        self.prefill_seconds = 0.0
        self.decode_seconds = 0.0
        self.decoded_tokens = 0
        """Tokens that took `decode_seconds`."""
        self._cache, self._prompt, self._sampler = cache, prompt, sampler
        self._max_tokens, self._stop_tokens, self._reuse = max_tokens, stop_tokens, reuse
        self._logits: np.ndarray | None = None
        self._changes = cache.changes

    def __next__(self) -> int:
        if self.finish_reason is not None:
            raise StopIteration
        if self._logits is None:
            self._logits = self._prefill()
        elif not self._decode():
            raise StopIteration
        token = self._sampler.choose(self._logits)
        if token in self._stop_tokens:
            self.finish_reason = "stop"
            raise StopIteration
        self.tokens.append(token)
        if len(self.tokens) == self._max_tokens:
            self.finish_reason = "length"
        return token

    def stop(self) -> None:
        """Ends it, as a stop string does."""
        self.finish_reason = "stop"

    def _prefill(self) -> np.ndarray:
        begin = time.perf_counter()
        ids = self._prompt.ids[0]
        self.reused_tokens = self._common_tokens(ids) if self._reuse else 0
        if self.reused_tokens:
            self._cache.truncate([self.reused_tokens])
        else:
            self._cache.truncate([0])
        logits = self._cache.step(_sequence(ids[self.reused_tokens :]))[0]
        self._changes = self._cache.changes
        self.prefill_seconds = time.perf_counter() - begin
        return logits

    def _common_tokens(self, ids: np.ndarray) -> int:
        """How many tokens the cache has of the prompt, without its last one,
        and can go back to."""
        have = np.array(self._cache.history[0][: len(ids) - 1], np.int64)
        differ = np.flatnonzero(have != ids[: len(have)])
        common = int(differ[0]) if len(differ) else len(have)
        return common if common >= self._cache.oldest_length(0) else 0

    def _decode(self) -> bool:
        """The logits behind the last token; False where the context ends."""
        if self._cache.changes != self._changes:
            raise Error("the cache was changed while text was generated")
        if self._cache.is_full(0):
            self.finish_reason = "context"
            return False
        begin = time.perf_counter()
        self._logits = self._cache.step(_sequence(np.array(self.tokens[-1:], np.int64)))[0]
        self._changes = self._cache.changes
        self.decode_seconds += time.perf_counter() - begin
        self.decoded_tokens += 1
        return True


def _sequence(ids: np.ndarray) -> Tokens:
    return Tokens(ids[None], np.array([len(ids)], np.int64))


class Generation(Iterator[str]):
    """The pieces of a text; `.stream` has the tokens, times and why it ended."""

    def __init__(self, stream: TokenStream, decoder: Decoder, stops: StopStrings) -> None:
        self.stream = stream
        self._decoder, self._stops = decoder, stops
        self._ended = False

    @property
    def finish_reason(self) -> str | None:
        return self.stream.finish_reason

    def __next__(self) -> str:
        while not self._ended:
            piece = self._next_piece()
            if piece:
                return piece
        raise StopIteration

    def _next_piece(self) -> str:
        token = next(self.stream, None)
        if token is None:
            self._ended = True
            return self._stops.push(self._decoder.finish()) + self._stops.finish()
        piece = self._stops.push(self._decoder.push(token))
        if self._stops.stopped:
            self._ended = True
            self.stream.stop()
        return piece
