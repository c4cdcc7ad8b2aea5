"""proxy_ssl_*: what an upstream sees, and what is asked of it. The upstream is a server of the same configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
import trustme

from tests.support.certificates import write_authority, write_pair, write_revoked
from tests.support.daemon import free_port
from tests.support.tls_site import serving

UPSTREAM = """
    server {
        listen UPSTREAM ssl;
        ssl_certificate up.crt; ssl_certificate_key up.key;
        ssl_verify_client optional_no_ca; ssl_trusted_certificate ca.crt;
        return 200 "$ssl_server_name|$ssl_client_verify|$ssl_client_s_dn|$ssl_session_reused|$connection_requests";
    }
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    between = authority.create_child_ca()
    write_authority(folder, "ca", authority)
    upstream = authority.issue_cert("up.test", "*.wild.test")
    write_pair(folder, "up", upstream)
    write_pair(folder, "deep", between.create_child_ca().issue_cert("up.test"))
    write_pair(folder, "one", authority.issue_cert("one", common_name="one"))
    write_pair(folder, "two", trustme.CA().issue_cert("two", common_name="two"))
    write_revoked(folder, authority, upstream)
    return folder


async def ask(settings: str, folder: Path, *, upstream: str = UPSTREAM, times: int = 1) -> list[str]:
    """The answers' bodies, or their status where that isn't 200."""
    address = f"127.0.0.1:{free_port()}"
    text = f"{upstream} server {{ listen PORT; location / {{ proxy_pass https://UPSTREAM; {settings} }} }}"
    async with serving(text.replace("UPSTREAM", address), folder) as site:
        answers = [await site.ask() for _ in range(times)]
    return [body if " 200 " in head.partition("\r\n")[0] else head[9:12] for head, _, body in map(split, answers)]


def split(answer: str) -> tuple[str, str, str]:
    return answer.partition("\r\n\r\n")


VERIFY = "proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.crt;"


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ("", "|NONE||.|1"),
        ("proxy_ssl_server_name on;", "|NONE||.|1"),  # an address is no name
        ("proxy_ssl_server_name on; proxy_ssl_name up.test:123;", "up.test|NONE||.|1"),
        (f"{VERIFY} proxy_ssl_name up.test;", "|NONE||.|1"),
        (f"{VERIFY} proxy_ssl_name a.wild.test;", "|NONE||.|1"),
        (f"{VERIFY} proxy_ssl_name a.b.wild.test;", "502"),
        (f"{VERIFY} proxy_ssl_name other.test;", "502"),
        (VERIFY, "502"),  # the address is not in the certificate
        ("proxy_ssl_verify on; proxy_ssl_trusted_certificate two.crt; proxy_ssl_name up.test;", "502"),
        (f"{VERIFY} proxy_ssl_name up.test; proxy_ssl_crl revoked.crl;", "502"),
        ("proxy_ssl_certificate one.crt; proxy_ssl_certificate_key one.key;", "|SUCCESS|CN=one"),
        ("proxy_ssl_certificate two.crt; proxy_ssl_certificate_key two.key;", "|FAILED:"),
        ("proxy_ssl_protocols TLSv1.2; proxy_ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256;", "|NONE||.|1"),
    ],
)
async def test_settings_do_what_they_say(folder: Path, settings: str, answer: str) -> None:
    (found,) = await ask(settings, folder)
    assert found.startswith(answer)


@pytest.mark.parametrize(("depth", "answer"), [(1, "502"), (2, "|NONE||.|1")])
async def test_a_chain_has_its_length(folder: Path, depth: int, answer: str) -> None:
    upstream = UPSTREAM.replace("up.crt", "deep.crt").replace("up.key", "deep.key")
    settings = f"{VERIFY} proxy_ssl_name up.test; proxy_ssl_verify_depth {depth};"
    assert await ask(settings, folder, upstream=upstream) == [answer]


async def test_variables_name_our_certificate(folder: Path) -> None:
    named = "proxy_ssl_certificate $arg_who.crt; proxy_ssl_certificate_key $arg_who.key;"
    address = f"127.0.0.1:{free_port()}"
    text = f"{UPSTREAM} server {{ listen PORT; location / {{ proxy_pass https://UPSTREAM; {named} }} }}"
    async with serving(text.replace("UPSTREAM", address), folder) as site:
        answers = [
            await site.ask(request=b"GET /?who=%b HTTP/1.0\r\nHost: a\r\n\r\n" % who)
            for who in (b"one", b"two", b"one", b"none")
        ]
    assert "|SUCCESS|CN=one" in answers[0]
    assert "|FAILED:" in answers[1]
    assert "|SUCCESS|CN=one" in answers[2]  # connections of one certificate don't serve another
    assert answers[3].startswith("HTTP/1.1 500 ")


async def test_connections_are_kept_and_sessions_resumed(folder: Path) -> None:
    assert [one[-3:] for one in await ask("", folder, times=3)] == [".|1", ".|2", ".|3"]
    closing = UPSTREAM.replace("listen", "keepalive_requests 1; listen", 1)
    assert [one[-3:] for one in await ask("", folder, upstream=closing, times=3)] == [".|1", "r|1", "r|1"]
    none = "proxy_ssl_session_reuse off;"
    assert [one[-3:] for one in await ask(none, folder, upstream=closing, times=2)] == [".|1", ".|1"]
