"""`narae plan --json` is what lib/plan/plan.schema.json says."""

from __future__ import annotations

import copy
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jsonschema
import pytest
from conftest import BUILD, ROOT

CONFIGS = sorted((ROOT / "test" / "data" / "configs").glob("*/config.json"))
SCHEMA = json.loads((ROOT / "lib" / "plan" / "plan.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
TARGETS = ["cpu"] + [
    f"{path.parents[1].name}:{path.stem}" for path in sorted(ROOT.glob("backends/*/targets/*.json"))
]


def plan(arguments: list[str]) -> Any:
    done = subprocess.run(
        [str(BUILD / "bin" / "narae"), "plan", *arguments, "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, (arguments, done.stderr)
    return json.loads(done.stdout)


def test_the_schema_itself() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_all_models_and_all_targets() -> None:
    """Every model on some target, and every target for some models."""
    assert len(CONFIGS) > 20
    assert len(TARGETS) > 8
    requests = [
        [str(config), f"--target={TARGETS[i % len(TARGETS)]}", *more]
        for i, config in enumerate(CONFIGS)
        for more in ([], ["--precision=int4", "--kv-type=q8_0", "--batch=7"])
    ]
    requests += [
        [str(config), f"--target={target}", "--precision=fp8", "--devices=4"]
        for target in TARGETS
        for config in CONFIGS[::13]
    ]
    requests.append([str(CONFIGS[0]), "--compare=nvidia:h100,npu:rebel-quad"])
    with ThreadPoolExecutor(2) as pool:
        for arguments, result in zip(requests, pool.map(plan, requests), strict=True):
            problems = [error.message for error in VALIDATOR.iter_errors(result)]
            assert not problems, (arguments, problems)


def fields(value: Any, path: tuple = ()) -> list[tuple]:
    found = []
    if isinstance(value, dict):
        for key, inner in value.items():
            found.append((*path, key))
            found += fields(inner, (*path, key))
    elif isinstance(value, list) and value:
        found += fields(value[0], (*path, 0))
    return found


@pytest.mark.parametrize("target", ["nvidia:a100-40", "npu:rebel-quad"])
def test_the_schema_is_strict(target: str) -> None:
    """Without a field, with a field of another type or with one more: refused."""
    good = plan([str(CONFIGS[4]), f"--target={target}", "--precision=bf16"])
    assert VALIDATOR.is_valid(good)
    places = fields(good)
    assert len(places) > 60
    for path in places:
        bad = copy.deepcopy(good)
        holder = bad
        for step in path[:-1]:
            holder = holder[step]
        if path[:2] != ("hardware", "peak") or len(path) > 3:
            removed = holder.pop(path[-1])
            assert not VALIDATOR.is_valid(bad), f"without {path}"
            holder[path[-1]] = removed
        if path[-1] in ("organisation", "near"):  # null where there is none
            continue
        holder[path[-1]] = None
        assert not VALIDATOR.is_valid(bad), f"null as {path}"
    good["surprise"] = 1
    assert not VALIDATOR.is_valid(good)
