"""DTMF on a live call: presses keys towards the telephone of a leg (plivo-voice-api 5.3)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from switchhook.core import requests as r
from switchhook.core.errors import Refused
from switchhook.dialects.plivo.actions.legs import legs_argument, legs_wanted
from switchhook.dialects.plivo.actions.sounds import needed
from switchhook.dialects.plivo.asked import Answer, Asked, Resources, path
from switchhook.dialects.plivo.problems import invalid, of_refusal

if TYPE_CHECKING:
    from switchhook.dialects.plivo.rest import Rest

_KEYS = re.compile(r"([0-9*#wWA-Da-d]{1,256})(?:@(\d{1,5}))?")
TONE_MS = (40, 6000)  # what telephones and networks understand as one key


def press(rest: Rest, asked: Asked) -> Answer:
    """POST Call/{uuid}/DTMF/: `w` waits 0.5 s, `W` 1 s; `@ms` behind the keys is the length of each tone."""
    found = _KEYS.fullmatch(needed(asked, "digits"))
    if found is None:
        raise invalid("digits", "0-9 * # w W are expected")
    tone_ms = min(max(int(found[2]), TONE_MS[0]), TONE_MS[1]) if found[2] else None
    (leg,) = legs_wanted(rest, asked, legs_argument(asked, "leg", "legs", choices=("aleg", "bleg")))
    try:
        request = r.SendKeys(leg, found[1]) if tone_ms is None else r.SendKeys(leg, found[1], tone_ms)
        rest.exchange.ask(request, cause=asked.api_id)
    except Refused as refused:
        raise of_refusal(refused) from refused
    return Answer(202, {"api_id": asked.api_id, "message": "digits sent"})


RESOURCES: Resources = ((path("call/{uuid}/dtmf"), {"POST": press}),)
