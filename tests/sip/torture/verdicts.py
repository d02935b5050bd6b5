"""What a server of ours does with each torture message, and the reason in the words of the RFC's section.

`ALLOWED` is what the RFC itself says of each message: what it asks for first, then what it leaves open to an element.
`RFC4475` and `RFC5118` are our choice. A number is the final answer over UDP. `CALL`: 100, and the exchange is told of
a call. `DROPPED`: no answer, counted as malformed. `STRAY`: a response that belongs to no transaction, counted as that.
"""

from __future__ import annotations

CALL = "call"
DROPPED = "dropped"
STRAY = "stray"

Verdict = tuple[int | str, str]

RFC4475: dict[str, Verdict] = {
    # 3.1.1 valid
    "wsinv": (481, "folding, blanks and compact forms are read; its To tag names a dialog that is not ours"),
    "intmeth": (501, "every character of a token, a URI and a quoted string; the method is nobody's"),
    "esc01": (CALL, "percent escapes stay as written, and are decoded only where a user is compared"),
    "escnull": (401, "an escaped null is a character like any other"),
    "esc02": (501, "% is no escape in a method or a header name: RE%47IST%45R is not REGISTER"),
    "lwsdisp": (200, "no blank between display name and bracket"),
    "longreq": (CALL, "long values and 34 Vias"),
    "dblreq": (401, "what follows the body in a datagram is not part of the message"),
    "semiuri": (200, "a semicolon in the user part begins no URI parameter"),
    "transports": (200, "unknown transports in the Via lines below the first"),
    "mpart01": (405, "a multipart body with binary octets; MESSAGE is known and not served"),
    "unreason": (STRAY, "a reason phrase in UTF-8"),
    "noreason": (STRAY, "an empty reason phrase"),
    # 3.1.2 invalid
    "badinv01": (400, "empty parameters and list members in Via and Contact"),
    "clerr": (400, "the datagram ends before Content-Length is reached"),
    "ncl": (400, "a negative Content-Length"),
    "scalar02": (400, "CSeq beyond 2**31, Max-Forwards beyond 255"),
    "scalarlg": (DROPPED, "a response whose CSeq is beyond 2**31"),
    "quotbal": (400, "a quote in To that does not close"),
    "ltgtruri": (400, "a Request-URI in brackets"),
    "lwsruri": (400, "a blank within the Request-URI"),
    "lwsstart": (400, "more than one blank between the parts of the start line"),
    "trws": (400, "blanks behind the start line"),
    "escruri": (400, "headers in a Request-URI"),
    "baddate": (CALL, "a Date that is not GMT: a header that is not needed is not looked at (RFC 3261 8.2)"),
    "regbadct": (400, "a Contact with a question mark and no brackets"),
    "badaspec": (200, "blanks within the brackets of To are taken off"),
    "baddn": (200, "an unquoted display name with a comma: From and To are no lists, so it is understood"),
    "badvers": (505, "SIP/7.0"),
    "mismatch01": (400, "OPTIONS with the CSeq of an INVITE"),
    "mismatch02": (501, "an unknown method with the CSeq of an INVITE"),
    "bigcode": (DROPPED, "a status code of ten digits"),
    # 3.2 transactions
    "badbranch": (200, "a branch of nothing but the cookie is none: matched by the rules of RFC 2543"),
    # 3.3 application
    "insuf": (400, "no From, To and Call-ID"),
    "unkscm": (416, "an unknown URI scheme"),
    "novelsc": (416, "a scheme that is known, for another protocol"),
    "unksm2": (400, "To and From of other schemes: nobody who could be registered"),
    "bext01": (420, "extensions nobody has, named in Unsupported"),
    "invut": (415, "an INVITE with a body of another kind"),
    "regaut01": (401, "an unknown authorization scheme is no credentials"),
    "multi01": (400, "two values where there may be one"),
    "mcl01": (400, "two Content-Lengths"),
    "bcast": (STRAY, "a response whose Via names others"),
    "zeromf": (200, "Max-Forwards 0 at the element it is for"),
    "cparam01": (401, "a parameter behind a Contact without brackets is the header's"),
    "cparam02": (401, "within the brackets it is the URI's"),
    "regescrt": (401, "headers in a Contact's URI may be registered, and are never dialled"),
    "sdp01": (406, "an Accept that lets no answer in"),
    # 3.4 backward compatibility
    "inv2543": (400, "no From tag and no Contact: a choice, nobody could be called back (3.4.1 lets us)"),
}

ALLOWED: dict[str, tuple[int | str, ...]] = {
    "wsinv": (CALL, 481), "intmeth": (501, 405), "esc01": (CALL,), "escnull": (200, 401), "esc02": (501, 405),
    "lwsdisp": (200,), "longreq": (CALL,), "dblreq": (200, 401), "semiuri": (200, 404), "transports": (200,),
    "mpart01": (200, 405, 415, 501), "unreason": (STRAY,), "noreason": (STRAY,),
    "badinv01": (400,), "clerr": (400,), "ncl": (400,), "scalar02": (400,), "scalarlg": (DROPPED,), "quotbal": (400,),
    "ltgtruri": (400, CALL), "lwsruri": (400,), "lwsstart": (400, CALL), "trws": (400, 200), "escruri": (400, CALL),
    "baddate": (CALL, 400), "regbadct": (400, 200, 401), "badaspec": (400, 200), "baddn": (400, 200),
    "badvers": (505,), "mismatch01": (400,), "mismatch02": (501, 400), "bigcode": (DROPPED,),
    "badbranch": (400, 200),
    "insuf": (400,), "unkscm": (416,), "novelsc": (416, 404), "unksm2": (400,), "bext01": (420,), "invut": (415,),
    "regaut01": (401, 200, 405), "multi01": (400,), "mcl01": (400,), "bcast": (STRAY,), "zeromf": (200, 483),
    "cparam01": (200, 401), "cparam02": (200, 401), "regescrt": (200, 401), "sdp01": (406, 400),
    "inv2543": (CALL, 400),
    "ipv6-good": (200, 401), "ipv6-bad": (400,), "port-ambiguous": (200, 401), "port-unambiguous": (200, 401),
    "via-received-param-with-delim": (200, 481), "via-received-param-no-delim": (200,),
    "ipv6-in-sdp": (CALL, 488, 400), "mult-ip-in-header": (200, 481), "mult-ip-in-sdp": (CALL, 488),
    "ipv4-mapped-ipv6": (CALL, 488), "ipv6-bug-abnf-3-colons": (200,), "ipv6-correct-abnf-2-colons": (200,),
}  # fmt: skip

RFC5118: dict[str, Verdict] = {
    "ipv6-good": (401, "a bracketed address in Request-URI, Via and Contact"),
    "ipv6-bad": (400, "an address without brackets"),
    "port-ambiguous": (401, "5070 is the last part of the address"),
    "port-unambiguous": (401, "5070 is the port"),
    "via-received-param-with-delim": (481, "received with brackets; a BYE of no dialog"),
    "via-received-param-no-delim": (200, "received without brackets"),
    "ipv6-in-sdp": (400, "268 bytes are announced and 251 come, as printed"),
    "mult-ip-in-header": (481, "both families in the Via lines; a BYE of no dialog"),
    "mult-ip-in-sdp": (CALL, "both families in the description"),
    "ipv4-mapped-ipv6": (488, "mapped addresses; the only audio is G.726"),
    "ipv6-bug-abnf-3-colons": (200, "the third colon that the grammar of RFC 3261 allows is tolerated"),
    "ipv6-correct-abnf-2-colons": (200, "the same as it should be"),
}
