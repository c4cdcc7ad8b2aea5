"""What a configuration was read from, compared by content with what is on disk now.

An event of the file system says that something moved, not that it matters: a log is written in the same folder, an
editor saves what was there, a mount point swaps a link. So contents are compared, and events only say when to look.
"""

import glob
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import blake2b
from time import time_ns

# A file written twice within one tick of the clock may keep its time and size; so a fresh one is always read again.
_SETTLED_AFTER_NS = 2_000_000_000
_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class Watched:
    """Files by absolute path, with the content that is in force (None: what is there now), and masks of `include`."""

    files: Mapping[str, bytes | None]
    masks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What one file was when it was looked at; no digest: it could not be read."""

    digest: bytes | None
    size: int = 0
    identity: tuple[int, ...] = ()
    settled: bool = False


_MISSING = _Stamp(None)


@dataclass(slots=True)
class WatchedFiles:
    """The stamps of the watched files as they are in force, and where their names lead."""

    _stamps: dict[str, _Stamp] = field(default_factory=dict)
    _named: frozenset[str] = frozenset()
    _masks: tuple[str, ...] = ()
    _seen: dict[str, _Stamp] = field(default_factory=dict)
    _places: frozenset[str] = frozenset()
    _real_masks: frozenset[str] = frozenset()

    def follow(self, watched: Watched) -> None:
        """From now on compare with these; reads the files whose content is not given."""
        self._named = frozenset(map(os.path.abspath, watched.files))
        self._masks = tuple(map(os.path.abspath, watched.masks))
        stamps = {os.path.abspath(path): content for path, content in watched.files.items()}
        self._stamps = {
            path: _stamp(path, _MISSING) if content is None else _Stamp(_digest(content), len(content))
            for path, content in stamps.items()
        }
        for path in self._found() - self._stamps.keys():
            # A mask's file that nobody read came after the reading, unless the contents were not given at all.
            self._stamps[path] = _stamp(path, _MISSING) if None in watched.files.values() else _MISSING

    def compare(self) -> dict[str, bool]:
        """The paths whose content is another than in force, and whether each looks half-written: gone, or empty."""
        paths = self._found() | self._stamps.keys()
        self._seen = {path: _stamp(path, self._stamps.get(path, _MISSING)) for path in paths}
        changed = {}
        for path, now in self._seen.items():
            if now.digest != self._stamps.get(path, _MISSING).digest:
                changed[path] = now.size == 0
            else:
                self._stamps[path] = now
        return changed

    def accept(self) -> None:
        """Take what the last comparison saw for what is in force."""
        self._stamps = {path: now for path, now in self._seen.items() if now.digest is not None or path in self._named}

    def folders(self) -> dict[str, tuple[int, int]]:
        """Every folder in which a change may matter, with its device and inode: a folder may be replaced as well."""
        known: dict[str, tuple[str, frozenset[str]]] = {}
        places: set[str] = set()
        for path in self._stamps:
            real, links = _resolve(path, known)
            places |= {real, *links}
        folders: set[str] = set()
        masks: set[str] = set()
        for mask in self._masks:
            for folder in (_fixed_part(mask), *glob.iglob(os.path.dirname(mask))):
                real, links = _resolve(folder, known)
                places |= links
                folders.add(_existing(real))
                masks.add(os.path.join(glob.escape(real), os.path.basename(mask)))
        folders |= {_existing(os.path.dirname(place)) for place in places}
        # And what holds them: a folder that is renamed away takes its own watch along.
        folders |= {os.path.dirname(folder) for folder in folders} - {"/"}
        self._places, self._real_masks = frozenset(places), frozenset(masks)
        return {folder: identity for folder in folders if (identity := _identity(folder)) is not None}

    def concerns(self, path: str) -> bool:
        """Whether an event at `path` is worth a look: not if it is a plain file that no name or mask leads to."""
        if path in self._places or any(fnmatchcase(path, mask) for mask in self._real_masks):
            return True
        return os.path.islink(path) or not os.path.isfile(path)

    def _found(self) -> set[str]:
        return {path for mask in self._masks for path in glob.iglob(mask) if os.path.isfile(path)}


def contents(paths: Iterable[str]) -> dict[str, bytes | None]:
    """What the files hold now; None: they can't be read."""
    return {path: _content(path) for path in paths}


def changed_files(before: Mapping[str, bytes | None], after: Mapping[str, bytes | None]) -> tuple[str, ...]:
    """The files of both whose content is another now."""
    return tuple(path for path in after if path in before and before[path] != after[path])


def _content(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _stamp(path: str, before: _Stamp) -> _Stamp:
    try:
        status = os.stat(path)
        identity = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if before.settled and before.identity == identity:
            return before
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return _MISSING
    settled = time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED_AFTER_NS
    return _Stamp(_digest(content), len(content), identity, settled)


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()


def _resolve(
    path: str, known: dict[str, tuple[str, frozenset[str]]], links_left: int = _MOST_LINKS
) -> tuple[str, frozenset[str]]:
    """Where a path leads, and every link on the way, each by its own real place."""
    if path in known:
        return known[path]
    if path == os.path.dirname(path) or links_left == 0:
        return path, frozenset()
    parent, links = _resolve(os.path.dirname(path), known, links_left)
    real = os.path.join(parent, os.path.basename(path))
    try:
        target = os.path.normpath(os.path.join(parent, os.readlink(real)))
    except OSError:
        pass
    else:
        links |= {real}
        real, more = _resolve(target, known, links_left - 1)
        links |= more
    known[path] = real, links
    return real, links


def _fixed_part(mask: str) -> str:
    folder = os.path.dirname(mask)
    while glob.has_magic(folder):
        folder = os.path.dirname(folder)
    return folder


def _existing(folder: str) -> str:
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return folder


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except OSError:
        return None
    return status.st_dev, status.st_ino
