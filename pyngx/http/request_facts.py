"""What a request's fields say of its body and its connection, worked out once for fields that come again and again."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from pyngx.http.framing import UNIQUE
from pyngx.http.headers import Field, Headers, connection_options
from pyngx.http.host import BadHost, Host, parse_host

_BODY: Final = (b"content-length", b"transfer-encoding", b"expect")
# As ngx_http_process_user_agent tells browsers apart.
_OLD_MSIE: Final = re.compile(rb"MSIE (?:[45]\.|6\.(?!.*SV1))", re.DOTALL)
_ANY_MSIE: Final = re.compile(rb"MSIE ...", re.DOTALL)


class Lines(msgspec.Struct):
    """A request's fields as they are passed on, and the values that were put among them."""

    values: list[str]
    fields: list[Field]
    encoded: bytes


class RequestFacts(msgspec.Struct):
    """Facts about the fields of one request, or of many that have the same."""

    options: frozenset[bytes]  # of Connection
    is_bare: bool  # neither announces a body, nor expects anything, nor repeats what must come once
    asks_upgrade: bool
    host: Host | None  # of the only Host field, if it is a good one
    browsers: frozenset[str]  # those that keepalive_disable knows
    forwarded: dict[tuple[object, str], Lines]  # by how they are passed on, and the Host


def request_facts(headers: Headers) -> RequestFacts:
    """The facts about a request's fields."""
    facts = headers.facts
    if facts is None:
        headers.facts = facts = RequestFacts(
            connection_options(headers),
            _is_bare(headers),
            b"upgrade" in headers,
            _only_host(headers),
            _browsers(headers.get(b"user-agent")),
            {},
        )
    return facts


def _is_bare(headers: Headers) -> bool:
    if any(name in headers for name in _BODY):
        return False
    return not headers.has_repeats or all(len(headers.all(name)) < 2 for name in UNIQUE)


def _only_host(headers: Headers) -> Host | None:
    values = headers.all(b"host")
    try:
        return parse_host(values[0]) if len(values) == 1 else None
    except BadHost:
        return None


def _browsers(agent: bytes | None) -> frozenset[str]:
    if not agent or b"Opera" in agent:
        return frozenset()
    found = {"msie6"} if _OLD_MSIE.search(agent) else set()
    others = b"Gecko/" in agent or b"Chrome/" in agent or _ANY_MSIE.search(agent)
    if b"Safari/" in agent and b"Mac OS X" in agent and not others:
        found.add("safari")
    return frozenset(found)
