from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.http.body_reader import BodyReader
from pyngx.http.chunked import MAX_LINE, MAX_TRAILERS, BadChunk, ChunkedDecoder


def decode(data: bytes, size: int = 0) -> tuple[bytes, ChunkedDecoder]:
    """All of it in parts of `size`; what comes behind the end isn't fed."""
    decoder = ChunkedDecoder()
    content = b""
    for part in [data[at : at + size] for at in range(0, len(data), size)] if size else [data]:
        if decoder.done:
            break
        content += decoder.feed(part)
    return content, decoder


GOOD = {
    "empty": (b"0\r\n\r\n", b""),
    "one": (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
    "several": (b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", b"abc"),
    "hexadecimal": (b"A\r\n0123456789\r\n0b\r\n0123456789a\r\n0\r\n\r\n", b"01234567890123456789a"),
    "leading zeros": (b"0005\r\nhello\r\n000\r\n\r\n", b"hello"),
    "extensions": (b'5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n', b"hello"),
    "blanks behind the size": (b"5 \t\r\nhello\r\n0\r\n\r\n", b"hello"),
    "line ends as content": (b"4\r\n\r\n\r\n\r\n0\r\n\r\n", b"\r\n\r\n"),
    "trailers": (b"1\r\na\r\n0\r\nX-A: b\r\ny: \r\n\r\n", b"a"),
}


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("case", GOOD)
def test_content(case: str, size: int) -> None:
    data, content = GOOD[case]
    decoded, decoder = decode(data, size)
    assert decoded == content
    assert decoder.done
    assert decoder.rest == b""


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize(
    "data",
    [
        *(
            b"\r\n",
            b"x\r\n",
            b"-1\r\n",
            b"+1\r\n",
            b"0x1\r\n",
            b" 1\r\n",
            b"1_0\r\n",
            b"1 0\r\n",
            b";a\r\n",
            b"1\r\r\n",
        ),
        *(b"1\x00\r\n", b"1;\x00\r\n", b"1;a\rb\r\n", b"1,\r\n", b"\xb2\r\n"),
        *(b"1\r\nab\r\n", b"1\r\na0\r\n", b"1\r\na\rb\n"),
        *(b"0\r\nno colon\r\n", b"0\r\n folded: a\r\n", b"0\r\na b: c\r\n", b"0\r\na: \x00\r\n", b"0\r\na: b\rc\r\n"),
        *(b"5\nhello\r\n", b"5\r\nhello\n", b"0\n\r\n", b"0\r\n\n", b"0\r\na: b\n\r\n"),
        b"0\r\n: a\r\n",
        b"1" * 16 + b"\r\n",
        b"F" * 17 + b"\r\n",
    ],
)
def test_what_is_no_chunk_is_refused(data: bytes, size: int) -> None:
    with pytest.raises(BadChunk):
        decode(data + b"GET / HTTP/1.1\r\n\r\n" * 2, size)


def test_what_has_no_end_is_refused_before_it_fills_the_memory() -> None:
    for endless in (b"1;" + b"a" * MAX_LINE, b"0" * (MAX_LINE + 1)):
        with pytest.raises(BadChunk):
            decode(endless, 100)
    with pytest.raises(BadChunk):
        decode(b"0\r\n" + b"a: b\r\n" * (MAX_TRAILERS // 6 + 1))


def test_trailers_and_what_comes_behind_are_kept() -> None:
    _, decoder = decode(b"0\r\nX-A:  b \r\ny:\r\n\r\nGET /")
    assert decoder.trailers == [(b"X-A", b"b"), (b"y", b"")]
    assert decoder.rest == b"GET /"


CHUNKS = st.lists(st.binary(min_size=1, max_size=30), max_size=6)


@given(CHUNKS, st.binary(max_size=20), st.lists(st.integers(0, 300), max_size=10))
def test_splits_anywhere_give_the_same(chunks: list[bytes], rest: bytes, cuts: list[int]) -> None:
    data = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\nA: b\r\n\r\n" + rest
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    reader = BodyReader(None)
    content, behind = b"", b""
    for start, end in pairwise(places):
        part = data[start:end]
        if reader.done:
            behind += part
        else:
            content += reader.feed(part)
            behind += reader.rest
    assert content == b"".join(chunks)
    assert behind == rest
    assert reader.trailers == [(b"A", b"b")]


@given(st.binary(max_size=120), st.integers(1, 20))
def test_no_bytes_make_it_fail_otherwise_and_no_split_changes_the_judgement(data: bytes, size: int) -> None:
    def judged(step: int) -> tuple[bytes, bool, bytes] | None:
        decoder = ChunkedDecoder()
        content, behind = b"", b""
        try:
            for at in range(0, len(data), step):
                part = data[at : at + step]
                if decoder.done:
                    behind += part
                else:
                    content += decoder.feed(part)
                    behind += decoder.rest
        except BadChunk:
            return None
        return content, decoder.done, behind

    assert judged(size) == judged(len(data) or 1)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_body_of_known_length_ends_there(size: int) -> None:
    data = b"hello, next"
    reader = BodyReader(5)
    content, behind = b"", b""
    for at in range(0, len(data), size):
        part = data[at : at + size]
        if reader.done:
            behind += part
        else:
            content += reader.feed(part)
            behind += reader.rest
    assert (content, behind) == (b"hello", b", next")
    assert reader.trailers == []


def test_a_body_of_no_bytes_takes_none() -> None:
    reader = BodyReader(0)
    assert reader.done
    assert reader.feed(b"next") == b""
    assert reader.rest == b"next"
