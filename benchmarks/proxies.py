"""The programs that are compared: how each one is configured and started."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.servers import HOST
from benchmarks.sites import NGINX_JSON, Site, Upstreams, http_block

CONNECTIONS = 16384

NGINX_HTTP = f"""
log_format json escape=json '{{{NGINX_JSON}}}';
client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
scgi_temp_path scgi;
server_names_hash_max_size 131072; server_names_hash_bucket_size 128; sendfile on;
"""

HAPROXY = """
global
    nbthread 1
    log stdout format raw local0
defaults
    mode http
    log global
    log-format '{{"time":"%tr","client":"%ci","method":"%HM","uri":"%HU","protocol":"%HV","status":%ST,"bytes":%B,\
"request_time":%Ta,"upstream":"%si:%sp","connect_time":%Tc,"header_time":%Tr}}'
    timeout connect 10s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
    option forwardfor
frontend proxy
    bind {host}:{port}
    http-request set-header X-Real-IP %[src]
    http-request set-header X-Forwarded-Proto http
    use_backend echo if {{ path /ws }}
    use_backend bulk if {{ path_beg /bulk/ }}
    default_backend web
backend web
    http-reuse always
    server web {host}:{web}
backend echo
    server echo {host}:{echo}
backend bulk
    server bulk {host}:{bulk}
"""

CADDY = """
{{
    admin off
    auto_https off
}}
http://:{port} {{
    bind {host}
    log {{
        output file {folder}/access.log
        format json
    }}
    reverse_proxy /ws {host}:{echo}
    reverse_proxy /bulk/* {host}:{bulk}
    reverse_proxy {host}:{web} {{
        header_up X-Real-IP {{remote_host}}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Command:
    """How to serve, how to check the configuration, and what the environment says."""

    serve: tuple[str, ...]
    check: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


Configure = Callable[[Site, int, Upstreams, Path], Command]


def _pyngx(site: Site, port: int, upstreams: Upstreams, folder: Path) -> Command:
    conf = _write(folder, f"{_main(folder)}\nhttp {{ {http_block(site, port, upstreams, folder)} }}\n{site.main}")
    words = (sys.executable, "-m", "pyngx", "-p", str(folder), "-c", str(conf))
    return Command(words, (*words, "-t", "-q"))


def _nginx(site: Site, port: int, upstreams: Upstreams, folder: Path) -> Command:
    http = http_block(site, port, upstreams, folder)
    text = f"{_main(folder)}\ndaemon off; master_process off;\nhttp {{ {NGINX_HTTP} {http} }}\n"
    words = ("nginx", "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(_write(folder, text)))
    return Command(words, (*words, "-t", "-q"))


def _haproxy(site: Site, port: int, upstreams: Upstreams, folder: Path) -> Command:
    _plain_only(site)
    conf = _write(folder, _fill(HAPROXY, port, upstreams, folder))
    return Command(("haproxy", "-db", "-f", str(conf)), ("haproxy", "-c", "-f", str(conf)))


def _caddy(site: Site, port: int, upstreams: Upstreams, folder: Path) -> Command:
    _plain_only(site)
    conf = _write(folder, _fill(CADDY, port, upstreams, folder))
    words = ("--config", str(conf), "--adapter", "caddyfile")
    environment = {"GOMAXPROCS": "1", "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    return Command(("caddy", "run", *words), ("caddy", "validate", *words), environment)


PROXIES: Mapping[str, Configure] = {"pyngx": _pyngx, "nginx": _nginx, "haproxy": _haproxy, "caddy": _caddy}


def _main(folder: Path) -> str:
    return f"pid {folder}/pid; error_log {folder}/error.log; events {{ worker_connections {CONNECTIONS}; }}"


def _fill(text: str, port: int, upstreams: Upstreams, folder: Path) -> str:
    return text.format(host=HOST, port=port, folder=folder, **asdict(upstreams))


def _plain_only(site: Site) -> None:
    assert site == Site(), "only the plain proxy is written for it"


def _write(folder: Path, text: str) -> Path:
    path = folder / "proxy.conf"
    path.write_text(text)
    return path
