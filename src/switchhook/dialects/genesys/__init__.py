"""Genesys Web Services (`api/v2` with CometD): agent desktops."""

from __future__ import annotations

from switchhook.dialects.genesys.dialect import Genesys

__all__ = ["Genesys"]
