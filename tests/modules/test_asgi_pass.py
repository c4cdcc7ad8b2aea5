"""What `asgi_pass` and its neighbours take, and what they say to those who write something else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.core.generation import Generation
from pyngx.modules.asgi_messages import Receive, Scope, Send
from tests.modules.asgi_apps import MODULES, Serve
from tests.support.live import ask, build_text, make_runtime

APP = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": scope["path"].encode()})
"""


@pytest.fixture(autouse=True)
def clean_imports(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave no trace of what a test imports."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("shop"):
            del sys.modules[name]


def serve_from(prefix: Path, location: str, http: str = "") -> Generation:
    text = f"events {{}} http {{ {http} server {{ listen 127.0.0.1:80; {location} }} }}"
    return build_text(text, MODULES, make_runtime(str(prefix)))


def complaint(prefix: Path, name: str) -> Diagnostic:
    with pytest.raises(ConfigError) as raised:
        serve_from(prefix, f"location / {{ asgi_pass {name}; }}")
    (found,) = raised.value.diagnostics
    assert found.span is not None
    assert found.span.text == name
    return found


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"app"})


# where it is looked for


async def test_an_application_is_found_in_the_prefix(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    client = await ask(serve_from(tmp_path, "location / { asgi_pass shop:app; }"), "GET /x HTTP/1.1")
    assert client.body == b"/x"


async def test_an_application_is_found_by_python_path(tmp_path: Path) -> None:
    (tmp_path / "code" / "shop_package").mkdir(parents=True)
    (tmp_path / "code" / "shop_package" / "web.py").write_text(APP)
    generation = serve_from(tmp_path, "location / { asgi_pass shop_package.web:app; }", "python_path code;")
    assert (await ask(generation, "GET /x HTTP/1.1")).body == b"/x"


def test_python_path_comes_before_the_prefix(tmp_path: Path) -> None:
    serve_from(tmp_path, "", "python_path a /b;")
    assert sys.path[:3] == [str(tmp_path / "a"), "/b", str(tmp_path)]


async def test_the_application_may_be_an_attribute_of_something(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP + "class site: web = staticmethod(app)")
    generation = serve_from(tmp_path, "location / { asgi_pass shop:site.web; }")
    assert (await ask(generation, "GET /x HTTP/1.1")).body == b"/x"


# what is said


@pytest.mark.parametrize(
    ("name", "help"),
    [
        ("shop", "write the module as in an import statement, a colon"),
        ("shop.py:app", ""),
        ("shop/web:app", "write the module as in an import statement"),
        ("shop:", "write the module"),
        ("shop:make()", "name the application itself"),
        ("$shop:app", "its name can't have variables"),
    ],
)
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str, help: str) -> None:
    found = complaint(tmp_path, name)
    assert help in found.help


def test_a_missing_module_is_named_with_where_it_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APP)
    found = complaint(tmp_path, "shopp:app")
    assert found.message == 'cannot import "shopp": there is no module "shopp"'
    assert found.help.splitlines() == [
        'did you mean "shop"?',
        f"searched in {tmp_path}, and where {sys.executable} looks",
    ]


def test_a_missing_dependency_is_told_from_a_missing_module(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("import no_such_framework\n")
    found = complaint(tmp_path, "shop:app")
    assert found.message == "cannot import \"shop\": No module named 'no_such_framework'"
    assert found.help.splitlines() == [
        f'it needs "no_such_framework", which is not installed for {sys.executable}',
        f"raised in {tmp_path / 'shop.py'}:1: import no_such_framework",
    ]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise SystemExit(2)", "SystemExit: 2"),
        ("def", "SyntaxError: invalid syntax (shop.py, line 1)"),
    ],
)
def test_code_that_fails_is_shown(tmp_path: Path, code: str, message: str) -> None:
    (tmp_path / "shop.py").write_text(code)
    assert complaint(tmp_path, "shop:app").message == f'cannot import "shop": {message}'


async def test_a_module_that_was_mended_is_seen_by_the_next_reload(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("ap = 1")
    found = complaint(tmp_path, "shop:app")
    assert found.message == 'no "app" in module "shop"'
    assert found.help.splitlines() == ['did you mean "ap"?', f"the module is {tmp_path / 'shop.py'}"]
    (tmp_path / "shop.py").write_text(APP)
    client = await ask(serve_from(tmp_path, "location / { asgi_pass shop:app; }"), "GET /x HTTP/1.1")
    assert client.status == 200


@pytest.mark.parametrize(
    ("code", "message", "help"),
    [
        ("app = 1", "is not an application but of type int", ""),
        ("import os as app", "is not an application but the module os", ""),
        ("def app(environ, start_response): ...", "is not an ASGI 3 application", "wrap it, for example with a2wsgi"),
        ("def app(): ...", "is not an ASGI 3 application", "it takes no arguments"),
        ("class app:\n def __init__(self, scope): ...", "is not an ASGI 3 application", "(scope, receive, send)"),
    ],
)
def test_what_is_no_asgi_application_is_refused(tmp_path: Path, code: str, message: str, help: str) -> None:
    (tmp_path / "shop.py").write_text(code)
    found = complaint(tmp_path, "shop:app")
    assert message in found.message
    assert help in found.help


def test_a_root_path_begins_with_a_slash(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='invalid root path "shop"'):
        serve_from(tmp_path, "location / { asgi_root_path shop; }")


# where it holds


async def test_a_location_with_a_slash_at_its_end_takes_those_who_forget_it(serve: Serve) -> None:
    generation = serve(app, around="location /shop/ { asgi_pass app_under_test:app; }")
    client = await ask(generation, "GET /shop?a=1 HTTP/1.1")
    assert (client.status, client.header("location")) == (301, "http://localhost:8080/shop/?a=1")


async def test_it_is_not_handed_down_to_inner_locations(serve: Serve) -> None:
    generation = serve(app, inside="location /files/ { }")
    assert (await ask(generation, "GET /x HTTP/1.1")).status == 200
    assert (await ask(generation, "GET /files/x HTTP/1.1")).status == 404


async def test_it_is_handed_down_to_limit_except(serve: Serve) -> None:
    generation = serve(app, inside="limit_except GET { }")
    assert (await ask(generation, "POST / HTTP/1.1")).body == b"app"
