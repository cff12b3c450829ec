#!/usr/bin/env python3
"""Keeps code that documents quote equal to the code itself.

A source marks a passage by `// [snippet: NAME]` and `// [end]`; a document
quotes it in the code block behind `<!-- PATH: NAME -->`. Without arguments all
documents are brought up to date; with --check the differences are shown.
"""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
QUOTE = re.compile(r"(<!-- (\S+): (\w+) -->\n```(\w*)\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)


def snippet(path: str, name: str) -> str:
    """The passage of that name, without its indentation."""
    text = (ROOT / path).read_text()
    found = re.findall(
        rf"^[ ]*// \[snippet: {name}\]\n(.*?)^[ ]*// \[end\]$", text, re.MULTILINE | re.DOTALL
    )
    if len(found) != 1:
        raise SystemExit(f"{path} has {len(found)} passages '{name}'")
    return textwrap.dedent(found[0])


def updated(text: str) -> str:
    """The document with its quotes as the sources have them."""
    return QUOTE.sub(lambda quote: quote[1] + snippet(quote[2], quote[3]) + quote[6], text)


def main() -> int:
    stale = 0
    for path in sorted((ROOT / "docs").glob("**/*.md")):
        text = path.read_text()
        wanted = updated(text)
        if wanted == text:
            continue
        stale += 1
        print(f"{path.relative_to(ROOT)} quotes code that has changed")
        if "--check" not in sys.argv:
            path.write_text(wanted)
    return stale if "--check" in sys.argv else 0


if __name__ == "__main__":
    raise SystemExit(main())
