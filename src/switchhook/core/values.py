"""`dataclass` for values: frozen for the type checker, plain at run time.

A frozen dataclass sets each field through `object.__setattr__`, three times the cost of a plain one, and a call makes
some hundred facts, actions and events. mypy sees the standard decorator and refuses every assignment to a frozen
field; the interpreter gets the same class with the same equality and hash, without the guard that nobody needs then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:
    import dataclasses

    def dataclass(cls: Any = None, /, *, frozen: bool = False, **options: Any) -> Any:
        """Makes a dataclass whose `frozen` means hashable by value; takes what `dataclasses.dataclass` takes."""

        def made(cls: Any) -> Any:
            return dataclasses.dataclass(unsafe_hash=frozen, **options)(cls)

        return made if cls is None else made(cls)
