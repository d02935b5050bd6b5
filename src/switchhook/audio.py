"""The audio processes, started before anything else: they load while the server does."""

from __future__ import annotations

from switchhook.media.guard import Guard
from switchhook.media.settings import MediaSettings
from switchhook.settings import Settings


def audio_settings(settings: Settings) -> MediaSettings:
    """Returns what the audio needs to know of a configuration."""
    chosen = settings.media
    return MediaSettings(
        address=chosen.address,
        ports=chosen.ports,
        max_legs=chosen.max_legs,
        rtp_timeout_s=chosen.rtp_timeout_s,
        wire=chosen.wire,
        realtime=chosen.realtime,
    )


async def begin_audio(settings: Settings) -> Guard:
    """Starts the audio processes and returns at once; whoever takes them waits until they are ready, and ends them."""
    guard = Guard(audio_settings(settings))
    await guard.launch()
    return guard
