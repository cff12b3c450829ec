"""What users see of GGUF files that are damaged, contradict themselves or hold
something else, and of files in parts."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf_reference
import gguf_writer
import narae
import numpy as np
import pytest

DATA = Path(__file__).resolve().parents[1] / "data" / "gguf"
GIVEN = DATA / "llama.Q4_0.gguf"
RunTool = Callable[..., "subprocess.CompletedProcess[str]"]


def problems(path: Path, **options: Any) -> list[tuple[str, str]]:
    """Place and message of each error."""
    with pytest.raises(narae.Error) as caught:
        narae.compile(path, **options)
    return [(d.location, d.message) for d in caught.value.diagnostics]


def rewritten(path: Path, drop: str = "", **changes: object) -> Path:
    """The given model with other keys (`_` for `.`) or without a tensor."""
    source = gguf_reference.read(GIVEN)
    tensors: dict[str, Any] = {
        name: (tensor.type, tensor.shape, tensor.data)
        for name, tensor in source.tensors.items()
        if name != drop
    }
    gguf_writer.write(path, source.metadata | changes, tensors)
    return path


def test_truncated(tmp_path: Path) -> None:
    whole = GIVEN.read_bytes()
    for size in (0, 3, 20, 200, 3000, len(whole) // 2, len(whole) - 1):
        path = tmp_path / "part.gguf"
        path.write_bytes(whole[:size])
        ((place, message),) = problems(path)
        assert "part.gguf" in place or "part.gguf" in message
        assert any(w in message for w in ("truncated", "does not start with 'GGUF'")), message


def test_all_problems_at_once(tmp_path: Path) -> None:
    path = rewritten(
        tmp_path / "bad.gguf",
        drop="blk.1.ffn_up.weight",
        **{"llama.feed_forward_length": 480, "llama.final_logit_softcapping": 30.0},
    )
    said = dict(problems(path))
    text = "\n".join(f"{place}: {message}" for place, message in said.items())
    assert "blk.0.ffn_gate.weight" in text
    assert "has the shape [512, 256], but [480, 256] follows from the file's keys" in text
    assert "the tensor is missing; its shape would be [480, 256]" in text
    assert "is 30, which nothing reads" in text
    assert "--ignore=llama.final_logit_softcapping compiles anyway" in text


def test_ignoring(tmp_path: Path, tool: RunTool) -> None:
    path = rewritten(tmp_path / "odd.gguf", **{"llama.final_logit_softcapping": 30.0})
    narae.compile(path, ignore=["llama.*_softcapping"])
    done = tool(
        "compile", path, "-o", tmp_path / "a.narae", "--ignore=llama.final_logit_softcapping"
    )
    assert done.returncode == 0, done.stderr
    done = tool("compile", path, "-o", tmp_path / "b.narae")
    assert done.returncode == 1
    assert "llama.final_logit_softcapping" in done.stderr


def test_unknown_architecture(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "new.gguf", **{"general.architecture": "qwen2moe"})
    ((_, message),) = problems(path)
    assert "'qwen2moe' is not supported; these are: llama, qwen2" in message
    assert "Nearest is qwen3moe; what differs: a gated shared expert and biases" in message


def test_tokenizer_that_does_not_fit(tmp_path: Path) -> None:
    path = rewritten(
        tmp_path / "tokens.gguf",
        **{
            "tokenizer.ggml.model": "gpt2",
            "tokenizer.ggml.tokens": [f"t{i}" for i in range(129)],
            "tokenizer.ggml.eos_token_id": 500,
        },
    )
    said = problems(path)
    assert any("has 129 tokens, but the model's vocabulary has 128" in m for _, m in said)
    assert any("is 500, but there are 129 tokens" in m for _, m in said)


def test_parts(tmp_path: Path) -> None:
    """A model in three files gives the same logits as in one."""
    source = gguf_reference.read(GIVEN)
    names = list(source.tensors)
    paths = [tmp_path / f"m-0000{i + 1}-of-00003.gguf" for i in range(3)]
    for i, path in enumerate(paths):
        part = {n: source.tensors[n] for n in names[i * 10 : (i + 1) * 10 if i < 2 else None]}
        gguf_writer.write(
            path,
            (source.metadata if i == 0 else {})
            | {"split.no": i, "split.count": 3, "split.tensors.count": len(names)},
            {name: (tensor.type, tensor.shape, tensor.data) for name, tensor in part.items()},
        )
    feeds = {
        "tokens": np.arange(5)[None],
        "start": np.zeros(1, np.int64),
        "lengths": np.array([5]),
    }
    whole, parts = (
        narae.Session(narae.compile(path, exact=True)).run(feeds, entry="score")["logits"]
        for path in (GIVEN, paths[0])
    )
    np.testing.assert_array_equal(whole, parts)

    assert "but not the first" in problems(paths[1])[0][1]
    paths[2].unlink()
    ((place, message),) = problems(paths[0])
    assert "m-00003-of-00003.gguf" in place + message
    assert "cannot be read" in message


def test_a_prompt_that_is_too_long() -> None:
    llm = narae.LLM(narae.compile(GIVEN, context=16))
    with pytest.raises(narae.Error, match="16"):
        llm.step(np.zeros((1, 17), np.int64))
