import os
from pathlib import Path

import pytest

from pyngx.core.generation import Generation
from pyngx.modules import autoindex, charset, core, index, static
from tests.support.configure import ask, configure, in_server, messages

MODULES = (core.MODULE, charset.MODULE, index.MODULE, autoindex.MODULE, static.MODULE)


@pytest.fixture
def generation(tmp_path: Path) -> Generation:
    (tmp_path / "html" / "d<").mkdir(parents=True)
    (tmp_path / "html" / "file").write_text("x" * 20_000)
    (tmp_path / "html" / ".hidden").write_text("")
    for name in ("d<", "file"):
        os.utime(tmp_path / "html" / name, (1_700_000_000, 1_700_000_000))
    text = """
        root html; autoindex on;
        location /rough/ { alias html/; autoindex_exact_size off; }
        location /xml/ { alias html/; autoindex_format xml; }
        location /json/ { alias html/; autoindex_format json; }
        location /jsonp/ { alias html/; autoindex_format jsonp; }
        location /off/ { alias html/; autoindex off; }
    """
    return configure(in_server(text), MODULES, prefix=str(tmp_path))


def test_a_page_for_people(generation: Generation) -> None:
    client = ask(generation, "GET / HTTP/1.1")
    assert (client.status, client.header("Content-Type")) == (200, "text/html")
    assert client.body.decode().splitlines() == [
        "<html>",
        "<head><title>Index of /</title></head>",
        "<body>",
        '<h1>Index of /</h1><hr><pre><a href="../">../</a>',
        f'<a href="d%3C/">d&lt;/</a>{" " * 47} 14-Nov-2023 22:13                   -',
        f'<a href="file">file</a>{" " * 46} 14-Nov-2023 22:13               20000',
        "</pre><hr></body>",
        "</html>",
    ]
    assert b"22:13     20K\r\n" in ask(generation, "GET /rough/ HTTP/1.1").body


def test_lists_for_programs(generation: Generation) -> None:
    assert ask(generation, "GET /json/ HTTP/1.1").body == (
        b'[\r\n{ "name":"d<", "type":"directory", "mtime":"Tue, 14 Nov 2023 22:13:20 GMT" },'
        b'\r\n{ "name":"file", "type":"file", "mtime":"Tue, 14 Nov 2023 22:13:20 GMT", "size":20000 }\r\n]'
    )
    client = ask(generation, "GET /xml/ HTTP/1.1")
    assert client.header("Content-Type") == "text/xml; charset=utf-8"
    assert client.body == (
        b'<?xml version="1.0"?>\r\n<list>\r\n<directory mtime="2023-11-14T22:13:20Z">d&lt;</directory>\r\n'
        b'<file mtime="2023-11-14T22:13:20Z" size="20000">file</file>\r\n</list>\r\n'
    )


def test_a_list_that_calls_a_function(generation: Generation) -> None:
    client = ask(generation, "GET /jsonp/d%3C/?callback=a.b HTTP/1.1")
    assert client.header("Content-Type") == "application/javascript"
    assert client.body == b"/* callback */\r\na.b([\r\n]);"
    client = ask(generation, "GET /jsonp/d%3C/ HTTP/1.1")
    assert (client.header("Content-Type"), client.body) == ("application/json", b"[\r\n]")
    assert ask(generation, "GET /jsonp/?callback=a(b HTTP/1.1").status == 400
    assert messages(generation) == ["client sent invalid callback name"]


def test_what_is_not_listed(generation: Generation) -> None:
    assert ask(generation, "GET /off/ HTTP/1.1").status == 403
    assert ask(generation, "POST / HTTP/1.1").status == 403
    assert ask(generation, "GET /none/ HTTP/1.1").status == 404
    assert ask(generation, "GET /file/ HTTP/1.1").status == 404


def test_a_file_that_may_not_be_looked_at_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").touch()

    def refuse(_: os.DirEntry[str]) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(autoindex, "_status", refuse)
    assert autoindex.read_directory(str(tmp_path)) == ([], ["a"])
