from pathlib import Path
from typing import IO, cast

import pytest

from pyngx.core import spool
from pyngx.core.spool import Spool
from pyngx.modules import MODULES
from tests.support.live import ask, build_text, log_of


class Grudging:
    """A file that takes few bytes at once."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: memoryview) -> int:
        self.data += bytes(data[:3])
        return min(3, len(data))


def test_what_a_file_takes_in_part_is_written_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Grudging()
    monkeypatch.setattr(spool.tempfile, "NamedTemporaryFile", lambda **_: cast("IO[bytes]", file))
    kept = Spool(4)
    kept.write(b"abc")
    kept.write(b"defgh")
    kept.write(b"ijklm")
    assert file.data == b"abcdefghijklm"


def test_the_folder_of_the_file_is_made(tmp_path: Path) -> None:
    kept = Spool(0, str(tmp_path / "client_body_temp"))
    kept.write(b"x")
    assert kept.file_name is not None
    assert Path(kept.file_name).parent == tmp_path / "client_body_temp"
    kept.close()


async def test_a_body_that_cannot_be_kept_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "full").touch()
    generation = build_text(
        f"""
        events {{ }}
        http {{
            server {{
                listen 127.0.0.1:80;
                client_body_buffer_size 1k;
                client_body_temp_path {tmp_path}/full;
                location / {{ proxy_pass http://127.0.0.1:1; }}
            }}
        }}
        """,
        MODULES,
    )
    client = await ask(generation, "POST / HTTP/1.1", body=bytes(2000))
    assert client.status == 500
    (event,) = log_of(generation).named("temp_file_failed")
    assert f"{tmp_path}/full" in event.message
