"""TLS, certificates of clients and PROXY headers, as nginx has them."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import trustme

from tests.oracle.pair import VERSION, Pair, Side, needs_nginx, pair
from tests.support.certificates import write_authority, write_pair
from tests.support.tls_site import trusting

pytestmark = needs_nginx

SAY = (
    "$server_name|$scheme|$https|$ssl_server_name|$ssl_protocol|$ssl_alpn_protocol|$ssl_client_verify|$ssl_client_s_dn|"
    "$ssl_client_i_dn|$ssl_client_s_dn_legacy|$ssl_client_serial|$ssl_client_fingerprint|$ssl_client_v_start|"
    "$ssl_client_v_end|$ssl_client_v_remain|$ssl_client_escaped_cert|$ssl_client_cert"
)
CONFIGURATION = f"""
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate ROOT/a.crt; ssl_certificate_key ROOT/a.key; ssl_client_certificate ROOT/ca.crt;
    server {{ listen LISTEN0 ssl; server_name a.test; return 200 "{SAY}"; }}
    server {{ listen LISTEN0; server_name on.test; ssl_verify_client on; return 200 "{SAY}"; }}
    server {{ listen LISTEN0; server_name optional.test; ssl_verify_client optional; return 200 "{SAY}"; }}
    server {{ listen LISTEN0; server_name any.test; ssl_verify_client optional_no_ca; return 200 "{SAY}"; }}
    server {{ listen LISTEN0; server_name pages.test; ssl_verify_client on; error_page 495 496 497 =200 /page;
              location = /page {{ return 200 "page $ssl_client_verify"; }} }}
    server {{ listen LISTEN0; server_name *.wild.test; return 301 /wild; }}
    server {{ listen LISTEN1 proxy_protocol;
              return 200 "$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr"; }}
"""
NAMES = ("a.test", "on.test", "optional.test", "any.test", "pages.test", "x.wild.test", "unknown.test")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pair") / "root"
    folder.mkdir()
    ours = trustme.CA()
    write_authority(folder, "ca", ours)
    write_pair(folder, "a", ours.issue_cert("a.test"))
    who = {"common_name": "someone, #1", "organization_name": " Größe <&> "}
    write_pair(folder, "known", ours.issue_cert("known", **who))  # type: ignore[arg-type] # all are texts
    write_pair(folder, "stranger", trustme.CA().issue_cert("stranger", common_name="stranger"))
    return folder


@pytest.fixture(scope="module")
def both(folder: Path) -> Iterator[Pair]:
    with pair(folder.parent, CONFIGURATION) as both:
        yield both


def answer(side: Side, context: ssl.SSLContext | None, name: str, host: str, *, first: bytes = b"", at: int = 0) -> str:
    """The status, where it leads, and the body; the error where there is no answer."""
    client = socket.create_connection(("127.0.0.1", side.ports[at]), 5)
    try:
        client.sendall(first)
        if context is not None:
            client = context.wrap_socket(client, server_hostname=name or None)
        client.sendall(f"GET / HTTP/1.0\r\n{f'Host: {host}' if host else 'X: y'}\r\n\r\n".encode())
        data = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    except ssl.SSLError as error:
        return f"failed: {error.reason}"
    except ConnectionError:  # closed before it read all
        return "\n"
    finally:
        client.close()
    head, _, body = data.partition("\r\n\r\n")
    location = [line for line in head.split("\r\n") if line.startswith("Location:")]
    return "\n".join((head[9:12], *location, body)).replace(str(side.ports[at]), "PORT").replace("pyngx", "nginx")


@pytest.mark.parametrize("who", ["", "known", "stranger"])
def test_names_and_certificates_lead_where_nginx_has_them_lead(both: Pair, folder: Path, who: str) -> None:
    context = trusting(*(str(folder / f"{who}.{kind}") for kind in ("crt", "key") if who))
    context.set_alpn_protocols(["h2", "http/1.1"])
    differing = []
    for name, host in product(("", *NAMES), ("", *NAMES)):
        if VERSION < (1, 27) and name != host:
            continue  # its rules for that changed
        theirs, ours = (answer(side, context, name, host) for side in (both.nginx, both.pyngx))
        if theirs != ours:
            differing.append((name, host, theirs[:160], ours[:160]))
    assert differing == []


@pytest.mark.parametrize("host", NAMES)
def test_plain_requests_are_answered_as_nginx_does(both: Pair, host: str) -> None:
    assert answer(both.pyngx, None, "", host) == answer(both.nginx, None, "", host)


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 5678\r\n",
        b"PROXY TCP6 ::1 ::2 1 65535\r\n",
        b"PROXY TCP6 ::1 ::2 1 65536\r\n",
        b"PROXY TCP4 nonsense 192.0.2.2 1234 5678\r\n",
        b"PROXY TCP4 abc:.f 192.0.2.2 01 2\r\n",
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN and more\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1234 5678\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 5678\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x04\xd2\x16\x2e",
        b"\r\n\r\n\0\r\nQUIT\n\x20\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x04\xd2\x16\x2e",
        b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x04\xd2\x16\x2e",
    ],
)
def test_proxy_headers_say_what_they_say_to_nginx(both: Pair, first: bytes) -> None:
    theirs, ours = (answer(side, None, "", "a.test", first=first, at=1) for side in (both.nginx, both.pyngx))
    assert ours == theirs
