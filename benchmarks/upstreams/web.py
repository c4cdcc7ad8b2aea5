"""The upstream for everything that isn't a stream: an nginx that answers from memory and from files."""

from __future__ import annotations

from pathlib import Path

from benchmarks.servers import HOST

SMALL = "Hello from behind the proxy.\\n"
FILES = {"post": 0, "64k": 64 << 10}
"""Name and size in bytes."""

CONF = """
daemon off; master_process off; worker_processes 1;
pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 16384; }}
http {{
    access_log off; sendfile on; tcp_nopush on; open_file_cache max=16;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    client_max_body_size 0; client_body_buffer_size 64k; default_type text/plain; keepalive_requests 1000000;
    server {{
        listen {host}:{port} backlog=4096;
        location / {{ return 200 "{small}"; }}
        location /files/ {{ root {folder}; }}
        # "return" would answer before the body is there, so a file is asked for that takes no POST, and a mirror that
        # leads nowhere has the body read whole before.
        location = /files/post {{ root {folder}; mirror /nowhere; error_page 405 =200 /small; }}
        location = /nowhere {{ internal; return 204; }}
    }}
}}
"""


def web_command(port: int, folder: Path) -> tuple[str, ...]:
    """Write configuration and files; gives the command to start."""
    (folder / "files").mkdir()
    for name, size in FILES.items():
        (folder / "files" / name).write_bytes(bytes(size))
    conf = folder / "web.conf"
    conf.write_text(CONF.format(folder=folder, host=HOST, port=port, small=SMALL))
    return ("nginx", "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(conf))
