"""Accept-Encoding as nginx reads it."""

import pytest

from pyngx.http.accept_encoding import accepts_gzip


@pytest.mark.parametrize(
    "value",
    [
        b"gzip",
        b"gzip, deflate",
        b"GZip",
        b"deflate, gzip",
        b"deflate,gzip",
        b"gzip ;",
        b"gzip;q=1",
        b"gzip;q=1.",
        b"gzip;q=1.000",
        b"gzip; Q=0.001",
        b"gzip;q=0.5, *;q=0",
        b"x-gzip, gzip",
        b"xgzipgzip",  # nginx takes up again where it stopped
    ],
)
def test_takes_gzip(value: bytes) -> None:
    assert accepts_gzip(value)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"gzi",
        b"deflate, br",
        b"*",
        b"x-gzip",
        b"gzipped",
        b"gzip=1",
        b"gzip;q=0",
        b"gzip;q=0.",
        b"gzip;q=0.000",
        b"gzip;q=0.0001",
        b"gzip;q=1.001",
        b"gzip;q=1.0000",
        b"gzip;q=2",
        b"gzip;q=",
        b"gzip;q",
        b"gzip;q=0.5x",
        b"gzip;x=1",
        b"gzip;q=0, gzip",  # the first one counts
    ],
)
def test_does_not_take_gzip(value: bytes) -> None:
    assert not accepts_gzip(value)
