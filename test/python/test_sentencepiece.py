"""Tokenizers in GGUF's metadata against the library sentencepiece.

Small models are trained here, written as converters write them, and compared on
English, Korean and random text.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tokenizers")
pytest.importorskip("sentencepiece")

import narae
import sentencepiece as spm
from narae._tokenizer import Tokenizer

DATA = Path(__file__).resolve().parents[1] / "data" / "tokenizers"
ENGLISH: list[str] = json.loads((DATA / "golden.json").read_text())["texts"]
KOREAN = (
    "나래는 기초 모형을 여러 가속기를 위해 번역하고 그 결과를 실행한다. 하나의 입력, 하나의 "
    "번역기, 하나의 결과물. 오늘 날씨가 참 좋습니다. 우리는 함께 밥을 먹었다. 서울은 대한민국의 "
    "수도이다. 언어 모델은 글을 읽고 다음에 올 말을 맞힌다. 학교에서 돌아오는 길에 친구를 만났다."
)
WORDS = " ".join([__doc__, *ENGLISH, KOREAN]).split()
PLAIN = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "plain": (PLAIN, {}),
    "bytes": ({**PLAIN, "byte_fallback": True, "character_coverage": 0.98}, {}),
    "no prefix": ({**PLAIN, "add_dummy_prefix": False}, {"add_space_prefix": False}),
    "user": ({**PLAIN, "byte_fallback": True, "user_defined_symbols": ["<|im|>"]}, {}),
    "normal form": ({"byte_fallback": True}, {"remove_extra_whitespaces": True}),
}


def sentences() -> list[str]:
    rng = random.Random(1)
    return [" ".join(rng.choices(WORDS, k=rng.randrange(3, 20))) for _ in range(400)]


def texts(count: int) -> list[str]:
    rng = random.Random(0)

    def word() -> str:
        return rng.choice(WORDS)

    def characters(first: int, last: int) -> str:
        return "".join(chr(rng.randrange(first, last)) for _ in range(rng.randrange(1, 12)))

    kinds = [
        lambda: " ".join(rng.choices(WORDS, k=8)),
        lambda: " " * rng.randrange(4) + (word() + " " * rng.randrange(4)) * 2 + word() + "  ",
        lambda: f"{word()}\n{word()}\t{word()}\r\n",
        lambda: characters(0xAC00, 0xD7A4) + " " + characters(0xAC00, 0xD7A4),
        lambda: characters(32, 127),
        lambda: characters(0xA0, 0x250) + characters(0x3040, 0x30FF),
        lambda: characters(0x1F300, 0x1F600),
        lambda: f"<s> {word()}</s><unk> x<pad>",
        lambda: f"▁{word()}▁▁",
        lambda: f"{word()} <0x41>{word()}",
        lambda: "e\u0301 ﬁ ①２ \uff21 " + word(),
        lambda: rng.choice(["", " ", "   ", "\n", "가", "<0x41>", "a" * 100]),
    ]
    return [rng.choice(kinds)() for _ in range(count)]


@functools.cache
def trained(kind: str, case: str) -> tuple[Any, Tokenizer]:
    file = io.BytesIO()
    options, more = CASES[case]
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences()),
        model_writer=file,
        model_type=kind,
        vocab_size=700,
        hard_vocab_limit=False,
        minloglevel=2,
        **options,
    )
    model = spm.SentencePieceProcessor(model_proto=file.getvalue())
    pieces = range(model.get_piece_size())
    user = options.get("user_defined_symbols", ())

    def kind_of(i: int) -> int:
        if model.id_to_piece(i) in user:
            return 4
        if model.is_byte(i):
            return 6
        return 3 if model.is_control(i) else 2 if model.is_unknown(i) else 1

    data = {
        "model": "llama" if kind == "bpe" else "t5",
        "tokens": [model.id_to_piece(i) for i in pieces],
        "scores": [model.get_score(i) for i in pieces],
        "token_type": [kind_of(i) for i in pieces],
        "special": {"unknown": model.unk_id(), "bos": model.bos_id(), "eos": model.eos_id()},
        "add_bos_token": False,
        "add_eos_token": False,
        **more,
    }
    if case == "normal form":
        from sentencepiece import sentencepiece_model_pb2

        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(file.getvalue())
        rules = proto.normalizer_spec.precompiled_charsmap
        data["precompiled_charsmap"] = base64.b64encode(rules).decode()
    return model, Tokenizer({"gguf-tokenizer.json": json.dumps(data).encode()})


def test_a_file_brings_normal_forms(tmp_path: Path) -> None:
    """From GGUF's metadata through the compiler into the artifact."""
    import gguf_reference
    import gguf_writer
    from sentencepiece import sentencepiece_model_pb2

    file = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(["the quick brown fox jumps over a lazy dog 12345"] * 50),
        model_writer=file,
        vocab_size=128,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    model = spm.SentencePieceProcessor(model_proto=file.getvalue())
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(file.getvalue())
    source = gguf_reference.read(DATA.parent / "gguf" / "llama.F16.gguf")
    count = model.get_piece_size()
    spare = range(count, 128)
    metadata = {
        "tokenizer.ggml.model": "t5",
        "tokenizer.ggml.tokens": [model.id_to_piece(i) for i in range(count)]
        + [f"[{i}]" for i in spare],
        "tokenizer.ggml.scores": [float(model.get_score(i)) for i in range(count)]
        + [0.0 for _ in spare],
        "tokenizer.ggml.token_type": [2, 3, 3] + [1] * (count - 3) + [5 for _ in spare],
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.ggml.eos_token_id": 2,
        "tokenizer.ggml.add_eos_token": False,
        "tokenizer.ggml.remove_extra_whitespaces": True,
        "tokenizer.ggml.precompiled_charsmap": proto.normalizer_spec.precompiled_charsmap,
    }
    path = tmp_path / "m.gguf"
    tensors = {name: source[name] for name in source.tensors}
    gguf_writer.write(path, source.metadata | metadata, tensors)
    tokenizer = Tokenizer.from_artifact(narae.compile(path, context=16))
    assert tokenizer is not None
    for text in ("the  ﬁx ", " ①２③ \uff21 lazy\tdog", "[100]"):
        assert tokenizer.encode(text) == model.encode(text), text


def score(model: Any, ids: list[int]) -> float:
    return sum(model.get_score(i) for i in ids)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@pytest.mark.parametrize("case", CASES)
def test_ids(kind: str, case: str) -> None:
    model, tokenizer = trained(kind, case)
    differ = 0
    for text in texts(600):
        want = model.encode(text)
        got = tokenizer.encode(text, parse_special=False)
        if got == want:
            continue
        # Cuts of a text that score the same are as good as each other.
        assert kind == "unigram", (text, want, got)
        assert score(model, got) == pytest.approx(score(model, want), abs=1e-4), (text, want, got)
        assert model.decode(got) == model.decode(want)
        differ += 1
    assert differ <= 6


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
@pytest.mark.parametrize("case", ["bytes", "no prefix", "normal form"])
def test_texts(kind: str, case: str) -> None:
    model, tokenizer = trained(kind, case)
    for text in texts(200):
        ids = model.encode(text)
        if model.unk_id() in ids:
            continue
        assert tokenizer.decode(ids) == model.decode(ids), text
        decoder = tokenizer.decoder()
        pieces = "".join(decoder.push(i) for i in ids) + decoder.finish()
        # What follows a text begins with its own space.
        assert pieces == model.decode(ids) or pieces == " " + model.decode(ids)


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_control_tokens(kind: str) -> None:
    model, tokenizer = trained(kind, "bytes")
    ids = tokenizer.encode("<s>나래</s>")
    assert [ids[0], ids[-1]] == [model.bos_id(), model.eos_id()]
    assert tokenizer.token_id("</s>") == model.eos_id()
    assert tokenizer.decode(ids) == "나래"
    assert tokenizer.decode(ids, skip_special_tokens=False).startswith("<s>")
    assert model.bos_id() not in tokenizer.encode("<s>나래", parse_special=False)
