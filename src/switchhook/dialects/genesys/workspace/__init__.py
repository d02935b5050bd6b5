"""The Workspace API v3 (`/workspace/v3`): a second view of the same calls, over the same operations (genesys 8.1)."""

from switchhook.dialects.genesys.workspace.routes import Carriers, Workspace

__all__ = ["Carriers", "Workspace"]
