"""The REST resources that are no calls (plivo-voice-api 12): one file for each noun."""

from __future__ import annotations

from switchhook.dialects.plivo.asked import Resources
from switchhook.dialects.plivo.resources import (
    accounts,
    applications,
    endpoints,
    inventory,
    numbers,
    recordings,
    subaccounts,
)

RESOURCES: Resources = (
    *accounts.RESOURCES,
    *applications.RESOURCES,
    *endpoints.RESOURCES,
    *numbers.RESOURCES,
    *inventory.RESOURCES,
    *recordings.RESOURCES,
    *subaccounts.RESOURCES,
)
