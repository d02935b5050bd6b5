"""Passwords in URLs: what is written down, logged or shown has `***` in their place."""

from __future__ import annotations

import re

_PASSWORD = re.compile(r'(://[^\s/@:"\\?#]*:)[^\s/@"\\?#]*@')


def masked(text: str) -> str:
    """Returns `text` with the password of every URL in it replaced; the user name stays."""
    return _PASSWORD.sub(r"\1***@", text) if "://" in text and "@" in text else text
