"""Signatures: the vectors of plivo-voice-api 8, and the official validators over what really goes out."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plivo.utils import validate_signature, validate_v3_signature

from switchhook.dialects.plivo import signatures
from switchhook.dialects.plivo.outgoing import addressed
from switchhook.lab.virtual_time import run
from tests.dialects.plivo.common import APP, TOKEN, World, stage

NONCE = "05429567804466091622"
SENT = {"CallUUID": "abc", "To": "15550002222", "From": "+15550001111", "Event": "StartApp"}
BASE = "https://app.example.com/plivo/answer/"


def test_v2_vectors() -> None:
    assert signatures.v2(TOKEN, f"{BASE}?x=1", NONCE) == "S7ZX7QLjE9qFKfdMFazAk3hjjuirB/qg6zbpbruf9d4="
    assert signatures.v2("my_auth_token", "https://answer.url", "12345") == (
        "ehV3IKhLysWBxC1sy8INm0qGoQYdYsHwuoKjsX7FsXc="
    )


@pytest.mark.parametrize(
    ("method", "url", "sent", "expected"),
    [
        (
            "GET",
            f"{BASE}?CallUUID=abc&From=15550001111&To=15550002222",
            {},
            "318R9kCVVhPHbGHMahadAcKTN42iH3XP0gjL2wd9me4=",
        ),
        ("GET", BASE, {}, "oe7vMqjaqdW06nOLp+VFfmKzpKAT+Xx0JO6tKp/gvSw="),
        ("POST", BASE, SENT, "NS/mrg2KSPnHHX97N6YYS8WJhcBYrZhYrkn6cDEJd5Q="),
        ("POST", f"{BASE}?z=2&a=1", SENT, "hmfMJwJLd9/b2Hnz+f8C7cqXiOVSTYT/TNm2xyaKr+Y="),
        ("POST", "http://127.0.0.1:8080/answer", SENT, "fxrTwBPPdhxDWZkCpaKk7iajYaBPVmDcPdof4aj7mTw="),
    ],
)
def test_v3_vectors(method: str, url: str, sent: dict[str, str], expected: str) -> None:
    assert signatures.v3(TOKEN, method, url, sent.items(), NONCE) == expected


@pytest.mark.parametrize(
    ("query", "body", "message"),
    [
        ([("b", "2"), ("a", "1"), ("a", "0")], [], "http://h/p?a=0&a=1&b=2.n"),
        ([], [("k", "b"), ("k", "a"), ("A", "1")], "http://h/p?A1kakb.n"),
        ([("q", "1")], [("k", "v")], "http://h/p?q=1.kv.n"),
        ([], [], "http://h/p.n"),
    ],
)
def test_repeated_names_are_signed_once_per_value(
    query: list[tuple[str, str]], body: list[tuple[str, str]], message: str
) -> None:
    assert signatures.v3_message("POST", "http://h/p", query, body, "n") == message


def test_a_get_has_no_body_part() -> None:
    assert signatures.v3_message("GET", "http://h/p", [("a", "1")], [("k", "v")], "n") == "http://h/p?a=1.n"


@pytest.mark.parametrize(
    ("url", "forms"),
    [
        ("https://h/p?x=1#ct=3", ("https://h/p?x=1",)),
        ("http://h:8080/p", ("http://h:8080/p", "http://h/p")),
        ("https://h", ("https://h", "https://h/")),
        ("http://[::1]:80", ("http://[::1]:80", "http://[::1]:80/", "http://[::1]", "http://[::1]/")),
    ],
)
def test_one_signature_for_each_form_in_which_a_receiver_may_see_the_url(url: str, forms: tuple[str, ...]) -> None:
    assert signatures.forms_of(url) == forms


def test_both_generations_each_with_the_own_and_the_main_token() -> None:
    found = dict(signatures.headers("POST", BASE, SENT, tokens=("a",), main_tokens=("b",), nonce=NONCE))
    assert found == {
        "X-Plivo-Signature-V3": signatures.v3("a", "POST", BASE, SENT.items(), NONCE),
        "X-Plivo-Signature-Ma-V3": signatures.v3("b", "POST", BASE, SENT.items(), NONCE),
        "X-Plivo-Signature-V3-Nonce": NONCE,
        "X-Plivo-Signature-V2": signatures.v2("a", BASE, NONCE),
        "X-Plivo-Signature-Ma-V2": signatures.v2("b", BASE, NONCE),
        "X-Plivo-Signature-V2-Nonce": NONCE,
    }
    only = signatures.headers("POST", BASE, SENT, tokens=("a",), main_tokens=("b",), generations="v3")
    assert all("V3" in name for name, _ in only)
    assert len({signatures.new_nonce() for _ in range(20)}) == 20
    assert all(len(nonce) == 20 and nonce.isdigit() for nonce in (signatures.new_nonce() for _ in range(20)))


WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    fields=st.dictionaries(st.from_regex(r"[A-Z][A-Za-z]{0,8}", fullmatch=True), st.text(max_size=10), max_size=5),
    query=st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), WORD, max_size=3),
    port=st.sampled_from(["", ":8080"]),
    method=st.sampled_from(["GET", "POST"]),
)
def test_the_official_validator_accepts_what_we_send(
    fields: dict[str, str], query: dict[str, str], port: str, method: str
) -> None:
    if method == "GET":  # the validator reads non-ASCII in a query as Latin-1, see plivo-xml 1.9
        fields = {name: value.encode("ascii", "ignore").decode() for name, value in fields.items()}
        fields = {name: value for name, value in fields.items() if value}  # and drops empty ones
    url = f"http://app.example.com{port}/hook" + (f"?{urlencode(query)}" if query else "")
    target, body = addressed(method, url, fields)
    sent = fields if body else {}
    headers = dict(signatures.headers(method, target, sent, tokens=(TOKEN,), main_tokens=(TOKEN,)))
    assert validate_v3_signature(
        method, target, headers["X-Plivo-Signature-V3-Nonce"], TOKEN, headers["X-Plivo-Signature-V3"], dict(sent)
    )
    assert validate_signature(target, headers["X-Plivo-Signature-V2-Nonce"], headers["X-Plivo-Signature-V2"], TOKEN)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_webhooks_of_a_call_are_signed(method: str) -> None:
    async def story() -> None:
        async with stage() as on:
            world = World(on)
            url = f"{APP}/more?tenant=7#rc=0"
            world.page("/more", "<Wait/>")
            await world.arrives(f"<Redirect method='{method}'>{url}</Redirect>")
            hook = on.web.to(f"{APP}/more")[0]
            assert "#" not in hook.url
            assert hook.method == method
            sent = hook.form if method == "POST" else {}
            assert validate_v3_signature(
                method,
                hook.url,
                hook.headers["x-plivo-signature-v3-nonce"],
                TOKEN,
                hook.headers["x-plivo-signature-v3"],
                sent,
            )
            assert not validate_v3_signature(method, hook.url, "1", TOKEN, hook.headers["x-plivo-signature-v3"], sent)
            query = urlsplit(hook.url).query.split("&")
            assert "tenant=7" in query
            assert query == sorted(query)

    run(story())


def test_signatures_can_be_switched_off() -> None:
    async def story() -> None:
        async with stage(webhooks={"signature": "off"}) as on:
            await World(on).arrives("<Wait/>")
            assert not [name for name in on.web.hooks[0].headers if "signature" in name]

    run(story())
