"""The configuration contract: what is accepted, what wins, and one clear line for everything that is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import switchhook
from switchhook.exchange.ports import Latching
from switchhook.settings import Listen, Settings, SettingsError, load
from switchhook.settings.decoding import keys_of, sections
from switchhook.settings.embedded import AUTH_ID, AUTH_TOKEN, next_steps
from switchhook.settings.reference import example as example_file
from switchhook.settings.reference import reference

DATA = Path(__file__).parent / "data"
CONTRACT = """
[http]
listen = "127.0.0.1:8080"
public_url = "http://127.0.0.1:8080"
[sip]
listen = ["udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"]
domain = "switchhook.local"
[media]
address = "127.0.0.1"
ports = [20000, 29998]
hold_music = "builtin:hold"
[store]
url = "sqlite:///switchhook.db"
[genesys]
profile = "2016"

[[account]]
auth_id = "MASWITCHHOOK00000000"
auth_token = "hidden-a"
[[endpoint]]
username = "1001"
password = "hidden-b"
account = "MASWITCHHOOK00000000"
[[trunk]]
name = "carrier"
uri = "sip:127.0.0.1:5070"
match = ["127.0.0.1"]
prefixes = ["+"]
[[application]]
app_id = "10000000000000001"
account = "MASWITCHHOOK00000000"
answer_url = "http://127.0.0.1:9000/answer"
answer_method = "POST"
hangup_url = "http://127.0.0.1:9000/hangup"
[[number]]
number = "+14155550100"
account = "MASWITCHHOOK00000000"
application = "10000000000000001"
[[number]]
number = "+14155550101"
account = "MASWITCHHOOK00000000"
flow = "5b1d-support"
[[number]]
number = "+14155550102"
account = "MASWITCHHOOK00000000"
agent = "agent1"
[[number]]
number = "+14155550103"
account = "MASWITCHHOOK00000000"
forward = "1001"
[[flow]]
file = "flows/support.json"
account = "MASWITCHHOOK00000000"
[[agent]]
username = "agent1"
password = "hidden-c"
endpoint = "1001"
number = "1001"
features = ["api-voice"]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "support.json").write_text('{"phlo": {"phlo_id": "5b1d-support"}, "nodes": []}')
    return tmp_path


def read(folder: Path, text: str = CONTRACT, environ: dict[str, str] | None = None, **flags: str) -> Settings:
    file = folder / "switchhook.toml"
    file.write_text(text)
    return load(file, environ=environ or {}, flags={name.replace("__", "."): text for name, text in flags.items()})


def problems(folder: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(folder, text, environ)
    assert str(caught.value) == "\n".join(caught.value.problems)
    assert all("\n" not in line for line in caught.value.problems)
    return caught.value.problems


def test_every_line_of_the_contract_is_understood(folder: Path) -> None:
    settings = read(folder)

    assert settings.http_listen == Listen("tcp", "127.0.0.1", 8080)
    assert settings.sip_listen == (Listen("udp", "127.0.0.1", 5060), Listen("tcp", "127.0.0.1", 5060))
    assert settings.media.ports == (20000, 29998)
    assert settings.store.url == f"sqlite:///{folder}/switchhook.db"
    assert settings.media.recordings == f"{folder}/recordings"
    assert [number.flow for number in settings.numbers] == ["", "5b1d-support", "", ""]
    assert settings.flows[0].phlo_id == "5b1d-support"
    assert settings.flows[0].file == f"{folder}/flows/support.json"
    assert settings.trunks[0].media_from is Latching.STRICT
    assert settings.endpoints[0].media_from is Latching.SIGNALLING
    assert settings.agents[0].features == ("api-voice",)


def test_defaults_are_those_of_the_documents() -> None:
    settings = load(environ={})

    assert settings.http.repeat_window_s == 10
    assert settings.media.max_legs == 1000
    assert settings.sip.ring_s == 30
    assert settings.sip.min_expires_s == 60
    assert settings.media.rtp_timeout_s == 60
    assert settings.media.on_media_lost == "end"
    assert settings.phlo.action_status == 201
    assert settings.phlo.hold_audience == "held"
    assert settings.plivo.dial_ring_s == 120
    assert settings.transfers.cold_release == "immediate"
    assert settings.public_url == "http://127.0.0.1:8080"


def test_environment_beats_the_file_and_flags_beat_the_environment(folder: Path) -> None:
    environ = {
        "SWITCHHOOK_HTTP__LISTEN": "127.0.0.1:8081",
        "SWITCHHOOK_SIP__RING_S": "12.5",
        "SWITCHHOOK_SIP__LISTEN": "udp:127.0.0.1:5071, tcp:127.0.0.1:5071",
        "SWITCHHOOK_MEDIA__PORTS": "[30000, 34000]",
        "SWITCHHOOK_MEDIA__REALTIME": "false",
        "SWITCHHOOK_GENESYS__PROFILE": "2014",
        "SWITCHHOOK_ACCOUNT__0__AUTH_TOKEN": "12345",
        "SWITCHHOOK_TRUNK": '[{"name": "other", "uri": "sip:192.0.2.1"}]',
        "SWITCHHOOK_CONFIG": "ignored.toml",
        "SWITCHHOOK_PORT_5060_UDP": "udp://10.0.0.1:5060",
    }
    settings = read(folder, CONTRACT, environ, http__listen="127.0.0.1:8082")

    assert settings.http.listen == "127.0.0.1:8082"
    assert settings.sip.ring_s == 12.5
    assert settings.sip.listen == ("udp:127.0.0.1:5071", "tcp:127.0.0.1:5071")
    assert settings.media.ports == (30000, 34000)
    assert settings.media.realtime is False
    assert settings.genesys.profile == "2014"
    assert settings.accounts[0].auth_token == "12345"
    assert [trunk.name for trunk in settings.trunks] == ["other"]


def test_secrets_do_not_show_in_texts(folder: Path) -> None:
    shown = repr(read(folder))
    assert "1001" in shown
    assert "hidden-" not in shown


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[http]\nlisen = 'x'", "switchhook.toml:2: [http] lisen is not a known key; did you mean listen?"),
        ("\n[htpp]\n", "switchhook.toml:2: htpp is not a known section; did you mean http?"),
        ("[http]\nring_s = 3", "switchhook.toml:2: [http] ring_s is not a known key; did you mean ring_s of [sip]?"),
        ("[sip]\ndomain = 'a b'", "[sip] domain 'a b' must be a host name, such as switchhook.local"),
        ("[sip]\ndigest = []", "[sip] digest must name at least one"),
        ("[media]\naddress = '0.0.0.0'", "must be one address of this machine that telephones can reach"),
        ("[media]\naddress = 'pbx'", "[media] address 'pbx' must be an IP address of this machine"),
        ("[store]\nurl = 'sqlite:///'", "[store] url 'sqlite:///' must look like sqlite:///switchhook.db"),
        ("[store]\nurl = 'sqlite:////tmp'", "[store] url sqlite:////tmp: /tmp is a folder, not a file"),
        ("[http]\nlisten = 8080", "switchhook.toml:2: [http] listen must be a text, not 8080"),
        ("[http]\nlisten = '8080'", "[http] listen '8080' needs a port from 0 to 65535 after the last colon"),
        ("[http]\nlisten = 'example.com:80'", "needs an IP address or localhost before the port"),
        ("[http]\nlisten = '127.0.0.1:65536'", "needs a port from 0 to 65535"),
        ("[http]\npublic_url = 'ftp://x'", "must be an http:// or https:// URL"),
        ("[http]\nrepeat_window_s = -1", "[http] repeat_window_s must be from 0 to 3600, not -1.0"),
        ("[sip]\nlisten = 'udp:127.0.0.1:5060'", "[sip] listen must be a list, not udp:127.0.0.1:5060"),
        ("[sip]\nlisten = ['tls:127.0.0.1:5061']", "must look like udp:127.0.0.1:5060"),
        ("[sip]\nlisten = []", "[sip] listen must name at least one address"),
        ("[sip]\nring_s = true", "[sip] ring_s must be a number, not True"),
        ("[media]\nports = [20000]", "[media] ports must be a list of 2, not of 1"),
        ("[media]\nports = [30000, 20000]", "[media] ports needs a first port below the last one"),
        ("[media]\nports = [80, 20000]", "[media] ports must lie between 1024 and 65535"),
        (
            "[media]\nports = [20000, 20100]\nmax_legs = 1000",
            "[media] max_legs 1000 needs more ports: [20000, 20100] has 50 pairs",
        ),
        ("[media]\nports = [4000, 9000]", "[media] ports [4000, 9000] contain the SIP port 5060"),
        ("[media]\naddress = 'localhost'", "[media] address 'localhost'"),
        ("[media]\non_media_lost = 'stop'", '[media] on_media_lost must be "end" or "flag", not stop'),
        ("[media]\nhold_music = 'nothing.wav'", "nothing.wav cannot be read: No such file or directory"),
        ("[media]\nhold_music = 'builtin:x'", "[media] hold_music builtin:x is not built in"),
        ("[media]\nwire = 'fast'", '[media] wire must be "auto", not fast'),
        ("[store]\nurl = 'mysql://x'", "must look like sqlite:///switchhook.db"),
        ("[store]\nurl = 'sqlite:///no/such/switchhook.db'", "/no/such/switchhook.db: there is no folder"),
        ("[genesys]\nprofile = 2016", '[genesys] profile must be "2016" or "2014", not 2016'),
        ("[phlo]\naction_status = 202", "[phlo] action_status must be 200 or 201, not 202"),
        (
            "[transfers]\nfallback = 'next:'",
            "[transfers] fallback 'next:' must be return, recall, park, next:<address>",
        ),
        ("[transfers]\naccept_digit = '12'", "'12' must be one of 0-9 * #"),
        ("[webhooks]\nallow = ['10.0.0.0/33']", "[webhooks] allow '10.0.0.0/33'"),
        ("[http]\ncertificate = 'a.pem'", "[http] needs certificate and key, or neither"),
        ("[http]\ncertificate = 'a.pem'\nkey = 'b.pem'", "[http] key"),
        ("http = 3", "switchhook.toml:1: [http] must be a table of keys"),
        ("account = 3", "account must be written as [[account]]"),
        ("account = [3]", "[[account]] 1 must be a table of keys"),
        (
            "[[account]]\nauth_id = 'MA1'\nauth_token = 'x'",
            "[[account]] 1 (MA1) auth_id 'MA1' must be 20 char",
        ),
        ("[[account]]\nauth_token = 'x'", "switchhook.toml:1: [[account]] 1 needs auth_id"),
        ("[sip]\nlisten = ['tcp:127.0.0.1:8080']", "[sip] listen tcp:127.0.0.1:8080 is also [http] listen"),
        ("[sip]\nlisten = ['udp:0.0.0.0:5060', 'udp:127.0.0.1:5060']", "[sip] listen has udp:127.0.0.1:5060 twice"),
        ("[sip]\nlisten = ['udp:localhost:5060', 'udp:127.0.0.1:5060']", "[sip] listen has udp:127.0.0.1:5060 twice"),
        ("[http", "is not TOML: "),
        ('[sip]\ndomain = "a\\u0001b"', "[sip] domain must not contain control characters"),
    ],
)
def test_each_mistake_gets_one_clear_line(folder: Path, text: str, line: str) -> None:
    found = problems(folder, text)
    assert any(line in problem for problem in found), found


ACCOUNT = "[[account]]\nauth_id = 'MASWITCHHOOK00000000'\nauth_token = 't'\n"


def phone(username: str = "1001", more: str = "", account: str = "MASWITCHHOOK00000000") -> str:
    return f"[[endpoint]]\nusername = '{username}'\npassword = 'p'\naccount = '{account}'\n{more}\n"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (ACCOUNT * 2, "switchhook.toml:5: [[account]] 2 auth_id MASWITCHHOOK00000000 is also that of [[account]] 1"),
        (phone(), "switchhook.toml:4: [[endpoint]] 1 account MASWITCHHOOK00000000 is not in any [[account]]"),
        (ACCOUNT + phone() * 2, "[[endpoint]] 2 username 1001 is also that of [[endpoint]] 1"),
        (
            ACCOUNT + phone(more="application = '7'"),
            "[[endpoint]] 1 (1001) application 7 is not in any [[application]]",
        ),
        (ACCOUNT.replace("MA", "SA", 1), "is a sub-account and needs parent"),
        (ACCOUNT + "parent = 'MAOTHER0000000000000'", "parent MAOTHER0000000000000 is not a main account"),
        (ACCOUNT + "timezone = 'Mars/Base'", "'Mars/Base' is not a time zone"),
        (ACCOUNT + "timezone = '../etc'", "is not a time zone"),
        (
            "[[trunk]]\nname = 'a'\nuri = 'sip:x'\nusername = 'u'",
            "[[trunk]] 1 (a) needs username and password, or neither",
        ),
        ("[[trunk]]\nname = 'a'\nuri = 'x'", "[[trunk]] 1 (a) uri 'x' must look like sip:host:port"),
        (
            "[[trunk]]\nname='a'\nuri='sip:x'\nmatch=['10.0.0.1']\n[[trunk]]\nname='b'\nuri='sip:x'\nmatch=['10.0.0.1/32']",
            "[[trunk]] 2 match 10.0.0.1/32 is also in [[trunk]] 1",
        ),
        (ACCOUNT + "[[number]]\nnumber='1'\naccount='MASWITCHHOOK00000000'", "needs exactly one of application, flow,"),
        (
            ACCOUNT + "[[number]]\nnumber='1'\naccount='MASWITCHHOOK00000000'\nflow='f'\nagent='a'",
            "[[number]] 1 (1) needs exactly one of application, flow, agent and forward; it has flow and agent",
        ),
        (ACCOUNT + "[[number]]\nnumber='1'\naccount='MASWITCHHOOK00000000'\nflow='f'", "flow f is not in any [[flow]]"),
        (
            ACCOUNT + "[[number]]\nnumber='1'\naccount='MASWITCHHOOK00000000'\nforward='bob'",
            "forward bob is no endpoint",
        ),
        (
            ACCOUNT
            + "[[number]]\nnumber='+4930'\naccount='MASWITCHHOOK00000000'\nforward='sip:a@b'\n"
            + "[[number]]\nnumber='4930'\naccount='MASWITCHHOOK00000000'\nforward='sip:a@b'\n",
            "[[number]] 2 number 4930 is also that of [[number]] 1",
        ),
        (ACCOUNT + "[[flow]]\nfile='no.json'\naccount='MASWITCHHOOK00000000'", "no.json cannot be read"),
        (ACCOUNT + "[[flow]]\nfile='empty.json'\naccount='MASWITCHHOOK00000000'", "empty.json is not JSON"),
        (ACCOUNT + "[[flow]]\nfile='bare.json'\naccount='MASWITCHHOOK00000000'", "bare.json has no phlo_id"),
        (
            "[[agent]]\nusername='a'\npassword='p'\nnumber='7'",
            "[[agent]] 1 (a) needs exactly one of endpoint and address",
        ),
        ("[[agent]]\nusername='a'\npassword='p'\nnumber='7'\nendpoint='9'", "endpoint 9 is not in any [[endpoint]]"),
        ("[[agent]]\nusername='a'\npassword='p'\nnumber='7'\naddress='bob'", "address bob is no SIP URI or number"),
    ],
)
def test_references_and_duplicates_are_checked(folder: Path, text: str, line: str) -> None:
    (folder / "empty.json").write_text("")
    (folder / "bare.json").write_text('{"phlo": {"name": "x"}}')
    found = problems(folder, text)
    assert any(line in problem for problem in found), found


def test_all_problems_are_told_at_once(folder: Path) -> None:
    found = problems(folder, "[http]\nlisen = 1\nlisten = 2\n[sip]\nring_s = 'x'\n[[account]]\nauth_id = 'x'")
    assert len(found) == 5


def test_a_certificate_that_the_server_could_not_use_is_told_before_it_starts(folder: Path) -> None:
    for name, source in (("certificate.pem", "localhost.pem"), ("key.pem", "localhost.key")):
        (folder / name).write_bytes((DATA / source).read_bytes())
    both = "[http]\ncertificate = 'certificate.pem'\nkey = 'key.pem'"
    read(folder, both)

    found = problems(folder, both.replace("'certificate.pem'", "'key.pem'"))
    assert "cannot be used: " in found[0]
    (folder / "key.pem").write_text("no key at all\n", encoding="utf-8")
    found = problems(folder, both)
    assert found == [
        f"switchhook.toml:2: [http] certificate {folder}/certificate.pem and key {folder}/key.pem cannot be used: "
        "no pem in it, or a key with a password"
    ]


def test_music_that_is_no_sound_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "music.mp3").write_bytes(b"ID3...")
    (folder / "music.wav").write_bytes(b"RIFF....WAVE")
    read(folder, "[media]\nhold_music = 'music.wav'")
    monkeypatch.setattr("switchhook.settings.checks.find_spec", lambda _name: None)
    assert "pip install 'switchhook[mp3]'" in problems(folder, "[media]\nhold_music = 'music.mp3'")[0]


def test_a_missing_file_a_folder_and_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"[http]\n# \xe4\n")
    for name, said in (("no.toml", "No such file"), ("", "Is a directory"), ("latin.toml", "is not UTF-8")):
        with pytest.raises(SettingsError, match=said):
            load(tmp_path / name, environ={})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "SWITCHHOOK_HTTP__LISEN",
            "x",
            "SWITCHHOOK_HTTP__LISEN: [http] lisen is not a known key; did you mean listen?",
        ),
        ("SWITCHHOOK_HTTP_LISTEN", "x", "SWITCHHOOK_HTTP_LISTEN: "),
        ("SWITCHHOOK_HTTP__LISTEN__PORT", "x", "leads nowhere"),
        ("SWITCHHOOK_ACCOUNT__7__AUTH_ID", "x", "leads nowhere"),
        ("SWITCHHOOK_ACCOUNT", "x", "must be JSON"),
        ("SWITCHHOOK_SIP__RING_S", "soon", "SWITCHHOOK_SIP__RING_S: [sip] ring_s must be a number, not soon"),
        ("SWITCHHOOK_", "x", "SWITCHHOOK_: "),
    ],
)
def test_mistakes_in_the_environment_name_the_variable(folder: Path, name: str, text: str, said: str) -> None:
    found = problems(folder, "[http]\nlisten = '127.0.0.1:0'", {name: text})
    assert any(said in line for line in found), found


def test_the_embedded_configuration_starts_on_loopback_and_says_what_to_do_next() -> None:
    settings = Settings.embedded(environ={})

    assert settings.accounts[0].auth_id == AUTH_ID
    assert [endpoint.username for endpoint in settings.endpoints] == ["1001", "1002", "1003"]
    assert settings.http_listen.is_loopback
    assert all(listen.is_loopback for listen in settings.sip_listen)
    text = next_steps(settings)
    assert AUTH_TOKEN in text
    assert "switchhook phone --server 127.0.0.1:5060 --user 1001 --password demo-1001" in text


def test_the_embedded_configuration_refuses_to_listen_to_the_world_with_its_public_token() -> None:
    with pytest.raises(SettingsError, match="public demo passwords"):
        Settings.embedded(environ={"SWITCHHOOK_HTTP__LISTEN": "0.0.0.0:8080"})


def test_a_wrong_secret_is_not_repeated_in_the_complaint(folder: Path) -> None:
    found = problems(folder, "[[account]]\nauth_id = 'MASWITCHHOOK00000000'\nauth_token = 987654")
    assert found == [
        "switchhook.toml:3: [[account]] 1 (MASWITCHHOOK00000000) auth_token must be a text that is not empty"
    ]


def test_public_url_follows_the_listener_when_not_given() -> None:
    assert load(environ={}, flags={"http.listen": "0.0.0.0:80"}).public_url == "http://127.0.0.1:80"
    assert load(environ={}, flags={"http.public_url": "https://a.example/"}).public_url == "https://a.example"


def test_every_key_is_documented_and_the_example_file_is_a_configuration(tmp_path: Path) -> None:
    text = reference()
    for name, (_, cls, _) in sections().items():
        assert f"[{name}]" in text
        assert all(f"`{key}`" in text for key in keys_of(cls))
    file = tmp_path / "switchhook.toml"
    file.write_text(example_file())
    assert load(file, environ={}).accounts


def test_no_key_is_accepted_and_then_ignored() -> None:
    root = Path(switchhook.__file__).parent
    sources = [path for path in root.rglob("*.py") if path.parent != root / "settings"]
    text = "".join(path.read_text() for path in sources)
    keys = {key for _, cls, _ in sections().values() for key in keys_of(cls)}
    assert {key for key in keys if not re.search(rf"\.{key}\b", text)} == set()


scalars = st.one_of(st.text(max_size=12), st.integers(), st.booleans(), st.floats(), st.none())
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
known_names = st.sampled_from([*sections(), *(key for _, cls, _ in sections().values() for key in keys_of(cls))])


@pytest.mark.slow
@given(section=st.sampled_from(sorted(sections())), name=st.text(min_size=1, max_size=20) | known_names, value=trees)
@example(section="http", name="\x00", value=None)
@hypothesis_settings(max_examples=150, deadline=None)
def test_any_unknown_key_gets_a_suggestion_and_never_a_traceback(section: str, name: str, value: object) -> None:
    _, cls, many = sections()[section]
    if name in keys_of(cls):
        return
    with pytest.raises(SettingsError) as caught:
        load(environ={}, tree={section: [{name: value}] if many else {name: value}})
    said = [line for line in caught.value.problems if "is not a known key; did you mean" in line]
    assert len(said) == 1
    assert said[0].isprintable()


@pytest.mark.slow
@given(
    tree=st.dictionaries(
        known_names | st.text(max_size=8), st.dictionaries(known_names, trees, max_size=4) | trees, max_size=4
    )
)
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_gives_settings_or_lines(tree: dict[str, object]) -> None:
    try:
        load(environ={}, tree=tree)
    except SettingsError as wrong:
        lines = wrong.problems
    else:
        return
    assert lines
    assert all(line.isprintable() for line in lines)


@given(
    name=st.text(alphabet="ABCHTPLISEN_0123", max_size=16) | known_names.map(str.upper),
    text=st.text(alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
    | trees.map(json.dumps),
)
@hypothesis_settings(max_examples=150, deadline=None)
def test_any_variable_gives_settings_or_lines(name: str, text: str) -> None:
    try:
        load(environ={f"SWITCHHOOK_{name}": text})
    except SettingsError as wrong:
        lines = wrong.problems
    else:
        return
    assert lines
    assert all(line.isprintable() for line in lines)
