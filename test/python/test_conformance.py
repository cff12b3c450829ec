"""The conformance kit passes on the CPU and knows all ops that kernels are made of."""

from __future__ import annotations

import json
import re
from collections import Counter

from conftest import ROOT, RunTool

#: Ops without a check of numbers of their own.
WITHOUT_NUMBERS = {
    # The host program's, and what holds data.
    *("if", "loop", "yield", "constant", "weight_data", "weight", "attachment"),
    *("state", "state_read", "state_write", "text", "text_split"),
    # Layouts that a backend itself chooses, and weights that fuse into readers.
    *("pack_panels", "unpack_panels", "pack_blocks", "block_panels", "packed_matmul"),
    "dequantize",
    # Not yet.
    *("recurrent", "resize", "grid_sample", "roi_align", "max_pool_indices"),
    *("non_zero", "unique", "non_max_suppression"),
}


def dialect_ops() -> set[str]:
    text = "".join(path.read_text() for path in (ROOT / "dialects" / "fm").glob("*.td"))
    return set(re.findall(r'^def Fm_\w+Op\s*:\s*\w+<(?:Fm_Dialect, )?"(\w+)"', text, re.MULTILINE))


def test_the_kit_knows_all_ops(tool: RunTool) -> None:
    listed = tool("conformance", "--target=cpu", "--list").stdout
    known = set(re.findall(r"^numerics: fm\.(\w+)", listed, re.MULTILINE))
    assert len(known) > 90
    assert known | WITHOUT_NUMBERS == dialect_ops()
    assert not known & WITHOUT_NUMBERS


def test_cpu_passes(tool: RunTool) -> None:
    result = tool("conformance", "--target=cpu", "--json")
    report = json.loads(result.stdout)
    checks = report["checks"]
    assert [check for check in checks if check["outcome"] == "failed"] == []
    assert result.returncode == 0, result.stderr
    assert Counter(check["outcome"] for check in checks) == {
        "passed": report["passed"],
        "not supported": report["not_supported"],
    }
    assert report["passed"] > 1400
    for check in checks:
        if check["outcome"] == "not supported":
            assert check["detail"]
            # Native code is trusted; how much memory a host has is not said.
            assert check["name"] in ("damaged objects", "until it is refused") or (
                check["name"].startswith("fm.attention f64")
            ), check


def test_a_table_for_people(tool: RunTool) -> None:
    result = tool("conformance", "--target=cpu", "--only=fm.add f32")
    assert result.returncode == 0
    assert re.search(r"^group +passed +failed +not supported$", result.stdout, re.MULTILINE)
    assert re.search(r"^fm\.add +3 +- +-$", result.stdout, re.MULTILINE)
    assert "target cpu, device cpu: 3 checks passed, 0 failed" in result.stdout


def test_what_is_to_be_checked_must_be_said(tool: RunTool) -> None:
    for arguments, message in (
        ([], "which backend? Give --plugin or --target"),
        (["--target=abacus"], "unknown target 'abacus'"),
        (["--device=abacus"], "no backend for device 'abacus'"),
        (["--target=cpu", "--only=nothing at all"], "no check's name contains"),
    ):
        result = tool("conformance", *arguments)
        assert result.returncode == 1
        assert message in result.stderr
