"""SIP messages as odd as the grammar allows: compact and mixed-case names, blanks and folds, quotes, bytes of no text.

And less sound ones: lines without a colon, blanks at the wrong place, lengths that do not fit.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

Text = st.SearchStrategy[str]
Draw = Callable[..., str]

LONG = {
    "Via": "v", "From": "f", "To": "t", "Call-ID": "i", "CSeq": "", "Contact": "m", "Content-Type": "c", "Route": "",
    "Record-Route": "", "Max-Forwards": "", "Require": "", "Expires": "", "Subject": "s", "Supported": "k",
    "Content-Encoding": "e", "Event": "o", "Refer-To": "r", "Accept": "", "X-Unheard-Of": "", "Authorization": "",
    "Reason": "", "Path": "", "Allow": "", "User-Agent": "", "Session-Expires": "x",
}  # fmt: skip
METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "NOTIFY", "!odd-Method.%1")

some = st.sampled_from
sws = some(["", "", "", " ", "  ", "\t", "\r\n ", " \r\n\t "])
lws = some([" ", " ", "  ", "\t", "\r\n ", " \r\n\t "])
token = st.text("abcXYZ0189-.!%*_+`'~", min_size=1, max_size=8)
loose = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=16
)  # fmt: skip
undecodable = st.binary(min_size=1, max_size=6).map(
    lambda raw: raw.replace(b"\r", b"?").replace(b"\n", b"?").decode("utf-8", "surrogateescape")
)
host = some(["h", "Example.ORG", "10.0.0.1", "[2001:db8::1]", "a-b.c"])
port = st.one_of(st.just(""), st.integers(1, 65535).map(lambda number: f":{number}"))
plain_uri = some(["sip:a@b", "sip:example.org", "sips:x.y:5061", "tel:+1-201", "sip:u%40x:pw@[::1]:5070"])
bracketed_uri = some(["sip:a@b;lr", "sip:a,b?x=y@c;transport=tcp", "sip:a@b?Route=%3Csip:x%3E", "sip:;@h"])
quoted = some(['"Ann"', '"a \\"b\\" c"', '"x;tag=no"', '"<sip:not@this>;tag=no"', '"a,b"', '""', '"J\xf6rg \\\\"'])


@st.composite
def cased(draw: Draw, text: str) -> str:
    """Some letters of a name large, others small."""
    how = draw(some(["as is", "as is", "lower", "upper", "mixed"]))
    if how == "mixed":
        return "".join(char.upper() if number % 2 else char.lower() for number, char in enumerate(text))
    return text.lower() if how == "lower" else text.upper() if how == "upper" else text


@st.composite
def parameters(draw: Draw, known: tuple[str, ...]) -> str:
    """`;a=b` with blanks where they may stand; the known names with what is theirs, and others."""
    names = list(draw(st.permutations(known)))[: draw(st.integers(0, len(known)))]
    text = ""
    for name in [*names, *draw(st.lists(some(["x", "lr", "ttl", "ext"]), max_size=2, unique=True))]:
        value = draw(st.one_of(token, quoted)) if name in ("x", "ext") else draw(token)
        written = draw(cased(name))
        if name in ("lr", "rport") and draw(st.booleans()):
            text += f"{draw(sws)};{draw(sws)}{written}"
        else:
            text += f"{draw(sws)};{draw(sws)}{written}{draw(sws)}={draw(sws)}{value}"
    return text


@st.composite
def a_via(draw: Draw) -> str:
    slash, second = (f"{draw(sws)}/{draw(sws)}" if draw(st.booleans()) else "/" for _ in range(2))
    transport = draw(some(["UDP", "TCP", "udp", "TLS", "SCTP", "x-odd"]))
    return f"SIP{slash}2.0{second}{transport}{draw(lws)}{draw(host)}{draw(port)}{draw(parameters(VIA_PARAMETERS))}"


VIA_PARAMETERS = ("branch", "rport", "received")


@st.composite
def an_address(draw: Draw) -> str:
    display = draw(st.one_of(st.just(""), quoted, token.map(lambda word: word + " ")))
    if display or draw(st.booleans()):
        uri = f"<{draw(st.one_of(plain_uri, bracketed_uri))}>"
        return f"{display}{draw(sws)}{uri}{draw(parameters(('tag', 'q')))}"
    return f"{draw(plain_uri)}{draw(parameters(('tag', 'q')))}"


@st.composite
def a_cseq(draw: Draw) -> str:
    number = draw(some(["0", "1", "0009", "2147483647", "2147483648", "99999999999", "-1", "x"]))
    return f"{number}{draw(lws)}{draw(some(METHODS))}"


@st.composite
def several(draw: Draw, one: Text) -> str:
    """A list of values in one header."""
    return f"{draw(sws)},{draw(sws)}".join(draw(st.lists(one, min_size=1, max_size=3)))


VALUES: dict[str, Text] = {
    "Via": several(a_via()), "From": an_address(), "To": an_address(), "Contact": several(an_address()),
    "Route": several(an_address()), "Record-Route": several(an_address()), "CSeq": a_cseq(), "Call-ID": token,
    "Content-Type": some(["application/sdp", "Application/SDP ;charset=x", "text/plain"]),
    "Max-Forwards": some(["70", "0", "0068", "x"]), "Require": several(token),
}  # fmt: skip


@st.composite
def header(draw: Draw) -> str:
    name = draw(some(list(LONG)))
    value = draw(st.one_of(VALUES.get(name, loose), VALUES.get(name, loose), loose, undecodable))
    written = draw(cased(draw(some([name, name, LONG[name] or name]))))
    return f"{written}{draw(some(['', '', ' ', chr(9), '  ']))}:{draw(sws)}{value}{draw(some(['', '', ' ', chr(9)]))}"


odd_line = some(
    ["", " ", "nonsense", ": no name", " : y", "\tx: y", "x", "a\r: b", "b\n: c", "Via\r\n : x", "c : d:e", "\xa0: x"]
)


@st.composite
def length_line(draw: Draw, size: int) -> str:
    stated = draw(
        some([size, size, size, size + 1, max(0, size - 1), 0, -1, "", "x", f"0{size}", 2**32, "1 2", "\u0661"])
    )
    return f"{draw(cased(draw(some(['Content-Length', 'l']))))}{draw(some(['', ' ']))}:{draw(sws)}{stated}"


@st.composite
def start_line(draw: Draw) -> str:
    request = f"{draw(some(METHODS))} {draw(st.one_of(plain_uri, bracketed_uri))} {draw(some(['SIP/2.0', 'sip/2.0']))}"
    status = draw(st.one_of(st.integers(100, 699), some([99, 700, 2000, "2x0", ""])))
    response = f"SIP/2.0 {status}{draw(some([' OK', ' ', '', '  two', 'x']))}"
    odd = draw(some(["INVITE", "INVITE  x  SIP/2.0", "INVITE SIP/2.0", "A b SIP/7.0", "A b c", " ", "A b SIP/2.0 "]))
    return draw(some([request, request, response, response, odd]))


@st.composite
def message(draw: Draw, *, sound: bool = False) -> bytes:
    """One message; a sound one has no odd lines and says how long its body is."""
    body: bytes = draw(st.binary(max_size=20))  # type: ignore[assignment]
    lines: list[str] = list(draw(st.lists(header(), max_size=8)))
    if sound:
        lines.append(f"{draw(some(['Content-Length', 'l', 'CONTENT-LENGTH']))}{draw(sws).strip()}:{len(body)}")
        start = f"{draw(some(METHODS))} {draw(plain_uri)} SIP/2.0"
    else:
        lines += draw(st.lists(st.one_of(odd_line, length_line(len(body))), max_size=2))
        start = draw(start_line())
    lines = list(draw(st.permutations(lines)))
    head = "\r\n".join([start, *lines])
    return head.encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


@st.composite
def description(draw: Draw) -> bytes:
    """A session description, with lines of any letter, lines that end as they like, and bytes of no text."""
    end = draw(some(["\r\n", "\r\n", "\n"]))
    value = st.one_of(loose, undecodable).map(lambda text: text.replace("\n", ""))
    lines = ["v=0", *(f"{letter}={draw(value)}" for letter in draw(st.lists(some(list("osiuepcbtrzka")), max_size=6)))]
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(some(["audio", "video", "Audio", "application"]))
        lines.append(
            f"m={kind}{draw(some([' ', '  ']))}{draw(some(['4000', '0', '4000/2']))} RTP/AVP 0 8 {draw(token)}"
        )
        lines += [f"{letter}={draw(value)}" for letter in draw(st.lists(some(list("icbka")), max_size=4))]
    return (end.join(lines) + draw(some([end, end, "", end + end]))).encode("utf-8", "surrogateescape")
