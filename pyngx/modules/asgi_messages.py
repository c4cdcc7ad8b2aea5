"""What goes between pyngx and an ASGI 3 application, and reading what the application says without trusting it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Final

from pyngx.http.headers import HOP_BY_HOP, is_field_value, is_token

Message = MutableMapping[str, object]
Scope = MutableMapping[str, object]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[object]]

# 2.3 and not 2.4: from 2.4 on frameworks stop watching for http.disconnect while they stream, and notice a client that
# left by their next `send` only, which for an idle event stream may be hours later. That `send` raises OSError here
# as 2.4 wants it, for applications that don't watch.
VERSION: Final = {"version": "3.0", "spec_version": "2.3"}


class ClientLeft(OSError):
    """The application sends to a client that is gone."""


class MessageError(RuntimeError):
    """The application sends what it may not send, or not now."""


def unexpected(message: Message, expected: str) -> MessageError:
    """What is raised in an application whose message comes at the wrong time."""
    return MessageError(f'unexpected ASGI message "{message.get("type")}", {expected}')


def read_status(message: Message) -> int:
    """The status of a response's head."""
    status = message.get("status")
    if not isinstance(status, int) or not 200 <= status <= 999:
        raise MessageError(f"status of {message['type']} must be a number from 200 to 999, not {status!r}")
    return int(status)  # http.HTTPStatus is an int that is written otherwise


def read_bytes(message: Message, key: str) -> bytes:
    """Bytes, empty where there are none."""
    value = message.get(key)
    if value is None:
        return b""
    if not isinstance(value, bytes | bytearray | memoryview):
        raise MessageError(f"{key} of {message['type']} must be bytes, not {type(value).__name__}")
    return bytes(value)


def read_text(message: Message, key: str) -> str | None:
    """Text, or None."""
    value = message.get(key)
    if value is not None and not isinstance(value, str):
        raise MessageError(f"{key} of {message['type']} must be str, not {type(value).__name__}")
    return value


def read_fields(message: Message) -> list[tuple[bytes, bytes]]:
    """Header fields that may be sent as they are, without those that are the server's own matter."""
    headers = message.get("headers") or ()
    if not isinstance(headers, Iterable):
        raise MessageError(f"headers of {message['type']} must be pairs, not {type(headers).__name__}")
    fields = [_field(pair, message) for pair in headers]
    return [field for field in fields if field[0].lower() not in HOP_BY_HOP]


def read_close(message: Message) -> bool:
    """Whether the application asks for the connection to be closed, by `Connection: close`."""
    headers = message.get("headers") or ()
    assert isinstance(headers, Iterable)
    return any(name.lower() == b"connection" and value.lower() == b"close" for name, value in headers)


def _field(pair: object, message: Message) -> tuple[bytes, bytes]:
    match pair:
        case (bytes() as name, bytes() as value):
            if not is_token(name) or not is_field_value(value):
                raise MessageError(f"header {name!r}: {value!r} of {message['type']} can't be sent")
            return name, value.strip(b" \t")
        case _:
            raise MessageError(f"headers of {message['type']} must be pairs of bytes, not {pair!r}")
