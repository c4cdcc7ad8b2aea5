"""What is relied on inside uvicorn, each by its name: an upgrade that takes one away fails here first."""

from __future__ import annotations

import asyncio
import inspect

import pytest
import uvicorn
from uvicorn.server import ServerState

from pyngx.server.protocol import HttpProtocol


async def nothing(scope: object, receive: object, send: object) -> None:
    pass


def config(**more: object) -> uvicorn.Config:
    made = uvicorn.Config(nothing, lifespan="off", log_config=None, **more)  # type: ignore[arg-type]
    made.load()
    return made


@pytest.mark.parametrize(
    "name",
    [
        *("app", "interface", "http", "ws", "ws_max_size", "ws_ping_interval", "ws_per_message_deflate", "lifespan"),
        *("log_config", "access_log", "date_header", "server_header", "proxy_headers", "timeout_keep_alive"),
    ],
)
def test_config_takes(name: str) -> None:
    assert name in inspect.signature(uvicorn.Config).parameters


def test_config_takes_a_protocol_class_and_gives_it_back_when_loaded() -> None:
    made = config(http=HttpProtocol)
    assert made.http_protocol_class is HttpProtocol
    assert made.loaded_app is not None


def test_config_leaves_the_application_unwrapped_without_proxy_headers() -> None:
    assert config(interface="asgi3", proxy_headers=False, access_log=False).loaded_app is nothing


@pytest.mark.parametrize("name", ["connections", "tasks"])
def test_server_state_has_a_set_of(name: str) -> None:
    assert getattr(ServerState(), name) == set()


@pytest.mark.parametrize("http", ["httptools", "h11"])
def test_protocols_are_made_from_what_ours_is_made_from(http: str) -> None:
    """`Listeners` makes either kind in the same way."""
    kind = config(http=http).http_protocol_class
    given = ["config", "server_state", "app_state", "_loop"]
    for each in (kind, HttpProtocol):
        assert list(inspect.signature(each).parameters)[:4] == given
    assert issubclass(kind, asyncio.Protocol)  # type: ignore[arg-type]


@pytest.mark.parametrize("http", ["httptools", "h11"])
async def test_protocols_have_what_listeners_ask_for(http: str) -> None:
    made = config(http=http)
    protocol = made.http_protocol_class(  # type: ignore[call-arg]
        config=made, server_state=ServerState(), app_state={"door": 1}, _loop=asyncio.get_running_loop()
    )
    for each in ("shutdown", "connection_made", "connection_lost", "data_received"):
        assert callable(getattr(protocol, each))
    assert protocol.cycle is None
    assert protocol.app_state == {"door": 1}
    assert hasattr(protocol, "transport")


@pytest.mark.parametrize("ws", ["websockets-sansio"])
def test_the_websocket_protocol_is_there(ws: str) -> None:
    kind = config(ws=ws).ws_protocol_class
    assert kind is not None
    assert callable(kind.shutdown)  # type: ignore[attr-defined]
