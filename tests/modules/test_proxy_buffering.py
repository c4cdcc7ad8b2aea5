"""What proxy_buffers and the like may say."""

from __future__ import annotations

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.modules import MODULES
from tests.support.live import build_text


def build(text: str) -> None:
    build_text(f"events {{ }} http {{ server {{ {text} location / {{ proxy_pass http://127.0.0.1:1; }} }} }}", MODULES)


@pytest.mark.parametrize(
    "text",
    [
        "proxy_buffers 4 128; proxy_buffer_size 128;",
        "proxy_buffer_size 16k; proxy_buffers 8 16k; proxy_busy_buffers_size 32k; proxy_temp_file_write_size 16k;",
        "proxy_max_temp_file_size 0; proxy_temp_path /tmp/x 1 2;",
        "proxy_limit_rate $upstream_http_x_rate; proxy_buffering off;",
    ],
)
def test_sizes_that_fit_each_other_are_taken(text: str) -> None:
    build(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("proxy_buffers 1 64k;", 'there must be at least 2 "proxy_buffers"'),
        ("proxy_buffer_size 16k;", '"proxy_busy_buffers_size" must be less than the size of all "proxy_buffers"'),
        ("proxy_busy_buffers_size 2k;", '"proxy_busy_buffers_size" must be equal to or greater than'),
        ("proxy_temp_file_write_size 2k;", '"proxy_temp_file_write_size" must be equal to or greater than'),
        ("proxy_max_temp_file_size 2k;", '"proxy_max_temp_file_size" must be equal to zero'),
    ],
)
def test_sizes_that_do_not_fit_are_refused_as_nginx_does(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        build(text)
    assert all(diagnostic.span is not None for diagnostic in raised.value.diagnostics)
