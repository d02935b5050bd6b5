"""`python -m bench.unguarded serve ...`: the server without admission control, for the overload measure only.

It takes every call whatever its delay. It is no setting of the product, because nobody should run it: it is here to
find out what the server could carry at best if nothing were refused.
"""

from __future__ import annotations

from switchhook.cli import main
from switchhook.sip.overload import Admission, Reason


def _take_everything(_self: Admission, _kind: bytes) -> Reason | None:
    return None


if __name__ == "__main__":
    Admission.judge = _take_everything  # type: ignore[method-assign, assignment]
    main()
