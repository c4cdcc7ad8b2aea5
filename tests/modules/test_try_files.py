"""try_files, and the statuses and redirects of error pages: what nginx does where one expects something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyngx.modules import MODULES
from tests.support.configure import answer, ask, configure, exchange, in_server
from tests.support.fake_client import FakeClient


def get(text: str, target: str, root: Path | None = None) -> FakeClient:
    settings = f"access_log off; root {root or '/none'};"
    return ask(configure(in_server(f"{settings} {text}"), MODULES), f"GET {target} HTTP/1.1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "index.html").write_text("index")
    return tmp_path


def test_a_directory_without_its_slash_is_redirected_to(root: Path) -> None:
    tries = "location / { try_files $uri $uri/ =404; }"
    assert get(tries, "/dir", root).header("Location") == "http://localhost/dir/"
    assert get(tries, "/dir/", root).body == b"index"


def test_a_fixed_name_is_looked_up_below_the_alias_as_it_is(root: Path) -> None:
    tries = f"location /a/ {{ alias {root}/dir/; try_files %s =405; }}"
    assert get(tries % "/a/index.html", "/a/x").status == 405
    assert get(tries % "index.html", "/a/x").body == b"index"
    assert get(tries % "$uri", "/a/index.html").body == b"index"


def test_a_nested_location_looks_below_the_alias_of_the_outer_one(root: Path) -> None:
    nested = f"location /a/ {{ alias {root}/dir/; location ~ html {{ %s }} location /a/b/ {{ %s }} }}"
    assert get(nested % ("", ""), "/a/index.html").body == b"index"
    assert get(nested % ("try_files $uri =405;", ""), "/a/index.html").body == b"index"
    assert get(nested % ("", "return 200 $request_filename;"), "/a/b/c").body == f"{root}/dir/b/c".encode()


def test_what_is_tried_goes_behind_the_alias_of_a_regex(root: Path) -> None:
    tries = f"location ~ ^/(.*)x {{ alias {root}/$1; try_files /index.html $uri/ =405; }}"
    assert get(tries, "/dirx").body == b"index"
    assert get(tries, "/x").status == 405


def test_a_slash_behind_a_file_is_no_file(root: Path) -> None:
    assert get("location / { try_files $uri =405; }", "/dir/index.html/", root).status == 405


@pytest.mark.parametrize(
    ("text", "status", "body"),
    [
        ("location / { error_page 403 /b; return 403; } location /b { return 402; }", 402, b""),
        (
            "location / { error_page 403 /b; return 403; } location = /c { return 200 c; }"
            "location /b { recursive_error_pages on; error_page 402 /c; return 402; }",
            402,
            b"",
        ),
        (
            "location / { recursive_error_pages on; error_page 403 /b; return 403; } location = /c { return 200 c; }"
            "location /b { error_page 402 /c; return 402; }",
            402,
            b"c",
        ),
        ("location / { error_page 497 /b; return 497; } location /b { return 200 b; }", 400, b"b"),
    ],
)
def test_error_pages_of_error_pages(text: str, status: int, body: bytes) -> None:
    client = get(text, "/")
    assert client.status == status
    assert body in client.body


def test_an_error_page_without_a_url_redirects_nowhere() -> None:
    client = get("error_page 403 $arg_to; return 403;", "/x")
    assert (client.status, client.header("Location")) == (302, "")


def test_no_content_has_no_type() -> None:
    client = get("location / { error_page 403 =204 /b; return 403; } location /b { return 200 text; }", "/")
    assert (client.status, client.header("Content-Type")) == (204, None)


def test_the_location_that_was_sent_is_what_variables_show() -> None:
    generation = configure(in_server("access_log off; return 301 /to;"), MODULES)
    asked = exchange(generation, "GET / HTTP/1.1")
    answer(asked)
    assert asked.response is not None
    assert asked.response.location == "http://localhost/to"
