"""A voice agent at the end of an audio stream, made of Pipecat's Plivo serializer and a WebSocket server.

It says its port first. Of a caller it listens to the pitch; when it has heard some, it answers with a tone of its own
at 24 kHz for twenty seconds, and falls silent when a key is pressed. At the end it says what it heard, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from types import SimpleNamespace

import numpy as np
from loguru import logger
from pipecat.frames.frames import (
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.serializers.plivo import PlivoFrameSerializer
from websockets.asyncio.server import ServerConnection, serve

RATE, OWN_RATE = 16_000, 24_000
logger.remove()


async def talk(connection: ServerConnection, own_hz: float, over: asyncio.Future[dict[str, object]]) -> None:
    opening = [json.loads(await connection.recv()) for _ in range(2)]  # as Pipecat's runner reads a new connection
    start = opening[0]["start"]
    serializer = PlivoFrameSerializer(
        stream_id=start["streamId"],
        call_id=start["callId"],
        params=PlivoFrameSerializer.InputParams(auto_hang_up=False),
    )
    await serializer.setup(SimpleNamespace(audio_in_sample_rate=RATE))
    heard, keys, others, answered = b"", "", [], False
    async for text in connection:
        frame = await serializer.deserialize(text)
        if isinstance(frame, InputAudioRawFrame):
            heard += frame.audio
        elif isinstance(frame, InputDTMFFrame):
            keys += frame.button.value
            await connection.send(await serializer.serialize(InterruptionFrame()))
        elif (event := json.loads(text)["event"]) != "media":
            others.append(event)
        if len(heard) > RATE and not answered:
            answered = True
            time = np.arange(OWN_RATE) / OWN_RATE
            tone = (np.sin(2 * np.pi * own_hz * time) * 3_000).astype("<i2").tobytes()
            for _ in range(20):
                spoken = OutputAudioRawFrame(audio=tone, sample_rate=OWN_RATE, num_channels=1)
                await connection.send(await serializer.serialize(spoken))
            mark = {"event": "checkpoint", "streamId": start["streamId"], "name": "all"}
            await connection.send(await serializer.serialize(OutputTransportMessageUrgentFrame(message=mark)))
    samples = np.frombuffer(heard[: RATE * 2], "<i2")
    pitch = np.abs(np.fft.rfft(samples)).argmax() * RATE / len(samples)
    over.set_result({"pitch": float(pitch), "keys": keys, "events": others, "bytes": len(heard), "start": start})


async def main(own_hz: float) -> None:
    over: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
    async with serve(lambda connection: talk(connection, own_hz, over), "127.0.0.1", 0) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        print(json.dumps(await over), flush=True)


asyncio.run(main(float(sys.argv[1])))
