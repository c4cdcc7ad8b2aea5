"""What several `listen` may not say of one address."""

from __future__ import annotations

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.modules import MODULES
from tests.support.configure import configure


@pytest.mark.parametrize(
    ("servers", "messages"),
    [
        ("server { listen 81; listen *:81; listen 82; }", ["a duplicate listen 0.0.0.0:81"]),
        ("server { listen 81-83; listen 82; }", ["a duplicate listen 0.0.0.0:82"]),
        (
            "server { listen 81 default_server; } server { listen 81 default_server; }",
            ["a duplicate default server for 0.0.0.0:81"],
        ),
        (
            "server { listen 81 backlog=5; } server { listen 81 backlog=5; }",
            ["duplicate listen options for 0.0.0.0:81"],
        ),
        ("server { listen 81 backlog=5; } server { listen 81; }", []),
        ("server { listen 81; listen 81 quic; } server { listen 81; }", []),
    ],
)
def test_an_address_is_described_once(servers: str, messages: list[str]) -> None:
    text = f"events {{ }} http {{ {servers} }}"
    if not messages:
        configure(text, MODULES)
        return
    with pytest.raises(ConfigError) as caught:
        configure(text, MODULES)
    assert [found.message for found in caught.value.diagnostics] == messages
    assert all(found.related for found in caught.value.diagnostics)
