"""ngx_http_ssl_module: TLS of clients, as they see it."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest
import trustme

from tests.support.certificates import write_authority, write_pair, write_revoked
from tests.support.tls_site import Site, serving, trusting

TLS12 = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
ONE = "ssl_certificate a.crt; ssl_certificate_key a.key;"
both = pytest.mark.parametrize("http_server", ["fast", "uvicorn"])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of servers a.test and b.test, and of clients of two authorities."""
    folder = tmp_path_factory.mktemp("tls")
    ours, other = trustme.CA(), trustme.CA()
    write_authority(folder, "ca", ours)
    write_authority(folder, "other", other)
    write_pair(folder, "a", ours.issue_cert("a.test", common_name="a.test"))
    write_pair(folder, "b", ours.issue_cert("b.test", common_name="b.test"))
    write_pair(folder, "rsa", ours.issue_cert("a.test", common_name="rsa", key_type=trustme.KeyType.RSA))
    known = ours.issue_cert("known", common_name="known", organization_name="Größe, Ltd")
    write_pair(folder, "known", known)
    revoked = ours.issue_cert("revoked", common_name="revoked")
    write_pair(folder, "revoked", revoked)
    write_pair(folder, "stranger", other.issue_cert("stranger", common_name="stranger"))
    write_revoked(folder, ours, revoked)
    return folder


def known(folder: Path, name: str = "known") -> ssl.SSLContext:
    return trusting(str(folder / f"{name}.crt"), str(folder / f"{name}.key"))


async def common_name(site: Site, name: str, context: ssl.SSLContext | None = None) -> str:
    """Whose certificate a client is shown."""
    context = context or trusting()
    _, writer = await asyncio.open_connection("127.0.0.1", site.port, ssl=context, server_hostname=name)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return openssl(der, "-inform", "DER", "-subject").rpartition("CN = ")[2].strip()


def openssl(certificate: bytes, *words: str) -> str:
    """What the program says of a certificate."""
    command = ["openssl", "x509", "-noout", *words]
    return subprocess.run(command, input=certificate, capture_output=True, check=True).stdout.decode()


@both
async def test_requests_over_tls_say_so(folder: Path, http_server: str) -> None:
    text = f'server {{ listen PORT ssl; {ONE} return 200 "$scheme $https $ssl_protocol $ssl_server_name"; }}'
    async with serving(text, folder, http_server) as site:
        assert (await site.ask(tls=trusting())).endswith("\r\n\r\nhttps on TLSv1.3 a.test")
        assert (await site.ask(tls=trusting(versions=TLS12))).endswith("\r\n\r\nhttps on TLSv1.2 a.test")


@both
async def test_plain_requests_to_a_tls_port_are_answered(folder: Path, http_server: str) -> None:
    text = f"server {{ listen PORT ssl; {ONE} }}"
    async with serving(text, folder, http_server) as site:
        answer = await site.ask()
    assert answer.startswith("HTTP/1.1 400 ")
    assert "The plain HTTP request was sent to HTTPS port" in answer


async def test_they_may_be_sent_to_tls(folder: Path) -> None:
    text = f"server {{ listen PORT ssl; {ONE} error_page 497 =301 https://$host$request_uri; }}"
    async with serving(text, folder) as site:
        answer = await site.ask()
    assert answer.startswith("HTTP/1.1 301 ")
    assert "\r\nLocation: https://a.test/\r\n" in answer


async def test_redirects_use_the_scheme_of_the_connection(folder: Path) -> None:
    text = f"server {{ listen PORT ssl; {ONE} return 301 /x; }}"
    async with serving(text, folder) as site:
        assert f"\r\nLocation: https://a.test:{site.port}/x\r\n" in await site.ask(tls=trusting())


@both
async def test_the_name_chooses_server_and_certificate(folder: Path, http_server: str) -> None:
    text = f"""
        server {{ listen PORT ssl; server_name a.test; {ONE} return 200 a; }}
        server {{ listen PORT; server_name ~^(?<who>b)\\.test$;
                  ssl_certificate b.crt; ssl_certificate_key b.key; return 200 $who; }}
        server {{ listen PORT; server_name c.test; return 200 c; }}
    """
    async with serving(text, folder, http_server) as site:
        assert [await common_name(site, name) for name in ("a.test", "B.test", "c.test", "d.test")] == [
            "a.test",
            "b.test",
            "a.test",
            "a.test",
        ]
        assert (await site.ask("b.test", trusting())).endswith("b")
        assert (await site.ask("c.test", trusting())).endswith("c")
        assert (await site.ask("c.test", trusting(), name="b.test")).endswith("c")


@both
async def test_without_a_host_the_default_server_answers(folder: Path, http_server: str) -> None:
    text = f"""
        server {{ listen PORT ssl; server_name a.test; {ONE} return 200 a; }}
        server {{ listen PORT; server_name b.test; return 200 b; }}
    """
    async with serving(text, folder, http_server) as site:
        request = b"GET / HTTP/1.0\r\n\r\n"
        assert (await site.ask("b.test", trusting(), request=request)).endswith("a")
        assert (await site.ask("b.test", trusting(), request=b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")).endswith("a")


async def test_each_kind_of_key_has_its_certificate(folder: Path) -> None:
    text = f"server {{ listen PORT ssl; {ONE} ssl_certificate rsa.crt; ssl_certificate_key rsa.key; }}"
    async with serving(text, folder) as site:
        for cipher, name in (("ECDHE-RSA-AES128-GCM-SHA256", "rsa"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "a.test")):
            context = trusting(versions=TLS12)
            context.set_ciphers(cipher)
            assert await common_name(site, "a.test", context) == name


async def test_certificates_may_stand_in_the_configuration(folder: Path) -> None:
    text = f"""server {{ listen PORT ssl;
        ssl_certificate "data:{(folder / "b.crt").read_text()}"; ssl_certificate_key b.key; }}"""
    async with serving(text, folder) as site:
        assert await common_name(site, "a.test") == "b.test"


async def test_variables_name_certificates(folder: Path) -> None:
    text = """
        map $ssl_server_name $who { a.test a; b.test b; default none; }
        server { listen PORT ssl; ssl_certificate $who.crt; ssl_certificate_key $who.key; }
    """
    async with serving(text, folder) as site:
        assert [await common_name(site, name) for name in ("a.test", "b.test")] == ["a.test", "b.test"]
        with pytest.raises(ssl.SSLError, match="INTERNAL_ERROR"):
            await site.ask("c.test", trusting())
    assert any("none.crt" in str(event) for event in site.log.events)


@pytest.mark.parametrize(("cache", "anew"), [("off", True), ("max=2", False), ("max=2 valid=0", True)])
async def test_they_are_read_anew_unless_they_are_kept(folder: Path, cache: str, anew: bool) -> None:
    text = f"""ssl_certificate_cache {cache};
        server {{ listen PORT ssl; ssl_certificate $ssl_server_name.crt; ssl_certificate_key $ssl_server_name.key; }}"""
    for name in ("crt", "key"):
        (folder / f"x.{name}").write_bytes((folder / f"a.{name}").read_bytes())
    async with serving(text, folder) as site:
        assert await common_name(site, "x") == "a.test"
        for name in ("crt", "key"):
            (folder / f"x.{name}").write_bytes((folder / f"b.{name}").read_bytes())
        assert await common_name(site, "x") == ("b.test" if anew else "a.test")


async def test_handshakes_may_be_rejected(folder: Path) -> None:
    text = f"""
        server {{ listen PORT ssl; ssl_reject_handshake on; }}
        server {{ listen PORT; server_name a.test; {ONE} return 200 a; }}
    """
    async with serving(text, folder) as site:
        assert (await site.ask(tls=trusting())).endswith("a")
        for name in ("b.test", ""):
            with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
                await site.ask(tls=trusting(), name=name)


async def test_each_name_has_its_protocols(folder: Path) -> None:
    text = f"""
        {ONE}
        server {{ listen PORT ssl; server_name a.test; ssl_protocols TLSv1.2; return 200 $ssl_protocol; }}
        server {{ listen PORT; server_name b.test; ssl_protocols TLSv1.3; return 200 $ssl_protocol; }}
    """
    async with serving(text, folder) as site:
        assert (await site.ask("a.test", trusting())).endswith("TLSv1.2")
        assert (await site.ask("b.test", trusting())).endswith("TLSv1.3")
        with pytest.raises(ssl.SSLError, match="VERSION"):
            await site.ask("b.test", trusting(versions=TLS12))


async def test_ciphers_and_groups_are_those_that_are_named(folder: Path) -> None:
    text = f"""server {{ listen PORT ssl; {ONE} ssl_ecdh_curve secp384r1:prime256v1; ssl_prefer_server_ciphers on;
                         ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256;
                         return 200 "$ssl_cipher $ssl_curve $ssl_ciphers $ssl_curves"; }}"""
    context = trusting(versions=TLS12)
    context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    async with serving(text, folder) as site:
        cipher, group, ciphers, groups = (await site.ask(tls=context)).rpartition("\n")[2].split()
    assert (cipher, group) == ("ECDHE-ECDSA-AES256-GCM-SHA384", "secp384r1")
    assert ciphers.startswith("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    assert "prime256v1" in groups.split(":")


VERIFY = "ssl_verify_client {}; ssl_client_certificate ca.crt; add_header X-Verify $ssl_client_verify always;"


@both
@pytest.mark.parametrize(
    ("verify", "client", "status", "result"),
    [
        ("on", "known", 404, "SUCCESS"),
        ("on", "stranger", 400, "FAILED:unable to verify the first certificate"),
        ("on", "", 400, "NONE"),
        ("optional", "", 404, "NONE"),
        ("optional", "stranger", 400, "FAILED:unable to verify the first certificate"),
        ("optional_no_ca", "stranger", 404, "FAILED:unable to verify the first certificate"),
        ("off", "known", 404, "NONE"),
    ],
)
async def test_certificates_of_clients_are_verified(
    folder: Path, verify: str, client: str, status: int, result: str, http_server: str
) -> None:
    text = f"server {{ listen PORT ssl; {ONE} {VERIFY.format(verify)} }}"
    async with serving(text, folder, http_server) as site:
        answer = await site.ask(tls=known(folder, client) if client else trusting())
    assert answer.startswith(f"HTTP/1.1 {status} ")
    assert f"\r\nx-verify: {result}\r\n".lower() in answer.lower()


async def test_a_session_keeps_what_was_wrong_with_the_certificate(folder: Path) -> None:
    text = f"server {{ listen PORT ssl; {ONE} {VERIFY.format('on')} add_header X-Reused $ssl_session_reused always; }}"
    context, session = known(folder, "stranger"), None
    async with serving(text, folder) as site:
        for reused in (".", "r"):
            answer, session = await asyncio.to_thread(resume, site.port, context, session)
            assert f"X-Reused: {reused}" in answer
            assert "X-Verify: FAILED" in answer
            assert answer.startswith("HTTP/1.1 400 ")


def resume(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None) -> tuple[str, ssl.SSLSession | None]:
    import socket

    with (
        socket.create_connection(("127.0.0.1", port)) as plain,
        context.wrap_socket(plain, server_hostname="a.test", session=session) as wrapped,
    ):
        wrapped.sendall(b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n")
        answer = b"".join(iter(lambda: wrapped.recv(65536), b""))
        return answer.decode(), wrapped.session


@pytest.mark.parametrize(
    ("settings", "reused"),
    [
        ("", "r"),
        ("ssl_session_tickets off;", "."),
        ("ssl_session_tickets off; ssl_session_cache shared:SSL:1m;", "r"),
        ("ssl_session_tickets off; ssl_session_cache off;", "."),
    ],
)
async def test_sessions_are_resumed_as_is_said(folder: Path, settings: str, reused: str) -> None:
    text = f"server {{ listen PORT ssl; {ONE} {settings} return 200 $ssl_session_reused; }}"
    context = trusting()
    async with serving(text, folder) as site:
        answer, session = await asyncio.to_thread(resume, site.port, context, None)
        assert answer.endswith(".")
        assert (await asyncio.to_thread(resume, site.port, context, session))[0].endswith(reused)


async def test_revoked_certificates_are_refused(folder: Path) -> None:
    text = f"server {{ listen PORT ssl; {ONE} {VERIFY.format('on')} ssl_crl revoked.crl; }}"
    async with serving(text, folder) as site:
        assert "X-Verify: SUCCESS" in await site.ask(tls=known(folder))
        answer = await site.ask(tls=known(folder, "revoked"))
    assert answer.startswith("HTTP/1.1 400 ")
    assert "X-Verify: FAILED:certificate revoked" in answer


@both
async def test_a_server_that_verifies_is_asked_by_its_own_name(folder: Path, http_server: str) -> None:
    text = f"""
        {ONE}
        server {{ listen PORT ssl; server_name a.test; return 200 a; }}
        server {{ listen PORT; server_name b.test; {VERIFY.format("optional")} return 200 b; }}
    """
    async with serving(text, folder, http_server) as site:
        assert (await site.ask("b.test", trusting(), name="a.test")).startswith("HTTP/1.1 421 ")
        assert (await site.ask("b.test", trusting())).endswith("b")


async def test_errors_of_certificates_have_pages(folder: Path) -> None:
    text = f"""server {{ listen PORT ssl; {ONE} {VERIFY.format("on")}
                         error_page 496 =403 /none; location = /none {{ return 403 "show one"; }} }}"""
    async with serving(text, folder) as site:
        answer = await site.ask(tls=trusting())
    assert answer.startswith("HTTP/1.1 403 ")
    assert answer.endswith("show one")


async def test_certificates_are_told_by_variables(folder: Path) -> None:
    text = f"""server {{ listen PORT ssl; {ONE} {VERIFY.format("on")} return 200 "$ssl_client_s_dn
$ssl_client_s_dn_legacy
$ssl_client_serial
$ssl_client_fingerprint
$ssl_client_v_start
$ssl_client_v_end
$ssl_client_v_remain
$ssl_client_escaped_cert
$ssl_client_raw_cert"; }}"""
    async with serving(text, folder) as site:
        answer = (await site.ask(tls=known(folder))).partition("\r\n\r\n")[2]
    name, legacy, serial, digest, start, end, days, escaped, raw = answer.split("\n", 8)
    asked = ("-subject", "-nameopt", "RFC2253", "-serial", "-fingerprint", "-sha1", "-startdate", "-enddate")
    fields = dict(line.split("=", 1) for line in openssl(raw.encode(), *asked).splitlines())
    assert name == fields["subject"]
    assert legacy.startswith("/O=Gr\\xC3\\xB6\\xC3\\x9Fe, Ltd/")
    assert serial == fields["serial"]
    assert digest == fields["sha1 Fingerprint"].replace(":", "").lower()
    assert (start, end) == (fields["notBefore"], fields["notAfter"])
    assert int(days) > 0
    assert escaped.startswith("-----BEGIN%20CERTIFICATE-----%0A")


async def test_without_tls_the_variables_are_not_there(folder: Path) -> None:
    text = 'server { listen PORT; return 200 "[$ssl_protocol$ssl_client_verify$ssl_session_id$ssl_server_name]"; }'
    async with serving(text, folder) as site:
        assert (await site.ask()).endswith("[]")


async def test_an_application_protocol_is_agreed_on(folder: Path) -> None:
    text = f"server {{ listen PORT ssl; {ONE} return 200 [$ssl_alpn_protocol]; }}"
    async with serving(text, folder) as site:
        for offered, agreed in ((["h2", "http/1.1"], "[http/1.1]"), ([], "[]")):
            context = trusting()
            if offered:
                context.set_alpn_protocols(offered)
            assert (await site.ask(tls=context)).endswith(agreed)
        context.set_alpn_protocols(["h2"])
        with pytest.raises(ssl.SSLError, match="no application protocol"):
            await site.ask(tls=context)


async def test_a_handshake_has_its_time(folder: Path) -> None:
    text = f"server {{ listen PORT ssl; {ONE} client_header_timeout 100ms; }}"
    async with serving(text, folder) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(b"\x16\x03\x01")
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        writer.close()
    assert site.log.events[-1].name == "client_timed_out"


@both
async def test_large_bodies_pass(folder: Path, http_server: str) -> None:
    (folder / "large").write_bytes(bytes(range(256)) * 16384)
    text = f"""server {{ listen PORT ssl; {ONE} root {folder};
    }}"""
    async with serving(text, folder, http_server) as site:
        answer = await site.ask(tls=trusting(), request=b"GET /large HTTP/1.0\r\nHost: a.test\r\n\r\n")
    assert answer.partition("\r\n\r\n")[2].encode("latin-1") == (folder / "large").read_bytes()


async def test_the_end_is_said_before_the_connection_is_closed(folder: Path) -> None:
    text = f"server {{ listen PORT ssl; {ONE} return 200; }}"
    async with serving(text, folder) as site:
        _, session = await asyncio.to_thread(resume, site.port, trusting(), None)  # a ragged end raises there
    assert session is not None
