#!/usr/bin/env python3
"""Usage: scripts/tidy.py BUILD FILE...

Runs clang-tidy on files and remembers in BUILD/tidy which were clean: a file is
checked again only when it, a header of this project that it includes, or
.clang-tidy has changed. Needs a finished build in BUILD, which knows the headers.
NARAE_JOBS: how many at a time.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@cache
def digest_at(path: Path, _when: int) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def digest(path: Path) -> bytes:
    """Of a file as it is now: some change while others are checked."""
    try:
        return digest_at(path, path.stat().st_mtime_ns)
    except OSError:
        return b"missing"


def read_dependencies(build: Path) -> dict[str, list[Path]]:
    """Files of this project by the object that was made from them."""
    command = ["ninja", "-C", str(build), "-t", "deps"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    dependencies: dict[str, list[Path]] = {}
    current: list[Path] = []
    for line in text.splitlines():
        if line.startswith("    "):
            path = Path(os.path.normpath(build / line.strip()))
            if path.is_relative_to(ROOT) and path.suffix != ".pch":
                current.append(path)
        elif line:
            current = dependencies.setdefault(line.split(":")[0], [])
    return dependencies


def find_objects(build: Path) -> dict[Path, str]:
    """The object of each source file."""
    entries = json.loads((build / "compile_commands.json").read_text())
    objects = {}
    for entry in entries:
        words = entry["command"].split()
        objects[Path(entry["file"])] = words[words.index("-o") + 1]
    return objects


def fingerprint(source: Path, files: list[Path]) -> str:
    total = hashlib.sha256(digest(ROOT / ".clang-tidy"))
    for path in [source, *sorted(files)]:
        total.update(str(path).encode() + b"\0" + digest(path))
    return total.hexdigest()


def check(build: Path, source: Path, files: list[Path]) -> bool:
    # Without its headers nothing says when to look again.
    stamp = build / "tidy" / fingerprint(source, files) if files else None
    if stamp and stamp.exists():
        return True
    command = ["clang-tidy-19", "-p", str(build), "--quiet", "--warnings-as-errors=*", str(source)]
    # The error output only counts warnings in the headers of others.
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if result.returncode == 0 and stamp and stamp.name == fingerprint(source, files):
        stamp.write_text(f"{source.relative_to(ROOT)}\n")
    if result.returncode and not result.stdout:
        result.stdout = f"{source}: clang-tidy ended with code {result.returncode}\n"
    print(result.stdout, end="", flush=True)
    return result.returncode == 0


def main() -> int:
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 1
    build = Path(sys.argv[1]).resolve()
    (build / "tidy").mkdir(exist_ok=True)
    dependencies, objects = read_dependencies(build), find_objects(build)
    work = []
    for name in sys.argv[2:]:
        source = Path(name).resolve()
        work.append((source, dependencies.get(objects.get(source, ""), [])))
    known = sum((build / "tidy" / fingerprint(*item)).exists() for item in work)
    print(f"lint: clang-tidy, {len(work)} files, {known} known to be clean", flush=True)
    jobs = int(os.environ.get("NARAE_JOBS") or os.cpu_count() or 1)
    with ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(lambda item: check(build, *item), work))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
