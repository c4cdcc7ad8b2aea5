import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from pyngx.process.log_styles import LEVELS, Level, Record, iso_time, json_line, nginx_line, nginx_time

HEAD = f"{os.getpid()}#{threading.get_native_id()}: "


@pytest.fixture(autouse=True)
def in_kolkata(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def record(event: str = "upstream_failed", level: Level = Level.ERROR, /, **facts: object) -> Record:
    return Record(1_700_000_000.9876, level, event, facts)


def text(entry: Record) -> str:
    return nginx_line(entry).decode().replace(HEAD, "")


def test_times_are_local_and_say_their_offset() -> None:
    assert iso_time(1_700_000_000.9876) == "2023-11-15T03:43:20.987+05:30"
    assert nginx_time(1_700_000_000.9876) == "2023/11/15 03:43:20"


def test_levels_are_those_of_nginx_in_order() -> None:
    assert list(LEVELS) == ["debug", "info", "notice", "warn", "error", "crit", "alert", "emerg"]


def test_json_is_one_line_with_time_level_and_event_first() -> None:
    line = json_line(record(message="no\nway", tries=2, exception="Traceback\n  x"))
    assert line == (
        b'{"time":"2023-11-15T03:43:20.987+05:30","level":"error","event":"upstream_failed",'
        b'"message":"no\\nway","tries":2,"exception":"Traceback\\n  x"}\n'
    )


def test_facts_never_replace_what_every_line_has() -> None:
    line = json.loads(json_line(record(time="x", level="y")))
    assert (line["time"], line["level"]) == ("2023-11-15T03:43:20.987+05:30", "error")


def test_any_value_can_be_logged_as_json() -> None:
    odd = {"raw": b"\xff/a", "path": Path("/a"), "lone": "\udcff", "keys": {("a", 1): [b"\xff", {"\udcfe"}]}}
    line = json.loads(json_line(record(**odd)))
    assert line["raw"] == "\\xff/a"
    assert line["path"] == "/a"
    assert line["lone"] == "\\xff"
    assert line["keys"] == {"('a', 1)": ["\\xff", ["\\xfe"]]}


def test_nginx_style_has_nginx_context_in_nginx_order() -> None:
    line = text(
        record(
            message="connect() failed",
            errno=111,
            action="connecting to upstream",
            host="h:80",
            upstream="http://127.0.0.1:9/a",
            request="GET /a HTTP/1.1",
            server="localhost",
            client="127.0.0.1",
            referrer="http://r/",
            connection=7,
            kind="refused",
        )
    )
    assert line == (
        "2023/11/15 03:43:20 [error] *7 connect() failed (111: Connection refused) while connecting to upstream, "
        'client: 127.0.0.1, server: localhost, request: "GET /a HTTP/1.1", upstream: "http://127.0.0.1:9/a", '
        'host: "h:80", referrer: "http://r/"\n'
    )


def test_without_a_sentence_the_event_and_its_facts_are_shown() -> None:
    line = text(record("config_reloaded", Level.NOTICE, generation=3, added=["a"], client="::1"))
    assert line == "2023/11/15 03:43:20 [notice] config_reloaded generation=3 added=['a'], client: ::1\n"


def test_a_record_cannot_forge_another_line() -> None:
    line = text(record(message="x\n2023/11/15 [alert] y\x1b[31m", request=b"GET /\xff\r\n"))
    assert line.count("\n") == 1
    assert "x\\x0A2023/11/15 [alert] y\\x1B[31m" in line


def test_a_traceback_follows_with_the_same_head_on_each_line() -> None:
    lines = text(record(message="oops", connection=1, exception="Traceback\n  deep")).splitlines()
    head = "2023/11/15 03:43:20 [error] *1 "
    assert lines == [f"{head}oops", f"{head}Traceback", f"{head}  deep"]


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_nginx_itself_writes_the_same_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free, socket.create_server(("127.0.0.1", 0)) as closed:
        port, dead = free.getsockname()[1], closed.getsockname()[1]
    (tmp_path / "nginx.conf").write_text(f"""
        daemon off; master_process off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log; events {{ }}
        http {{ access_log off; server {{ listen 127.0.0.1:{port}; server_name localhost;
                location / {{ proxy_pass http://127.0.0.1:{dead}; }} }} }}""")
    nginx = subprocess.Popen(["nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])
    try:
        answer = ask(port, b"GET /a?b HTTP/1.1\r\nHost: h\r\nReferer: http://r/\r\nConnection: close\r\n\r\n")
    finally:
        nginx.terminate()
        nginx.wait(5)
    assert b" 502 " in answer
    facts: dict[str, object] = {"message": "connect() failed", "errno": 111, "action": "connecting to upstream"}
    facts |= {"client": "127.0.0.1", "server": "localhost", "request": "GET /a?b HTTP/1.1", "connection": 1}
    facts |= {"upstream": f"http://127.0.0.1:{dead}/a?b", "host": "h", "referrer": "http://r/"}
    ours = nginx_line(record(**facts)).decode()
    theirs = next(line for line in (tmp_path / "error.log").read_text().splitlines(True) if "connect()" in line)
    assert without_varying(ours) == without_varying(theirs)


def without_varying(line: str) -> str:
    return re.sub(r"\d+#\d+", "PID", re.sub(r"^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "TIME", line))


def ask(port: int, request: bytes) -> bytes:
    deadline = time.monotonic() + 5
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as client:
                client.sendall(request)
                return client.recv(65536)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
