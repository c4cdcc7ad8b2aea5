"""Reads and checks a configuration, and keeps what it was read from even where that fails: it has to be watched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pyngx.config.check import Checked
from pyngx.config.diagnostics import ConfigError, Diagnostic
from pyngx.config.include import Snapshot, find_files, load, read_file
from pyngx.config.inherit import origin, settings
from pyngx.core.blocks import MainBlocks
from pyngx.core.generation import Generation
from pyngx.core.load import check_snapshot
from pyngx.modules import MODULES
from pyngx.modules.main import MainSettings, describe_limits
from pyngx.process.options import Options
from pyngx.process.privileges import find_identity, is_root, may_become
from pyngx.process.watched_files import Watched

# It may be empty. nginx asks for it, too; and a file that an editor has only just emptied must not end all service.
_NO_EVENTS = "add: events { }"


@dataclass(slots=True)
class Reading:
    """What was looked for on the disk: texts by path (None: not to be read), and masks."""

    texts: dict[str, str | None] = field(default_factory=dict)
    masks: dict[str, None] = field(default_factory=dict)

    def read(self, path: str) -> str:
        self.texts[path] = None
        text = self.texts[path] = read_file(path)
        return text

    def find(self, mask: str) -> list[str]:
        self.masks[mask] = None
        return find_files(mask)

    def watched(self) -> Watched:
        files = {
            path: text.encode("utf-8", "surrogateescape") if text is not None else None
            for path, text in self.texts.items()
        }
        return Watched(files, tuple(self.masks))


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that was read and checked, and can be built."""

    snapshot: Snapshot
    checked: Checked

    @property
    def main(self) -> MainSettings:
        return settings(self.checked.root, MainSettings)

    @property
    def notices(self) -> tuple[Diagnostic, ...]:
        """What has no effect, or seems to be a slip."""
        found = (*self.checked.notices, *describe_limits(self.checked.root), *_ignored_user(self))
        return tuple(dict.fromkeys(found))  # a file that is included twice says all twice

    def says_the_same(self, other: Loaded) -> bool:
        """Whether both were made of the same texts."""
        return self.snapshot.sources == other.snapshot.sources


def load_configuration(options: Options, reading: Reading | None = None) -> Loaded:
    """Raises ConfigError with all that is wrong, as far as can be told without building it."""
    reading = reading or Reading()
    snapshot = load(options.conf_path, reading.read, options.globals_text, reading.find)
    checked = check_snapshot(snapshot, MODULES)
    if settings(checked.root, MainBlocks).events is None:
        raise ConfigError('no "events" section in configuration', help=_NO_EVENTS)
    loaded = Loaded(snapshot, checked)
    if loaded.main.user is not None and is_root():
        find_identity(loaded.main.user)
    return loaded


def findings(generation: Generation) -> Iterator[Diagnostic]:
    """What modules found, and names that several servers of an address claim: the first one has it."""
    yield from generation.findings
    for address, names in generation.addresses.items():
        for name in names.conflicts:
            message = f'conflicting server name "{name.text}" on {address}, ignored'
            yield Diagnostic(message, name.span, severity="warning")


def _ignored_user(loaded: Loaded) -> Iterator[Diagnostic]:
    if loaded.main.user is not None and not may_become(loaded.main.user):
        message = 'the "user" directive makes sense only when pyngx is started, as root; ignored'
        yield Diagnostic(message, origin(loaded.checked.root, MainSettings, "user")[0], severity="warning")
