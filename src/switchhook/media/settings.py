"""What the audio engine may be told; the control process passes it to the keeper as JSON."""

from __future__ import annotations

from switchhook.core.values import dataclass


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Everything that can be set, with its default. Times in seconds unless the name says otherwise."""

    address: str = "127.0.0.1"  # put into SDP
    bind: str = ""  # where sockets listen; empty: `address`
    ports: tuple[int, int] = (20_000, 29_998)  # RTP on the even ones, RTCP on the next; ports in use are skipped
    max_legs: int = 2_500
    rtp_timeout_s: float = 60.0  # 0: never
    wire: str = "auto"
    realtime: bool = True  # SCHED_FIFO where allowed, else nice, else a warning
    nice: int = -10
    linger_s: float = 5.0  # how long the audio goes on when the control process is gone
    clip_memory_mb: int = 512  # address space; only what is decoded takes memory
    max_clips: int = 4_096
    max_recordings: int = 512
    max_forks: int = 256  # audio streams to programs at once
    espeak: str = "espeak-ng"
    cname: str = "switchhook"

    @property
    def bind_address(self) -> str:
        return self.bind or self.address

    @property
    def max_plays(self) -> int:
        """How many sounds can be known at once: six a leg, heard or paused."""
        return 64 + 6 * self.max_legs
