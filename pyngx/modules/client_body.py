"""Request bodies that are kept while an upstream is asked: the part of ngx_http_core_module on client bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyngx.config.arguments import Argument, choice, flag, size
from pyngx.config.declare import directive
from pyngx.core.blocks import EVERYWHERE
from pyngx.core.body import keep_body
from pyngx.core.spool import Spool

if TYPE_CHECKING:
    from pyngx.core.build import Build
    from pyngx.core.exchange import Exchange


# settings


@dataclass(frozen=True, slots=True)
class ClientBodySettings:
    """How request bodies are kept while they are read."""

    client_body_buffer_size: int = directive(
        size, EVERYWHERE, default=16384, shown="16k", doc="bytes of a body that are kept in memory"
    )
    client_body_in_file_only: str = directive(
        choice("on", "clean", "off"),
        EVERYWHERE,
        default="off",
        doc="whether each body goes to a file, which stays there (`on`) or is removed with the request (`clean`)",
    )
    client_body_in_single_buffer: bool = directive(
        flag, EVERYWHERE, default=False, doc="whether a body in memory is made one piece, for $request_body"
    )
    client_body_temp_path: str = directive(
        Argument("path [level1 [level2 [level3]]]", lambda node: node.args[0].text, 1, 4),
        EVERYWHERE,
        default="",
        doc="the directory for bodies that are larger; the system's own for temporary files by default",
    )


# handlers


@dataclass(frozen=True, slots=True)
class BodyKeeper:
    """Keeps the bodies of a location's requests."""

    memory: int
    directory: str | None
    in_file_only: bool
    leaves_file: bool
    in_one_piece: bool

    def keep_at_once(self, exchange: Exchange, *, in_file: bool = True) -> bool:
        """Keep a body that is there already, and small enough for memory; it needn't be streamed or waited for then."""
        body = exchange.body
        if (in_file and self.in_file_only) or not body.take_in() or body.failed or body.received > self.memory:
            return False
        exchange.kept_body = spool = Spool(self.memory)
        for part in body.take_all():
            spool.write(part)
        if self.in_one_piece:
            spool.join()
        return True

    async def keep(self, exchange: Exchange) -> int:
        """Read the body whole; gives 0, or the status it is refused with."""
        in_file = self.in_file_only
        spool = Spool(-1 if in_file else self.memory, self.directory, leaves_file=in_file and self.leaves_file)
        try:
            if in_file:
                spool.write(b"")  # an empty body has its file too
            status = await keep_body(exchange.body, spool)
        except OSError as error:
            exchange.body.drop()
            exchange.log("crit", "temp_file_failed", f"a request body can't be kept in a temporary file: {error}")
            status = 500
        if status:
            spool.close()
            return status
        if self.in_one_piece:
            spool.join()
        if (name := spool.file_name) is not None:
            level = "notice" if in_file else "warn"
            exchange.log(level, "body_buffered", f"a client request body is buffered to a temporary file {name}")
        exchange.kept_body = spool
        return 0


def body_keeper(build: Build) -> BodyKeeper:
    """What keeps bodies in a location."""
    own = build.settings(ClientBodySettings)
    return BodyKeeper(
        own.client_body_buffer_size,
        build.path(own.client_body_temp_path) if own.client_body_temp_path else None,
        own.client_body_in_file_only != "off",
        own.client_body_in_file_only == "on",
        own.client_body_in_single_buffer,
    )
