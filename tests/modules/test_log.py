import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.exchange import Exchange
from pyngx.core.generation import Generation
from pyngx.core.logs import Buffering, FileCache
from pyngx.core.records import Messages, Try
from pyngx.modules import core, error_log, headers, log, not_modified
from tests.support import reply
from tests.support.configure import answer, ask, configure, exchange, in_server, make_runtime
from tests.support.memory_logs import MemoryFile, MemoryLog, MemoryLogs

MODULES = (error_log.MODULE, core.MODULE, not_modified.MODULE, headers.MODULE, reply.MODULE, log.MODULE)
HOST = (b"Host", b"localhost")


def files(generation: Generation) -> dict[str, MemoryFile]:
    logs = generation.runtime.logs
    assert isinstance(logs, MemoryLogs)
    return logs.files


def logged(http: str, *uris: str, main: str = "", prefix: str = "/prefix") -> dict[str, list[str]]:
    """The lines of all logs after some requests."""
    generation = configure(f"{main} events {{ }} http {{ {http} }}", MODULES, prefix=prefix)
    for uri in uris:
        ask(generation, f"GET {uri} HTTP/1.1")
    return {path: file.lines for path, file in files(generation).items()}


def server(text: str) -> str:
    return f"server {{ listen 80; server_name localhost; {text} }}"


def test_without_a_directive_json_goes_to_stdout() -> None:
    lines = logged(server("location / { reply 200 x; }"), "/a?b")
    assert list(lines) == ["stdout"]
    assert json.loads(lines["stdout"][0])["uri"] == "/a?b"


def test_in_nginx_style_the_default_is_nginx_default() -> None:
    lines = logged(server("location / { reply 200 OK; }"), "/a?b", main="log_style nginx;")
    assert list(lines) == ["/prefix/logs/access.log"]
    line = r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a\?b HTTP/1\.1" 200 2 "-" "-"'
    assert re.fullmatch(line, lines["/prefix/logs/access.log"][0])


def test_off_means_none_and_blocks_replace_what_is_outside() -> None:
    text = """
        log_format test "$uri:$status";
        access_log a test;
        server { listen 80;
            location / { reply 200 x; }
            location /off { access_log off; reply 200 x; location /off/on { access_log b test; reply 200 x; } }
            location /two { access_log b test; access_log logs/c test; reply 404; }
            location /both { access_log b test; access_log off; reply 200 x; }
        }"""
    lines = logged(text, "/", "/off", "/off/on", "/two", "/both")
    assert lines == {
        "/prefix/a": ["/:200"],
        "/prefix/b": ["/off/on:200", "/two:404"],
        "/prefix/logs/c": ["/two:404"],
    }


@pytest.mark.parametrize(
    ("query", "is_logged"),
    [("", False), ("?a=", False), ("?a=0", False), ("?a=1", True), ("?a=0&b=0", True), ("?b=x", True)],
)
def test_a_condition_decides(query: str, is_logged: bool) -> None:
    text = "log_format t $uri; " + server("access_log l t if=$arg_a$arg_b; location / { reply 200 x; }")
    assert logged(text, f"/{query}") == {"/prefix/l": ["/"] if is_logged else []}


@pytest.mark.parametrize(
    ("escape", "line"),
    [
        ("", "/\\x221 \\x1B\\x1C \\xC3\\xA9\\x22-2"),
        ("escape=default", "/\\x221 \\x1B\\x1C \\xC3\\xA9\\x22-2"),
        ("escape=none", '/"1 \x1b\x1c é"2'),
        ("escape=json", '/\\"1 \\u001B\\u001C é\\"2'),
    ],
)
def test_values_are_escaped(escape: str, line: str) -> None:
    text = f"log_format t {escape} $uri$arg_b '${{arg_c}}'; " + server("access_log l t; location / { reply 200 x; }")
    generation = configure(f"events {{ }} http {{ {text} }}", MODULES)
    ask(generation, "GET /%221%20%1B%1C%20%C3%A9%22?c=2 HTTP/1.1")
    assert files(generation)["/prefix/l"].data == line.encode() + b"\n"


def test_any_byte_gets_into_a_log_and_none_ends_the_line() -> None:
    text = 'log_format t escape=none "$http_x {$arg_a}\\t\'"; ' + server("access_log l t; location / { reply 200 x; }")
    generation = configure(f"events {{ }} http {{ {text} }}", MODULES)
    ask(generation, "GET /?a={} HTTP/1.1", [HOST, (b"X", b"\xff")])
    assert files(generation)["/prefix/l"].data == b"\xff {{}}\t'\n"


def test_the_path_may_depend_on_the_request_if_its_root_is_there(tmp_path: Path) -> None:
    (tmp_path / "html").mkdir()
    text = "log_format t $uri; " + server("""access_log log/$arg_n t;
        location / { reply 200 x; } location /rootless { root none; reply 200 x; }""")
    uris = ("/?n=a", "/2?n=a", "/?n=b", "/3?n=", "/rootless?n=c")
    assert logged(text, *uris, prefix=str(tmp_path)) == {
        f"{tmp_path}/log/a": ["/", "/2"],
        f"{tmp_path}/log/b": ["/"],
    }


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    text = in_server(f"root {tmp_path}; access_log log/$arg_n; location / {{ reply 200 x; }}")
    generation = configure(text, MODULES)
    ask(generation, "GET / HTTP/1.1")
    assert isinstance(generation.runtime.log, MemoryLog)
    assert [record[:2] for record in generation.runtime.log.records] == [("crit", "access_log_failed")]


def test_buffers_are_set_when_the_generation_starts() -> None:
    text = server("""access_log a combined buffer=16k flush=5s;
        location /1 { access_log a combined buffer=16k flush=5s if=$arg_a; access_log b; }
        location /2 { access_log c combined gzip=3; access_log a; }""")
    generation = configure(f"events {{ }} http {{ {text} }}", MODULES)
    assert {path: file.buffering for path, file in files(generation).items()} == {
        "/prefix/a": Buffering(16384, 5.0),
        "/prefix/b": Buffering(),
        "/prefix/c": Buffering(65536, gzip=3),
    }


def test_files_live_as_long_as_a_generation_names_them() -> None:
    runtime = make_runtime()
    first = configure(in_server("access_log a; access_log b;"), MODULES, runtime)
    opened = dict(files(first))
    configure(in_server("access_log b; access_log c;"), MODULES, runtime)
    assert {path: file.closed for path, file in files(first).items()} == {
        "/prefix/a": True,
        "/prefix/b": False,
        "/prefix/c": False,
    }
    assert files(first)["/prefix/b"] is opened["/prefix/b"]


def test_locations_that_log_alike_share_what_logs() -> None:
    generation = configure(in_server("location /a { } location /b { }"), MODULES)
    (servers,) = generation.addresses.values()
    found = [servers.default.locations.find(exchange(generation, f"GET /{name} HTTP/1.1")) for name in "ab"]
    assert len({location.loggers for location, _ in found if location is not None}) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("access_log a nothing;", 'unknown log format "nothing"'),
        ("access_log off test;", 'invalid parameter "test"'),
        ("access_log a combined what=1;", 'invalid parameter "what=1"'),
        ("access_log a combined buffer=0;", 'invalid buffer size "0"'),
        ("access_log a combined flush=x buffer=1k;", 'invalid flush time "x"'),
        ("access_log a combined gzip=10;", 'invalid compression level "10"'),
        ("access_log a combined flush=1s;", 'no buffer is defined for access_log "a"'),
        ("access_log $uri combined buffer=1k;", "buffered logs cannot have variables in name"),
        ("access_log syslog:server=a combined buffer=1k;", "logs to syslog cannot be buffered"),
        (
            "access_log a combined buffer=1k; access_log a combined buffer=2k;",
            'access_log "a" already defined with conflicting parameters',
        ),
        ("access_log /nonexistent/a;", 'open() "/nonexistent/a" failed (2: No such file or directory)'),
        ("log_format a $uri; log_format a $uri;", 'duplicate "log_format" name "a"'),
        ("log_format combined $uri;", 'duplicate "log_format" name "combined"'),
        ("log_format a escape=xml $uri;", 'unknown log format escaping "xml"'),
        ("log_format a $nothing;", 'unknown "nothing" variable'),
        ("request_id_header X:;", 'invalid field name "X:"'),
    ],
)
def test_what_is_wrong_is_told(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configure(f"events {{ }} http {{ {text} {server('')} }}", MODULES)
    assert caught.value.diagnostics[0].message == message


def test_format_names_have_no_case_and_json_may_be_redefined() -> None:
    text = "log_format Main $uri; log_format json 'own $uri'; " + server("""access_log a main; access_log b json;
        access_log c; location / { reply 200 x; }""")
    lines = logged(text, "/")
    assert (lines["/prefix/a"], lines["/prefix/b"]) == (["/"], ["own /"])
    assert json.loads(lines["/prefix/c"][0])["event"] == "request"


def json_of(
    change: Callable[[Exchange], None] | None = None,
    text: str = "",
    line: str = "GET /a?b HTTP/1.1",
    headers: tuple[tuple[bytes, bytes], ...] = (HOST,),
) -> dict[str, object]:
    generation = configure(in_server(f"{text} location /a {{ reply 200 SEE-THIS; }}"), MODULES)
    asked = exchange(generation, line, headers)
    if change is not None:
        change(asked)
    answer(asked)
    found: dict[str, object] = json.loads(files(generation)["stdout"].lines[0])
    return found


def test_the_json_line() -> None:
    line = json_of(headers=(HOST, (b"Referer", b"http://r/"), (b"User-Agent", b"curl"), (b"Cookie", b"secret=1")))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", str(line.pop("time")))
    assert re.fullmatch("[0-9a-f]{32}", str(line.pop("request_id")))
    assert isinstance(line.pop("request_time"), float)
    assert line == {
        "level": "info",
        "event": "request",
        "connection": 1,
        "client": "127.0.0.1",
        "method": "GET",
        "host": "localhost",
        "uri": "/a?b",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes": 8,
        "bytes_sent": 8,
        "request_length": 0,
        "server": "localhost",
        "location": "/a",
        "referer": "http://r/",
        "user_agent": "curl",
    }


def test_tries_and_messages_are_in_the_json_line() -> None:
    def change(asked: Exchange) -> None:
        asked.tries = [Try("10.0.0.1:80", 0.0), Try("10.0.0.2:80", 0.0, 200, 0.00123, 0.01, 0.02, 100, 200)]
        asked.messages = Messages(1, 2, 3, 4)

    line = json_of(change)
    assert line["upstream"] == [
        {"address": "10.0.0.1:80"},
        {
            **{"address": "10.0.0.2:80", "status": 200, "connect_time": 0.001, "header_time": 0.01},
            **{"response_time": 0.02, "bytes_received": 200, "bytes_sent": 100},
        },
    ]
    assert line["websocket"] == {"messages_received": 1, "bytes_received": 2, "messages_sent": 3, "bytes_sent": 4}


def test_bytes_that_are_not_utf8_are_shown() -> None:
    assert json_of(headers=(HOST, (b"User-Agent", b"\xffx")))["user_agent"] == "\\xffx"


def test_a_broken_response_says_so() -> None:
    generation = configure(in_server("location / { reply 200 x; }"), MODULES)
    asked = exchange(generation, "GET / HTTP/1.1")
    asked.location = next(iter(generation.addresses.values())).default.location
    asked.fail()
    asked.fail()
    (line,) = map(json.loads, files(generation)["stdout"].lines)
    assert (line["broken"], line["status"]) == (True, 0)


@pytest.mark.parametrize(
    ("text", "value", "kept"),
    [
        ("", b"abc", False),
        ("request_id_header X-Request-ID;", b"abc-1:2", True),
        ("request_id_header x-request-id;", b'a"b', False),
        ("request_id_header X-Request-ID;", b"a" * 129, False),
        ("request_id_header X-Request-ID;", b"", False),
        ("request_id_header off;", b"abc", False),
    ],
)
def test_a_request_may_bring_its_name(text: str, value: bytes, kept: bool) -> None:
    line = json_of(text=text, headers=(HOST, (b"X-Request-Id", value)))
    assert (line["request_id"] == value.decode()) is kept


ERROR_LOGS = """
    error_log main.log warn;
    events { }
    http {
        error_log http.log;
        error_log stderr info json;
        server { listen 80; access_log off;
            location / { reply 200 x; }
            location /own { error_log own.log crit; error_log syslog:server=unix:/s debug_http; reply 200 x; }
        }
    }"""


def error_log_of(generation: Generation, uri: str) -> MemoryLog:
    asked = exchange(generation, f"GET {uri} HTTP/1.1")
    answer(asked)
    assert isinstance(asked.location.log, MemoryLog)
    return asked.location.log


def test_error_logs_of_a_block_replace_outer_ones_and_all_of_them_apply() -> None:
    generation = configure("log_style nginx;" + ERROR_LOGS, MODULES)
    outer, own = error_log_of(generation, "/"), error_log_of(generation, "/own")
    assert [(sink.target, sink.level, sink.style) for sink in outer.sinks] == [
        ("/prefix/http.log", "error", "nginx"),
        ("stderr", "info", "json"),
    ]
    assert [(sink.target, sink.level) for sink in own.sinks] == [
        ("/prefix/own.log", "crit"),
        ("syslog:server=unix:/s", "debug"),
    ]


def test_error_logs_that_nobody_names_any_more_are_closed() -> None:
    runtime = make_runtime()
    first = configure(ERROR_LOGS, MODULES, runtime)
    log_, own = error_log_of(first, "/"), error_log_of(first, "/own")
    configure(ERROR_LOGS.replace("own.log", "other.log"), MODULES, runtime)
    assert (log_.closed, own.closed) == (False, True)


def test_without_error_log_the_process_log_is_used() -> None:
    generation = configure(in_server("location / { reply 200 x; }"), MODULES)
    asked = exchange(generation, "GET / HTTP/1.1")
    answer(asked)
    assert asked.location.log is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("error_log a loud;", 'invalid log level "loud"'),
        ("error_log a error error;", 'duplicate log level "error"'),
        ("error_log memory:1m debug;", "error logs in memory are not supported"),
        ("log_style xml;", 'invalid value "xml"'),
    ],
)
def test_a_wrong_error_log_is_told(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        configure(f"{text} {in_server('')}", MODULES)
    assert caught.value.diagnostics[0].message == message


def test_logs_with_variables_in_their_names_may_stay_open(tmp_path: Path) -> None:
    (tmp_path / "html").mkdir()
    text = """
        log_format test "$uri"; open_log_file_cache max=3 inactive=20s valid=1m min_uses=2;
        server { listen 80; access_log a-$arg_x test;
            location / { reply 200 x; }
            location /off { open_log_file_cache off; reply 200 x; }
        }
    """
    generation = configure(f"events {{ }} http {{ {text} }}", MODULES, prefix=str(tmp_path))
    ask(generation, "GET /?x=1 HTTP/1.1")
    ask(generation, "GET /off?x=1 HTTP/1.1")
    logs = generation.runtime.logs
    assert isinstance(logs, MemoryLogs)
    assert logs.caches == [FileCache(3, 20.0, 2, 60.0)]
    assert logs.files[str(tmp_path / "a-1")].lines == ["/", "/off"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("inactive=1s", '"open_log_file_cache" must have "max" parameter'),
        ("max=0", '"open_log_file_cache" must have "max" parameter'),
        ("max=x", 'invalid "open_log_file_cache" parameter "max=x"'),
        ("max=1 min", 'invalid "open_log_file_cache" parameter "min"'),
        ("max=1 other=1", 'invalid "open_log_file_cache" parameter "other=1"'),
    ],
)
def test_a_cache_of_logs_that_makes_no_sense_is_told(words: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        configure(in_server(f"open_log_file_cache {words};"), MODULES)
    assert raised.value.diagnostics[0].message == message


def test_without_a_root_a_log_with_variables_is_not_written() -> None:
    generation = configure(in_server("access_log $uri; error_log e info; location / { reply 200 x; }"), MODULES)
    ask(generation, "GET /a HTTP/1.1")
    assert files(generation) == {}
    logs = generation.runtime.logs
    assert isinstance(logs, MemoryLogs)
    [log_of_errors] = logs.errors.values()
    assert log_of_errors.messages == ['testing "/prefix/html" existence failed']
