"""Plain proxied requests, and the pairs of what serves clients and what asks upstreams."""

from __future__ import annotations

from benchmarks.loads.wrk import Ask, requests
from benchmarks.sites import Site
from benchmarks.work import Contender, Goal, Work

NGINX = Contender("nginx", "nginx")
BOTH = (NGINX, Contender("pyngx", "pyngx", against="nginx"))
ALL = (
    *BOTH,
    Contender("haproxy", "haproxy", against="nginx"),
    Contender("caddy", "caddy", against="nginx"),
)
SERVERS = ("fast", "uvicorn")
CLIENTS = ("fast", "aiohttp")
PAIRS = tuple(
    Contender(
        f"pyngx: {server} + {client}",
        "pyngx",
        Site(main=f"http_server {server}; http_client {client};"),
        against="nginx",
    )
    for server in SERVERS
    for client in CLIENTS
)


def _least(ratio: float) -> Goal:
    return Goal("pyngx", "requests/s", least=ratio)


WORKS = (
    Work(
        "get",
        "small GET, 64 connections",
        ALL,
        requests(Ask("/small")),
        (_least(0.55), Goal("pyngx", "CPU us/request", most=1.9)),
    ),
    Work(
        "post",
        "POST 16 KiB, 64 connections",
        ALL,
        requests(Ask("/files/post", "POST", body=16 << 10)),
        (_least(0.70),),
    ),
    Work("64k", "64 KiB response, 64 connections", ALL, requests(Ask("/files/64k")), (_least(1.0),)),
    Work("pairs", "small GET, http_server + http_client", (NGINX, *PAIRS), requests(Ask("/small"))),
)
