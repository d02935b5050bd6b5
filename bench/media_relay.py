"""How many G.711 legs one core relays with rewriting, and the delay added: `python -m bench.media_relay [LEGS ...]`."""

from __future__ import annotations

from bench.media_rig import main

if __name__ == "__main__":
    main("relay: pairs of legs, PCMU, 20 ms", lambda leg, legs: [leg ^ 1] if leg ^ 1 < legs else [], stamped=True)
