"""The program narae-generate: text from a language model."""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from . import _cli

EXAMPLES = """\
  narae generate model.narae "What is a compiler?"
  narae generate model.narae --raw "Once upon a time" --temperature=0.8 --seed=1
  narae generate model.narae --json < question.txt
"""


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = _cli.make_parser(
        "generate",
        'F.narae ["PROMPT"] [options]',
        "Writes text that answers or continues a prompt, piece by piece as it is made.\n"
        "Without PROMPT, it is read from the input. The speed goes to the error output.",
        EXAMPLES,
    )
    positional = parser.add_argument_group("Arguments")
    positional.add_argument("artifact", metavar="F.narae", help="a compiled language model")
    positional.add_argument("prompt", metavar="PROMPT", nargs="?", help="text")
    group = _cli.add_options(parser, temperature=0.0, top_p=1.0)
    mode = group.add_mutually_exclusive_group()
    mode.add_argument(
        "--chat",
        action="store_true",
        help="answer, through the chat template (default where there is one)",
    )
    mode.add_argument("--raw", action="store_true", help="continue the prompt as it is")
    group.add_argument("--json", action="store_true", help="text and numbers as JSON, at the end")
    options = parser.parse_intermixed_args(arguments)
    if options.raw and options.system is not None:
        parser.error("--system needs the chat template: leave out --raw")
    return options


def make_prompt(llm: Any, options: argparse.Namespace) -> Any:
    """A string for --raw, else messages."""
    if options.prompt is None:
        prompt = sys.stdin.read()
        # The last line's end is the terminal's, not the user's.
        prompt = prompt[:-1] if prompt.endswith("\n") else prompt
    else:
        prompt = _cli.check_text(options.prompt, "PROMPT")
    chat = options.chat or options.system is not None or llm.tokenizer.has_chat_template
    if options.raw or not chat:
        return prompt
    messages = [{"role": "user", "content": prompt}]
    if options.system is not None:
        system = _cli.check_text(options.system, "--system")
        messages.insert(0, {"role": "system", "content": system})
    return messages


def main(arguments: list[str] | None = None) -> int:
    begin = time.perf_counter()
    options = parse(arguments)
    sampling = _cli.sampling_options(options)
    llm = _cli.load_model(options)
    prompt = make_prompt(llm, options)
    loaded = time.perf_counter()
    pieces = []
    generation = llm.generate(prompt, stream=True, **sampling)
    for piece in generation:
        if options.json:
            pieces.append(piece)
        else:
            _cli.write(piece)
    stream = generation.stream
    if options.json:
        numbers = {
            "text": "".join(pieces),
            "finish_reason": stream.finish_reason,
            "prompt_tokens": stream.prompt_tokens,
            "tokens": len(stream.tokens),
            "seed": options.seed,
            "load_seconds": loaded - begin,
            "prefill_seconds": stream.prefill_seconds,
            "decode_seconds": stream.decode_seconds,
            "prefill_tokens_per_second": _cli.rate(stream.prompt_tokens, stream.prefill_seconds),
            "decode_tokens_per_second": _cli.rate(stream.decoded_tokens, stream.decode_seconds),
        }
        print(json.dumps(numbers, indent=1, ensure_ascii=False))
        return 0
    _cli.write("\n")
    if not options.quiet:
        print(_cli.describe_speed(stream), file=sys.stderr)
    return 0


def run() -> int:
    return _cli.run_program(main)


if __name__ == "__main__":
    sys.exit(run())
