import re
from pathlib import Path

import pytest

from pyngx.http.media_types import MediaTypes, collect_types, extension

_FILE = Path(__file__).parents[2] / "conf" / "mime.types"


@pytest.mark.parametrize(
    ("path", "suffix"),
    [
        ("/a.html", "html"),
        ("/a.tar.gz", "gz"),
        ("/a", ""),
        ("/a.", ""),
        ("/.htaccess", ""),
        ("/.a.b", "b"),
        ("/a.b/c", ""),
        ("/a.b/", ""),
        ("a.TXT", "TXT"),
    ],
)
def test_the_extension_is_what_follows_the_last_dot(path: str, suffix: str) -> None:
    assert extension(path) == suffix


def test_types_are_found_in_any_case() -> None:
    types = MediaTypes(collect_types([("text/html", ["html", "HTM"]), ("image/png", ["png"])]), "application/x-other")
    assert types.of("/a.HTML") == "text/html"
    assert types.of("/a.htm") == "text/html"
    assert types.of("/a.xyz") == "application/x-other"
    assert types.of("/a") == "application/x-other"


def test_a_later_line_wins() -> None:
    assert collect_types([("a/b", ["x", "y"]), ("c/d", ["X"])]) == {"x": "c/d", "y": "a/b"}


def test_without_a_types_block_three_are_known() -> None:
    assert [MediaTypes().of(f"/a.{suffix}") for suffix in ("html", "gif", "jpg", "png")] == [
        "text/html",
        "image/gif",
        "image/jpeg",
        "text/plain",
    ]


def test_the_types_file_names_each_extension_once() -> None:
    content = re.sub(r"#.*", "", _FILE.read_text("ascii"))
    block = re.fullmatch(r"\s*types\s*\{(.*)\}\s*", content, re.DOTALL)
    assert block is not None
    lines = [line.split() for line in block[1].split(";") if line.strip()]
    suffixes = [suffix for line in lines for suffix in line[1:]]
    assert len(suffixes) == len(set(suffixes)) > 200
    assert len({line[0] for line in lines}) == len(lines)
    assert all(re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", line[0]) for line in lines)
    assert all(re.fullmatch(r"[a-z0-9]+", suffix) for suffix in suffixes)
    types = MediaTypes(collect_types((line[0], line[1:]) for line in lines))
    assert types.of("/index.html") == "text/html"
    assert types.of("/font.woff2") == "font/woff2"
