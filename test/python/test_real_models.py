"""Real models, compared with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import narae
import numpy as np
import pytest
import real_models
from real_models import assert_near, peer
from safetensors.numpy import load_file

random = np.random.default_rng(0)


@pytest.fixture(scope="module")
def minilm(tmp_path_factory: pytest.TempPathFactory) -> narae.Session:
    model = real_models.minilm(tmp_path_factory.mktemp("minilm"))
    return narae.Session(narae.compile(model), threads=2)


@pytest.mark.xdist_group("minilm")
@pytest.mark.parametrize("case", ["a", "b"])
def test_minilm_golden(minilm: narae.Session, case: str) -> None:
    golden = load_file(real_models.DATA / "minilm" / "golden.safetensors")
    names = ("input_ids", "attention_mask", "token_type_ids")
    results = minilm.run({name: golden[f"{case}.{name}"] for name in names})
    assert_near(results["last_hidden_state"], golden[f"{case}.last_hidden_state"], 1e-4)


@pytest.mark.xdist_group("minilm")
@pytest.mark.parametrize("shape", [(1, 1), (1, 16), (1, 128), (2, 512), (8, 128)])
def test_minilm_shapes(minilm: narae.Session, shape: tuple[int, int], tmp_path: Path) -> None:
    feeds = {
        "input_ids": random.integers(0, 30000, shape),
        "attention_mask": np.ones(shape, np.int64),
        "token_type_ids": np.zeros(shape, np.int64),
    }
    (want,) = peer(real_models.minilm(tmp_path)).run(None, feeds)
    assert_near(minilm.run(feeds)["last_hidden_state"], want)


@pytest.mark.xdist_group("magika")
def test_magika() -> None:
    model = real_models.magika()
    reference = peer(model)
    session = narae.Session(narae.compile(model), threads=2)
    for batch in (1, 3):
        feeds = {"bytes": random.integers(0, 257, (batch, 2048)).astype(np.int32)}
        (want,) = reference.run(None, feeds)
        assert_near(session.run(feeds)["target_label"], want)


@pytest.mark.xdist_group("ocr")
@pytest.mark.parametrize(
    ("part", "sizes"),
    [
        ("det", [(1, 3, 640, 640), (1, 3, 320, 480), (1, 3, 64, 96)]),
        ("rec", [(1, 3, 48, 320), (2, 3, 48, 160), (6, 3, 48, 96)]),
        ("cls", [(1, 3, 48, 192), (4, 3, 48, 192)]),
    ],
)
def test_ocr(part: str, sizes: list[tuple[int, ...]]) -> None:
    model = real_models.ocr(part)
    reference = peer(model)
    session = narae.Session(narae.compile(model), threads=2)
    for size in sizes:
        x = random.uniform(-1, 1, size).astype(np.float32)
        (want,) = reference.run(None, {"x": x})
        (have,) = session.run({"x": x}).values()
        assert_near(have, want)


def check_voice(name: str, rate: int, samples: int, batch: int) -> None:
    """Several chunks, the state of each given to the next."""
    model = real_models.silero(name)
    reference = peer(model)
    session = narae.Session(narae.compile(model), threads=1)
    names = {tensor.name for tensor in session.artifact.inputs}
    state = ours = np.zeros((2, batch, 128), np.float32)
    for _ in range(4):
        feeds = {"input": random.uniform(-0.5, 0.5, (batch, samples)).astype(np.float32)}
        if "sr" in names:
            feeds["sr"] = np.array(rate, np.int64)
        want, state = reference.run(["output", "stateN"], {**feeds, "state": state})
        results = session.run({**feeds, "state": ours})
        ours = results["stateN"]
        assert_near(results["output"], want)
        assert_near(ours, state)


@pytest.mark.xdist_group("silero")
@pytest.mark.parametrize("batch", [1, 3])
def test_silero_16k(batch: int) -> None:
    check_voice("silero_vad_16k_op15", 16000, 576, batch)


@pytest.mark.xdist_group("silero")
@pytest.mark.parametrize(("rate", "samples"), [(16000, 576), (8000, 288)])
def test_silero_with_both_rates(rate: int, samples: int) -> None:
    check_voice("silero_vad", rate, samples, 1)
