"""Plivo Voice: its REST API, its documents and its webhooks (not PHLO, which is in `phlo`)."""

from switchhook.dialects.plivo.dialect import Plivo

__all__ = ["Plivo"]
