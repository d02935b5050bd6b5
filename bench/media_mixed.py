"""How many G.711 legs one core mixes in rooms of three or more: `python -m bench.media_mixed [LEGS ...] [--room N]`."""

from __future__ import annotations

import argparse
import sys

from bench.media_rig import main


def room_size(arguments: list[str]) -> int:
    """Returns how many legs share a room."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--room", type=int, default=3)
    return int(parser.parse_known_args(arguments)[0].room)


def roommates(leg: int, legs: int, size: int) -> list[int]:
    """Returns the others in a leg's room."""
    first = leg // size * size
    return [other for other in range(first, min(first + size, legs)) if other != leg]


if __name__ == "__main__":
    SIZE = room_size(sys.argv[1:])
    main(
        f"mixing: rooms of {SIZE}, PCMU, 20 ms",
        lambda leg, legs: roommates(leg, legs, SIZE),
        stamped=False,
        more=lambda parser: parser.add_argument("--room", type=int, default=3),
    )
