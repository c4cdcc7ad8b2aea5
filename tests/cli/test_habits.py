"""Configurations as people have them for nginx: what loads, and how little is said of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import trustme

from tests.support.certificates import write_pair
from tests.support.daemon import pyngx

PROXY = """\
proxy_http_version 1.1;
proxy_set_header Host $host;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
proxy_set_header Early-Data $ssl_early_data;
proxy_cache_bypass $http_upgrade;
proxy_no_cache $cookie_session;
proxy_headers_hash_bucket_size 128;
proxy_socket_keepalive on;
"""
WHOLE = """\
load_module modules/ngx_http_geoip_module.so;
events { worker_connections 1024; multi_accept on; use epoll; }
http {
    types { text/html html; text/css css; }
    types { application/wasm wasm; application/none; }
    map $http_upgrade $connection_upgrade { default upgrade; '' close; }
    log_format cached '$remote_addr "$request" $status $upstream_cache_status $http2';
    access_log logs/access.log cached;
    http2 on;
    fastcgi_temp_path temp/fastcgi;
    uwsgi_temp_path temp/uwsgi;
    scgi_temp_path temp/scgi;
    proxy_cache_path temp/cache keys_zone=files:1m;
    upstream one { server 127.0.0.1:1; keepalive 8; }
    server { listen 127.0.0.1:80 default_server; return 301 https://$host$request_uri; }
    server {
        listen 127.0.0.1:443 ssl http2;
        listen 127.0.0.1:443 quic reuseport;
        ssl_certificate a.crt;
        ssl_certificate_key a.key;
        add_header Alt-Svc 'h3=":443"; ma=86400';
        set $proxy_host example;
        location / { include proxy.conf; proxy_pass http://one; }
        location /api { include proxy.conf; proxy_cache off; proxy_store off; proxy_pass http://one/; }
        location ~ "^/v[0-9]{1,2}/" { include proxy.conf; proxy_pass http://one; }
    }
}
"""
PHP = """\
events { }
http {
    server {
        listen 127.0.0.1:80;
        location ~ \\.php$ {
            fastcgi_split_path_info ^(.+\\.php)(/.+)$;
            fastcgi_param SCRIPT_FILENAME $document_root$uri;
            fastcgi_index index.php;
            fastcgi_pass 127.0.0.1:9000;
        }
    }
}
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    for name in ("conf", "logs"):
        (tmp_path / name).mkdir()
    write_pair(tmp_path / "conf", "a", trustme.CA().issue_cert("a.test"))
    (tmp_path / "conf" / "proxy.conf").write_text(PROXY)
    return tmp_path / "conf" / "pyngx.conf"


def told(conf: Path, text: str) -> tuple[int, list[str]]:
    """The exit code, and the messages without their places."""
    conf.write_text(text)
    done = pyngx("-p", str(conf.parent.parent), "-t")
    return done.returncode, re.findall(r"^pyngx: (\[.*) in /.*$", done.stderr, re.MULTILINE)


def test_a_site_with_all_that_is_usual_loads(conf: Path) -> None:
    code, messages = told(conf, WHOLE)
    assert code == 0
    assert [message for message in messages if message.startswith("[warn]")] == [
        '[warn] "http2" directive has no effect yet',
        '[warn] the "http2" parameter has no effect yet',
        '[warn] the "quic" parameter has no effect yet',
    ]
    assert len(messages) < 15


def test_of_php_its_pass_alone_is_an_error(conf: Path) -> None:
    assert told(conf, PHP) == (1, ['[emerg] "fastcgi_pass" directive is not supported by this version of pyngx'])


def test_a_cache_is_an_error(conf: Path) -> None:
    text = WHOLE.replace("proxy_cache off", "proxy_cache files").replace("http2 on;", "")
    assert told(conf, text) == (1, ['[emerg] "proxy_cache" directive is not supported by this version of pyngx'])
