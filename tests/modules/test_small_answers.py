"""empty_gif and random_index."""

from pathlib import Path

import pytest

from pyngx.modules import core, empty_gif, index, not_modified, random_index, static
from tests.support.configure import ask, configure, in_server

MODULES = (
    core.MODULE,
    not_modified.MODULE,
    empty_gif.MODULE,
    random_index.MODULE,
    index.MODULE,
    static.MODULE,
)


def test_a_pixel_that_can_be_kept() -> None:
    generation = configure(in_server("location / { empty_gif; }"), MODULES)
    client = ask(generation, "GET / HTTP/1.1")
    assert client.status == 200
    assert client.header("Content-Type") == "image/gif"
    assert client.header("Last-Modified") == "Mon, 28 Sep 1970 06:00:00 GMT"
    assert client.body[:10] == b"GIF89a\1\0\1\0"
    assert (len(client.body), client.header("Content-Length")) == (43, "43")
    since = (b"If-Modified-Since", b"Mon, 28 Sep 1970 06:00:00 GMT")
    assert ask(generation, "GET / HTTP/1.1", [(b"Host", b"x"), since]).status == 304
    assert ask(generation, "HEAD / HTTP/1.1").body == b""
    assert ask(generation, "PUT / HTTP/1.1").status == 405


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", ".hidden"):
        (tmp_path / "html" / "d").mkdir(parents=True, exist_ok=True)
        (tmp_path / "html" / "d" / name).write_text(name)
    (tmp_path / "html" / "d" / "inner").mkdir()
    return tmp_path


def test_any_file_of_a_directory(folder: Path) -> None:
    text = in_server("location / { random_index on; location /off/ { random_index off; alias html/; } }")
    generation = configure(text, MODULES, prefix=str(folder))
    found = {ask(generation, "GET /d/ HTTP/1.1").body for _ in range(100)}
    assert found == {b"a", b"b"}
    assert ask(generation, "GET /d/a HTTP/1.1").body == b"a"
    assert ask(generation, "GET /d/inner/ HTTP/1.1").status == 403
    assert ask(generation, "GET /none/ HTTP/1.1").status == 404
    assert ask(generation, "GET /off/d/ HTTP/1.1").status == 403
