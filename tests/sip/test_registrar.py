"""Registration: several contacts, expiry, too brief, unregistering, order, NAT, and what connections mean."""

from __future__ import annotations

import pytest

from switchhook.core.events import EndpointChanged
from switchhook.exchange.ports import Endpoint, Invitation
from switchhook.sip import registrar
from switchhook.sip.flow import Flow
from switchhook.sip.message import parse
from tests.sip.house import SERVER, House, telephone
from tests.sip.link import Wire


class Desk:
    """Sends REGISTERs by hand, with digest as it is asked for."""

    def __init__(self) -> None:
        from random import Random

        from switchhook.sip.digest import Credentials, Responder

        self.wire = Wire()
        self.house = House(self.wire)
        self.flow = Flow("udp", "10.0.0.1", 5060, f"{SERVER}:5060")
        self.answers: list = []
        self.count = 0
        self._make = lambda: Responder(Credentials("1001", "red"), Random(self.count))

    def register(
        self, contacts: str, *, expires: str = "", call_id: str = "c", cseq: int | None = None, more: str = ""
    ):
        head = f"Expires: {expires}\r\n" if expires else ""
        lines = "".join(f"Contact: {one}\r\n" for one in contacts.split("|") if one)
        responder = self._make()
        auth = ""
        for _ in range(2):
            self.count += 1
            number = self.count if cseq is None else cseq
            text = (
                f"REGISTER sip:example.org SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bK{self.count}\r\n"
                f"From: <sip:1001@example.org>;tag=f\r\nTo: <sip:1001@example.org>\r\nCall-ID: {call_id}\r\n"
                f"CSeq: {number} REGISTER\r\n{lines}{head}{more}{auth}Content-Length: 0\r\n\r\n"
            )
            self.house.line.receive(text.encode(), self.flow)
            answer = parse(self.wire.log[-1][3])
            if answer.status != 401:
                return answer
            auth = responder.answer(answer, "REGISTER", "sip:example.org", b"")
        return answer

    def contacts(self) -> list[str]:
        return [one.uri for one in self.house.line.registrar.bindings("1001")]


@pytest.fixture
def desk():
    return Desk()


def test_several_contacts_and_the_preferred_one_first(desk):
    desk.register("<sip:a@10.0.0.1>;q=0.2;expires=100")
    answer = desk.register('"Me" <sip:b@10.0.0.1:5062;transport=udp>;q=0.9', expires="200")
    assert desk.contacts() == ["sip:b@10.0.0.1:5062;transport=udp", "sip:a@10.0.0.1"]
    assert answer.all("contact") == ["<sip:b@10.0.0.1:5062;transport=udp>;expires=200", "<sip:a@10.0.0.1>;expires=100"]
    assert desk.house.line.registered() == {"1001": 2}


def test_a_query_changes_nothing(desk):
    desk.register("<sip:a@10.0.0.1>")
    assert desk.register("").all("contact") == ["<sip:a@10.0.0.1>;expires=3600"]
    assert len(desk.house.told(EndpointChanged)) == 1


def test_too_brief(desk):
    answer = desk.register("<sip:a@10.0.0.1>", expires="59")
    assert (answer.status, answer.get("min-expires")) == (423, "60")
    assert desk.contacts() == []
    assert desk.house.line.counters.refused_registrations == 1


def test_expiry_is_told(desk):
    desk.register("<sip:a@10.0.0.1>", expires="60")
    desk.wire.run(62)
    assert desk.house.told(EndpointChanged) == [
        EndpointChanged("1001", True, ("sip:a@10.0.0.1",)),
        EndpointChanged("1001", False, ()),
    ]
    assert desk.house.line.registered() == {}


def test_one_contact_expires_and_the_other_stays(desk):
    desk.register("<sip:a@10.0.0.1>;expires=60|<sip:b@10.0.0.1>;expires=600")
    desk.wire.run(62)
    assert desk.contacts() == ["sip:b@10.0.0.1"]
    assert desk.house.told(EndpointChanged)[-1] == EndpointChanged("1001", True, ("sip:b@10.0.0.1",))


def test_a_preference_that_is_no_number_is_none(desk):
    desk.register("<sip:a@10.0.0.1>;q=best|<sip:b@10.0.0.1>;q=0.9|<sip:c@10.0.0.1>;q=7")
    assert desk.contacts() == ["sip:a@10.0.0.1", "sip:c@10.0.0.1", "sip:b@10.0.0.1"]


def test_unregister_one_and_all(desk):
    desk.register("<sip:a@10.0.0.1>|<sip:b@10.0.0.1>")
    desk.register("<sip:A@10.0.0.1>;expires=0|<sip:a@10.0.0.1:5060>;expires=0")
    assert desk.contacts() == ["sip:b@10.0.0.1"]
    assert desk.register("*").status == 400
    assert desk.register("*", expires="0").status == 200
    assert desk.contacts() == []


def test_late_duplicates_are_refused(desk):
    desk.register("<sip:a@10.0.0.1>", call_id="x")
    assert desk.register("<sip:a@10.0.0.1>;expires=0", call_id="x", cseq=1).status == 500
    assert desk.contacts() == ["sip:a@10.0.0.1"]
    assert desk.register("<sip:a@10.0.0.1>;expires=0", call_id="after a restart", cseq=1).status == 200


def test_a_late_unregistering_of_all_is_refused(desk):
    desk.register("<sip:a@10.0.0.1>", call_id="x", cseq=7)
    assert desk.register("*", expires="0", call_id="x", cseq=6).status == 500
    assert desk.contacts() == ["sip:a@10.0.0.1"]
    assert desk.register("*", expires="0", call_id="x", cseq=8).status == 200
    assert desk.contacts() == []


def test_of_a_contact_that_is_named_twice_the_last_word_counts(desk):
    twice = "<sip:a@10.0.0.1>;q=0.1|<sip:a@10.0.0.1:5060>;q=0.9"
    for _ in range(2):
        assert desk.register(twice, call_id="x").status == 200
        assert desk.contacts() == ["sip:a@10.0.0.1:5060"]
    assert desk.register("<sip:a@10.0.0.1>|<sip:a@10.0.0.1>;expires=0").all("contact") == []


@pytest.mark.parametrize("contact", ["nonsense", "<mailto:a@b>", '"x <sip:a@b>', "<sip:a@b"])
def test_contacts_that_make_no_sense(desk, contact):
    assert desk.register(contact).status == 400


def test_a_telephone_cannot_fill_the_table(desk):
    answers = [desk.register(f"<sip:a{n}@10.0.0.1>").status for n in range(11)]
    assert answers == [200] * 10 + [403]


def test_another_users_credentials_are_refused(desk):
    from random import Random

    from switchhook.sip.digest import Credentials, Responder

    desk._make = lambda: Responder(Credentials("1002", "green"), Random(1))
    assert desk.register("<sip:a@10.0.0.1>").status == 403


def test_behind_a_nat_calls_go_to_where_the_packets_came_from(desk):
    desk.flow = Flow("udp", "203.0.113.5", 41_000, f"{SERVER}:5060")
    desk.register("<sip:a@192.168.1.7:5060>")
    desk.house.line.invite(Invitation(desk.house.leg(), Endpoint("1001"), "1002"))
    _, _, to, wire = desk.wire.log[-1]
    assert to == "203.0.113.5"
    assert wire.startswith(b"INVITE sip:a@192.168.1.7:5060 SIP/2.0\r\n")


def test_a_tcp_contact_is_called_on_its_connection_while_it_lives(desk):
    desk.flow = Flow("tcp", "10.0.0.1", 55_555, f"{SERVER}:5060")
    desk.register("<sip:a@10.0.0.1:5060;transport=tcp>")
    binding = desk.house.line.registrar.bindings("1001")[0]
    assert binding.pinned == desk.flow
    desk.house.line.broken(desk.flow)
    assert binding.pinned is None


def test_path_becomes_the_route(desk):
    desk.register("<sip:a@192.168.1.7>", more="Path: <sip:10.0.0.60;lr>\r\nRequire: path\r\n")
    desk.house.line.invite(Invitation(desk.house.leg(), Endpoint("1001"), "1002"))
    _, _, to, wire = desk.wire.log[-1]
    assert to == "10.0.0.60"
    assert b"\r\nRoute: <sip:10.0.0.60;lr>\r\n" in wire


def test_the_telephone_renews_and_takes_the_least_time_it_is_told():
    wire = Wire()
    house = House(wire)
    ann = telephone(wire, "1001", "10.0.0.1", "red")
    ann.agent.register(10)
    wire.run(200)
    assert ann.events[:2] == ["registered 200", "registered 200"]
    assert len(house.told(EndpointChanged)) == 1
    ann.agent.unregister()
    wire.run(5)
    assert house.line.registered() == {}


def test_answers_are_kept_for_so_many_registrations_and_none_for_ever(desk, monkeypatch):
    monkeypatch.setattr(registrar, "MAX_KEPT", 10)
    layer = desk.house.line.engine.transactions
    for _ in range(30):
        assert desk.register("<sip:a@10.0.0.1>", expires="200").status == 200
    challenged = layer.refused
    assert layer.bound == 10
    assert len(layer.servers) == 10 + challenged
    desk.wire.run(40)
    assert layer.bound == 0
    assert not layer.servers
    assert desk.register("<sip:a@10.0.0.1>", expires="200").status == 200
    assert layer.bound == 1
