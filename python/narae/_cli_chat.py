"""The program narae-chat: a conversation with a language model."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from . import _cli
from ._errors import Error

EXAMPLES = """\
  narae chat model.narae
  narae chat model.narae --system "Answer in one sentence." --temperature=0
  printf 'My name is Ada.\\nWhat is my name?\\n' | narae chat model.narae
"""
COMMANDS = "/reset forgets the conversation, /exit (or Ctrl-D) ends, Ctrl-C ends an answer"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = _cli.make_parser(
        "chat",
        "F.narae [options]",
        f"Answers what is typed, or each line of the input, and remembers it.\n{COMMANDS}.",
        EXAMPLES,
    )
    positional = parser.add_argument_group("Arguments")
    positional.add_argument("artifact", metavar="F.narae", help="a compiled language model")
    _cli.add_options(parser, temperature=0.7, top_p=0.95)
    return parser.parse_intermixed_args(arguments)


class Conversation:
    """The messages so far, and the model that continues them."""

    def __init__(self, llm: Any, options: argparse.Namespace) -> None:
        self._llm, self._options = llm, options
        self._sampling = _cli.sampling_options(options)
        self._messages: list[dict[str, str]] = []
        self.reset()

    def reset(self) -> None:
        self._messages.clear()
        if self._options.system is not None:
            system = _cli.check_text(self._options.system, "--system")
            self._messages.append({"role": "system", "content": system})

    def answer(self, text: str) -> None:
        """Writes the answer to a message. Both are part of the conversation
        from then on, unless there is an error."""
        messages = [*self._messages, {"role": "user", "content": text}]
        generation = self._llm.generate(messages, stream=True, reuse=True, **self._sampling)
        pieces = []
        try:
            for piece in generation:
                pieces.append(piece)
                _cli.write(piece)
        except KeyboardInterrupt:
            if not sys.stdin.isatty():
                raise
        _cli.write("\n")
        self._messages = [*messages, {"role": "assistant", "content": "".join(pieces)}]
        if not self._options.quiet:
            print(_cli.describe_speed(generation.stream), file=sys.stderr)


def read_line(interactive: bool) -> str | None:
    """What is said next; None at the end."""
    if interactive:
        try:
            return input("> ")
        except EOFError:
            print()
            return None
    line = sys.stdin.readline()
    return line.rstrip("\r\n") if line else None


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    llm = _cli.load_model(options)
    if not llm.tokenizer.has_chat_template:
        raise Error(
            f"{options.artifact}: the model has no chat template; narae generate continues a text"
        )
    conversation = Conversation(llm, options)
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    if interactive and not options.quiet:
        print(COMMANDS, file=sys.stderr)
    while True:
        try:
            line = read_line(interactive)
        except KeyboardInterrupt:
            print()
            continue
        if line is None or line.strip() == "/exit":
            return 0
        if line.strip() == "/reset":
            conversation.reset()
        elif line.startswith("/"):
            print(COMMANDS, file=sys.stderr)
        elif line.strip():
            try:
                conversation.answer(line)
            except Error as error:
                if not interactive:
                    raise
                print(f"error: {error}", file=sys.stderr)


def run() -> int:
    return _cli.run_program(main)


if __name__ == "__main__":
    sys.exit(run())
