"""Language models: tokens and text in, logits and text out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from ._artifact import Artifact, load
from ._cache import CachedSession, State, run_entry
from ._errors import Error
from ._generate import Generation, TokenStream
from ._language import LanguageModel, Tokens
from ._sampling import Sampler, Sampling
from ._session import Session
from ._stops import StopStrings

if TYPE_CHECKING:
    from ._tokenizer import Tokenizer

Messages = Sequence[Mapping[str, Any]]
"""A conversation: [{"role": "user", "content": "..."}, ...]."""


class LLM:
    """A compiled language model.

    `artifact` is an `Artifact` or a path. `tokenizer` is a `narae.Tokenizer`,
    or a path to what one is read from; without one, the artifact's own is
    taken. A model without a tokenizer works with tokens: `score`, `step`,
    `generate_tokens`.

    `step` and `generate` share one cache; `score` has another of its own.
    """

    def __init__(
        self,
        artifact: Artifact | str | os.PathLike[str],
        tokenizer: Tokenizer | str | os.PathLike[str] | None = None,
        device: str | None = None,
        threads: int | None = None,
    ) -> None:
        if isinstance(artifact, str | os.PathLike):
            artifact = load(artifact)
        self._artifact = artifact
        self._model = LanguageModel.of(artifact)
        self._tokenizer = self._find_tokenizer(tokenizer)
        self._device, self._threads = device, threads
        self._cache = CachedSession(Session(artifact, device, threads), self._model)
        self._scoring: Session | None = None

    def _find_tokenizer(self, given: Tokenizer | str | os.PathLike[str] | None) -> Tokenizer | None:
        if given is None and not self._artifact.attachments:
            return None
        if given is None or isinstance(given, str | os.PathLike):
            # Loading it takes longer than many a step.
            from ._tokenizer import Tokenizer

            tokenizer = (
                Tokenizer.from_artifact(self._artifact)
                if given is None
                else Tokenizer.from_file(given)
            )
        else:
            tokenizer = given
        if tokenizer is not None and tokenizer.vocabulary_size > self._model.vocabulary:
            raise Error(
                f"the tokenizer does not fit: it has {tokenizer.vocabulary_size} tokens, "
                f"but the model's vocabulary has {self._model.vocabulary}"
            )
        return tokenizer

    @property
    def artifact(self) -> Artifact:
        return self._artifact

    @property
    def model(self) -> LanguageModel:
        """Batch, context, vocabulary ... that it was compiled for."""
        return self._model

    @property
    def tokenizer(self) -> Tokenizer:
        if self._tokenizer is None:
            raise Error(
                "the artifact carries no tokenizer, as the model's folder had none: "
                "give one, as narae.LLM(artifact, tokenizer='tokenizer.json')"
            )
        return self._tokenizer

    @property
    def lengths(self) -> np.ndarray:
        """Tokens in the cache, of each sequence of the batch [batch]."""
        return self._cache.lengths

    def score(self, tokens: Any, lengths: Any = None) -> np.ndarray:
        """Logits [B, T, vocabulary] f32 at every position of sequences
        [B, T] that begin at position 0; 0 at padding.

        Any number of sequences, up to the context long. What `step` and
        `generate` keep is left alone.
        """
        batch, model = Tokens.check(tokens, lengths, self._model.vocabulary), self._model
        if batch.lengths.max() > model.context:
            raise Error(
                f"tokens has {batch.lengths.max()} tokens a sequence, but the context has "
                f"{model.context}: compile with a larger --context"
            )
        if self._scoring is None:
            self._scoring = Session(self._artifact, self._device, self._threads)
        rows, width = batch.ids.shape
        logits = np.zeros((rows, width, model.vocabulary), np.float32)
        for row in range(0, rows, model.batch):
            group = slice(row, min(row + model.batch, rows))
            self._score(batch.ids[group], batch.lengths[group], logits[group])
        return logits

    def _score(self, ids: np.ndarray, lengths: np.ndarray, logits: np.ndarray) -> None:
        """Fills the logits of at most `batch` sequences."""
        assert self._scoring is not None
        chunk = self._model.prefill_chunk
        for first in range(0, int(lengths.max()), chunk):
            counts = np.clip(lengths - first, 0, chunk)
            width = int(counts.max())
            part, start = ids[:, first : first + width], np.full(len(ids), first)
            result = run_entry(self._scoring, self._model, "score", part, start, counts)
            given = np.arange(width) < counts[:, None]
            logits[:, first : first + width][given] = result[given]

    def step(self, tokens: Any, lengths: Any = None) -> np.ndarray:
        """Appends tokens [B, T] to the first B sequences of the batch, and
        returns the logits [B, vocabulary] f32 after the last of each.

        Shorter sequences are padded on the right, with `lengths` [B]; those
        of length 0 stay as they are (their logits are 0).
        """
        return self._cache.step(Tokens.check(tokens, lengths, self._model.vocabulary))

    def reset(self) -> None:
        """Forgets all tokens."""
        self._cache.reset()

    def state(self) -> State:
        """A copy of the cache, for `restore`. It can be pickled."""
        return self._cache.state()

    def restore(self, state: State) -> None:
        """Goes on from a state of this model, of this or another process."""
        self._cache.restore(state)

    def truncate(self, lengths: Any) -> None:
        """Keeps the first tokens of each sequence: a number for all, or one
        for each of the first sequences.

        Layers with a window keep only the last tokens: it is an error to go
        back further than they allow (to 0 always works).
        """
        counts = np.asarray(lengths)
        if counts.dtype.kind not in "iu" or counts.ndim > 1 or counts.size > self._model.batch:
            raise Error(
                "lengths is a number, or one for each of "
                f"{self._model.batch} sequences, not {lengths!r}"
            )
        have = self._cache.lengths
        if counts.ndim == 0:
            wanted = (
                np.minimum(have, counts) if counts <= have.max() else np.full_like(have, counts)
            )
        else:
            wanted = np.concatenate([counts, have[len(counts) :]])
        self._cache.truncate([int(length) for length in wanted])

    def generate_tokens(
        self,
        tokens: Iterable[int],
        max_tokens: int = 256,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float = 1.0,
        seed: int | None = None,
        stop_tokens: Iterable[int] | None = None,
        reuse: bool = False,
    ) -> TokenStream:
        """As `generate`, from tokens to an iterator of tokens.

        `stop_tokens` None are the model's own. They end the text and are not
        part of it.
        """
        prompt = Tokens.check([list(tokens)], None, self._model.vocabulary)
        if max_tokens < 1:
            raise Error(f"max_tokens is at least 1, not {max_tokens}")
        sampling = Sampling(repetition_penalty, temperature, top_k, top_p, min_p)
        sampler = Sampler(sampling, seed, prompt.ids[0].tolist())
        if len(prompt.ids[0]) >= self._model.context:
            raise Error(
                f"the prompt has {len(prompt.ids[0])} tokens, but the context has "
                f"{self._model.context}, and a token must fit behind it: "
                "compile with a larger --context"
            )
        stops = self._stop_tokens() if stop_tokens is None else set(map(int, stop_tokens))
        return TokenStream(self._cache, prompt, sampler, max_tokens, stops, reuse)

    def _stop_tokens(self) -> set[int]:
        stops = set(self._model.end_tokens)
        if self._tokenizer is not None:
            stops.update(self._tokenizer.stop_ids)
        return stops

    @overload
    def generate(
        self, prompt: str | Messages, *args: Any, stream: Literal[False] = ..., **options: Any
    ) -> str: ...

    @overload
    def generate(
        self, prompt: str | Messages, *args: Any, stream: Literal[True], **options: Any
    ) -> Generation: ...

    def generate(
        self,
        prompt: str | Messages,
        max_tokens: int = 256,
        temperature: float = 0.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        repetition_penalty: float = 1.0,
        seed: int | None = None,
        stop: str | Iterable[str] | None = None,
        stream: bool = False,
        reuse: bool = False,
    ) -> str | Generation:
        """Text that continues a prompt, or the answer to a conversation.

        A string is continued as it is; messages go through the model's chat
        template. Generation ends at a stop string (which is not part of the
        text), at one of the model's end tokens, after `max_tokens`, or where
        the context ends.

        Logits go through `repetition_penalty` (of tokens that occurred, in the
        prompt too), `temperature` (0: the most likely token), `top_k`, `top_p`
        and `min_p`, in this order. The same seed gives the same text, for any
        number of threads.

        With `stream` an iterator of pieces of text is returned; a character
        never falls in two pieces. The cache then holds the prompt and the text:
        with `reuse`, the next prompt starts behind what both have in common,
        which is faster and may differ in the last bits of the logits.
        """
        scanner = StopStrings(stop)
        tokens = self.generate_tokens(
            self.encode_prompt(prompt),
            max_tokens,
            temperature,
            top_k,
            top_p,
            min_p,
            repetition_penalty,
            seed,
            None,
            reuse,
        )
        generation = Generation(tokens, self.tokenizer.decoder(), scanner)
        return generation if stream else "".join(generation)

    def encode_prompt(self, prompt: str | Messages) -> list[int]:
        """The tokens of a text, or of a conversation up to the answer."""
        if isinstance(prompt, str):
            ids = self.tokenizer.encode(prompt)
        else:
            if not prompt or not all(isinstance(message, Mapping) for message in prompt):
                raise Error(
                    "a prompt is a string, or messages as "
                    '[{"role": "user", "content": "..."}], not ' + repr(prompt)
                )
            text = self.tokenizer.apply_chat_template(list(prompt))
            ids = self.tokenizer.encode(text, add_special_tokens=False)
        if not ids:
            raise Error("the prompt is empty: it has no token")
        return list(ids)
