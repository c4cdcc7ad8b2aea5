"""What rewrite rules do to an exchange: steps that run in written order (ngx_http_script.c).

A step gives None to go on, Stop to end the script, or the answer. An `if` block is a step that holds steps.
"""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING

from pyngx.core.answers import Answer, Content, Flow, Handler, Refused, Response, Status
from pyngx.core.template import capture_reader
from pyngx.http.codec import wire
from pyngx.http.escape import escape_args, unescape_redirect
from pyngx.http.headers import Headers
from pyngx.modules.core import MISSING, type_of

if TYPE_CHECKING:
    from pyngx.core.exchange import Exchange
    from pyngx.core.generation import Location
    from pyngx.core.template import Render, Template
    from pyngx.core.variables import Getter, Setter
    from pyngx.http.media_types import MediaTypes

REDIRECTS = frozenset({301, 302, 303, 307, 308})
FILE_TESTS: dict[str, Callable[[int], bool]] = {
    "f": stat.S_ISREG,
    "d": stat.S_ISDIR,
    "e": lambda mode: stat.S_ISREG(mode) or stat.S_ISDIR(mode),
    "x": lambda mode: bool(mode & stat.S_IXUSR),
}


class Stop(Enum):
    """The end of a script without an answer."""

    STOP = auto()


class Run:
    """One run of a script. Captures are escaped in values until a rewrite has matched: an odd rule, but nginx's."""

    __slots__ = ("escapes",)

    def __init__(self) -> None:
        self.escapes = True


Step = Callable[["Exchange", Run], "Answer | Stop | None"]
Test = Callable[["Exchange", Run], bool]
Value = Callable[["Exchange", Run], str]
RegexTest = Callable[["Exchange", str], bool]


def script(steps: Sequence[Step]) -> Handler:
    """What runs steps as the handler of a phase."""

    def handle(exchange: Exchange) -> Answer | None:
        run = Run()
        for step in steps:
            done = step(exchange, run)
            if done is not None:
                return None if done is Stop.STOP else done
        return None

    return handle


# values


def escaped_capture(number: int) -> Getter:
    """What reads a capture for a place in a URI's query or in a redirect: escaped if the client's URI was."""
    read = capture_reader(number)

    def read_escaped(exchange: Exchange) -> str | None:
        value = read(exchange)
        return escape_args(value) if value and exchange.quoted else value

    return read_escaped


def value_of(plain: Render, escaped: Render | None) -> Value:
    """A value of `set` or `if`; `escaped` is the text with escaped captures, if it has captures at all."""
    if escaped is None:
        return lambda exchange, _: plain(exchange)
    return lambda exchange, run: escaped(exchange) if run.escapes else plain(exchange)


# steps


def set_step(assign: Setter, value: Value) -> Step:
    """`set`."""

    def step(exchange: Exchange, run: Run) -> None:
        assign(exchange, value(exchange, run))

    return step


def break_step(exchange: Exchange, _run: Run) -> Stop:
    """`break`: a URI that was changed before it is final."""
    if exchange.uri_changed:
        exchange.valid_location = False
        exchange.uri_changed = False
    return Stop.STOP


def if_step(test: Test, steps: Sequence[Step], branch: Location | None) -> Step:
    """`if`: the block's steps, run in a location of its own, which stays in force behind the block."""

    def step(exchange: Exchange, run: Run) -> Answer | Stop | None:
        if not test(exchange, run):
            return None
        if branch is not None:
            exchange.location = branch
        for inner in steps:
            done = inner(exchange, run)
            if done is not None:
                return done
        return None

    return step


def redirect_step(matches: RegexTest, code: int, target: Render, joint: str, log: bool) -> Step:
    """`rewrite` to a redirect; `joint` comes before the arguments that are kept, empty if none are."""

    def step(exchange: Exchange, _run: Run) -> Status | None:
        if not matches(exchange, exchange.uri):
            return None
        exchange.internal = True
        exchange.valid_target = False
        location = unescape_redirect(target(exchange))
        if joint and exchange.args:
            location = f"{location}{joint}{exchange.args}"
        if log:
            exchange.log("notice", "rewritten", f'rewritten redirect: "{location}"')
        return redirect(code, location)

    return step


def rewrite_step(matches: RegexTest, uri: Render, args: Render | None, keeps_args: bool, flag: str, log: bool) -> Step:
    """`rewrite` inside the server; `args` are those of the replacement, None if it has no question mark."""
    breaks = flag == "break"
    after = Stop.STOP if flag else None

    def step(exchange: Exchange, run: Run) -> Stop | None:
        if not matches(exchange, exchange.uri):
            return None
        exchange.internal = True
        exchange.valid_target = False
        exchange.uri_changed = not breaks
        if breaks:
            exchange.valid_location = False
        rewritten = uri(exchange)
        if args is not None:
            added = args(exchange)
            exchange.args = f"{added}&{exchange.args}" if keeps_args and exchange.args else added
        elif not keeps_args:
            exchange.args = ""
        run.escapes = False
        if log:
            exchange.log("notice", "rewritten", f'rewritten data: "{rewritten}", args: "{exchange.args}"')
        if not rewritten:
            raise Refused(500, "the rewritten URI has a zero length")
        exchange.uri = rewritten
        return after

    return step


def redirect_answer(code: int, target: Render) -> Step:
    """`return` of a redirect."""

    def step(exchange: Exchange, _run: Run) -> Status:
        exchange.coming_status = code
        return redirect(code, target(exchange))

    return step


def redirect(code: int, location: str) -> Status:
    """A redirect; an empty Location is sent as such, as nginx does."""
    return Status(code, location) if location else Status(code, headers=((b"Location", b""),))


def status_answer(code: int) -> Step:
    """`return` of an error without a text: `error_page` may answer it."""
    answer = Flow.CLOSE if code == 444 else Status(code)
    return lambda _exchange, _run: answer


def text_answer(code: int, text: Template, types: MediaTypes) -> Step:
    """`return` of a text, or of a success without one."""
    known = wire(text.constant) if text.constant is not None else None
    render = text.render

    def step(exchange: Exchange, _run: Run) -> Content:
        exchange.coming_status = code
        body = wire(render(exchange)) if known is None else known
        headers = Headers()
        if media_type := type_of(exchange, types):
            headers.add(b"Content-Type", media_type)
        return Content(Response(code, headers, length=len(body), parts=(body,) if body else ()))

    return step


# conditions


def truth(get: Getter) -> Test:
    """`if ($variable)`."""

    def test(exchange: Exchange, _run: Run) -> bool:
        value = get(exchange)
        return bool(value) and value != "0"

    return test


def equality(get: Getter, value: Value, expected: bool) -> Test:
    """`if ($variable = value)` and `!=`."""
    return lambda exchange, run: ((get(exchange) or "") == value(exchange, run)) is expected


def regex_match(get: Getter, matches: RegexTest, expected: bool) -> Test:
    """`if ($variable ~ regex)` and its kin."""
    return lambda exchange, _: matches(exchange, get(exchange) or "") is expected


def file_test(kind: str, value: Value, expected: bool) -> Test:
    """`if (-f file)` and its kin. As nginx has it, a relative path starts at the process's directory."""
    check = FILE_TESTS[kind]

    def test(exchange: Exchange, run: Run) -> bool:
        mode = _mode(exchange, value(exchange, run))
        return (mode is not None and check(mode)) is expected

    return test


def _mode(exchange: Exchange, path: str) -> int | None:
    try:
        return exchange.location.files.stat(exchange, path).st_mode
    except ValueError:
        return None
    except OSError as error:
        if error.errno not in MISSING:
            exchange.log("crit", "stat_failed", f'stat() "{path}" failed ({error.errno}: {error.strerror})')
        return None


def clearing(matches: RegexTest) -> RegexTest:
    """A test of a script: one that fails leaves no captures."""

    def test(exchange: Exchange, subject: str) -> bool:
        if matches(exchange, subject):
            return True
        exchange.captures = ()
        return False

    return test


def logged(matches: RegexTest, pattern: str) -> RegexTest:
    """A test that tells the log how it went, for `rewrite_log on`."""

    def test(exchange: Exchange, subject: str) -> bool:
        found = matches(exchange, subject)
        verb = "matches" if found else "does not match"
        exchange.log("notice", "regex_tested", f'"{pattern}" {verb} "{subject}"')
        return found

    return test
