"""Somebody tries passwords: each try is counted, none is told more than another, and a right one still works."""

from __future__ import annotations

import re

import pytest

from switchhook.sip.digest import digest_response
from switchhook.sip.flow import Flow
from tests.sip.house import SERVER, House, telephone
from tests.sip.link import Wire

METHODS = ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE", "PUBLISH", "NOTIFY", "REFER", "BYE", "INFO", "FOO")
HERE, THERE, NOBODY = "1001", "1002", "4711"  # registered, known but away, unknown: as long as each other


def test_every_wrong_password_is_counted_and_nothing_piles_up():
    wire = Wire()
    house = House(wire)
    for number in range(50):
        guesser = telephone(wire, "1001" if number % 2 else "nobody", f"10.0.1.{number}", f"guess {number}")
        guesser.agent.register()
    wire.run(2)
    counters = house.line.counters
    assert counters.wrong_credentials == counters.forbidden == 50
    assert counters.challenges == 50
    owner = telephone(wire, "1001", "10.0.0.1", "red")
    owner.agent.register()
    wire.run(1)
    assert owner.events == ["registered 200"]
    assert counters.wrong_credentials == 50
    owner.agent.unregister()
    wire.run(100)
    assert house.clean()


class Scanner:
    """Asks as `svwar` and `sippts exten` do, each time under another name, and reads the answers."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._end, self._count = wire, wire.end("10.0.1.9"), 0
        self._end.on_message = lambda wire, _flow: self._heard.append(wire)
        self._heard: list[bytes] = []

    def ask(self, method: str, sender: str, called: str, credentials: str = "") -> str:
        """Returns the answer, without what is of this one request."""
        self._count += 1
        self._heard.clear()
        ours, target = f"n{self._count:04d}", "sip:example.org" if method == "REGISTER" else f"sip:{called}@example.org"
        request = (
            f"{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.1.9:5060;branch=z9hG4bK{ours}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{sender}@example.org>;tag={ours}\r\nTo: <sip:{called}@example.org>\r\nCall-ID: {ours}\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:x@10.0.1.9>\r\n{credentials}Content-Length: 0\r\n\r\n"
        )
        self._end.send(request.encode(), Flow("udp", SERVER, 5060, "10.0.1.9:5060"))
        self._wire.run(0.3)
        (self.said,) = (one.decode() for one in self._heard if ours.encode() in one)  # others come again: no ACK
        told = re.sub(r'(nonce="|;tag=(?!n\d))[^"\r;]*', r"\1", self.said)
        return told.replace(ours, "").replace(f"<sip:{sender}@", "<").replace(f"<sip:{called}@", "<")


@pytest.fixture
def scanner() -> Scanner:
    """Who asks a house where one of two telephones is there."""
    wire = Wire()
    House(wire)
    telephone(wire, HERE, "10.0.0.1", "red").agent.register()
    wire.run(1)
    return Scanner(wire)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("whom", ["its_own", "another"])
def test_no_request_tells_which_telephones_there_are(scanner: Scanner, method: str, whom: str) -> None:
    asked = [scanner.ask(method, user if whom == "its_own" else "4712", user) for user in (HERE, THERE, NOBODY)]
    assert asked[0].startswith("SIP/2.0 ")
    assert asked[0] == asked[1] == asked[2]


@pytest.mark.parametrize("nonce", ["fresh", "forged"])
@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_no_wrong_password_tells_which_telephones_there_are(scanner: Scanner, method: str, nonce: str) -> None:
    told = []
    for user in (HERE, THERE, NOBODY):
        scanner.ask(method, user, user)
        (given,) = re.findall(r'nonce="([^"]*)", qop="[^"]*", algorithm=MD5', scanner.said)
        given = given if nonce == "fresh" else "1.1.forged"
        made = digest_response(
            "MD5", "0" * 32, given, method, "sip:x", qop="auth", nc="00000001", cnonce="c", body=b"", sess=False
        )
        credentials = (
            f'Authorization: Digest username="{user}", realm="example.org", nonce="{given}", uri="sip:x", qop=auth, '
            f'nc=00000001, cnonce="c", response="{made}", algorithm=MD5\r\n'
        )
        told.append(scanner.ask(method, user, user, credentials))
    assert told[0].startswith("SIP/2.0 403" if nonce == "fresh" else "SIP/2.0 401")
    assert told[0] == told[1] == told[2]
