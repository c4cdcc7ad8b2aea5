"""zlib and what takes its place."""

import gzip

import pytest

from pyngx.http import compressors
from pyngx.http.compressors import make_compressor

TEXT = b"hello " * 5000


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("level", [1, 2, 9])
@pytest.mark.parametrize(("window_bits", "memory_level"), [(9, 1), (12, 5), (15, 8), (15, 9)])
def test_what_is_compressed_can_be_read(
    fast: bool, level: int, window_bits: int, memory_level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not fast:
        monkeypatch.setattr(compressors, "isal_zlib", None)
    compressor = make_compressor(level, window_bits, memory_level)
    packed = compressor.compress(TEXT) + compressor.flush(2) + compressor.compress(b"x") + compressor.flush()
    assert gzip.decompress(packed) == TEXT + b"x"
    assert len(packed) < len(TEXT) / 10
