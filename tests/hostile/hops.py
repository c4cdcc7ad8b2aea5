"""Fields of one connection, and fields of ours that a client would like to be without (RFC 9110 7.6.1)."""

from __future__ import annotations

from tests.hostile.site import SMUGGLED, Case, head

OURS = {
    "host": ["t"],
    "x-real-ip": ["127.0.0.1"],
    "x-forwarded-for": ["127.0.0.1"],
    "x-forwarded-proto": ["http"],
    "x-user": ["ours"],
}
GET = ("GET /set HTTP/1.1", b"")
NAMES = ("Host", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Proto", "X-User")
WRITTEN = (
    "{}", "close, {}", "{}, close", " , {} ,, ", "\t{}\t", "x,{},y", "keep-alive,{}", "{},{}", "KEEP-ALIVE, {}", "{},",
)  # fmt: skip
FORGED = (
    "X-Real-IP: 6.6.6.6", "x-real-ip: 6.6.6.6", "X-REAL-IP:6.6.6.6", "X-User: root", "x-user:root", "X-USER: \troot",
    "X-Forwarded-Proto: https", "x-forwarded-proto: https", "X_Real_IP: 6.6.6.6", "X-Real_IP: 6.6.6.6",
    "X_USER: root", "X.User: root", "X-User\xa0: root", "X-User", "X-User:",
)  # fmt: skip
# Meant for us alone, whatever they say.
OWN = (
    "Keep-Alive: timeout=600", "Proxy-Connection: keep-alive", "TE: trailers", "TE: trailers, chunked;q=1", "TE: gzip",
    "Upgrade: h2c", "Upgrade: websocket", "Upgrade: TLS/1.0", "Expect: 100-continue", "Expect: 100-Continue",
    "Connection: x", "Connection:", "Connection: ,", "Connection: close\x0b",
    'Connection: "close"', "Connection: clos e",
    "Connection: transfer-encoding", "Connection: content-length, host", "Connection: connection", "Connection: te",
    "Connection: upgrade", "Connection: \xff", "Connection: " + "a," * 3000, "Connection: " + "x-user," * 1000,
)  # fmt: skip


def _see(*fields: str, target: str = "/set", **sees: list[str]) -> Case:
    expected = OURS if target == "/set" else {}
    expected = {**expected, **{name.replace("_", "-"): value for name, value in sees.items()}}
    return Case(head(f"GET {target}", *fields), 200, ((f"GET {target} HTTP/1.1", b""),), sees=expected)


def _ends(written: str) -> bool:
    return "close" in {option.strip().lower() for option in written.split(",")}


CASES = {
    **{
        f"{name} named as {written!r}": Case(
            head("GET /set", f"Connection: {written.format(name, name)}", f"{name}: 6.6.6.6") + (
                SMUGGLED if _ends(written) else b""),
            200, (GET,), ends=_ends(written), sees=OURS,
        )
        for name in NAMES[1:] for written in WRITTEN if name != "X-Forwarded-For"
    },
    **{f"{name} named twice": _see(f"Connection: {name}", f"connection: {name.lower()}") for name in NAMES},
    **{f"forged {field!r}": _see(field) for field in FORGED},
    **{f"forged twice {field!r}": _see(field, field) for field in FORGED},
    **{f"own {field[:30]!r}": _see(field) for field in OWN},
    **{
        f"own {field[:30]!r} passed": _see(field, target="/up", te=[], keep_alive=[], proxy_connection=[])
        for field in OWN
    },
    "Host named": _see("Connection: Host"),
    "a client's own": _see("Connection: X-Mine", "X-Mine: a", "X-Other: b", x_mine=[], x_other=["b"]),
    "a client's own by another case": _see("connection: x-MINE", "X-mine: a", x_mine=[]),
    "a client's own, named behind": _see("X-Mine: a", "Connection: X-Mine", x_mine=[]),
    "a client's own, passed": _see("Connection: X-Mine", "X-Mine: a", target="/up", x_mine=[]),
    "credentials": _see("Connection: Authorization", "Authorization: a", authorization=[]),
    "forwarded for": _see("X-Forwarded-For: 6.6.6.6", x_forwarded_for=["6.6.6.6, 127.0.0.1"]),
    "forwarded for in two": _see(
        "X-Forwarded-For: 6.6.6.6", "x-forwarded-for: 7", x_forwarded_for=["6.6.6.6, 7, 127.0.0.1"]
    ),
    "forwarded for, dropped": _see("X_Forwarded_For: 6.6.6.6"),
    "no version for CGI": _see("Proxy: http://evil/", target="/up", host=["up"]),
}  # fmt: skip
