"""The tests' own GGUF reader and block types, against numbers from elsewhere."""

from __future__ import annotations

import zlib
from pathlib import Path

import gguf_reference
import numpy as np
import pytest
from gguf_decoder import Decoder
from safetensors.numpy import load_file

DATA = Path(__file__).resolve().parents[1] / "data" / "gguf"

# Where the f16 numbers of a block are; all other bytes may have any value.
HALVES = {
    "Q4_1": [0, 2],
    "Q5_1": [0, 2],
    "Q2_K": [80, 82],
    "Q3_K": [108],
    "Q4_K": [0, 2],
    "Q5_K": [0, 2],
    "Q6_K": [208],
}

# CRC-32 of the float32 values of `random_blocks`, as the package `gguf` 0.19.0
# (of llama.cpp) decodes them.
EXPECTED: dict[str, int] = {
    "Q4_0": 0xD42BF7B9,
    "Q4_1": 0xF3E43F0E,
    "Q5_0": 0x7A3FCAEA,
    "Q5_1": 0xC7502610,
    "Q8_0": 0x7C499FA3,
    "Q2_K": 0xDCF6197A,
    "Q3_K": 0x2D6C265A,
    "Q4_K": 0xBABD1E81,
    "Q5_K": 0x7308E2DF,
    "Q6_K": 0x8D0C189E,
    "IQ4_NL": 0x7E935432,
}


def random_blocks(type_name: str, count: int = 257) -> np.ndarray:
    """Blocks [count, bytes] that use every bit and no f16 infinity or NaN."""
    generator = np.random.Generator(np.random.PCG64(gguf_reference.NUMBERS[type_name]))
    blocks = generator.integers(0, 256, (count, gguf_reference.BLOCK[type_name][1]), np.uint8)
    for at in HALVES.get(type_name, [0]):
        blocks[:, at + 1] &= 0xBF  # an exponent below 16: |x| < 2
    return blocks


@pytest.mark.parametrize("type_name", EXPECTED)
def test_block_types(type_name: str) -> None:
    values = gguf_reference.dequantize(type_name, random_blocks(type_name).reshape(-1))
    assert np.isfinite(values).all()
    assert zlib.crc32(values.tobytes()) == EXPECTED[type_name]
    try:
        import gguf
    except ImportError:
        return
    number = gguf.GGMLQuantizationType(gguf_reference.NUMBERS[type_name])
    np.testing.assert_array_equal(
        gguf.dequantize(random_blocks(type_name), number).reshape(-1), values
    )


@pytest.mark.parametrize("path", sorted(DATA.glob("*.gguf")), ids=lambda path: path.stem)
def test_decoder(path: Path) -> None:
    golden = load_file(f"{path}.golden.safetensors")
    decoder = Decoder(path)
    largest = np.abs(golden["logits"]).max()
    for tokens, logits in zip(golden["tokens"], golden["logits"], strict=True):
        assert np.abs(decoder.logits(tokens) - logits).max() <= 1e-5 * largest
