"""What the programs narae-generate and narae-chat share."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from ._errors import Error

USER_ERROR, INTERNAL_ERROR = 1, 2


class _Parser(argparse.ArgumentParser):
    """Errors as those of the other commands, with their exit code."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {self.prog}: {message} ({self.prog} --help)", file=sys.stderr)
        sys.exit(USER_ERROR)


def make_parser(name: str, usage: str, summary: str, examples: str) -> _Parser:
    parser = _Parser(
        prog=f"narae {name}",
        usage=f"narae {name} {usage}",
        description=summary,
        epilog=f"Examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=False,
        allow_abbrev=False,
    )
    return parser


def add_options(parser: _Parser, *, temperature: float, top_p: float) -> argparse._ArgumentGroup:
    """The options of both programs; returns their group for more."""
    group = parser.add_argument_group("Options")
    group.add_argument("--max-tokens", type=int, default=512, metavar="N", help="default 512")
    group.add_argument(
        "--temperature",
        type=float,
        default=temperature,
        metavar="X",
        help=f"0 takes the most likely token; default {temperature:g}",
    )
    group.add_argument("--top-k", type=int, metavar="K", help="of the K most likely tokens")
    group.add_argument(
        "--top-p",
        type=float,
        default=top_p,
        metavar="P",
        help=f"of the most likely tokens that have P of the probability; default {top_p:g}",
    )
    group.add_argument(
        "--min-p", type=float, metavar="P", help="at least P times as likely as the most likely"
    )
    group.add_argument(
        "--repetition-penalty",
        type=float,
        default=1.0,
        metavar="X",
        help="makes tokens that occurred less likely, above 1; default 1",
    )
    group.add_argument("--seed", type=int, metavar="N", help="repeats a text; default: random")
    group.add_argument(
        "--stop", action="append", metavar="TEXT", help="end before this text; may be repeated"
    )
    group.add_argument("--system", metavar="TEXT", help="what the system says first")
    group.add_argument(
        "--tokenizer", metavar="PATH", help="instead of the artifact's own: tokenizer.json"
    )
    group.add_argument("--device", metavar="D", help="default: the first that the artifact is for")
    group.add_argument("--threads", type=int, metavar="N", help="default: all cores")
    group.add_argument(
        "--weights-dir", metavar="DIR", help="where weights outside the artifact are"
    )
    group.add_argument("--quiet", action="store_true", help="no numbers on the error output")
    group.add_argument("--help", "-h", action="help", help="show this")
    return group


def load_model(options: argparse.Namespace) -> Any:
    """The `narae.LLM` that the options name."""
    from . import _artifact, _llm

    artifact = _artifact.load(options.artifact, weights_dir=options.weights_dir)
    return _llm.LLM(artifact, options.tokenizer, options.device, options.threads)


def sampling_options(options: argparse.Namespace) -> dict[str, Any]:
    """The keywords of `LLM.generate`. A random seed becomes a known one."""
    if options.seed is None:
        options.seed = secrets.randbits(32)
    names = (
        "max_tokens", "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed",
        "stop",
    )  # fmt: skip
    return {name: getattr(options, name) for name in names}


def rate(tokens: int, seconds: float) -> float:
    """Tokens a second."""
    return tokens / seconds if seconds > 0 else 0.0


def describe_speed(stream: Any) -> str:
    """ "prompt 32 tokens, 410.2 tokens/s; text 12 tokens, 99.5 tokens/s" """
    fresh = stream.prompt_tokens - stream.reused_tokens
    kept = f" ({stream.reused_tokens} in the cache)" if stream.reused_tokens else ""
    return (
        f"prompt {stream.prompt_tokens} tokens{kept}, "
        f"{rate(fresh, stream.prefill_seconds):.1f} tokens/s; "
        f"text {len(stream.tokens)} tokens, "
        f"{rate(stream.decoded_tokens, stream.decode_seconds):.1f} tokens/s"
    )


def check_text(text: str, name: str) -> str:
    """Refuses bytes of arguments that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Error(f"{name} is not UTF-8") from None
    return text


def write(text: str) -> None:
    """Shows text at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def run_program(main: Callable[[], int]) -> int:
    """Runs a program and turns exceptions into messages and exit codes."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8")
    try:
        return main()
    except Error as error:
        for line in str(error).splitlines():
            prefix = "" if line.startswith("error:") else "error: "
            print(f"{prefix}{line}", file=sys.stderr)
        return INTERNAL_ERROR if error.internal else USER_ERROR
    except UnicodeDecodeError:
        print("error: the input is not UTF-8", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read has gone; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return USER_ERROR
    except MemoryError:
        print("error: out of memory", file=sys.stderr)
        return USER_ERROR
    except Exception as failure:
        print(f"error: internal error: {failure!r}", file=sys.stderr)
        return INTERNAL_ERROR
