"""The messages of RFC 4475 and RFC 5118, byte for byte, out of text in the RFCs' own notation.

`<allOneLine>` joins lines, `<repeat count=n>` writes a text n times, `<hex>` writes bytes (RFC 4475 2). One mark is
ours: `<sdp A>` is the description that most of the messages carry, with address A. Each message begins behind a line
`@ name section`; its lines end with CRLF on the wire.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_HERE = Path(__file__).parent
_SDP = (
    "v=0\no=mhandley 29739 7272939 IN IP4 {0}\ns=-\nc=IN IP4 {0}\nt=0 0\n"
    "m=audio 49217 RTP/AVP 0 12\nm=video 3227 RTP/AVP 31\na=rtpmap:31 LPC"
)


class Sample(NamedTuple):
    name: str
    section: str
    wire: bytes


def read(name: str) -> dict[str, Sample]:
    """Returns the messages of one of the text files beside this module, by name."""
    found = {}
    for block in re.split(r"^@ ", (_HERE / name).read_text("utf-8"), flags=re.MULTILINE)[1:]:
        title, _, text = block.partition("\n")
        key, section = title.split()
        found[key] = Sample(key, section, _wire(text))
    return found


def _wire(text: str) -> bytes:
    text = re.sub(r"<sdp ([^>]+)>", lambda m: _SDP.format(m[1]), text)
    text = re.sub(r"<allOneLine>\n(.*?)\n</allOneLine>", lambda m: m[1].replace("\n", ""), text, flags=re.DOTALL)
    text = re.sub(r"<repeat count=(\d+)>(.*?)</repeat>", lambda m: m[2] * int(m[1]), text)
    parts = re.split(r"<hex>([0-9A-F]*)</hex>", text.replace("\n", "\r\n"))
    return b"".join(bytes.fromhex(one) if n % 2 else one.encode() for n, one in enumerate(parts))


RFC4475 = read("rfc4475.txt")
RFC5118 = read("rfc5118.txt")
