"""What the proxies are configured to do: one text for pyngx and nginx, as their language is the same."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from benchmarks.servers import HOST

_LOG_WORDS = """
status remote_addr request_method request_uri host body_bytes_sent request_time http_user_agent upstream_addr
upstream_status upstream_response_time upstream_connect_time upstream_header_time bytes_sent request_length scheme
server_name server_port server_protocol uri args is_args remote_port connection connection_requests msec time_iso8601
request_id content_type http_referer http_accept http_x_forwarded_for sent_http_content_type sent_http_content_length
request_completion document_uri query_string hostname pid time_local
"""
LOG_VARIABLES = tuple(_LOG_WORDS.split())
"""To be put into log formats, the first ones first."""

NGINX_JSON = ", ".join(
    f'"{name}": "${variable}"'
    for name, variable in (
        *(("time", "time_iso8601"), ("request_id", "request_id"), ("connection", "connection")),
        *(("client", "remote_addr"), ("method", "request_method"), ("host", "host"), ("uri", "request_uri")),
        *(("protocol", "server_protocol"), ("status", "status"), ("bytes", "body_bytes_sent")),
        *(("bytes_sent", "bytes_sent"), ("request_length", "request_length"), ("request_time", "request_time")),
        *(("server", "server_name"), ("referer", "http_referer"), ("user_agent", "http_user_agent")),
        *(("upstream", "upstream_addr"), ("upstream_status", "upstream_status")),
        *(("connect_time", "upstream_connect_time"), ("header_time", "upstream_header_time")),
        *(("response_time", "upstream_response_time"), ("received", "upstream_bytes_received")),
    )
)
"""For nginx, what pyngx's own JSON line says."""

BEST_BUFFERS = "proxy_buffer_size 64k; proxy_buffers 16 256k; proxy_busy_buffers_size 1m; proxy_max_temp_file_size 0;"
"""nginx's largest downloads a second with the least CPU, found by trying."""

FIELDS = """
proxy_http_version 1.1;
proxy_set_header Host $http_host;
proxy_set_header X-Real-IP $remote_addr;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;
"""
KEPT = FIELDS + 'proxy_set_header Connection "";\n'
UPGRADED = FIELDS + "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;\n"


@dataclass(frozen=True, slots=True)
class Upstreams:
    """The ports of what is behind the proxies."""

    web: int  # an nginx: short answers, files
    echo: int  # WebSockets
    events: int  # server-sent events
    sink: int  # reads bodies slowly
    bulk: int  # large bodies


@dataclass(frozen=True, slots=True)
class Site:
    """How the plain proxy is varied."""

    log: str = "json"  # or "off"
    variables: int = 0  # in a log format of its own in place of JSON
    locations: int = 0  # beside the usual ones
    names: int = 0  # servers, each with a name of its own
    http: str = ""  # more directives of `http`
    main: str = ""  # more directives of the main level, for pyngx


def http_block(site: Site, port: int, upstreams: Upstreams, folder: Path) -> str:
    """The directives in `http { }`."""
    listen = f"listen {HOST}:{port} backlog=4096;"
    servers = [f"server {{ {listen} {_locations(site)} }}"]
    proxied = f"{KEPT} location / {{ proxy_pass http://web; }}"
    servers += [
        f"server {{ listen {HOST}:{port}; server_name {name_of(number)}; {proxied} }}" for number in range(site.names)
    ]
    groups = [
        f"upstream {each.name} {{ server {HOST}:{getattr(upstreams, each.name)}; keepalive 64; }}"
        for each in fields(upstreams)
    ]
    upgrade = "map $http_upgrade $connection_upgrade { default upgrade; '' ''; }"
    # A body of 16 KiB must fit the buffer with room to spare: with its default of 16k nginx sends it in two pieces, and
    # waits for a delayed ACK in between (2,800 requests a second instead of 34,000).
    limits = "client_max_body_size 0; client_body_buffer_size 64k; proxy_read_timeout 1h; proxy_send_timeout 1h;"
    return "\n".join([_log(site, folder), limits, site.http, upgrade, *groups, *servers])


def location_of(number: int) -> str:
    """The name of one of many locations."""
    return f"/service-{number:05}/"


def name_of(number: int) -> str:
    """The name of one of many servers."""
    return f"host-{number:05}.example.com"


def _log(site: Site, folder: Path) -> str:
    if site.log == "off":
        return "access_log off;"
    name, text = "json", ""
    if site.variables:
        name = "varied"
        written = " ".join(f"${variable}" for variable in LOG_VARIABLES[: site.variables])
        text = f"log_format varied '{written}';\n"
    return f"{text}access_log {folder}/access.log {name} buffer=64k flush=1s;"


def _locations(site: Site) -> str:
    many = (f"location {location_of(number)} {{ proxy_pass http://web; }}" for number in range(site.locations))
    return "\n".join(
        [
            KEPT,
            "location / { proxy_pass http://web; }",
            f"location = /ws {{ {UPGRADED} proxy_pass http://echo; }}",
            "location = /events { proxy_buffering off; proxy_pass http://events; }",
            "location /bulk/ { proxy_pass http://bulk; }",
            "location = /sink { proxy_request_buffering off; proxy_pass http://sink; }",
            *many,
        ]
    )
