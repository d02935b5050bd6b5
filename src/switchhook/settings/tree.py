"""Every key of the configuration, with its type, default, meaning and check.

The names are a public contract (`docs/` has the generated list). A key may be added; the meaning of one here may not
change. Tables such as [[account]] are plural attributes: `settings.accounts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from switchhook.core.values import dataclass
from switchhook.exchange.ports import Latching
from switchhook.settings import keys as k
from switchhook.settings.keys import needed, option, section, tables
from switchhook.settings.listen import Listen

Method = Literal["GET", "POST"]


@dataclass(frozen=True, kw_only=True)
class Http:
    listen: str = option(
        "127.0.0.1:8080", "Address and port of all HTTP: APIs, console, health, metrics", k.listen_http
    )
    public_url: str = option("", "Base of the URIs we hand out; default: made from `listen`", k.web_url)
    certificate: str = option("", "PEM file with the certificate chain: makes the port HTTPS", path=True)
    key: str = option("", "PEM file with the private key of `certificate`", path=True)
    repeat_window_s: float = option(
        10.0, "An equal request within this time is the same request; 0 = off", k.between(0, 3600)
    )


@dataclass(frozen=True, kw_only=True)
class Sip:
    listen: tuple[str, ...] = option(
        ("udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"), "Where telephones and trunks reach us", k.listen_sip
    )
    domain: str = option("switchhook.local", "Our SIP domain and digest realm", k.domain)
    ring_s: float = option(30.0, "How long a telephone rings where no dialect says otherwise", k.between(1, 3600))
    min_expires_s: int = option(60, "Shortest registration we grant; shorter ones get 423", k.between(1, 86400))
    digest: tuple[Literal["MD5", "SHA-256", "SHA-512-256"], ...] = option(
        ("MD5",),
        "Challenges sent, best first; some telephones give up when any but MD5 is among them",
        k.not_empty_list,
    )


@dataclass(frozen=True, kw_only=True)
class Media:
    address: str = option("127.0.0.1", "IP address put into SDP", k.media_address)
    ports: tuple[int, int] = option(
        (20000, 29998), "First and last port for audio, RTP even and RTCP odd", k.port_range
    )
    hold_music: str = option("builtin:hold", "builtin:hold, or a WAV/MP3 file or URL", k.not_empty)
    rtp_timeout_s: float = option(
        60.0, "No audio for so long counts as lost; held legs are exempt; 0 = never", k.between(0, 86400)
    )
    on_media_lost: Literal["end", "flag"] = option("end", "What lost audio does: end the leg, or only say so")
    max_legs: int = option(
        0, "Most legs at the same time; 0: as many as `ports` has pairs, up to 1000", k.between(0, 30000)
    )
    wire: Literal["auto"] = option("auto", "How the audio process does its input and output: the fastest there is")
    realtime: bool = option(True, "Ask the system for real-time priority for audio where it is allowed")
    recordings: str = option("recordings", "Folder of the files <account>/<recording_id>.wav", k.not_empty, path=True)

    def __post_init__(self) -> None:
        if not self.max_legs:
            object.__setattr__(self, "max_legs", max(1, min(1000, self.pairs)))

    @property
    def pairs(self) -> int:
        """How many pairs of an even port and the odd one above it lie within `ports`."""
        low, high = self.ports
        return max(0, (high + 1 - (low + low % 2)) // 2)


@dataclass(frozen=True, kw_only=True)
class Store:
    url: str = option("sqlite:///switchhook.db", "Where the journal is kept", k.store_url)


@dataclass(frozen=True, kw_only=True)
class Log:
    level: Literal["debug", "info", "warning", "error"] = option("info", "Least important lines to write")
    format: Literal["auto", "json", "text"] = option(
        "auto", "One JSON object per line, or text; auto: text on a terminal"
    )


@dataclass(frozen=True, kw_only=True)
class Webhooks:
    allow: tuple[str, ...] = option(
        (), "Private networks that URLs may point to; loopback is allowed while http.listen is", k.networks
    )
    signature: Literal["v2+v3", "v3", "v2", "off"] = option("v2+v3", "Which X-Plivo-Signature headers go out")
    verify_tls: bool = option(True, "Check certificates of https URLs; false only for laboratories")
    user_agent: str = option("Switchhook", "User-Agent of outgoing requests", k.matching(r"[ -~]+", "printable ASCII"))


@dataclass(frozen=True, kw_only=True)
class Transfers:
    fallback: str = option(
        "",
        "When the target is not reached: return, recall, next:<address>, voicemail:<address>, announce:<text>, park; "
        "empty: the dialect's own default",
        k.fallback,
    )
    brief: str = option("", "Spoken (text) or played (URL) to the target in private before the customer joins")
    accept_digit: str = option(
        "", "Key that the target must press to accept", k.optional(k.matching("[0-9*#]", "one of 0-9 * #"))
    )
    cold_release: Literal["immediate", "on_answer"] = option(
        "immediate", "When a cold transfer lets the agent go: at once, or when the target answers"
    )


@dataclass(frozen=True, kw_only=True)
class Plivo:
    dial_ring_s: float = option(120.0, "Ring time of <Dial> without a timeout", k.between(1, 3600))
    max_documents: int = option(
        1000, "XML documents per leg before the call ends as a loop (2060)", k.between(1, 1000000)
    )
    max_transfers: int = option(70, "Transfers per call before it ends as a loop (2060)", k.between(1, 1000000))
    max_call_s: int = option(14400, "Longest call where the request names none", k.between(1, 86400))
    endpoint_suffix: bool = option(True, "Append 12 digits to the user names of endpoints that are made by API")
    answer_timeout_s: float = option(15.0, "Time for the first document of a ringing call", k.between(1, 120))
    check_caller_id: bool = option(
        False, "A call made by API may show only a number or a telephone of its account (or of its main account)"
    )
    recogniser: str = option("", "URL of a program that recognises speech: http(s):// or ws(s)://", k.service_url)
    recogniser_timeout_s: float = option(10.0, "Time for its answer after the caller's last word", k.between(1, 60))
    strict: bool = option(False, "An unknown element makes a document invalid (8011) instead of being skipped")
    record_any_key: bool = option(False, "Any key ends a <Record> without finishOnKey, as years ago; else # alone")
    keep_streams: bool = option(False, "A call's audio stream goes on when the call is transferred; else it ends")
    stream_stop_frame: bool = option(True, "Audio streams say `stop` before they close the connection")
    stream_grace_s: float = option(
        0.5, "A call whose program has closed its stream lives so long where nothing follows", k.between(0, 60)
    )
    stream_transfer_wait_s: float = option(
        0.0,
        "A transfer waits so long for the program of a stream with keepCallAlive to close it first",
        k.between(0, 60),
    )
    stream_header_prefix: bool = option(False, "Names of a stream's extra headers begin with X-PH- in its first frame")
    transfer_keep_other_leg: bool = option(
        False, "Whom a transfer leaves behind hears hold music until it is transferred itself; else it is hung up"
    )
    type_ahead: bool = option(
        False, "Keys pressed during a Speak or Play, at most 5 s before, count for the GetDigits or GetInput after it"
    )


@dataclass(frozen=True, kw_only=True)
class Phlo:
    action_status: Literal[200, 201] = option(201, "HTTP status of accepted node and member actions")
    hold_audience: Literal["held", "others", "both"] = option("held", "Who hears music when a member is held")
    ring_s: float = option(30.0, "Ring time of a node that sets none", k.between(1, 3600))


@dataclass(frozen=True, kw_only=True)
class Genesys:
    profile: Literal["2016", "2014"] = option("2016", "Which generation of samples to match")
    csrf: bool = option(False, "Ask for the X-CSRF-TOKEN header on PUT, POST and DELETE")
    recall: bool = option(False, "A target that fails after the completion makes the agent's telephone ring again")
    mute: bool = option(False, "Offer MuteCall and UnmuteCall")
    recorder: bool = option(False, "Offer StartCallRecording and its kin")
    clear_call: bool = option(False, "Offer ClearCall, which ends a call for everybody in it")
    session_grace_s: float = option(
        60.0, "An agent stays logged in so long without a CometD session", k.between(0, 86400)
    )
    own_ring_s: float = option(20.0, "How long Dial rings the agent's own telephone", k.between(1, 3600))
    answer_s: float = option(5.0, "How long Answer waits for the telephone to pick up", k.between(1, 60))
    connect_s: float = option(30.0, "How long /meta/connect is held", k.between(1, 600))
    max_interval_s: float = option(60.0, "A CometD session ends so long after its last connect", k.between(1, 3600))
    max_queue: int = option(
        10000, "Messages kept for a CometD session that does not fetch them", k.between(10, 1000000)
    )
    websocket: bool = option(True, "Offer web sockets to CometD clients; without, they fall back to long-polling")
    api_key: str = option("", "x-api-key of requests to /workspace/v3; empty: it is not asked for", secret=True)
    allowed_origins: tuple[str, ...] = option((), 'CORS origins, with wildcards, such as "http://*.example.com"')


@dataclass(frozen=True, kw_only=True)
class Account:
    auth_id: str = needed("20 characters, MA + 18; a sub-account starts with SA", k.AUTH_ID)
    auth_token: str = needed("Password of the HTTP APIs, and key of the webhook signatures", k.not_empty, secret=True)
    name: str = option("", "For people")
    allow: tuple[str, ...] = option((), "Narrows what may be dialled to these prefixes", k.PREFIXES)
    parent: str = option("", "Main account of a sub-account")
    timezone: str = option("UTC", "Time zone of the times in API answers", k.time_zone)
    max_calls: int = option(0, "Most live calls at a time, every leg counts; 0 = no limit", k.between(0, 100000))
    cps: float = option(
        0.0, "Calls that are started per second; more are queued and dialled in order; 0 = no limit", k.between(0, 1000)
    )
    inbound_cps: int = option(
        0, "Calls per second that may come in for this account; more are refused; 0 = no limit", k.between(0, 10000)
    )
    max_minutes: int = option(
        0, "Minutes of outgoing calls per day of `timezone`; then no new ones; 0 = no limit", k.between(0, 10000000)
    )
    api_rate: int = option(
        300,
        "Plivo API requests within 5 seconds, calls made and everything else counted apart; more get 429; 0 = no limit",
        k.between(0, 1000000),
    )


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    username: str = needed("User name the telephone registers with", k.USER)
    password: str = needed("Digest password", k.not_empty, secret=True)
    account: str = needed("auth_id of the owner")
    caller_id: str = option("", "Number shown to trunks when the request names none", k.optional(k.NUMBER))
    application: str = option("", "app_id (or phlo_id) asked when this telephone calls; without it, it dials directly")
    media_from: Latching = option(Latching.SIGNALLING, "Whose audio packets are accepted")


@dataclass(frozen=True, kw_only=True)
class Trunk:
    name: str = needed("Name in logs and metrics", k.USER)
    uri: str = needed("Where outbound calls go", k.sip_uri)
    match: tuple[str, ...] = option((), "IP addresses or networks whose inbound calls are this trunk's", k.networks)
    prefixes: tuple[str, ...] = option((), 'Numbers that go out here; "+" is every E.164 number', k.PREFIXES)
    username: str = option("", "Digest user towards the trunk")
    password: str = option("", "Digest password towards the trunk", secret=True)
    realm: str = option("", "Only answer digest challenges of this realm")
    caller_id: str = option("", "Number shown when neither request nor endpoint names one", k.optional(k.NUMBER))
    media_from: Latching = option(Latching.STRICT, "Whose audio packets are accepted")


@dataclass(frozen=True, kw_only=True)
class Application:
    app_id: str = needed("Name used in requests", k.matching(r"[A-Za-z0-9_-]{1,64}", "letters, digits, - and _"))
    account: str = needed("auth_id of the owner")
    answer_url: str = needed("Asked for the first document of a call", k.web_url)
    answer_method: Method = option("POST", "")
    hangup_url: str = option("", "Told when the call is over; empty: answer_url", k.web_url)
    hangup_method: Method = option("POST", "")
    fallback_answer_url: str = option("", "Asked when answer_url fails", k.web_url)
    fallback_method: Method = option("POST", "")
    name: str = option("", "For people")
    action_fallthrough: bool = option(False, "An action that answers no document lets the next element run, not 8012")


@dataclass(frozen=True, kw_only=True)
class Number:
    number: str = needed("Called number", k.NUMBER)
    account: str = needed("auth_id of the owner")
    application: str = option("", "app_id of the application that is asked")
    flow: str = option("", "phlo_id of the flow that runs")
    agent: str = option("", "User name of the agent whose telephone rings")
    forward: str = option("", "Endpoint, SIP URI or number that is called, no program asked")


@dataclass(frozen=True, kw_only=True)
class Inventory:
    number: str = needed("Number for rent", k.NUMBER)
    country: str = needed("Its country: two capital letters", k.matching("[A-Z]{2}", "two capital letters such as US"))
    type: Literal["local", "tollfree", "mobile", "national", "fixed"] = option("local", "Kind of number")
    region: str = option("", "For people, and to search for")
    city: str = option("", "For people")


@dataclass(frozen=True, kw_only=True)
class Flow:
    file: str = needed("PHLO definition (JSON); phlo_id and node ids are in it", k.not_empty, path=True)
    account: str = needed("auth_id of the owner")
    phlo_id: str = option("", "Taken from the file; when given here, the file must say the same")


@dataclass(frozen=True, kw_only=True)
class Agent:
    username: str = needed("User name of the Genesys API", k.not_empty)
    password: str = needed("Password of the Genesys API", k.not_empty, secret=True)
    endpoint: str = option("", "Telephone on the desk: an endpoint's user name")
    address: str = option("", "Or: a SIP URI, or a number on a trunk")
    number: str = needed("Number that others dial to reach the agent", k.NUMBER)
    features: tuple[str, ...] = option(
        ("api-voice",), "Granted features", k.all_matching(r"[a-z0-9-]+", "a feature such as api-voice")
    )
    first_name: str = option("", "")
    last_name: str = option("", "")
    email: str = option("", "")
    employee_id: str = option("", "Default: the user name")


@dataclass(frozen=True, kw_only=True)
class AgentState:
    operation: str = needed("operationName that sets it", k.matching("[A-Za-z][A-Za-z0-9]*", "letters and digits"))
    display: str = option("", "Shown to people; default: the operation")
    state: Literal["NotReady", "Ready"] = option("NotReady", "What it counts as")
    work_mode: Literal["", "AuxWork", "AfterCallWork"] = option("", "Shown as workMode")
    reason: str = needed("Reason code that is shown with it", k.not_empty)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole configuration, checked: every reference in it leads somewhere."""

    http: Http = section(Http, "HTTP server")
    sip: Sip = section(Sip, "SIP server")
    media: Media = section(Media, "Audio")
    store: Store = section(Store, "Journal and call records")
    log: Log = section(Log, "Log lines")
    webhooks: Webhooks = section(Webhooks, "Requests that we send")
    transfers: Transfers = section(Transfers, "What every transfer does unless its request or node says otherwise")
    plivo: Plivo = section(Plivo, "Plivo voice API and XML")
    phlo: Phlo = section(Phlo, "Plivo PHLO runner")
    genesys: Genesys = section(Genesys, "Genesys Web Services")
    accounts: tuple[Account, ...] = tables("account", "Who may use the Plivo API")
    endpoints: tuple[Endpoint, ...] = tables("endpoint", "Telephones that register")
    trunks: tuple[Trunk, ...] = tables("trunk", "SIP peers")
    applications: tuple[Application, ...] = tables("application", "URLs that are asked what to do with a call")
    numbers: tuple[Number, ...] = tables("number", "Where a called number goes")
    inventory: tuple[Inventory, ...] = tables("inventory", "Numbers that API clients may rent")
    flows: tuple[Flow, ...] = tables("flow", "PHLO graphs")
    agents: tuple[Agent, ...] = tables("agent", "Genesys users and their telephones")
    agent_states: tuple[AgentState, ...] = tables(
        "agent_state", "Agent states besides the built-in ones, with a reason"
    )
    source: str = ""  # path of the file it came from, "" without one

    @classmethod
    def load(
        cls,
        file: str | Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        flags: Mapping[str, str] | None = None,
    ) -> Settings:
        """Reads file, environment (default: the process's), flags ({"http.listen": ...}); may raise SettingsError."""
        from switchhook.settings.loading import load

        return load(file, environ=environ, flags=flags)

    @classmethod
    def embedded(cls, *, environ: Mapping[str, str] | None = None, flags: Mapping[str, str] | None = None) -> Settings:
        """The configuration of a server without a file: one demo account, three telephones, loopback only."""
        from switchhook.settings.embedded import embedded

        return embedded(environ=environ, flags=flags)

    @cached_property
    def http_listen(self) -> Listen:
        return Listen.parse(self.http.listen, "tcp")

    @cached_property
    def sip_listen(self) -> tuple[Listen, ...]:
        return tuple(Listen.parse(text) for text in self.sip.listen)

    @property
    def public_url(self) -> str:
        """Base of the URIs we hand out, without a slash at its end."""
        if self.http.public_url:
            return self.http.public_url.rstrip("/")
        host, _, port = self.http.listen.rpartition(":")
        reachable = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
        return f"{'https' if self.http.certificate else 'http'}://{reachable}:{port}"

    def account(self, auth_id: str) -> Account | None:
        return next((account for account in self.accounts if account.auth_id == auth_id), None)

    def with_(self, **sections: object) -> Settings:
        """A copy with whole sections replaced; nothing is checked again (for tests and embedding)."""
        return replace(self, **sections)  # type: ignore[arg-type]
