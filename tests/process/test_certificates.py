"""Certificates that are renewed while the process serves."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.support.certificates import write_pair
from tests.support.daemon import Daemon, free_port, running, until
from tests.support.tls_site import trusting

CONF = """events {{ }}
http {{ server {{ listen 127.0.0.1:{port} ssl; ssl_certificate a.crt; ssl_certificate_key a.key; return 200; }} }}
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def daemon(tmp_path: Path, port: int) -> Iterator[Daemon]:
    (tmp_path / "conf").mkdir()
    write_pair(tmp_path / "conf", "a", trustme.CA().issue_cert("a.test"))
    with running(tmp_path, CONF.format(port=port)) as daemon:
        yield daemon


def connect(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    return context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname="a.test")


def shown(port: int) -> bytes:
    """The certificate that is shown."""
    with connect(port, trusting()) as connection:
        return connection.getpeercert(binary_form=True) or b""


def test_a_renewed_certificate_is_shown_and_connections_live_on(daemon: Daemon, port: int) -> None:
    before = shown(port)
    with connect(port, trusting()) as kept:
        folder = daemon.prefix / "conf"
        paths = write_pair(folder, "a", trustme.CA().issue_cert("a.test"))
        until(lambda: shown(port) != before)
        event = daemon.wait_for("config_reloaded")
        assert set(event["files"]) == set(paths)  # type: ignore[call-overload]
        assert "read anew" in str(event["message"])
        kept.sendall(b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
        assert kept.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_certificate_without_its_key_changes_nothing_until_that_comes(daemon: Daemon, port: int) -> None:
    before, folder = shown(port), daemon.prefix / "conf"
    write_pair(folder, "b", trustme.CA().issue_cert("a.test"))
    (folder / "b.crt").rename(folder / "a.crt")
    event = daemon.wait_for("config_rejected")
    assert "key values mismatch" in str(event["message"])
    assert shown(port) == before
    (folder / "b.key").rename(folder / "a.key")
    until(lambda: shown(port) != before)


def test_a_certificate_that_was_broken_and_is_what_it_was_is_tried_once(daemon: Daemon, port: int) -> None:
    path, conf = daemon.prefix / "conf" / "a.crt", daemon.conf.read_text()
    good = path.read_text()
    path.write_text("junk")
    daemon.wait_for("config_rejected")
    daemon.write("http { least_con; }")
    daemon.wait_for("config_rejected", 2)
    path.write_text(good)
    daemon.wait_for("config_rejected", 3)
    daemon.write(conf)
    daemon.wait_for("config_unchanged")
    time.sleep(1)
    assert len(daemon.events("config_rejected")) == 3
    assert len(daemon.events("config_unchanged")) == 1
    before = shown(port)
    write_pair(path.parent, "a", trustme.CA().issue_cert("a.test"))
    until(lambda: shown(port) != before)
