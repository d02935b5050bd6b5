"""That the fast reader of messages (`sip.message`) and the slow one (`reference_reader`) read the same."""

from __future__ import annotations

from switchhook.sip.message import _INDEXED, Malformed, Message, parse
from tests.sip import reference_reader as slow

INDEXED = [name.lower() for name in _INDEXED]
OTHERS = ("subject", "supported", "refer-to", "x-unheard-of", "session-expires", "allow-events", "user-agent")


def agree(wire: bytes) -> None:
    """Both readers read the same, or both refuse."""
    try:
        expected = slow.read(wire)
    except slow.NoMessage:
        try:
            parse(wire)
        except Malformed:
            return
        raise AssertionError("read what is no message") from None
    found = parse(wire)
    assert (found.verb, found.uri, found.version, found.status, found.phrase) == (
        expected.verb,
        expected.uri,
        expected.version,
        expected.status,
        expected.phrase,
    )
    assert (found.flaw, found.body) == (expected.flaw, expected.body)
    assert list(found.lines) == [expected.start, *(header.line for header in expected.headers)]
    for name in INDEXED:
        values = expected.values(name)
        assert found.all(name) == values
        assert found.first(name) == next(iter(values), "")
        assert found.listed(name) == [part for value in values for part in slow.parts(value, ",") if part]
    for name in OTHERS:
        assert found.get_all(name.title()) == expected.all_values(name)
    assert found.pairs() == [
        (header.written_name, header.value if ":" in header.line else "") for header in expected.headers
    ]
    assert found.call_id == expected.value("call-id")
    assert found.content_type == expected.value("content-type").partition(";")[0].strip(" \t").lower()
    grammars_agree(found, expected)
    assert wire.startswith(bytes(found))
    assert bytes(found) == wire[: len(wire) - len(wire.partition(b"\r\n\r\n")[2]) + len(found.body)]


def grammars_agree(found: Message, expected: slow.Reading) -> None:
    cseq = slow.cseq(expected.value("cseq"))
    if cseq is not None:
        assert found.cseq == cseq
        assert found.method == (expected.verb or cseq[1])
    else:
        assert found.cseq is None or len(expected.value("cseq").split()) == 2
    for which, tag in (("from", found.from_tag), ("to", found.to_tag)):
        said = slow.tag(expected.value(which))
        assert said is None or tag == said
    top = slow.parts(expected.value("via"), ",")[0]
    via = slow.via(top)
    if via is not None:
        assert found.via == via
        assert found.top_branch() == via[3]
