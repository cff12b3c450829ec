"""WordPiece and unigram tokenizers of Hugging Face folders.

WordPiece against its definition (the longest piece first), both decoded token by
token as in one go.
"""

from __future__ import annotations

import json
import random
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("tokenizers")

import tokenizers
from narae._tokenizer import Tokenizer
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

DATA = Path(__file__).resolve().parents[1] / "data" / "tokenizers"
KOREAN = "나래는 기초 모형을 여러 가속기를 위해 번역한다. 오늘 날씨가 참 좋습니다. 밥을 먹었다."
TEXTS: list[str] = [*json.loads((DATA / "golden.json").read_text())["texts"], KOREAN]
WORDS = " ".join(TEXTS).split()
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def lines(count: int) -> list[str]:
    rng = random.Random(0)
    texts = [" ".join(rng.choices(WORDS, k=rng.randrange(1, 9))) for _ in range(count)]
    for i in range(0, count, 5):
        texts[i] += "".join(chr(rng.randrange(0xAC00, 0xD7A4)) for _ in range(5)) + "\t  x\n"
    return texts


def wordpiece() -> Tokenizer:
    backend = tokenizers.Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece(cleanup=False)
    trainer = trainers.WordPieceTrainer(vocab_size=500, special_tokens=SPECIAL)
    backend.train_from_iterator(lines(300), trainer)
    backend.post_processor = processors.BertProcessing(
        ("[SEP]", backend.token_to_id("[SEP]")), ("[CLS]", backend.token_to_id("[CLS]"))
    )
    return Tokenizer({"tokenizer.json": backend.to_str().encode()})


def is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] == "P" or (
        character.isascii() and not character.isalnum() and character.isprintable()
    )


def is_chinese(character: str) -> bool:
    code = ord(character)
    return 0x4E00 <= code <= 0x9FFF or 0x3400 <= code <= 0x4DBF or 0x20000 <= code <= 0x2FA1F


def cut(text: str) -> list[str]:
    """BERT's words: no control characters or accents, lower case, punctuation and
    Chinese characters alone."""
    kept = [
        " " if c.isspace() else c
        for c in text
        if c in "\t\n\r" or unicodedata.category(c) not in ("Cc", "Cf", "Cn", "Co")
    ]
    text = "".join(f" {c} " if is_chinese(c) else c for c in kept)
    text = "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")
    return "".join(f" {c} " if is_punctuation(c) else c for c in text.lower()).split()


def longest_first(word: str, vocabulary: dict[str, int]) -> list[int]:
    ids: list[int] = []
    at = 0
    while at < len(word):
        piece = next(
            (
                end
                for end in range(len(word), at, -1)
                if ("##" if at else "") + word[at:end] in vocabulary
            ),
            None,
        )
        if piece is None or len(word) > 100:
            return [vocabulary["[UNK]"]]
        ids.append(vocabulary[("##" if at else "") + word[at:piece]])
        at = piece
    return ids


def test_wordpiece() -> None:
    tokenizer = wordpiece()
    vocabulary = tokenizer._backend.get_vocab()
    begin, end = vocabulary["[CLS]"], vocabulary["[SEP]"]
    for text in [*TEXTS, *lines(300)]:
        want = [i for word in cut(text) for i in longest_first(word, vocabulary)]
        assert tokenizer.encode(text, add_special_tokens=False, parse_special=False) == want, text
        assert tokenizer.encode(text, parse_special=False) == [begin, *want, end]
    assert tokenizer.encode("a [MASK]", add_special_tokens=False)[-1] == vocabulary["[MASK]"]


def unigram() -> Tokenizer:
    backend = tokenizers.Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=3000, special_tokens=SPECIAL, unk_token="[UNK]")
    backend.train_from_iterator(lines(300), trainer)
    return Tokenizer({"tokenizer.json": backend.to_str().encode()})


@pytest.mark.parametrize("make", [wordpiece, unigram])
def test_pieces_of_text(make: Callable[[], Tokenizer]) -> None:
    tokenizer = make()
    for text in lines(200):
        ids = tokenizer.encode(text, add_special_tokens=False)
        decoder = tokenizer.decoder()
        pieces = "".join(decoder.push(i) for i in ids) + decoder.finish()
        if not set(SPECIAL) & {tokenizer._backend.id_to_token(i) for i in ids}:
            assert pieces.removeprefix(" ") == tokenizer.decode(ids).removeprefix(" "), text
