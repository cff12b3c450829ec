"""narae generate and narae chat: on a toy model, and through build/bin."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import narae._llm
import pytest
from conftest import BUILD
from narae import Error, _cli, _cli_chat, _cli_generate
from narae._llm import LLM
from toy_language_model import ByteTokenizer, ToyArtifact, ToySession

Tool = Callable[..., "subprocess.CompletedProcess[str]"]
Program = Callable[..., int]


class ChatTokenizer(ByteTokenizer):
    has_chat_template = True


class RawTokenizer(ByteTokenizer):
    has_chat_template = False


@pytest.fixture
def tokenizer() -> ByteTokenizer:
    return ChatTokenizer()


@pytest.fixture
def llm(monkeypatch: pytest.MonkeyPatch, tokenizer: ByteTokenizer) -> LLM:
    monkeypatch.setattr(narae._llm, "Session", ToySession)
    llm = LLM(ToyArtifact(context=200, batch=1), tokenizer=tokenizer)  # type: ignore[arg-type]
    monkeypatch.setattr(_cli, "load_model", lambda _: llm)
    return llm


def feed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8"))


def generate(*arguments: str) -> int:
    return _cli.run_program(lambda: _cli_generate.main(["toy.narae", *arguments]))


def chat(*arguments: str) -> int:
    return _cli.run_program(lambda: _cli_chat.main(["toy.narae", *arguments]))


def test_generate_writes_text_and_speed(llm: LLM, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("--raw", "Hello", "--max-tokens=8") == 0
    output = capsys.readouterr()
    assert output.out == llm.generate("Hello", max_tokens=8) + "\n"
    assert output.err.startswith("prompt 5 tokens, ")
    assert output.err.count("tokens/s") == 2
    assert generate("--raw", "Hello", "--max-tokens=8", "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_generate_answers_where_there_is_a_template(
    llm: LLM, capsys: pytest.CaptureFixture[str]
) -> None:
    user = {"role": "user", "content": "Hi"}
    for arguments, prompt in (
        (["Hi"], [user]),
        (["Hi", "--chat"], [user]),
        (["Hi", "--system=Be kind."], [{"role": "system", "content": "Be kind."}, user]),
        (["Hi", "--raw"], "Hi"),
    ):
        assert generate(*arguments, "--max-tokens=5") == 0
        assert capsys.readouterr().out == llm.generate(prompt, max_tokens=5) + "\n"


def test_generate_as_json(llm: LLM, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate("--raw", "Hello", "--max-tokens=4", "--temperature=1", "--json") == 0
    output = capsys.readouterr()
    numbers = json.loads(output.out)
    again = llm.generate("Hello", max_tokens=4, temperature=1, top_p=1, seed=numbers["seed"])
    assert numbers["text"] == again
    assert numbers["prompt_tokens"] == 5
    assert numbers["finish_reason"] in ("length", "stop")
    assert numbers["prefill_seconds"] > 0
    assert output.err == ""


def test_generate_reads_the_input(
    llm: LLM, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, "두 줄\n있다\n")
    assert generate("--raw", "--max-tokens=5") == 0
    assert capsys.readouterr().out == llm.generate("두 줄\n있다", max_tokens=5) + "\n"


def test_stop_strings_and_seeds(llm: LLM, capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"max_tokens": 30, "temperature": 1.0, "seed": 5}
    arguments = ["--raw", "Hello", "--temperature=1", "--seed=5", "--max-tokens=30", "--quiet"]
    assert generate(*arguments) == 0
    text = capsys.readouterr().out[:-1]
    assert text == llm.generate("Hello", **options)
    stop = text[10:12]
    assert generate(*arguments, "--stop", stop, "--stop=never") == 0
    assert capsys.readouterr().out[:-1] == text[: text.index(stop)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Hi", "--temperature=-1"], "temperature"),
        (["Hi", "--top-p=3", "--min-p=7"], "min_p"),
        (["Hi", "--max-tokens=0"], "max_tokens"),
        (["Hi", "--seed=-1"], "seed"),
        (["Hi", "--stop="], "stop string"),
        (["x" * 300], "the prompt has 318 tokens, but the context has 200"),
        (["\udcff"], "PROMPT is not UTF-8"),
    ],
)
def test_errors_of_generate(
    llm: LLM, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate(*arguments) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("error: ")
    assert message in output.err


@pytest.mark.parametrize(
    "arguments", [["Hi", "--raw", "--chat"], ["Hi", "--raw", "--system=x"], ["Hi", "--top-k=x"],
                  ["Hi", "there"], ["Hi", "--max=3"]],
)  # fmt: skip
def test_usage_errors(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        generate(*arguments)
    assert raised.value.code == 1
    assert capsys.readouterr().err.startswith("error: narae generate: ")


def test_input_that_is_no_utf8(
    llm: LLM, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\xff"), "utf-8"))
    assert generate("--raw") == 1
    assert capsys.readouterr().err == "error: the input is not UTF-8\n"


def test_internal_errors(
    llm: LLM, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(_cli, "load_model", fail)
    assert generate("Hi") == 2
    assert "internal error" in capsys.readouterr().err

    def fail_inside(*_: Any) -> None:
        raise Error("the compiler fell over", internal=True)

    monkeypatch.setattr(_cli, "load_model", fail_inside)
    assert generate("Hi") == 2


def test_chat_remembers(
    llm: LLM, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, "one\n\ntwo\n/reset\nthree\n/exit\nfour\n")
    prompts = []
    original = llm.generate

    def spy(messages: Any, **options: Any) -> Any:
        prompts.append([message["content"] for message in messages])
        return original(messages, **options)

    monkeypatch.setattr(llm, "generate", spy)
    assert chat("--max-tokens=4", "--temperature=0", "--system=S") == 0
    output = capsys.readouterr()
    first = prompts[1][2]
    assert prompts == [["S", "one"], ["S", "one", first, "two"], ["S", "three"]]
    assert output.out.startswith(first + "\n")
    assert output.err.count("tokens/s") == 6


def test_chat_says_when_the_context_is_full(
    llm: LLM, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    feed(monkeypatch, "x" * 300 + "\n")
    assert chat() == 1
    assert "the context has 200" in capsys.readouterr().err


@pytest.mark.parametrize("tokenizer", [RawTokenizer()])
def test_models_without_a_template(
    llm: LLM, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert generate("Hi", "--max-tokens=5") == 0
    assert capsys.readouterr().out == llm.generate("Hi", max_tokens=5) + "\n"
    feed(monkeypatch, "Hi\n")
    assert chat() == 1
    assert "narae generate continues a text" in capsys.readouterr().err


# Through the tool.


@pytest.mark.parametrize("command", ["generate", "chat"])
def test_help(tool: Tool, command: str) -> None:
    result = tool(command, "--help")
    assert result.returncode == 0, result.stderr
    assert f"narae {command}" in result.stdout
    assert "Examples:" in result.stdout
    assert "Options:" in result.stdout
    assert command in tool("--help").stdout


@pytest.mark.parametrize("command", ["generate", "chat"])
def test_files_that_are_no_language_models(tool: Tool, command: str, linear_file: Path) -> None:
    result = tool(command, linear_file.with_name("none.narae"), input="x\n")
    assert result.returncode == 1
    assert "none.narae" in result.stderr
    artifact = linear_file.with_name("linear.narae")
    assert tool("compile", linear_file, "-o", artifact).returncode == 0
    result = tool(command, artifact, input="x\n")
    assert result.returncode == 1
    assert "no language model" in result.stderr


def test_programs_run_from_anywhere(tmp_path: Path) -> None:
    link = tmp_path / "narae-generate"
    os.symlink(BUILD / "bin" / "narae-generate", link)
    environment = {"PATH": os.environ["PATH"]}
    result = subprocess.run(
        [str(link), "--help"], capture_output=True, text=True, cwd="/", env=environment, timeout=60
    )
    assert result.returncode == 0, result.stderr
