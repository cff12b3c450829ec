"""The choice of tokens, against a slow reference; stop strings."""

from __future__ import annotations

import math

import numpy as np
import pytest
from narae import Error
from narae._sampling import Sampler, Sampling, candidates, draw, penalise
from narae._stops import StopStrings


def reference(logits: list[float], seen: set[int], how: Sampling) -> list[tuple[int, float]]:
    """Tokens and probabilities, in Python's floats and as the rules say them."""
    values = {}
    for token, logit in enumerate(logits):
        if token in seen:
            logit = logit / how.repetition_penalty if logit > 0 else logit * how.repetition_penalty
        values[token] = logit / how.temperature
    order = sorted(values, key=lambda token: (-values[token], token))
    if how.top_k:
        order = order[: how.top_k]
    weight = {token: math.exp(values[token] - values[order[0]]) for token in order}
    if how.top_p is not None:
        total, have, kept = sum(weight.values()), 0.0, []
        for token in order:
            kept.append(token)
            have += weight[token]
            if have >= how.top_p * total:
                break
        order = kept
    if how.min_p:
        order = [token for token in order if weight[token] >= how.min_p * weight[order[0]]]
    total = sum(weight[token] for token in order)
    return sorted((token, weight[token] / total) for token in order)


def reference_draw(tokens: list[tuple[int, float]], number: float) -> int:
    end = 0.0
    for token, probability in tokens:
        end += probability
        if number < end:
            return token
    return tokens[-1][0]


WAYS = [
    Sampling(temperature=1.0),
    Sampling(temperature=0.3, top_k=5),
    Sampling(temperature=2.0, top_p=0.7),
    Sampling(temperature=0.8, top_p=0.01),
    Sampling(temperature=1.3, min_p=0.2),
    Sampling(temperature=0.9, top_k=20, top_p=0.9, min_p=0.05, repetition_penalty=1.3),
    Sampling(temperature=1.0, repetition_penalty=0.5, top_k=1000, top_p=1.0),
    Sampling(temperature=1.0, top_k=0, min_p=0.0),
]


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("coarse", [False, True])
def test_candidates_and_draws_are_the_reference_s(how: Sampling, coarse: bool) -> None:
    random = np.random.default_rng(1)
    for size in (1, 2, 50, 400):
        logits = (random.standard_normal(size) * 3).astype(np.float32)
        if coarse:  # many equal ones
            logits = np.round(logits)
        seen = set(random.integers(0, size, 10).tolist())
        want = reference([float(value) for value in logits], seen, how)
        values = penalise(logits.astype(np.float64), seen, how.repetition_penalty)
        ids, weights = candidates(values, how)
        assert ids.tolist() == [token for token, _ in want]
        have = weights / weights.sum()
        np.testing.assert_allclose(have, [part for _, part in want], rtol=1e-12)
        for number in (0.0, 0.25, 0.5, 0.999, *random.random(20)):
            assert draw(ids, weights, number) == reference_draw(want, number)


def test_a_penalty_may_reorder_without_a_temperature() -> None:
    logits = np.array([1.0, 3.0, 2.9, -1.0], np.float32)
    assert Sampler(Sampling()).choose(logits) == 1
    assert Sampler(Sampling(repetition_penalty=2.0), seen=[1]).choose(logits) == 2
    negative = np.array([-1.0, -1.5], np.float32)
    assert Sampler(Sampling(repetition_penalty=2.0), seen=[0]).choose(negative) == 1


def test_chosen_tokens_count_as_seen() -> None:
    sampler = Sampler(Sampling(repetition_penalty=2.0))
    logits = np.array([3.0, 2.9, 2.8], np.float32)
    assert [sampler.choose(logits) for _ in range(3)] == [0, 1, 2]


def test_equal_logits_give_the_lower_token() -> None:
    logits = np.array([0.0, 2.0, 2.0], np.float32)
    assert Sampler(Sampling()).choose(logits) == 1
    assert Sampler(Sampling(temperature=1, top_k=1), seed=3).choose(logits) == 1


def test_a_seed_repeats_and_seeds_differ() -> None:
    logits = np.zeros(1000, np.float32)

    def tokens(seed: int | None) -> list[int]:
        sampler = Sampler(Sampling(temperature=1), seed)
        return [sampler.choose(logits) for _ in range(20)]

    assert tokens(7) == tokens(7)
    assert tokens(7) != tokens(8)
    assert tokens(None) != tokens(None)


def test_frequencies_are_the_probabilities() -> None:
    logits = np.log(np.array([0.1, 0.2, 0.3, 0.4], np.float32))
    sampler = Sampler(Sampling(temperature=1), seed=0)
    drawn = np.bincount([sampler.choose(logits) for _ in range(20000)], minlength=4) / 20000
    np.testing.assert_allclose(drawn, [0.1, 0.2, 0.3, 0.4], atol=0.02)


def test_minus_infinity_is_never_drawn() -> None:
    logits = np.array([-np.inf, 0.0, -np.inf], np.float32)
    sampler = Sampler(Sampling(temperature=1, top_p=0.99), seed=0)
    assert {sampler.choose(logits) for _ in range(50)} == {1}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_logits_that_are_no_numbers(bad: float, temperature: float) -> None:
    logits = np.array([0.0, bad, 1.0], np.float32)
    with pytest.raises(Error, match="not finite"):
        Sampler(Sampling(temperature=temperature)).choose(logits)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1}, "temperature"),
        ({"temperature": math.nan}, "temperature"),
        ({"top_k": -1}, "top_k"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"min_p": 2.0}, "min_p"),
        ({"repetition_penalty": 0.0}, "repetition_penalty"),
    ],
)
def test_options_out_of_range(options: dict[str, float], message: str) -> None:
    with pytest.raises(Error, match=message):
        Sampling(**options)  # type: ignore[arg-type]


def test_all_problems_at_once() -> None:
    with pytest.raises(Error, match=r"temperature.*top_p.*min_p"):
        Sampling(temperature=-1, top_p=2, min_p=-1)
    with pytest.raises(Error, match="seed"):
        Sampler(Sampling(), seed=-1)


def cut_at(text: str, stops: list[str]) -> str:
    """Character by character: the first stop string to be complete."""
    for end in range(len(text) + 1):
        for stop in sorted(stops, key=len, reverse=True):
            if text[:end].endswith(stop):
                return text[: end - len(stop)]
    return text


@pytest.mark.parametrize(
    "stops", [[], ["\n\n"], ["END"], ["abcX", "bc"], ["aab"], ["aaab", "ab"], ["나래", "래"]]
)
def test_stop_strings_do_not_depend_on_the_pieces(stops: list[str]) -> None:
    random = np.random.default_rng(2)
    alphabet = ["a", "b", "c", "X", "\n", "E", "N", "D", "나", "래"]
    for _ in range(200):
        text = "".join(random.choice(alphabet, 20)) + random.choice(["END", "aaab", "", "abcX"])
        cuts = sorted(random.integers(0, len(text) + 1, 6).tolist())
        scanner = StopStrings(stops)
        have = ""
        for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
            have += scanner.push(text[begin:end])
            assert cut_at(text, stops).startswith(have)
        have += scanner.finish()
        assert have == cut_at(text, stops)
        assert scanner.stopped == any(stop in text for stop in stops)


def test_text_that_cannot_be_a_stop_string_does_not_wait() -> None:
    scanner = StopStrings(["STOP"])
    assert scanner.push("all of this") == "all of this"
    assert scanner.push("S") == ""
    assert scanner.push("T") == ""
    assert scanner.push("AND") == "STAND"
    assert scanner.push("ST") == ""
    assert scanner.push("OP and more") == ""
    assert scanner.stopped
    assert scanner.push("more") == ""


@pytest.mark.parametrize("stops", ["", [""], [1]])
def test_stop_strings_that_are_none(stops: object) -> None:
    if stops == "":
        with pytest.raises(Error, match="not empty"):
            StopStrings(stops)  # type: ignore[arg-type]
        return
    with pytest.raises(Error, match="stop string"):
        StopStrings(stops)  # type: ignore[arg-type]
