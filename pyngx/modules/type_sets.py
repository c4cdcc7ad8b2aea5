"""Sets of media types, as `gzip_types` and its like name them (ngx_http.c, ngx_http_types_slot)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyngx.config.arguments import of_words
from pyngx.http.codec import wire
from pyngx.http.media_types import split_charset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyngx.config.syntax import Word
    from pyngx.core.answers import Response

ANY = "*"


def _lower(word: Word) -> str:
    return word.text.lower()


media_types = of_words("mime-type ...", _lower)
HTML = (("text/html",),)
"""What most of these directives begin with, whatever is added."""


def type_test(groups: Iterable[Iterable[str]], always: str = "text/html") -> Callable[[Response], bool]:
    """Whether a response has one of some types, whatever its charset; `always` is among them."""
    names = {name for group in groups for name in group}
    if ANY in names:
        return lambda _: True
    wanted = frozenset(wire(name) for name in names | {always})

    def is_wanted(response: Response) -> bool:
        value = response.headers.get(b"content-type")
        return value is not None and split_charset(value)[0].lower() in wanted

    return is_wanted
