"""Writes docs/configure.md from the settings tree; `--check` fails when the page is not current."""

from __future__ import annotations

import sys
from pathlib import Path

from switchhook.settings.reference import example, reference

PAGE = Path(__file__).parent.parent / "docs" / "configure.md"

HEAD = """\
# Configure

`switchhook serve --config switchhook.toml`. Precedence: defaults < file < environment < flags. An environment variable
is the key with double underscores (`SWITCHHOOK_HTTP__LISTEN=127.0.0.1:8081`), a flag is `--set http.listen=...`.
Relative paths start at the file's folder. An unknown key is an error that names the nearest known one;
`switchhook check` shows all problems at once, one line each.

This page is generated from the code (`make docs`).

## Example

```toml
"""


def page() -> str:
    """Returns the whole page."""
    return f"{HEAD}{example()}```\n\n{reference()}".rstrip() + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv and PAGE.read_text(encoding="utf-8") != page():
        raise SystemExit("docs/configure.md is not current: run `make docs`")
    PAGE.write_text(page(), encoding="utf-8")
