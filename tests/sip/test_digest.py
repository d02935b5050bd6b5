"""Digest authentication: the examples of RFC 7616 and RFC 2617, and both sides against each other."""

from __future__ import annotations

from random import Random

import pytest

from switchhook.sip.build import Draft, response
from switchhook.sip.digest import (
    HASHES,
    MAX_REALMS,
    Authenticator,
    Credentials,
    Password,
    Responder,
    Verdict,
    digest_response,
)
from switchhook.sip.message import Message, parse

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_3_9_1(algorithm, expected):
    ha1 = HASHES[algorithm]("Mufasa:http-auth@example.org:Circle of Life")
    made = digest_response(
        algorithm, ha1, NONCE, "GET", "/dir/index.html", qop="auth", nc="00000001", cnonce=CNONCE, body=b"", sess=False
    )
    assert made == expected


def test_rfc_2617_3_5():
    ha1 = HASHES["MD5"]("Mufasa:testrealm@host.com:Circle Of Life")
    made = digest_response(
        "MD5", ha1, "dcd98b7102dd2f0e8b11d0f600bfb0c093", "GET", "/dir/index.html",
        qop="auth", nc="00000001", cnonce="0a4f113b", body=b"", sess=False,
    )  # fmt: skip
    assert made == "6629fae49393a05397450978507c4ef1"


def test_rfc_7616_3_9_2():
    """With the values of the RFC's erratum 4897: those printed in the RFC are of another SHA-512/256."""
    if "SHA-512-256" not in HASHES:
        pytest.skip("this OpenSSL has no SHA-512/256")
    hashed = HASHES["SHA-512-256"]
    assert hashed("Jäsøn Doe:api@example.org") == "793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"
    made = digest_response(
        "SHA-512-256", hashed("Jäsøn Doe:api@example.org:Secret, or not?"),
        "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "GET", "/doe.json",
        qop="auth", nc="00000001", cnonce="NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", body=b"", sess=False,
    )  # fmt: skip
    assert made == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"


def request(extra: str = "", cseq: int = 1, body: bytes = b"") -> Message:
    draft = Draft("REGISTER", "sip:h", "<sip:a@h>;tag=1", "<sip:a@h>", "call", cseq, extra=extra, body=body, kind="x/y")
    return parse(draft.wire("SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKq"))


def known(name: str) -> Password | None:
    return {"ann": Password("secret"), "old": Password(ha1=HASHES["MD5"]("old:h:secret"))}.get(name)


class Pair:
    def __init__(self, user: str = "ann", password: str = "secret", **more) -> None:
        self.server = Authenticator("h", b"key", **more)
        self.client = Responder(Credentials(user, password), Random(1))

    def answer(self, now: float = 0.0, *, stale: bool = False, body: bytes = b"") -> str:
        challenge = parse(response(request(), 401, tag="t", extra=self.server.challenge(now, stale=stale)))
        return self.client.answer(challenge, "REGISTER", "sip:h", body)

    def check(self, lines: str, now: float = 0.0, body: bytes = b"") -> Verdict:
        return self.server.check(request(lines, 2, body), known, now)[0]


@pytest.mark.parametrize("algorithms", [("SHA-256", "MD5"), ("MD5",), ("SHA-512-256", "MD5")])
def test_right_password(algorithms):
    if algorithms[0] not in HASHES:
        pytest.skip("this OpenSSL has no SHA-512/256")
    pair = Pair(algorithms=algorithms)
    lines = pair.answer()
    assert f"algorithm={algorithms[0]}" in lines
    assert pair.check(lines) is Verdict.RIGHT


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_session_key_is_made_of_nonce_and_cnonce(algorithm):
    """`MD5-sess` of RFC 7616 3.4.2: a trunk may ask for it, and a telephone may answer with it."""
    pair = Pair(algorithms=(algorithm,))
    challenge = pair.server.challenge(0).replace(f"algorithm={algorithm}", f"algorithm={algorithm}-sess")
    asked = parse(response(request(), 401, tag="t", extra=challenge))
    lines = pair.client.answer(asked, "REGISTER", "sip:h", b"")
    assert f"algorithm={algorithm}-sess" in lines
    value = dict(part.split("=", 1) for part in lines.strip().partition("Digest ")[2].split(", "))
    nonce, cnonce = value["nonce"].strip('"'), value["cnonce"].strip('"')
    hashed = HASHES[algorithm]
    key = hashed(f"{hashed('ann:h:secret')}:{nonce}:{cnonce}")
    assert value["response"].strip('"') == hashed(f"{key}:{nonce}:00000001:{cnonce}:auth:{hashed('REGISTER:sip:h')}")
    assert pair.check(lines) is Verdict.RIGHT
    assert pair.check(lines.replace("-sess", "")) is Verdict.WRONG


def test_hashes_by_algorithm_serve_those_they_are_of():
    kept = Password(hashes={"SHA-256": HASHES["SHA-256"]("ann:h:secret")})
    client = Responder(Credentials("ann", "secret"), Random(1))
    server = Authenticator("h", b"key", algorithms=("SHA-256",))
    lines = client.answer(parse(response(request(), 401, extra=server.challenge(0))), "REGISTER", "sip:h", b"")
    assert server.check(request(lines, 2), lambda _name: kept, 0)[0] is Verdict.RIGHT
    assert kept.secret("MD5", "ann", "h") is None


def test_counts_of_nonces_that_nobody_can_use_any_more_are_dropped():
    pair = Pair()
    assert pair.check(pair.answer()) is Verdict.RIGHT
    pair.server.forget(299.0)
    assert len(pair.server._used) == 1
    pair.server.forget(301.0)
    assert not pair.server._used


def test_no_credentials_is_a_challenge_with_the_best_first():
    server = Authenticator("h", b"key")
    assert server.check(request(), known, 0)[0] is Verdict.CHALLENGE
    lines = server.challenge(0).split("\r\n")
    assert "SHA-256" in lines[0]
    assert "MD5" in lines[1]


def test_credentials_for_another_realm_do_not_count():
    assert (
        Pair().check('Authorization: Digest username="ann", realm="other", nonce="x", response="y"\r\n')
        is Verdict.CHALLENGE
    )


def test_wrong_password_and_unknown_user():
    assert (wrong := Pair(password="no")).check(wrong.answer()) is Verdict.WRONG
    assert (nobody := Pair(user="nobody")).check(nobody.answer()) is Verdict.WRONG


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_nobody_can_tell_by_the_work_done_whether_a_user_exists(algorithm, monkeypatch):
    real = HASHES[algorithm]
    work = []
    for user in ("ann", "nobody", "old"):  # a password, no such user, a stored HA1 for MD5
        pair = Pair(user=user, password="no", algorithms=(algorithm,))
        lines = pair.answer()
        hashed: list[str] = []
        monkeypatch.setitem(HASHES, algorithm, lambda text, hashed=hashed: (hashed.append(text), real(text))[1])
        assert pair.check(lines) is Verdict.WRONG
        monkeypatch.setitem(HASHES, algorithm, real)
        work.append(len(hashed))
    assert len(set(work)) == 1


def test_stored_ha1_serves_md5_only():
    md5 = Pair(user="old", algorithms=("MD5",))
    assert md5.check(md5.answer()) is Verdict.RIGHT
    sha = Pair(user="old")
    assert sha.check(sha.answer()) is Verdict.WRONG


def test_a_count_is_good_once():
    pair = Pair()
    lines = pair.answer()
    assert pair.check(lines) is Verdict.RIGHT
    assert pair.check(lines) is Verdict.STALE


def test_an_old_a_forged_and_a_foreign_nonce_are_stale():
    pair = Pair()
    lines = pair.answer()
    assert pair.check(lines, now=299) is Verdict.RIGHT
    assert pair.check(Pair.answer(pair, 0, stale=True), now=301) is Verdict.STALE
    pair = Pair()
    lines = pair.answer()
    nonce = lines.partition('nonce="')[2].partition('"')[0]
    for forged in ("", "x", "..", "zz.1.abc", nonce + "x", "1" + nonce, "\udcff.1.2"):
        assert pair.check(lines.replace(nonce, forged)) is Verdict.STALE
    pair.server = Authenticator("h", b"another key")
    assert pair.check(lines) is Verdict.STALE


def test_counts_may_come_out_of_order_within_the_window():
    server = Authenticator("h", b"key")
    assert [server._count("n.1", f"{n:x}", "auth") for n in (5, 3, 4, 5, 3, 100, 36, 37, 36, 0)] == [
        True, True, True, False, False, True, False, True, False, False,
    ]  # fmt: skip
    assert not server._count("n.1", "x", "auth")


def test_without_qop_a_nonce_serves_once():
    pair = Pair(algorithms=("MD5",))
    nonce = pair.server.nonce(0)
    ha1 = HASHES["MD5"]("ann:h:secret")
    made = digest_response("MD5", ha1, nonce, "REGISTER", "sip:h", qop="", nc="", cnonce="", body=b"", sess=False)
    lines = f'Authorization: Digest username="ann", realm="h", nonce="{nonce}", uri="sip:h", response="{made}"\r\n'
    assert pair.check(lines) is Verdict.RIGHT
    assert pair.check(lines) is Verdict.STALE


def test_auth_int_covers_the_body():
    server = Authenticator("h", b"key", algorithms=("SHA-256",))
    client = Responder(Credentials("ann", "secret"), Random(1))
    only_int = server.challenge(0).replace("auth,auth-int", "auth-int")
    lines = client.answer(parse(response(request(), 401, extra=only_int)), "REGISTER", "sip:h", b"\xffbody")
    assert "qop=auth-int" in lines
    assert server.check(request(lines, 2, b"\xffbodY"), known, 0)[0] is Verdict.WRONG
    assert server.check(request(lines, 2, b"\xffbody"), known, 0)[0] is Verdict.RIGHT


def test_the_client_answers_once_and_once_more_when_stale():
    pair = Pair()
    assert pair.answer()
    assert pair.answer(stale=True)
    assert not pair.answer()
    again = Pair()
    assert again.answer()
    assert not again.answer()


def test_the_client_takes_the_first_it_knows():
    lines = (
        'WWW-Authenticate: Basic realm="h"\r\nWWW-Authenticate: Digest realm="h", nonce="1", algorithm=ROT13\r\n'
        'WWW-Authenticate: Digest realm="h", nonce="2", algorithm=SHA-256, opaque="o"\r\n'
        'WWW-Authenticate: Digest realm="h", nonce="3"\r\n'
    )
    made = Responder(Credentials("a", "b"), Random(1)).answer(
        parse(response(request(), 401, extra=lines)), "X", "sip:h", b""
    )
    assert 'nonce="2"' in made
    assert 'opaque="o"' in made
    assert "qop" not in made


def test_a_proxy_and_a_server_may_both_ask():
    lines = 'Proxy-Authenticate: Digest realm="p", nonce="1"\r\nWWW-Authenticate: Digest realm="h", nonce="2"\r\n'
    made = Responder(Credentials("a", "b"), Random(1)).answer(
        parse(response(request(), 407, extra=lines)), "X", "sip:h", b""
    )
    assert made.startswith("Authorization: ")
    assert "\r\nProxy-Authorization: " in made


def asked(client: Responder, status: int, *lines: str) -> list[str]:
    """Returns (header, realm) of what a client answers to a challenge, as `Authorization h`."""
    challenge = parse(response(request(), status, extra="".join(f"{line}\r\n" for line in lines)))
    found = client.answer(challenge, "INVITE", "sip:h", b"").split("\r\n")
    return [f"{line.partition(':')[0]} {line.partition('realm=')[2].split(',')[0]}" for line in found if line]


PROXY = 'Proxy-Authenticate: Digest realm="p", nonce="1"'
SERVER = 'WWW-Authenticate: Digest realm="h", nonce="2"'


def test_a_proxy_asks_and_then_the_server_behind_it():
    client = Responder(Credentials("a", "b"), Random(1))
    assert asked(client, 407, PROXY) == ['Proxy-Authorization "p"']
    assert asked(client, 401, SERVER) == ['Proxy-Authorization "p"', 'Authorization "h"']
    assert asked(client, 407, PROXY) == [], "both have had their answer: this would be a loop"


def test_the_challenges_of_forks_are_all_answered_at_once():
    client = Responder(Credentials("a", "b"), Random(1))
    fork = 'WWW-Authenticate: Digest realm="fork", nonce="3"'
    sha = 'WWW-Authenticate: Digest realm="h", nonce="4", algorithm=SHA-256'
    assert asked(client, 401, SERVER, fork, sha) == ['Authorization "h"', 'Authorization "fork"']


def test_whoever_invents_ever_new_realms_is_left():
    client = Responder(Credentials("a", "b"), Random(1))
    answers = [asked(client, 401, SERVER.replace('"h"', f'"h{number}"')) for number in range(MAX_REALMS + 1)]
    assert [len(one) for one in answers] == [*range(1, MAX_REALMS + 1), 0]


def test_blanks_of_any_kind_stand_between_credentials():
    pair = Pair()
    lines = pair.answer().replace("Digest ", "Digest\t ").replace(", ", "\t,\r\n ")
    assert pair.check(lines) is Verdict.RIGHT


def test_credentials_of_another_realm_stay_at_home():
    lines = 'WWW-Authenticate: Digest realm="evil", nonce="1"\r\n'
    client = Responder(Credentials("a", "b", "carrier"), Random(1))
    assert client.answer(parse(response(request(), 401, extra=lines)), "X", "sip:h", b"") == ""


@pytest.mark.parametrize("damage", ["nc=", "qop=", "cnonce=", "uri=", "response=", "algorithm=", "username="])
def test_damaged_credentials_are_refused_without_an_error(damage):
    pair = Pair()
    lines = pair.answer()
    assert pair.check(lines.replace(damage, damage + "\udcfe")) in (Verdict.WRONG, Verdict.STALE)
    assert pair.check(lines.replace(damage, "x")) in (Verdict.WRONG, Verdict.STALE)
