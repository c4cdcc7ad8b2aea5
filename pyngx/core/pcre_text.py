"""The text of a pattern while it is read."""

from __future__ import annotations

import re
from dataclasses import dataclass


class PatternError(ValueError):
    """A pattern that isn't valid, in the words of PCRE2."""


@dataclass(slots=True)
class Text:
    """A pattern, how far it has been read, and the set of all characters that there are."""

    written: str
    full: int
    at: int = 0

    def peek(self) -> str:
        """The next character; empty at the end."""
        return self.written[self.at : self.at + 1]

    def rest(self, length: int) -> str:
        """What comes next."""
        return self.written[self.at : self.at + length]

    def skip(self, count: int = 1) -> None:
        self.at += count

    def ahead(self, words: str) -> bool:
        """Whether these characters come next."""
        return self.written.startswith(words, self.at)

    def take(self, words: str) -> bool:
        """Pass by these characters, if they come next."""
        if found := self.ahead(words):
            self.at += len(words)
        return found

    def looks_like(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What comes next, if it is of this form."""
        return pattern.match(self.written, self.at)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The same, and pass it by."""
        if (found := self.looks_like(pattern)) is not None:
            self.at = found.end()
        return found

    def until(self, end: str) -> str:
        """What stands before these characters, or to the end; pass both by."""
        found, _, _ = self.written[self.at :].partition(end)
        self.at += len(found) + len(end)
        return found
