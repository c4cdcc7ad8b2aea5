"""ngx_http_access_module: `allow` and `deny`, by the client's address."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from pyngx.config.arguments import of_word
from pyngx.config.declare import mixed, of
from pyngx.config.diagnostics import ConfigError
from pyngx.core.access import one_suffices
from pyngx.core.answers import Answer, Flow, Handler, Status
from pyngx.core.networks import LENGTHS, UNIX, UNIX_SOCKETS, Network, parse_address, parse_network, unmapped
from pyngx.core.phases import Module, Phase

if TYPE_CHECKING:
    from pyngx.config.arguments import Argument
    from pyngx.config.source import Span
    from pyngx.config.syntax import Word
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange

CONTEXTS = "http server location limit_except"
FORBIDDEN = Status(403)
REMEMBERED = 4096  # clients whose verdict is kept, for each list of rules

Judge = Callable[[str], "bool | None"]
"""Whether an address is denied; None where no rule speaks of it."""


# arguments


@dataclass(frozen=True, slots=True)
class Rule:
    """One `allow` or `deny`; `network` is None for all addresses."""

    denies: bool
    network: Network | None
    text: str = field(default="", compare=False)
    is_exact: bool = field(default=True, compare=False)  # no bits are set behind the prefix
    span: Span | None = field(default=None, compare=False)


def _rule(denies: bool) -> Argument[Rule]:
    def read(word: Word) -> Rule:
        if word.text == "all":
            return Rule(denies, None)
        if word.text == UNIX:
            return Rule(denies, UNIX_SOCKETS)
        if (found := parse_network(word.text)) is None:
            advice = "write an address, a network as 192.0.2.0/24 or 2001:db8::/32, unix: or all"
            raise ConfigError(f'invalid parameter "{word.text}"', word.span, advice)
        network, is_exact = found
        return Rule(denies, network, word.text, is_exact, word.span)

    return of_word("address | CIDR | unix: | all", read)


# settings


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Which addresses are let in; the first rule that fits decides."""

    rules: tuple[Rule, ...] = mixed(
        of("allow", _rule(False), CONTEXTS, doc="an address or network that is let in"),
        of("deny", _rule(True), CONTEXTS, doc="an address or network that is refused with 403"),
    )


# state


class Rules:
    """A list of rules, made fit for many addresses: one lookup for each length of prefix, whatever their number."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        rules = list(rules)
        self._unix = _first(rule for rule in rules if rule.network in {None, UNIX_SOCKETS})
        self._other = _first(rule for rule in rules if rule.network is None)
        self._tables = {version: _tables(rules, version) for version in LENGTHS}
        self._rules = rules
        self.judge: Judge = lru_cache(REMEMBERED)(self._judge)

    def __repr__(self) -> str:
        return f"<Rules {' '.join(('-' if rule.denies else '+') + (rule.text or 'all') for rule in self._rules)}>"

    def _judge(self, address: str) -> bool | None:
        if address == UNIX:
            return self._unix
        if (found := parse_address(address.partition("%")[0])) is None:
            return self._other
        version, number = found
        if self._tables[4]:  # without rules for IPv4 nginx looks at the address as it is
            version, number = unmapped(version, number)
        fits = [rule for mask, rule_at in self._tables[version] if (rule := rule_at.get(number & mask)) is not None]
        return self._rules[min(fits)].denies if fits else None


def _first(rules: Iterable[Rule]) -> bool | None:
    return next((rule.denies for rule in rules), None)


def _tables(rules: Iterable[Rule], version: int) -> list[tuple[int, dict[int, int]]]:
    """For each length of prefix its mask, and where the first rule of each network stands."""
    bits = LENGTHS[version]
    tables: dict[int, dict[int, int]] = {}
    for at, rule in enumerate(rules):
        network = rule.network or Network(version, 0, (1 << bits) - 1)
        if network.version == version:
            tables.setdefault(network.length, {}).setdefault(network.first, at)
            if not network.length:
                break  # nothing comes behind a rule for all
    return [((1 << bits) - (1 << bits - length), table) for length, table in tables.items()]


# handlers


def make_handler(build: Build) -> Handler | None:
    """What judges clients by their addresses, in a location that has rules."""
    rules = build.settings(AccessSettings).rules
    if not rules:
        return None
    judge = _shared(build, rules).judge

    def handle(exchange: Exchange) -> Answer | None:
        if judge(exchange.connection.remote_addr):
            exchange.log("error", "access_forbidden", "access forbidden by rule")
            return FORBIDDEN
        return None

    def suggest(exchange: Exchange) -> Answer | None:
        denied = judge(exchange.connection.remote_addr)
        if denied is None:
            return Flow.DECLINED
        return FORBIDDEN if denied else None

    return suggest if one_suffices(build) else handle


def _shared(build: Build, rules: tuple[Rule, ...]) -> Rules:
    """The rules of all blocks that inherit the same ones; there may be thousands of either."""
    name = str(id(rules))
    found = build.named(Rules, name)
    if found is None:
        found = Rules(rules)
        build.name(name, found)
        for rule in rules:
            if not rule.is_exact:
                build.remark(f"low address bits of {rule.text} are meaningless", rule.span)
    return found


MODULE = Module("access", settings=(AccessSettings,), handlers={Phase.ACCESS: make_handler})
