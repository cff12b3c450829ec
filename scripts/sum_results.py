"""Adds up the result files of scripts/test.sh and prints the totals."""

import json
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def count_junit(path: Path) -> tuple[int, int]:
    """Passed and failed test cases of a JUnit file; skipped ones are neither."""
    passed = failed = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        states = {child.tag for child in case}
        if states & {"failure", "error"}:
            failed += 1
        elif "skipped" not in states and case.get("status") not in ("notrun", "disabled"):
            passed += 1
    return passed, failed


def count_nodes(path: Path) -> tuple[int, int]:
    """A node test counts as failed when it differs from what is expected."""
    counts = json.loads(path.read_text())
    return counts["passed"], counts["unexpected"]


def main(folder: Path) -> int:
    passed = failed = 0
    rows: list[tuple[str, int, int]] = []
    for path in sorted(folder.iterdir()):
        if path.suffix in (".xml", ".json"):
            count = count_junit if path.suffix == ".xml" else count_nodes
            try:
                row = (path.stem, *count(path))
            except (ElementTree.ParseError, ValueError, KeyError) as error:
                print(f"{path.stem}: unreadable results: {error}")
                row = (path.stem, 0, 1)
            rows.append(row)
    counted_failures = {name for name, _, bad in rows if bad}
    for path in sorted(folder.glob("*.exit")):
        if path.stem not in counted_failures:
            print(f"{path.stem}: ended with exit code {path.read_text().strip()}")
            rows.append((path.stem, 0, 1))
    for name, good, bad in rows:
        print(f"{name:>14}: {good} passed, {bad} failed")
        passed += good
        failed += bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
