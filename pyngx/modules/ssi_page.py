"""A page at work: the body filter that obeys the commands in it (ngx_http_ssi_body_filter)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyngx.core.answers import Refused
from pyngx.core.subrequest import subrequests_of
from pyngx.http.codec import wire
from pyngx.modules.ssi_parse import Command, Complaint, Item, Parser
from pyngx.modules.ssi_text import ENCODINGS, SsiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyngx.core.exchange import Exchange
    from pyngx.core.postpone import Postponed
    from pyngx.core.variables import Getter

ERROR = "[an error occurred while processing the directive]"
TIME = "%A, %d-%b-%Y %H:%M:%S %Z"
MOST_PARAMETERS = 16
DIGITS = frozenset("0123456789")

Obey = Callable[["Page", Mapping[str, str]], None]


@dataclass(frozen=True, slots=True)
class Rule:
    """What a command may say, and where; `after` are the conditional commands that it may follow."""

    obey: Obey
    parameters: Mapping[str, bool] = field(default_factory=dict)  # by name, whether it must be there
    after: frozenset[str] = frozenset()
    ends_block: bool = False


@dataclass(slots=True)
class Whole:
    """What all pages of one request share."""

    variables: dict[str, str] = field(default_factory=dict)
    blocks: dict[str, bytearray] = field(default_factory=dict)
    captures: Sequence[str | None] = ()  # of the last regex, from $0

    def read(self, name: str) -> str | None:
        """A variable of the pages."""
        if name in DIGITS and int(name) < len(self.captures):
            return self.captures[int(name)] or ""
        return self.variables.get(name)

    def assign(self, name: str, value: str) -> None:
        """Set one."""
        self.variables[name.lower()] = value


@dataclass(frozen=True, slots=True)
class Rules:
    """What a location's configuration says of pages."""

    commands: Mapping[str, Rule]
    find_variable: Callable[[str], Getter | None]
    longest_value: int
    is_silent: bool


class Page:
    """The commands of one page and where they have got to; `shown` and `chosen` are those of its conditions."""

    def __init__(self, exchange: Exchange, postponed: Postponed, rules: Rules) -> None:
        self.exchange = exchange
        self.postponed = postponed
        self.whole = subrequests_of(exchange).note(Whole, Whole)
        self.error = ERROR
        self.time_form = TIME
        self.encode = ENCODINGS["entity"]
        self.shown = True
        self.chosen = False  # a branch of the condition was
        self.conditional = ""  # the last command of the condition that we are in
        self.block: bytearray | None = None  # what is collected
        self.waits = False  # for a subrequest, and reads no further
        self._rules = rules
        self._parser = Parser(rules.longest_value)
        self._out: list[bytes] = []

    # called by the exchange

    def feed(self, data: bytes) -> bytes:
        """Obey what the page says so far."""
        self._parser.add(data)
        if not self.waits:
            self._go_on()
        return b""  # the filter behind this has it all

    def flush(self) -> bytes:
        """What may yet become a command is held."""
        return b""

    def finish(self) -> bytes:
        """A command without its end is nothing (as in nginx)."""
        return b""

    # called by commands

    def read(self, name: str) -> str | None:
        """A variable, of the pages or of the server."""
        if (value := self.whole.read(name)) is not None:
            return value
        get = self._rules.find_variable(name)
        return get(self.exchange) if get is not None else None

    def write(self, value: str) -> None:
        """Put text into the page."""
        self._out.append(wire(value))

    def write_out(self) -> None:
        """Have what comes next stand behind all that is there."""
        self.postponed.write(b"".join(self._out))
        self._out.clear()

    def resume(self) -> None:
        """What was waited for is there."""
        self.waits = False
        self._go_on()

    # private

    def _go_on(self) -> None:
        self.postponed.gather()
        while not self.waits and (item := self._parser.next()) is not None:
            self._take(item)
        self.write_out()
        subrequests_of(self.exchange).begin()
        self.postponed.release()

    def _take(self, item: Item) -> None:
        if isinstance(item, bytes):
            if self.shown:
                self._out.append(item)
            elif self.block is not None:
                self.block += item
        elif isinstance(item, Complaint):
            self._log(item.why)
        else:
            try:
                if not isinstance(item, Command):
                    raise SsiError("")
                self._obey(item)
            except (SsiError, Refused) as error:  # refused: the value of a variable
                self._log(str(error))
                if not self._rules.is_silent:
                    self.write(self.error)

    def _obey(self, command: Command) -> None:
        rule = self._rules.commands.get(command.name)
        if rule is None:
            if self.shown:
                raise SsiError(f'invalid SSI command: "{command.name}"')
            return
        if not self.shown and not rule.ends_block:
            if self.block is not None:
                self.block += wire(str(command))
                return
            if not rule.after:
                return
        if rule.after and self.conditional not in rule.after:
            raise SsiError(f'invalid context of SSI command: "{command.name}"')
        rule.obey(self, _parameters(command, rule))

    def _log(self, message: str) -> None:
        if message:
            self.exchange.log("error", "ssi_failed", message)


def _parameters(command: Command, rule: Rule) -> Mapping[str, str]:
    given = command.parameters
    if len(given) > MOST_PARAMETERS:
        raise SsiError(f'too many parameters of SSI command "{command.name}"')
    found: dict[str, str] = {}
    for name, value in given:
        if name in found:
            raise SsiError(f'duplicate parameter "{name}" of SSI command "{command.name}"')
        if name not in rule.parameters:
            raise SsiError(f'invalid parameter "{name}" of SSI command "{command.name}"')
        found[name] = value
    for name, must_be in rule.parameters.items():
        if must_be and name not in found:
            raise SsiError(f'parameter "{name}" of SSI command "{command.name}" is absent')
    return found
