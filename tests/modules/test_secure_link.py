"""`secure_link`: links that only who knows a secret can make."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from hashlib import md5

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.generation import Generation
from pyngx.modules import core, rewrite, secure_link
from tests.support.configure import ask, configure, in_server

MODULES = (core.MODULE, secure_link.MODULE, rewrite.MODULE)
SHOW = 'return 200 "[$secure_link][$secure_link_expires]";'
NEW = f"location / {{ secure_link $arg_h,$arg_e; secure_link_md5 secret$uri$arg_e; {SHOW} }}"


def serve(text: str) -> Generation:
    return configure(in_server(text), MODULES)


def get(text: str, target: str) -> str:
    return ask(serve(text), f"GET {target} HTTP/1.1").body.decode()


def hashed(text: str) -> str:
    return urlsafe_b64encode(md5(text.encode()).digest()).decode()


def test_a_link_is_good_until_it_ends() -> None:
    later, before = int(time.time()) + 100, int(time.time()) - 100
    assert get(NEW, f"/a?h={hashed(f'secret/a{later}')}&e={later}") == f"[1][{later}]"
    assert get(NEW, f"/a?h={hashed(f'secret/a{before}')}&e={before}") == f"[0][{before}]"
    assert get(NEW, f"/b?h={hashed(f'secret/a{later}')}&e={later}") == f"[][{later}]"


@pytest.mark.parametrize("ends", ["", "0", "x", "-1", "9" * 30])
def test_the_end_is_a_number(ends: str) -> None:
    assert get(NEW, f"/a?h={hashed(f'secret/a{ends}')}&e={ends}") == "[][]"


@pytest.mark.parametrize(
    ("change", "result"),
    [
        (str, "1"),
        (lambda text: text[:-2], "1"),
        (lambda text: text + "=", ""),
        (lambda text: text[1:], ""),
        (lambda _: "", ""),
    ],
)
def test_the_hash_is_in_base64url_with_or_without_its_end(change: object, result: str) -> None:
    assert callable(change)
    location = f"location / {{ secure_link $arg_h; secure_link_md5 secret$uri; {SHOW} }}"
    assert get(location, f"/a?h={change(hashed('secret/a'))}") == f"[{result}][]"


def test_a_link_may_have_its_hash_in_the_path() -> None:
    location = f"location /p/ {{ secure_link_secret word; {SHOW} }}"
    digest = md5(b"dir/link?x=1word").hexdigest()
    assert get(location, f"/p/{digest}/dir/link?x=1") == "[dir/link?x=1][]"
    assert get(location, f"/p/{digest.upper()}/dir/link?x=1") == "[dir/link?x=1][]"
    assert get(location, f"/p/{digest}/dir/link?x=2") == "[][]"
    assert get(location, f"/p/{digest[1:]}/dir/link?x=1") == "[][]"


def test_settings_are_inherited_one_by_one() -> None:
    text = f"secure_link_md5 secret$uri; location / {{ secure_link $arg_h; {SHOW} }} location /bare {{ {SHOW} }}"
    assert get(text, f"/a?h={hashed('secret/a')}") == "[1][]"
    assert get(text, f"/bare?h={hashed('secret/bare')}") == "[][]"


def test_a_secret_is_hidden_by_a_link_and_the_other_way_round() -> None:
    digest = md5(b"axword").hexdigest()
    text = f"""
        location /p/ {{
            secure_link_secret word;
            location /p/{digest}/ax {{ {SHOW} }}
            location /p/link/ {{ secure_link $arg_h; secure_link_md5 s; {SHOW} }}
        }}
        secure_link $arg_h; secure_link_md5 s;
    """
    assert get(text, f"/p/{digest}/ax") == "[ax][]"
    assert get(text, f"/p/link/?h={hashed('s')}") == "[1][]"


def test_both_forms_do_not_mix() -> None:
    with pytest.raises(ConfigError, match='"secure_link_secret" cannot be mixed with "secure_link"'):
        serve("location / { secure_link_secret a; secure_link $arg_h; }")
