"""`listen … proxy_protocol`, and what its variables say."""

from __future__ import annotations

import asyncio
import struct
from pathlib import Path

import pytest
import trustme

from pyngx.core.proxy_protocol import SIGNATURE
from tests.support.certificates import write_pair
from tests.support.tls_site import GET, serving, trusting

SAY = """
    return 200 "$remote_addr|$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr|
$proxy_protocol_server_port";
"""
SAY = SAY.replace("\n$", "$")
LINE = b"PROXY TCP4 192.0.2.1 192.0.2.2 1234 5678\r\n"
both = pytest.mark.parametrize("http_server", ["fast", "uvicorn"])


def binary(*values: tuple[int, bytes]) -> bytes:
    rest = bytes((192, 0, 2, 1, 192, 0, 2, 2)) + struct.pack("!HH", 1234, 5678) + tlvs(*values)
    return SIGNATURE + struct.pack("!BBH", 0x21, 0x11, len(rest)) + rest


def tlvs(*values: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("!BH", kind, len(value)) + value for kind, value in values)


@both
@pytest.mark.parametrize("header", [LINE, binary()])
async def test_the_header_tells_who_asks(tmp_path: Path, header: bytes, http_server: str) -> None:
    async with serving(f"server {{ listen PORT proxy_protocol; {SAY} }}", tmp_path, http_server) as site:
        answer = await site.ask(first=header)
    assert answer.endswith("127.0.0.1|192.0.2.1|1234|192.0.2.2|5678")


async def test_a_header_may_tell_nothing(tmp_path: Path) -> None:
    async with serving(f"server {{ listen PORT proxy_protocol; {SAY} }}", tmp_path) as site:
        assert (await site.ask(first=b"PROXY UNKNOWN\r\n")).endswith("127.0.0.1||||")


@both
async def test_it_comes_before_tls(tmp_path: Path, http_server: str) -> None:
    write_pair(tmp_path, "a", trustme.CA().issue_cert("a.test"))
    text = """server { listen PORT ssl proxy_protocol; ssl_certificate a.crt; ssl_certificate_key a.key;
                         return 200 "$scheme $proxy_protocol_addr"; }"""
    async with serving(text, tmp_path, http_server) as site:
        assert (await site.ask(tls=trusting(), first=LINE)).endswith("https 192.0.2.1")
        assert (await site.ask(first=LINE)).startswith("HTTP/1.1 400 ")


async def test_it_may_come_byte_by_byte(tmp_path: Path) -> None:
    async with serving(f"server {{ listen PORT proxy_protocol; {SAY} }}", tmp_path) as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        for byte in LINE + GET % b"a":
            writer.write(bytes((byte,)))
            await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert (await reader.read()).endswith(b"|192.0.2.1|1234|192.0.2.2|5678")
        writer.close()


async def test_without_one_the_connection_is_closed(tmp_path: Path) -> None:
    async with serving(f"server {{ listen PORT proxy_protocol; {SAY} }}", tmp_path) as site:
        assert await site.ask() == ""
    (event,) = site.log.named("proxy_protocol_failed")
    assert (event.level, event.message) == ("error", 'broken header: "GET / HTTP/1.0"')


async def test_it_has_to_come_in_time(tmp_path: Path) -> None:
    async with serving("server { listen PORT proxy_protocol; client_header_timeout 50ms; }", tmp_path) as site:
        assert await site.ask(request=b"PROXY") == ""
    assert site.log.named("client_timed_out")


async def test_other_ports_take_none(tmp_path: Path) -> None:
    async with serving(f"server {{ listen PORT; {SAY} }}", tmp_path) as site:
        assert (await site.ask(first=LINE)).startswith("HTTP/1.1 400 ")


async def test_values_are_told_by_name_and_number(tmp_path: Path) -> None:
    inner = b"\x07" + struct.pack("!I", 18) + tlvs((0x21, b"TLSv1.3"), (0x22, b"somebody"))
    header = binary((0x02, b"b.test"), (0x20, inner), (0xEA, b"\1x"))
    text = """server { listen PORT proxy_protocol; return 200 "$proxy_protocol_tlv_authority
$proxy_protocol_tlv_ssl_version $proxy_protocol_tlv_ssl_cn $proxy_protocol_tlv_ssl_verify $proxy_protocol_tlv_0xea
[$proxy_protocol_tlv_alpn$proxy_protocol_tlv_unheard_of]"; }"""
    async with serving(text, tmp_path) as site:
        answer = (await site.ask(first=header)).partition("\r\n\r\n")[2]
    assert answer == "b.test\nTLSv1.3 somebody 18 \1x\n[]"
    assert site.log.named("proxy_protocol_failed")[0].message == 'unknown PROXY protocol TLV "unheard_of"'
