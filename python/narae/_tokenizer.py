"""Text to tokens and back: the tokenizer that a checkpoint brings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import _gguf_tokenizer as gguf
from ._chat_template import render
from ._errors import Error

# The attachment with what a GGUF file says, and the files of a folder.
GGUF_NAME = "gguf-tokenizer.json"
FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
    "chat_template.jinja",
    "chat_template.json",
)

_SPECIAL = ("bos", "eos", "unk", "pad", "sep", "cls", "mask")


def _import_tokenizers() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise Error("text needs the package tokenizers: pip install tokenizers") from error
    return tokenizers


def _parse(name: str, text: bytes | str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Error(f"{name} is not JSON: {error}") from error


class Decoder:
    """Turns tokens into text one after the other, in whole characters: what a
    token leaves unfinished waits for the next ones."""

    def __init__(self, bytes_of: Callable[[int], bytes]) -> None:
        self._bytes_of = bytes_of
        self._pending = b""

    def push(self, token: int) -> str:
        """The characters that this token completes."""
        self._pending += self._bytes_of(token)
        end = _whole_characters(self._pending)
        text, self._pending = self._pending[:end], self._pending[end:]
        return text.decode("utf-8", "replace")

    def finish(self) -> str:
        """What is left when no token follows."""
        text, self._pending = self._pending, b""
        return text.decode("utf-8", "replace")


def _whole_characters(data: bytes) -> int:
    """How many of `data`'s bytes are safe to print: up to a character that more
    bytes may complete, or the Jamo of a syllable that more may follow."""
    end = len(data)
    for back in range(1, min(4, end) + 1):
        byte = data[end - back]
        if byte >= 0xC0:  # the first byte of a character
            size = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            if byte < 0xF8 and size > back:
                end -= back
            break
        if byte < 0x80:
            break
    while end >= 3 and data[end - 3] == 0xE1:  # U+1100 .. U+11A7: a syllable's begin
        character = int.from_bytes(data[end - 2 : end], "big")
        if not 0x8480 <= character <= 0x86A7:
            break
        end -= 3
    return end


class Tokenizer:
    """The tokenizer of a checkpoint: a Hugging Face `tokenizer.json` with the files
    beside it, or what a GGUF file says.

    `files` has their contents by name; GGUF's is called gguf-tokenizer.json.
    `vocabulary` is the model's, which the tokens must fit.
    """

    def __init__(self, files: Mapping[str, bytes], vocabulary: int | None = None) -> None:
        self._special: dict[str, str] = {}
        self._templates: dict[str, str] = {}
        self._table: dict[int, bytes] = {}
        self._gguf: dict[str, Any] | None = None
        self._numbers: dict[int, int] = {}
        if "tokenizer.json" in files:
            self._read_huggingface(files)
        elif GGUF_NAME in files:
            self._read_gguf(_parse(GGUF_NAME, files[GGUF_NAME]))
        elif "tokenizer.model" in files:
            raise Error(
                "the checkpoint has a tokenizer.model but no tokenizer.json, which is what is "
                "read: write one with AutoTokenizer.from_pretrained(FOLDER).save_pretrained(...) "
                "of transformers"
            )
        else:
            raise Error("there is no tokenizer.json")
        if vocabulary is not None and self.vocabulary_size > vocabulary:
            raise Error(
                f"the tokenizer does not fit: it has {self.vocabulary_size} tokens, but the "
                f"model's vocabulary has {vocabulary}"
            )

    @classmethod
    def from_artifact(cls, artifact: Any) -> Tokenizer | None:
        """The tokenizer that travels in an artifact; None where there is none."""
        names = [name for name in artifact.attachments if name in (*FILES, GGUF_NAME)]
        if not {"tokenizer.json", GGUF_NAME} & set(names):
            return None
        return cls({name: artifact.attachment(name) for name in names})

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Tokenizer:
        """A tokenizer.json (with the files beside it), the folder of one, or a
        gguf-tokenizer.json."""
        path = Path(path)
        if path.suffix == ".gguf":
            raise Error(f"{path}: compile it; the artifact then has its tokenizer")
        folder = path if path.is_dir() else path.parent
        try:
            if path.name == GGUF_NAME:
                return cls({GGUF_NAME: path.read_bytes()})
            files = {
                name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()
            }
            if not path.is_dir():
                files["tokenizer.json"] = path.read_bytes()
        except OSError as error:
            raise Error(f"{path}: {error.strerror}") from error
        return cls(files)

    # What the files say.

    def _read_gguf(self, data: dict[str, Any]) -> None:
        _import_tokenizers()
        self._gguf = data
        self._backend, self._numbers = gguf.build(data)
        tokens = data["tokens"]
        self.vocabulary_size = len(tokens)
        names = {"unknown": "unk", "padding": "pad", "seperator": "sep"}
        for name, token in data.get("special", {}).items():
            self._special[names.get(name, name)] = tokens[token]
        self.stop_ids = frozenset(data.get("end_tokens", ()))
        self._templates = dict(data.get("chat_templates", {}))
        if "chat_template" in data:
            self._templates["default"] = data["chat_template"]
        self._bytes = gguf.byte_reader(data)

    def _read_huggingface(self, files: Mapping[str, bytes]) -> None:
        tokenizers = _import_tokenizers()
        try:
            self._backend = tokenizers.Tokenizer.from_str(files["tokenizer.json"].decode())
        except Exception as error:  # whatever the package raises
            raise Error(f"tokenizer.json cannot be read: {error}") from error
        vocabulary = self._backend.get_vocab(with_added_tokens=True)
        self.vocabulary_size = max(vocabulary.values(), default=-1) + 1
        settings = {
            name: _parse(name, files[name]) for name in FILES if name in files and name[-1] == "n"
        }
        for name in ("special_tokens_map.json", "tokenizer_config.json"):
            for key in _SPECIAL:
                token = settings.get(name, {}).get(key + "_token")
                token = token.get("content") if isinstance(token, dict) else token
                if isinstance(token, str):
                    self._special[key] = token
        ends = settings.get("generation_config.json", {}).get("eos_token_id")
        ids = set(ends if isinstance(ends, list) else [] if ends is None else [ends])
        ids.add(self._backend.token_to_id(self._special.get("eos", "")))
        self.stop_ids = frozenset(token for token in ids if token is not None)

        template = settings.get("tokenizer_config.json", {}).get("chat_template")
        template = template or settings.get("chat_template.json", {}).get("chat_template")
        if isinstance(template, str):
            self._templates["default"] = template
        for entry in template if isinstance(template, list) else ():
            self._templates[entry["name"]] = entry["template"]
        if "chat_template.jinja" in files:
            self._templates["default"] = files["chat_template.jinja"].decode("utf-8", "replace")
        self._bytes = self._huggingface_bytes(settings["tokenizer.json"])

    def _huggingface_bytes(self, settings: Mapping[str, Any]) -> Callable[[int], bytes | None]:
        added = {
            entry["id"]: None if entry.get("special") else entry["content"].encode()
            for entry in settings.get("added_tokens", ())
        }
        decoder = json.dumps(settings.get("decoder"))
        alphabet = gguf.byte_of_character() if '"ByteLevel"' in decoder else None
        inside = None  # what begins a piece that is not a word's first
        if (settings.get("decoder") or {}).get("type") == "WordPiece":
            inside = settings["decoder"].get("prefix", "##")

        def read(token: int) -> bytes | None:
            if token in added:
                return added[token]
            text = self._backend.id_to_token(token)
            if text is None:
                return None
            if alphabet is not None and all(character in alphabet for character in text):
                return bytes(alphabet[character] for character in text)
            if len(text) == 6 and text.startswith("<0x") and '"ByteFallback"' in decoder:
                return bytes([int(text[3:5], 16)])
            if inside is not None:
                text = text[len(inside) :] if text.startswith(inside) else " " + text
            return text.replace("▁", " ").encode()

        return read

    # Its uses.

    @property
    def has_chat_template(self) -> bool:
        return bool(self._templates)

    def token_id(self, token: str) -> int | None:
        """The number of a token, given as it is written in the vocabulary."""
        index = self._backend.token_to_id(token)
        return self._numbers.get(index, index)

    def _special_id(self, name: str) -> int | None:
        return self.token_id(self._special[name]) if name in self._special else None

    @property
    def bos_id(self) -> int | None:
        """The token that texts begin with, if there is one."""
        return self._special_id("bos")

    @property
    def eos_id(self) -> int | None:
        """The token that ends a text; `stop_ids` has all that do."""
        return self._special_id("eos")

    def encode(
        self, text: str, add_special_tokens: bool = True, parse_special: bool = True
    ) -> list[int]:
        """The tokens of `text`. `add_special_tokens` puts those in front and behind
        that the model expects of every text; without `parse_special`, control tokens
        that are spelled out in it are text."""
        self._backend.encode_special_tokens = not parse_special
        try:
            ids = self._backend.encode(text, add_special_tokens=add_special_tokens).ids
        except Exception as error:  # whatever the package raises
            raise Error(f"the tokenizer cannot encode the text: {error}") from error
        ids = [self._numbers.get(index, index) for index in ids]
        if self._gguf is not None and add_special_tokens:
            special = self._gguf["special"]
            if gguf.begins_with_bos(self._gguf):
                ids = [special["bos"], *ids]
            if gguf.ends_with_eos(self._gguf):
                ids = [*ids, special["eos"]]
        return ids

    def _bytes_of(self, token: int) -> bytes:
        token = int(token)
        if token not in self._table:
            if token < 0:
                raise Error(f"{token} is no token")
            self._table[token] = self._bytes(token) or b""
        return self._table[token]

    def decode(self, ids: Iterable[int], skip_special_tokens: bool = True) -> str:
        """The text of tokens; control tokens are left out, or spelled out."""
        tokens = [int(token) for token in ids]
        if self._gguf is None:
            return self._backend.decode(tokens, skip_special_tokens=skip_special_tokens)
        pieces = [self._bytes_of(token) for token in tokens]
        if not skip_special_tokens:
            for i, token in enumerate(tokens):
                if not pieces[i] and token < self.vocabulary_size:
                    pieces[i] = self._gguf["tokens"][token].encode()
        text = b"".join(pieces).decode("utf-8", "replace")
        return text[1:] if gguf.adds_space(self._gguf) and text.startswith(" ") else text

    def decoder(self) -> Decoder:
        """Decodes token by token what follows a text."""
        return Decoder(self._bytes_of)

    def apply_chat_template(
        self,
        messages: Sequence[Mapping[str, Any]],
        add_generation_prompt: bool = True,
        template: str | None = None,
        **variables: Any,
    ) -> str:
        """The text of a conversation ([{"role": ..., "content": ...}, ...]), which
        `encode(text, add_special_tokens=False)` takes. `template` names one of
        several, or is one; `variables` are for it (tools, enable_thinking ...)."""
        if template is not None and ("{" in template or template not in self._templates):
            if "{" not in template:
                known = ", ".join(map(repr, self._templates)) or "none"
                raise Error(f"there is no chat template {template!r}; there are {known}")
            text = template
        elif not self._templates:
            raise Error(
                "the checkpoint has no chat template: give a text, or template=... with one"
            )
        else:
            text = self._templates[
                template
                or ("default" if "default" in self._templates else next(iter(self._templates)))
            ]
        special = {name + "_token": token for name, token in self._special.items()}
        return render(text, messages, add_generation_prompt, {**special, **variables})
