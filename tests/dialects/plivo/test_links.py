"""URLs of clients: what is unset, what is valid, how a relative one is resolved, and the tuning in the fragment."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.dialects.plivo.links import Link, Tuning, escaped, link_of, tuned


@pytest.mark.parametrize("text", [None, "", "  ", "none", "None", "NULL"])
def test_unset_urls(text: str | None) -> None:
    assert link_of(text) is None


def test_the_method_is_post_where_none_is_given() -> None:
    assert link_of(" http://a/b ", None) == Link("http://a/b", "POST")
    assert link_of("http://a/b", "none") == Link("http://a/b", "POST")
    assert link_of("http://a/b", " get ") == Link("http://a/b", "GET")


@pytest.mark.parametrize(
    ("url", "valid"),
    [
        ("http://a/b", True),
        ("https://a:443", True),
        ("http://[::1]:8080/x", True),
        ("ftp://a/b", False),
        ("/b", False),
        ("http:///b", False),
        ("http://a:x/", False),
        ("http://a b/", False),
        ("http://[::1", False),
    ],
)
def test_valid_urls(url: str, valid: bool) -> None:
    assert Link(url).valid_url is valid


@pytest.mark.parametrize(
    ("url", "base", "found"),
    [
        ("/x", "http://a:1/b/c?q=1", "http://a:1/x"),
        ("x?y=2#rc=0", "http://a/b/c", "http://a/b/x?y=2#rc=0"),
        ("//c/x", "https://a/b", "https://c/x"),
        ("http://d/x", "http://a/b", "http://d/x"),
        ("/x", "", "/x"),
    ],
)
def test_relative_urls_belong_to_their_document(url: str, base: str, found: str) -> None:
    assert Link(url).against(base).url == found


@pytest.mark.parametrize(
    ("url", "bare", "expected"),
    [
        ("http://a/b", "http://a/b", Tuning()),
        (
            "http://a/b?q=1#ct=3000&rt=100&tt=55000&rc=3&rp=4xx,5xx",
            "http://a/b?q=1",
            Tuning(3.0, 0.1, 55.0, 3, frozenset({"4xx", "5xx"})),
        ),
        ("http://a/#ct=1&rt=99999&tt=99999&rc=9", "http://a/", Tuning(0.1, 40.0, 55.0, 5)),
        ("http://a/#ct=x&rc=-1&rp=never&er=mumbai&zz", "http://a/", Tuning()),
        ("http://a/#rp=all", "http://a/", Tuning(retried=frozenset({"all"}))),
    ],
)
def test_the_fragment_tunes_and_is_clamped(url: str, bare: str, expected: Tuning) -> None:
    assert tuned(url) == (bare, expected)


def test_what_is_tried_again() -> None:
    assert Tuning().again(None)
    assert not Tuning().again(500)
    assert Tuning(retried=frozenset({"5xx"})).again(503)
    assert not Tuning(retried=frozenset({"5xx"})).again(None)
    assert Tuning(retried=frozenset({"all"})).again(404)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
def test_no_fragment_breaks_anything(text: str) -> None:
    _, found = tuned(f"http://a/b#{text}")
    assert 0.1 <= found.connect_s <= 10
    assert 0 <= found.retries <= 5


def test_blanks_and_letters_of_other_scripts_are_escaped_and_the_rest_is_kept() -> None:
    assert escaped("http://a/b c?d=ü&e=%20#f") == "http://a/b%20c?d=%C3%BC&e=%20#f"
