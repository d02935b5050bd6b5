"""All resources of this package."""

from __future__ import annotations

from switchhook.dialects.plivo.actions import conference, keys, members, recording, sounds

RESOURCES = (
    *sounds.RESOURCES, *keys.RESOURCES, *recording.RESOURCES, *conference.RESOURCES, *members.RESOURCES,
)  # fmt: skip
