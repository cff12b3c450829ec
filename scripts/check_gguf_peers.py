#!/usr/bin/env python3
"""Compares the tests' GGUF files and their references with llama.cpp.

    python scripts/check_gguf_peers.py [--variants=5] [--family=exaone4]

Converts the committed checkpoints and random variants of every family to GGUF
(test/python/gguf_convert.py), runs llama.cpp on them and prints how far its
logits are from the NumPy reference, of the largest one. Needs
`pip install llama-cpp-python`; nothing of Narae runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test" / "python"))

from checkpoints import read_checkpoint, read_safetensors  # noqa: E402
from gguf_convert import ARCHITECTURES, Conversion, Unwritable  # noqa: E402
from language_reference import Reference  # noqa: E402
from variants import Variant  # noqa: E402

Case = tuple[str, Conversion, np.ndarray, np.ndarray]


def given() -> Iterator[Case]:
    for folder in sorted((ROOT / "test/data/checkpoints").iterdir()):
        if not (folder / "config.json").exists():
            continue
        config = json.loads((folder / "config.json").read_text())
        if config["model_type"].lower() not in ARCHITECTURES:
            continue
        golden = read_safetensors(folder / "golden.safetensors")
        for separate in (True, False) if "kv_lora_rank" in config else (True,):
            name = folder.name + ("" if separate else " (old form)")
            conversion = Conversion(dict(config), read_checkpoint(folder), separate)
            yield name, conversion, golden["tokens"], golden["logits"]


def variants(family: str, count: int) -> Iterator[Case]:
    seed = 0
    while count:
        variant = Variant(family, seed)
        with tempfile.TemporaryDirectory() as text:
            folder = Path(text)
            variant.write(folder)
            config = json.loads((folder / "config.json").read_text())
            try:
                if variant.storage == "F8_E4M3":
                    raise Unwritable("fp8")
                conversion = Conversion(config, read_checkpoint(folder), seed % 2 == 0)
            except Unwritable:
                seed += 1
                continue
            tokens = variant.rng.integers(0, variant.config["vocab_size"], (2, 20))
            yield f"{family}, seed {seed}", conversion, tokens, Reference(folder).logits(tokens)
        seed, count = seed + 1, count - 1


def compare(case: Case, path: Path) -> str:
    import llama_cpp

    name, conversion, tokens, logits = case
    conversion.write(path)
    try:
        model = llama_cpp.Llama(
            str(path), n_ctx=64, logits_all=True, verbose=False, type_k=0, type_v=0
        )
    except ValueError:
        return f"{name:28} llama.cpp does not load it"
    largest = 0.0
    for row, expected in zip(tokens, logits, strict=True):
        model.reset()
        model.eval([int(token) for token in row])
        got = np.array(model.scores[: len(row)])
        largest = max(largest, float(np.abs(got - expected).max() / np.abs(expected).max()))
    model.close()
    return f"{name:28} {largest:.1e}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--variants", type=int, default=3, help="of each family")
    parser.add_argument("--family", choices=sorted(ARCHITECTURES), help="only this one")
    options = parser.parse_args()
    families = [options.family] if options.family else list(ARCHITECTURES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.gguf"
        if not options.family:
            for case in given():
                print(compare(case, path), flush=True)
        for family in families:
            for case in variants(family, options.variants):
                print(compare(case, path), flush=True)


if __name__ == "__main__":
    main()
