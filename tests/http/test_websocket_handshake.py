import pytest

from pyngx.http.headers import Headers
from pyngx.http.websocket import accept, find_problem, is_handshake

_KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
_HANDSHAKE = {
    b"Host": b"h",
    b"Upgrade": b"websocket",
    b"Connection": b"Upgrade",
    b"Sec-WebSocket-Key": _KEY,
    b"Sec-WebSocket-Version": b"13",
}


def _recognised(changes: dict[bytes, bytes | None], method: str = "GET", version: str = "1.1") -> bool:
    fields = {**_HANDSHAKE, **changes}
    headers = Headers((name, value) for name, value in fields.items() if value is not None)
    return is_handshake(method, version, headers)


@pytest.mark.parametrize(
    "changes",
    [{}, {b"Upgrade": b"WebSocket"}, {b"Connection": b"keep-alive, Upgrade"}, {b"Sec-WebSocket-Protocol": b"chat"}],
)
def test_a_handshake_is_recognised(changes: dict[bytes, bytes | None]) -> None:
    assert _recognised(changes)


@pytest.mark.parametrize(
    "changes",
    [
        {b"Upgrade": None},
        {b"Upgrade": b"h2c"},
        {b"Upgrade": b"h2c, websocket"},
        {b"Upgrade": b"websocket, h2c"},
        {b"upgrade": b"h2c"},
        {b"Upgrade": b"websocket/13"},
        {b"Connection": b"keep-alive"},
        {b"Connection": None},
        {b"Sec-WebSocket-Version": b"8"},
        {b"Sec-WebSocket-Version": None},
        {b"Sec-WebSocket-Key": None},
        {b"Sec-WebSocket-Key": b"short=="},
        {b"sec-websocket-key": _KEY},
    ],
)
def test_other_upgrades_are_none(changes: dict[bytes, bytes | None]) -> None:
    assert not _recognised(changes)


def test_only_get_over_http_1_1_opens_a_websocket() -> None:
    assert not _recognised({}, method="POST")
    assert not _recognised({}, version="1.0")
    assert not _recognised({}, version="2")


def test_the_key_is_answered() -> None:
    assert accept(_KEY) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 1.3


@pytest.mark.parametrize(
    ("answered", "is_proof"),
    [
        ([(b"Upgrade", b"WebSocket"), (b"Sec-WebSocket-Accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")], True),
        ([(b"Upgrade", b"websocket")], False),
        ([(b"Upgrade", b"websocket"), (b"Sec-WebSocket-Accept", b"")], False),
        ([(b"Upgrade", b"h2c"), (b"Sec-WebSocket-Accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")], False),
        ([], False),
    ],
)
def test_a_101_proves_that_the_handshake_was_read(answered: list[tuple[bytes, bytes]], is_proof: bool) -> None:
    asked = [(b"Upgrade", b"websocket"), (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ==")]
    assert (find_problem(asked, Headers(answered)) == "") is is_proof
    assert find_problem([(b"Upgrade", b"tcp")], Headers(answered)) == ""
