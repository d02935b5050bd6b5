"""Templates: names, types, what is not set, and bounds on what a template may cost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switchhook.flows.liquid import TemplateBroke, check, plain_name, render

VARIABLES: dict[str, dict[str, object]] = {
    "Start": {"http": {"params": {"n": 3, "half": 2.5, "yes": True, "name": "Ada", "list": [1, 2]}}},
    "Multi-Party Call_1": {"to": "1001"},
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", "plain"),
        ("{{Start.http.params.name}}", "Ada"),
        ("Hello {{ Start.http.params.name }}!", "Hello Ada!"),
        ("{{Multi_Party_Call_1.to}}", "1001"),
        ("{{['Multi-Party Call_1'].to}}", "1001"),
        ("{{Start.http.params.n}}", 3),
        ("{{Start.http.params.half}}", 2.5),
        ("{{Start.http.params.yes}}", True),
        ("{{Start.http.params.list}}", [1, 2]),
        ("n={{Start.http.params.n}}", "n=3"),
        ("{{Start.http.params.n | plus: 4}}", 7),
        ("{{Start.http.params.name | upcase}}", "ADA"),
        ("{{Start.http.params.nothing}}", ""),
        ("{{Nobody.here.at.all}}", ""),
        ("{{Nobody.here | upcase}}", ""),
        ("{% if Start.http.params.n > 2 %}many{% else %}few{% endif %}", "many"),
        (5, 5),
        (None, None),
        (["{{Start.http.params.n}}", {"a": "{{Start.http.params.name}}"}], [3, {"a": "Ada"}]),
    ],
)
def test_rendering(template: object, expected: object) -> None:
    found = render(template, VARIABLES)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "template",
    [
        "{{ x",
        "{% if %}",
        "{{ 1 | divided_by: 0 }}",
        "{{ 'a' | no_such_filter }}",
        "{% include 'file' %}",
        "{% render '/etc/passwd' %}",
        "{% for i in (1..100000000) %}x{% endfor %}",
        "{% for i in (1..9999) %}0123456789{% endfor %}",
        "{% assign a = 'xxxxxxxxxxxxxxxx' %}{% for i in (1..40) %}{% assign a = a | append: a %}{% endfor %}{{ a }}",
    ],
)
def test_what_breaks_says_so_in_one_line(template: str) -> None:
    with pytest.raises(TemplateBroke) as broke:
        render(template, VARIABLES)
    assert "\n" not in str(broke.value)


def test_check_finds_what_can_never_be_rendered() -> None:
    check("{{ anything.at.all | upcase }} and no template")
    with pytest.raises(TemplateBroke):
        check("{{ x")


@pytest.mark.parametrize("reach", ["__class__", "__init__", "keys", "items", "pop"])
def test_a_template_reaches_values_and_nothing_of_python(reach: str) -> None:
    assert render(f"{{{{ Start.{reach} }}}}", VARIABLES) == ""
    assert render(f"{{{{ Start.http.params.name.{reach} }}}}", VARIABLES) == ""


values = st.one_of(st.integers(-(10**12), 10**12), st.booleans(), st.text(max_size=20))
# Behind a prefix, since words such as `and` or `contains` are Liquid's own.
words = st.from_regex(r"k_[A-Za-z0-9_]{0,9}", fullmatch=True)


@given(words, values)
@settings(max_examples=60, deadline=None)
def test_a_single_expression_keeps_value_and_type(word: str, value: object) -> None:
    found = render(f"{{{{ Start.{word} }}}}", {"Start": {word: value}})
    assert found == value
    assert type(found) is type(value)


@given(st.text(max_size=20), values)
@settings(max_examples=60, deadline=None)
def test_every_name_can_be_spelt(rest: str, value: object) -> None:
    name = f"Node {rest}"
    plain = plain_name(name)
    assert plain.replace("_", "").isalnum()
    assert plain.isascii()
    assert render(f"{{{{ {plain}.x }}}}", {name: {"x": value}}) == value


@given(st.text(max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_text_is_rendered_or_breaks_cleanly(text: str) -> None:
    try:
        found: Any = render("{{" + text + "}}", VARIABLES)
    except TemplateBroke:
        return
    assert isinstance(found, str | int | float | list | dict)
