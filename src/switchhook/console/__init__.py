"""Pages that the server itself offers to a browser."""

from __future__ import annotations

from switchhook.console.pages import console_routes

__all__ = ["console_routes"]
