"""narae.LLM on a toy model: padding, chunks, caches, text."""

from __future__ import annotations

import pickle
from typing import Any

import narae._llm
import numpy as np
import pytest
import toy_language_model as toy
from narae import Error
from narae._llm import LLM
from toy_language_model import ByteTokenizer, ToyArtifact, ToySession


@pytest.fixture(autouse=True)
def toy_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(narae._llm, "Session", ToySession)
    toy.instances.clear()


def make(tokenizer: Any = None, **options: Any) -> LLM:
    return LLM(ToyArtifact(**options), tokenizer=tokenizer or ByteTokenizer())  # type: ignore[arg-type]


def random_tokens(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 257, shape)


def reference(tokens: np.ndarray, window: int = 6) -> np.ndarray:
    return toy.stateless(tokens, window, 257)


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("width", [1, 4, 5, 30, 64])
def test_score_is_stateless_for_any_batch_and_length(rows: int, width: int) -> None:
    llm = make()
    tokens = random_tokens(rows, width)
    for _ in range(2):
        logits = llm.score(tokens)
        assert logits.shape == (rows, width, 257)
        assert logits.dtype == np.float32
        for row in range(rows):
            np.testing.assert_array_equal(logits[row], reference(tokens[row]))


def test_score_ignores_padding() -> None:
    llm = make()
    tokens, lengths = random_tokens(3, 12), [12, 0, 7]
    padded = np.where(np.arange(12) < np.array(lengths)[:, None], tokens, -1)
    logits = llm.score(padded, lengths)
    for row, length in enumerate(lengths):
        np.testing.assert_array_equal(logits[row, :length], reference(tokens[row, :length]))
        assert not logits[row, length:].any()


def test_score_leaves_the_cache_alone() -> None:
    llm = make()
    tokens = random_tokens(1, 20)
    llm.step(tokens[:, :10])
    llm.score(random_tokens(2, 30, seed=1))
    have = llm.step(tokens[:, 10:])
    np.testing.assert_array_equal(have[0], reference(tokens[0])[-1])
    assert llm.lengths.tolist() == [20, 0]


@pytest.mark.parametrize("parts", [[30], [1] * 30, [4, 4, 4], [3, 1, 7, 2, 11], [10, 1, 1, 1]])
def test_step_continues_in_any_parts(parts: list[int]) -> None:
    llm = make()
    tokens = random_tokens(2, sum(parts))
    end = 0
    for part in parts:
        have = llm.step(tokens[:, end : end + part])
        end += part
        for row in range(2):
            np.testing.assert_array_equal(have[row], reference(tokens[row, :end])[-1])


def test_one_token_runs_decode_and_more_run_prefill() -> None:
    llm = make()
    llm.step(random_tokens(1, 9))
    llm.step(random_tokens(1, 1))
    session = toy.instances[0]
    assert session.runs == [
        ("prefill", (2, 4)), ("prefill", (2, 4)), ("decode", (2, 1)), ("decode", (2, 1)),
    ]  # fmt: skip


def test_sequences_of_different_lengths() -> None:
    llm = make(batch=3)
    random = np.random.default_rng(3)
    sequences: list[list[int]] = [[], [], []]
    for lengths in ([9, 2, 0], [0, 5, 1], [1, 1, 1], [6, 13, 3]):
        tokens = random.integers(0, 257, (3, max(lengths)))
        have = llm.step(tokens, lengths)
        for row, length in enumerate(lengths):
            sequences[row] += tokens[row, :length].tolist()
            if length:
                want = reference(np.array(sequences[row]))[-1]
                np.testing.assert_array_equal(have[row], want)
            else:
                assert not have[row].any()
    assert llm.lengths.tolist() == [len(sequence) for sequence in sequences]


def test_fewer_sequences_than_the_batch() -> None:
    llm = make(batch=4)
    tokens = random_tokens(2, 7)
    have = llm.step(tokens)
    assert have.shape == (2, 257)
    np.testing.assert_array_equal(have[1], reference(tokens[1])[-1])


def test_reset_forgets() -> None:
    llm = make()
    llm.step(random_tokens(2, 20))
    llm.reset()
    assert llm.lengths.tolist() == [0, 0]
    tokens = random_tokens(2, 5, seed=1)
    np.testing.assert_array_equal(llm.step(tokens)[1], reference(tokens[1])[-1])


def test_states_travel() -> None:
    llm = make()
    tokens = random_tokens(2, 30)
    llm.step(tokens[:, :20], [20, 11])
    state = pickle.loads(pickle.dumps(llm.state()))
    llm.step(random_tokens(2, 30, seed=5))
    for target in (llm, make()):
        target.restore(state)
        assert target.lengths.tolist() == [20, 11]
        have = target.step(tokens[:, 20:])
        np.testing.assert_array_equal(have[0], reference(tokens[0])[-1])


def test_states_of_others_are_refused() -> None:
    state = make().state()
    with pytest.raises(Error, match=r"batch 2, context 64.*batch 1, context 64"):
        make(batch=1).restore(state)
    with pytest.raises(Error, match=r"no dict"):
        make().restore({})  # type: ignore[arg-type]


@pytest.mark.parametrize("chunk", [1, 4, 16])
def test_truncate_goes_back_as_far_as_the_rings_hold(chunk: int) -> None:
    """That is a chunk: a ring holds the window and a chunk, less one."""
    tokens, other = random_tokens(1, 40), random_tokens(1, 10, seed=9)
    for length in range(41):
        llm = make(chunk=chunk, batch=1)
        llm.step(tokens)
        if 0 < length < 40 - chunk:
            with pytest.raises(Error, match="cannot go back"):
                llm.truncate([length])
            assert llm.lengths.tolist() == [40]
            continue
        llm.truncate([length])
        have = llm.step(other)
        want = reference(np.concatenate([tokens[0, :length], other[0]]))[-1]
        np.testing.assert_array_equal(have[0], want)


def test_truncating_twice_does_not_reach_further() -> None:
    llm = make(batch=1)
    tokens = random_tokens(1, 40)
    llm.step(tokens)
    llm.truncate(36)
    llm.step(tokens[:, 36:37])
    with pytest.raises(Error, match="cannot go back to 35"):
        llm.truncate(35)
    llm.truncate(36)
    np.testing.assert_array_equal(llm.step(tokens[:, 36:])[0], reference(tokens[0])[-1])


def test_short_sequences_go_back_anywhere() -> None:
    llm = make(batch=1)
    tokens = random_tokens(1, 9)
    llm.step(tokens)
    llm.truncate(2)
    np.testing.assert_array_equal(llm.step(tokens[:, 2:])[0], reference(tokens[0])[-1])


def test_truncate_of_several_sequences() -> None:
    llm = make(batch=3)
    llm.step(random_tokens(3, 8), [8, 5, 2])
    llm.truncate(4)
    assert llm.lengths.tolist() == [4, 4, 2]
    llm.truncate([1, 3])
    assert llm.lengths.tolist() == [1, 3, 2]
    with pytest.raises(Error, match="sequence 1 has 3 tokens, not 4"):
        llm.truncate([1, 4, 2])
    for wrong in (1.5, [1, 1, 1, 1], "x"):
        with pytest.raises(Error, match="lengths"):
            llm.truncate(wrong)
    with pytest.raises(Error):
        llm.truncate(-1)
    with pytest.raises(Error, match="has 1 tokens, not 9"):
        llm.truncate(9)


@pytest.mark.parametrize(
    ("tokens", "lengths", "message"),
    [
        ([1, 2], None, r"shape \[2\], but \[B, T\]"),
        ([[]], None, "no token"),
        (np.zeros((0, 3), np.int64), None, "no token"),
        ([[1.5]], None, "type float64"),
        ([[1], [1, 2]], None, "ragged"),
        ([[1, 257]], None, r"tokens\[0, 1\] is 257, but the vocabulary has 257"),
        ([[1, -1]], None, r"tokens\[0, 1\] is -1"),
        ([[1, 2]], [3], r"lengths\[0\] is 3, but there are 2"),
        ([[1, 2]], [-1], r"lengths\[0\] is -1"),
        ([[1, 2]], [1, 1], r"shape \[2\], but \[1\]"),
        ([[1, 2]], [1.0], "type float64"),
        (np.zeros((1, 65), np.int64), None, "context"),
    ],
)
def test_wrong_tokens(tokens: Any, lengths: Any, message: str) -> None:
    llm = make()
    for method in (llm.step, llm.score):
        with pytest.raises(Error, match=message):
            method(tokens, lengths)
    assert llm.lengths.tolist() == [0, 0]


def test_more_sequences_than_the_batch() -> None:
    with pytest.raises(Error, match=r"3 sequences, but .* 2: compile with --batch=3"):
        make().step(random_tokens(3, 1))


def test_the_context_fills_up() -> None:
    llm = make(context=16)
    llm.step(random_tokens(1, 16))
    with pytest.raises(Error, match="sequence 0: 16 tokens are there and 1 are added"):
        llm.step([[1]])


def test_artifacts_that_are_no_language_model() -> None:
    artifact = ToyArtifact()
    artifact.metadata = {}
    with pytest.raises(Error, match="no language model"):
        LLM(artifact, tokenizer=ByteTokenizer())  # type: ignore[arg-type]
    artifact = ToyArtifact()
    del artifact.entries["score"]
    with pytest.raises(Error, match="'prefill', 'decode'"):
        LLM(artifact, tokenizer=ByteTokenizer())  # type: ignore[arg-type]
    artifact = ToyArtifact()
    del artifact.metadata["language_model"]["context"]
    with pytest.raises(Error, match="damaged"):
        LLM(artifact, tokenizer=ByteTokenizer())  # type: ignore[arg-type]


def test_a_tokenizer_that_is_too_large() -> None:
    with pytest.raises(Error, match=r"has 257 tokens, but .* has 200"):
        make(vocabulary=200)


def greedy(prompt: str, count: int, window: int = 6) -> list[int]:
    tokens = list(prompt.encode())
    for _ in range(count):
        tokens.append(int(reference(np.array(tokens), window)[-1].argmax()))
    return tokens[len(prompt.encode()) :]


def test_greedy_text() -> None:
    llm = make()
    want = greedy("Hello", 12)
    stream = llm.generate("Hello", max_tokens=12, stream=True)
    text = "".join(stream)
    assert stream.stream.tokens == (want[: want.index(256)] if 256 in want else want)
    assert text == ByteTokenizer().decode(stream.stream.tokens)
    assert llm.generate("Hello", max_tokens=12) == text


def test_seeds_repeat_whatever_was_there_before() -> None:
    options: dict[str, Any] = {"max_tokens": 20, "temperature": 1.0, "top_k": 50}
    one = make().generate("Once", seed=3, **options)
    llm = make()
    llm.generate("Something else", seed=1, **options)
    assert llm.generate("Once", seed=3, **options) == one
    assert llm.generate("Once", seed=4, **options) != one


def fixed_text(monkeypatch: pytest.MonkeyPatch, text: str, end: bool = True) -> LLM:
    """A model that says one thing after any prompt."""
    llm = make()
    tokens = [*text.encode(), *([256] if end else [])]

    def step(_: Any) -> np.ndarray:
        logits = np.zeros((1, 257), np.float32)
        logits[0, step.said[step.count]] = 1  # type: ignore[attr-defined]
        step.count += 1  # type: ignore[attr-defined]
        return logits

    step.count, step.said = 0, tokens  # type: ignore[attr-defined]
    monkeypatch.setattr(llm._cache, "step", step)
    return llm


def test_characters_are_never_split(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = fixed_text(monkeypatch, "나래 🙂!")
    pieces = list(llm.generate("x", stream=True))
    assert pieces == ["나", "래", " ", "🙂", "!"]


def test_half_a_character_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = fixed_text(monkeypatch, "a나", end=False)
    assert llm.generate("x", max_tokens=3) == "a\ufffd"


def test_stop_strings_across_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = fixed_text(monkeypatch, "one STAND two STOP three")
    stream = llm.generate("x", stop=["STOP", "never"], stream=True)
    assert "".join(stream) == "one STAND two "
    assert stream.finish_reason == "stop"
    assert len(stream.stream.tokens) == len("one STAND two STOP")


def test_why_a_text_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = fixed_text(monkeypatch, "abc")
    stream = llm.generate("x", stream=True)
    assert stream.finish_reason is None
    assert "".join(stream) == "abc"
    assert stream.finish_reason == "stop"
    stream = fixed_text(monkeypatch, "abc").generate("x", max_tokens=2, stream=True)
    assert "".join(stream) == "ab"
    assert stream.finish_reason == "length"


def test_the_context_ends_a_text() -> None:
    llm = make(context=10)
    stream = llm.generate_tokens(b"12345678", stop_tokens=[])
    assert len(list(stream)) == 3
    assert stream.finish_reason == "context"
    assert llm.lengths[0] == 10


def test_end_tokens_of_the_model() -> None:
    want = greedy("abc", 10)
    end = want[4]
    stream = make(end_tokens=(end,)).generate_tokens(b"abc", max_tokens=10)
    assert list(stream) == want[: want.index(end)]
    assert stream.finish_reason == "stop"


def test_messages_go_through_the_template() -> None:
    llm = make()
    messages = [{"role": "user", "content": "Hi"}]
    assert llm.encode_prompt(messages) == list(b"<user>Hi\n<assistant>")
    assert llm.generate(messages, max_tokens=4) == llm.generate(
        "<user>Hi\n<assistant>", max_tokens=4
    )


@pytest.mark.parametrize("prompt", ["", [], ["Hi"], [{}, 1]])
def test_prompts_that_are_none(prompt: Any) -> None:
    with pytest.raises(Error, match="prompt"):
        make().generate(prompt)


def test_a_prompt_longer_than_the_context() -> None:
    for size in (64, 100):
        with pytest.raises(Error, match=rf"the prompt has {size} tokens.*64.*--context"):
            make().generate("x" * size)


def test_wrong_options_are_refused_before_anything_runs() -> None:
    llm = make()
    for options in ({"max_tokens": 0}, {"temperature": -1}, {"stop": ""}, {"seed": -2}):
        with pytest.raises(Error):
            llm.generate("x", stream=True, **options)  # type: ignore[call-overload]
    assert toy.instances[0].runs == []


def test_reuse_runs_only_what_is_new() -> None:
    llm = make(window=40, chunk=8)
    first = llm.generate("The same beginning. One", max_tokens=3, stream=True)
    "".join(first)
    runs = toy.instances[0].runs
    runs.clear()
    second = llm.generate_tokens(
        b"The same beginning. Two", max_tokens=3, stop_tokens=[], reuse=True
    )
    tokens = list(second)
    assert second.reused_tokens == len("The same beginning. ")
    assert runs == [("prefill", (2, 3)), ("decode", (2, 1)), ("decode", (2, 1))]
    assert tokens == greedy("The same beginning. Two", 3, window=40)


def test_reuse_begins_again_where_the_ring_lost_too_much() -> None:
    llm = make()
    "".join(llm.generate("A beginning that is long enough" + "x" * 10, stream=True, max_tokens=2))
    stream = llm.generate_tokens(b"A beginning that is short", 5, stop_tokens=[], reuse=True)
    assert list(stream) == greedy("A beginning that is short", 5)
    assert stream.reused_tokens == 0


def test_using_the_cache_ends_a_stream() -> None:
    llm = make()
    stream = llm.generate_tokens(b"abc", stop_tokens=[])
    next(stream)
    llm.step([[1]])
    with pytest.raises(Error, match="changed while text was generated"):
        next(stream)


def test_no_tokenizer() -> None:
    llm = LLM(ToyArtifact())  # type: ignore[arg-type]
    assert llm.step([[1, 2]]).shape == (1, 257)
    assert len(list(llm.generate_tokens([1, 2], max_tokens=2, stop_tokens=[]))) == 2
    with pytest.raises(Error, match="carries no tokenizer"):
        llm.generate("x")
