"""Early hints (103) of upstreams, and when clients get them: the part of ngx_http_core_module on `early_hints`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Text, texts
from pyngx.config.declare import directive
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.phases import Module
from pyngx.modules.proxy_response import HOP_BY_HOP

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange
    from pyngx.core.ports import Fields
    from pyngx.upstream.plan import PassHints

FALSE = frozenset({"", "0"})


# settings


@dataclass(frozen=True, slots=True)
class EarlyHintsSettings:
    """Who gets early hints."""

    early_hints: tuple[Text, ...] = directive(
        texts().called("string ..."),
        EVERYWHERE,
        default=(),
        doc="early hints (103) of upstreams are passed on if one of these is neither empty nor 0",
    )


# handlers


def hints_passer(build: Build, hidden: frozenset[bytes]) -> PassHints | None:
    """What chooses the fields of early hints that go on to the client; None where no hints do."""
    conditions = [build.template(text) for text in build.settings(EarlyHintsSettings).early_hints]
    if all(condition.constant in FALSE for condition in conditions):
        return None
    renders = [condition.render for condition in conditions]
    set_aside = hidden | HOP_BY_HOP | {b"content-length"}

    def passed(exchange: Exchange, fields: Fields) -> Fields:
        if all(render(exchange) in FALSE for render in renders):
            return ()
        return [field for field in fields if field[0].lower() not in set_aside]

    return passed


MODULE = Module("early_hints", settings=(EarlyHintsSettings,))
