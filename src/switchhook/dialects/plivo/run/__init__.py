"""Running documents on a leg: one `Session` per leg, one `Step` at a time."""
