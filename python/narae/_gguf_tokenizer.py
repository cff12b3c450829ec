"""Builds a tokenizer from what a GGUF file says of it.

The pre-tokenizers are named in the files (`tokenizer.ggml.pre`); what the names
stand for is llama.cpp's table, as patterns of the package `tokenizers`.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ._errors import Error

# Kinds of tokens, as numbered in the files.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)

_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_SPACES = r"\s*[\r\n]+|\s+(?!\S)|\s+"
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def _words(numbers: str, letters: str = r"\p{L}", tail: str = r"[\r\n]*") -> str:
    """The pattern of Llama 3 and Qwen 2: they differ in how numbers are cut."""
    return (
        rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?{letters}+|{numbers}"
        rf"| ?[^\s\p{{L}}\p{{N}}]+{tail}|{_SPACES}"
    )


_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def _cased(numbers: str, contractions: str) -> str:
    """GPT-4o's pattern: words end where case rises."""
    start = r"[^\r\n\p{L}\p{N}]?"
    return (
        rf"{start}{_UPPER}*{_LOWER}+{contractions}|{start}{_UPPER}+{_LOWER}*{contractions}"
        rf"|{numbers}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{_SPACES}"
    )


# The letters with case that DeepSeek lists: not those of Armenian, Georgian, new
# scripts and mathematics.
_DEEPSEEK_LETTERS = (
    r"[\p{Lu}\p{Ll}\p{Lt}&&[^\x{560}-\x{588}\x{10C7}-\x{10FF}\x{1C80}-\x{1C88}\x{2D00}-\x{2D2D}"
    r"\x{A790}-\x{A7FA}\x{AB30}-\x{AB68}\x{10570}-\x{105BC}\x{16E40}-\x{16E7F}\x{1D400}-\x{1DF1E}]]"
)
_DEEPSEEK_SIGNS = r"[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E}\x{2018}-\x{201F}\x{3000}-\x{3002}]"
# Chinese (and, as it is written there, all between U+0800 and it) and Hangul.
_DEEPSEEK_CJK = r"[\x{4E00}-\x{9FA5}\x{0800}-\x{4E00}\x{AC00}-\x{D7FF}]+"
_CHINESE_AND_KANA = r"[\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+"
_ASCII_SIGNS = r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]"""

_PATTERNS: dict[str, tuple[str, ...]] = {
    "default": (r"[\p{P}\$\+<=>\^~\|]+", _GPT2, r"\p{N}+", r"[0-9][0-9][0-9]"),
    "gpt-2": (_GPT2,),
    "digits": (r"\p{N}", _GPT2),
    "llama-bpe": (_words(r"\p{N}{1,3}"),),
    "qwen2": (_words(r"\p{N}"),),
    "qwen35": (
        rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}"
        rf"| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{_SPACES}",
    ),
    "exaone-moe": (
        rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?(?:\p{{L}}\p{{M}}*(?: \p{{L}}\p{{M}}*)*)+"
        r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+",
    ),
    "deepseek-llm": (
        r"[\r\n]",
        rf"\s?{_DEEPSEEK_LETTERS}+",
        rf"\s?{_DEEPSEEK_SIGNS}+",
        r"\s+$",
        _DEEPSEEK_CJK,
        r"\p{N}+",
    ),
    "deepseek-coder": (r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", _DEEPSEEK_CJK, r"\p{N}"),
    "deepseek-v3": (
        r"\p{N}{1,3}",
        _CHINESE_AND_KANA,
        rf"{_ASCII_SIGNS}[A-Za-z]+|[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+"
        rf"| ?[\p{{P}}\p{{S}}]+[\r\n]*|{_SPACES}",
    ),
    "falcon": (r"[\p{P}\$\+<=>\^~\|`]+", _GPT2, r"[0-9][0-9][0-9]"),
    "tekken": (_cased(r"\p{N}", ""),),
    "gpt-4o": (_cased(r"\p{N}{1,3}", _CONTRACTIONS + "?"),),
}

_SAME: dict[str, str] = {
    name: key
    for key, names in {
        "gpt-2": "phi-2 gigachat a.x-4.0 mellum modern-bert exaone4 olmo mpt jais trillion "
        "granite-docling roberta-bpe",
        "digits": "smollm starcoder refact command-r codeshell exaone minerva-7b mellum2",
        "llama-bpe": "llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 dbrx smaug-bpe "
        "chatglm-bpe glm4 glm5",
        "qwen2": "deepseek-r1-qwen kormo f2llmv2 megrez stablelm2 hunyuan solar-open grok-2",
        "deepseek-v3": "hunyuan-dense joyai-llm hy_v4",
        "gpt-4o": "llama4 kanana2 talkie minimax-m2",
    }.items()
    for name in names.split()
}

_LLAMA_3 = {
    "llama3",
    "llama-v3",
    "llama-bpe",
    "falcon3",
    "falcon-h1",
    "pixtral",
    "midm-2.0",
    "lfm2",
}
# Words that are tokens are not merged out of parts.
_WHOLE_WORDS = _LLAMA_3 | {"chatglm-bpe", "glm4", "glm5", "tekken"}
# Where the file does not say whether a text begins with a token of its own.
_BEGINS = _LLAMA_3 | {"tekken"}


def patterns(pre: str) -> tuple[str, ...]:
    """The patterns that a text is cut with, one after the other."""
    key = _SAME.get(pre, pre)
    if key not in _PATTERNS or pre == "digits":
        known = ", ".join(sorted((set(_PATTERNS) | set(_SAME)) - {"digits"}))
        raise Error(
            f"the GGUF file names a pre-tokenizer {pre!r}, which is not supported ({known} are): "
            "give the tokenizer.json of the original model, as "
            "narae.LLM(artifact, tokenizer='tokenizer.json')"
        )
    return _PATTERNS[key]


@functools.cache
def byte_of_character() -> dict[str, int]:
    """GPT-2's alphabet: a printable character for every byte."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    alphabet = {chr(byte): byte for byte in plain}
    alphabet.update({chr(256 + i): byte for i, byte in enumerate(others)})
    return alphabet


def check(data: Mapping[str, Any]) -> None:
    """Raises where the parts of `data` do not fit each other."""
    tokens = data.get("tokens")
    if not isinstance(tokens, list) or not all(isinstance(token, str) for token in tokens):
        raise Error("the GGUF tokenizer has no list of tokens")
    count = len(tokens)
    for key in ("scores", "token_type"):
        if key in data and len(data[key]) != count:
            raise Error(f"the GGUF tokenizer has {len(data[key])} {key} for {count} tokens")
    for name, token in data.get("special", {}).items():
        if not 0 <= token < count:
            raise Error(f"the GGUF tokenizer's {name} token is {token} of {count} tokens")


def begins_with_bos(data: Mapping[str, Any]) -> bool:
    """Whether a text begins with the token of its beginning."""
    default = data.get("model") == "llama" or data.get("pre") in _BEGINS
    return bool(data.get("add_bos_token", default)) and "bos" in data.get("special", {})


def ends_with_eos(data: Mapping[str, Any]) -> bool:
    default = data.get("model") == "t5"
    return bool(data.get("add_eos_token", default)) and "eos" in data.get("special", {})


def adds_space(data: Mapping[str, Any]) -> bool:
    return bool(data.get("add_space_prefix", data.get("model") in ("llama", "t5")))


def byte_reader(data: Mapping[str, Any]) -> Callable[[int], bytes | None]:
    """A function from a token to what it stands for; None for control tokens."""
    tokens: Sequence[str] = data["tokens"]
    kinds: Sequence[int] | None = data.get("token_type")
    alphabet = byte_of_character() if data["model"] == "gpt2" else None

    def read(index: int) -> bytes | None:
        kind = kinds[index] if kinds and index < len(tokens) else NORMAL
        if index >= len(tokens) or kind in (CONTROL, UNKNOWN):
            return None
        token = tokens[index]
        if kind == BYTE and len(token) == 6:  # <0xE3>
            return bytes([int(token[3:5], 16)])
        if alphabet is None:
            return token.replace("▁", " ").encode()
        if kind == NORMAL and all(character in alphabet for character in token):
            return bytes(alphabet[character] for character in token)
        return token.encode()

    return read


def _merges_by_score(tokens: Sequence[str], scores: Sequence[float]) -> list[tuple[str, str]]:
    """SentencePiece merges the neighbours whose joined token scores best; as a
    list of merges: every way to cut a token in two, the best tokens first."""
    rank = {token: i for i, token in enumerate(tokens)}
    merges = []
    for token, score in zip(tokens, scores, strict=True):
        cuts = [
            (rank[token[:i]], rank[token[i:]], token[:i], token[i:])
            for i in range(1, len(token))
            if token[:i] in rank and token[i:] in rank
        ]
        merges += [(-score, rank[token], left, right) for *_, left, right in sorted(cuts)]
    merges.sort(key=lambda merge: merge[:2])
    return [(left, right) for _, _, left, right in merges]


def _split_merge(merge: str) -> tuple[str, str]:
    left, _, right = merge.partition(" ")
    if left:
        return left, right
    at = merge.index(" ", 1)  # the first token begins with a space
    return merge[:at], merge[at + 1 :]


def _unigram(data: Mapping[str, Any], kinds: Sequence[int], unknown: int | None) -> Any:
    """The model alone. Only ordinary tokens are found in texts: others go by
    names with a space, which no normalised text has."""
    from tokenizers.models import Unigram

    hidden = (UNKNOWN, CONTROL, UNUSED)
    scores = data.get("scores") or [0.0] * len(kinds)
    # What no text reaches does not count as the worst of the scores either.
    entries = [
        (f"{i} ", 0.0) if kind in hidden else (token, score)
        for i, (token, score, kind) in enumerate(zip(data["tokens"], scores, kinds, strict=True))
    ]
    return Unigram(entries, unknown, byte_fallback=BYTE in kinds)


def build(data: Mapping[str, Any]) -> tuple[Any, dict[int, int]]:
    """The `tokenizers.Tokenizer` that `data` describes, and what the numbers
    beyond the file's that it gives stand for. It adds no tokens at the beginning
    and the end: the caller does."""
    import tokenizers
    from tokenizers import decoders, normalizers, pre_tokenizers
    from tokenizers.models import BPE

    check(data)
    tokens: list[str] = data["tokens"]
    kinds: Sequence[int] = data.get("token_type") or [NORMAL] * len(tokens)
    vocabulary = {token: i for i, token in enumerate(tokens)}
    unknown = data.get("special", {}).get("unknown")
    kind = data["model"]
    if kind == "gpt2":
        pre = data.get("pre", "default")
        splits = [
            pre_tokenizers.Split(tokenizers.Regex(pattern), "isolated") for pattern in patterns(pre)
        ]
        tokenizer = tokenizers.Tokenizer(
            BPE(
                vocab=vocabulary,
                merges=[_split_merge(merge) for merge in data.get("merges", ())],
                ignore_merges=pre in _WHOLE_WORDS,
            )
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
        tokenizer.decoder = decoders.ByteLevel()
    elif kind in ("llama", "t5"):
        scores = data.get("scores") or [0.0] * len(tokens)
        if kind == "llama":
            ordinary = [i for i, k in enumerate(kinds) if k in (NORMAL, USER_DEFINED)]
            merges = _merges_by_score([tokens[i] for i in ordinary], [scores[i] for i in ordinary])
            model = BPE(
                vocab=vocabulary,
                merges=merges,
                unk_token=None if unknown is None else tokens[unknown],
                fuse_unk=True,
                byte_fallback=BYTE in kinds,
            )
        else:
            model = _unigram(data, kinds, unknown)
        tokenizer = tokenizers.Tokenizer(model)
        steps: list[Any] = []
        if "precompiled_charsmap" in data:
            try:
                rules = base64.b64decode(data["precompiled_charsmap"])
                steps.append(normalizers.Precompiled(rules))
            except Exception as error:  # whatever the package raises
                raise Error(f"the GGUF tokenizer's map of characters: {error}") from error
        if data.get("remove_extra_whitespaces"):
            steps += [normalizers.Strip(), normalizers.Replace(tokenizers.Regex(" {2,}"), " ")]
        steps += [normalizers.Prepend("▁")] if adds_space(data) else []
        tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", "▁")])
        if kind == "t5" and BYTE in kinds:
            # A byte that is spelled out is text.
            spelled = tokenizers.Regex(r"<(?=0x[0-9A-F]{2}>)")
            tokenizer.pre_tokenizer = pre_tokenizers.Split(spelled, "merged_with_previous")
    else:
        raise Error(
            f"tokenizers of the kind {kind!r} are not supported in GGUF files (gpt2, llama and t5 "
            "are): give the tokenizer.json of the original model"
        )
    added = {CONTROL: [], UNKNOWN: [], USER_DEFINED: []}
    for token, kind_of_token in zip(tokens, kinds, strict=True):
        if kind_of_token in added and token:
            added[kind_of_token].append(tokenizers.AddedToken(token, normalized=False))
    tokenizer.add_special_tokens(added[CONTROL] + added[UNKNOWN])
    tokenizer.add_tokens(added[USER_DEFINED])
    numbers = ((tokenizer.token_to_id(token), i) for i, token in enumerate(tokens))
    return tokenizer, {own: i for own, i in numbers if own is not None and own >= len(tokens)}
