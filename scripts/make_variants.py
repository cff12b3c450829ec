#!/usr/bin/env python3
"""Makes random tiny checkpoints of language-model families, and the logits that
the tests' NumPy reference computes for them (reference.npz in each folder).
Where transformers and torch are installed, also compares with them, families
that transformers has: the way to validate the reference, and never needed to
build or test Narae.

    scripts/make_variants.py FOLDER [--count N] [--first SEED] [FAMILY ...]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "test" / "python"))
from checkpoints import read_checkpoint, write_checkpoint
from language_reference import Reference
from variants import FAMILIES, Variant

# No class in transformers: these come with code of their own.
REMOTE = {"exaone", "vaetki"}


def transformers_logits(folder: Path, tokens: np.ndarray) -> np.ndarray:
    """Of the weights in float32, whatever they are stored in."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    config = json.loads((folder / "config.json").read_text())
    config.pop("quantization_config", None)
    with tempfile.TemporaryDirectory() as name:
        tensors = read_checkpoint(folder).items()
        write_checkpoint(Path(name), config, {k: (v, "F32") for k, v in tensors})
        model = transformers.AutoModelForCausalLM.from_pretrained(
            name, dtype=torch.float32, attn_implementation="eager"
        )
        with torch.no_grad():
            return model(torch.tensor(tokens)).logits.numpy()


def comparable(variant: Variant) -> bool:
    """Whether transformers has all that the variant uses, and leaves no choice:
    A.X K2's experts of groups that are not chosen all score 0, and the order of
    equals is nobody's."""
    config = variant.config
    if variant.family == "axk2" and config["n_group"] > 1:
        return False
    if variant.family == "exaone4" and config["sliding_window"] is None:
        return False  # divides by the missing pattern
    return variant.family not in REMOTE and "swiglu_limits" not in config


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help="all when none is given")
    parser.add_argument("--count", type=int, default=4, help="of each family (default 4)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default 0)")
    options = parser.parse_intermixed_args()
    if unknown := set(options.families) - set(FAMILIES):
        parser.error(f"no family {', '.join(sorted(unknown))}; there are {', '.join(FAMILIES)}")
    compare = find_spec("transformers") is not None and find_spec("torch") is not None
    wrong = 0
    for family in options.families or FAMILIES:
        for seed in range(options.first, options.first + options.count):
            variant = Variant(family, seed)
            folder = options.folder / f"{family}.{seed}"
            variant.write(folder)
            tokens = variant.rng.integers(0, variant.config["vocab_size"], (2, 24))
            logits = Reference(folder).logits(tokens)
            np.savez(folder / "reference.npz", tokens=tokens, logits=logits)
            line = f"{family}.{seed}: {variant.storage}, {variant.layers} layers"
            if compare and comparable(variant):
                other = transformers_logits(folder, tokens)
                error = np.abs(other - logits).max() / np.abs(logits).max()
                wrong += error > 1e-5
                line += f", transformers differs by {error:.1e}"
            print(line, flush=True)
    if wrong:
        print(f"{wrong} differ by more than 1e-5 of the largest logit")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
