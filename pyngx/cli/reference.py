"""`python -m pyngx.cli.reference > docs/directives.md`: the reference, written from what is declared.

Nothing is said here that a declaration says. Modules come in the order of nginx's manual, directives and variables in
the order in which they are declared.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from pyngx.config.check import SHOWN
from pyngx.config.declare import Declaration, Spec, declarations
from pyngx.config.schema import Known, known_directives
from pyngx.core.load import SETTINGS
from pyngx.core.phases import Module
from pyngx.core.variables import Prefix, Variable
from pyngx.modules import MODULES

TITLES = {
    "main": "The process",
    "core": "Servers, locations and files",
    "error_log": "The error log",
    "log": "The access log",
    "rewrite": "Return, rewrite, set and if",
    "map": "Map",
    "headers": "Fields and expiry",
    "limit_req": "The rate of requests",
    "limit_conn": "The number of connections",
    "limit_rate": "The rate of responses",
    "index": "Index files",
    "try_files": "Trying files",
    "proxy": "Proxy",
    "upstream": "Groups of upstream servers",
    "upstream_least_conn": "Groups: by connections",
    "upstream_ip_hash": "Groups: by the client's address",
    "upstream_hash": "Groups: by a key",
    "upstream_random": "Groups: by chance",
    "resolver": "Name servers",
    "asgi": "ASGI applications",
}
"""Modules by name, in the order of their sections; one without a title comes after them, under its name."""

NONE = "-"
MANY = 5  # directives of one prefix that are told by that alone

INTRODUCTION = """\
# Directives and variables

Written by `python -m pyngx.cli.reference > docs/directives.md` from the declarations that pyngx itself checks
configurations by: change those, not this file.

A directive in a block holds for the blocks inside, until one of them gives it again: values don't add up. Directives
with a block, and a few others such as `proxy_pass`, `try_files` and `internal`, hold only where they stand. Those that
nginx doesn't have are marked *pyngx*. How pyngx differs from nginx is told in [differences.md](differences.md).

Times are written `500ms`, `30s`, `1h30m` (a bare number is seconds), sizes `512`, `8k`, `1m`.
`include file;` may stand in any block: the file's name may have `*`, and begins at the folder of the main file.
"""

VARIABLES = """\
## Variables

Besides those below, `map`, `set`, and named groups of regular expressions (`(?<name>...)`) make variables, and `$1` to
`$9` are the groups of the last regular expression that matched. `<name>` stands for any name, in lower case.
"""

REFUSED = """\
## Directives that are refused

These are errors, with the reason that stands here: a configuration that needs them must not seem to work.
"""

NO_EFFECT_YET = """\
## Directives without effect for now

These load with a warning, which says what happens instead.
"""

WITHOUT_EFFECT = """\
## Directives without effect

These load, so that configurations written for nginx can be used as they are; `pyngx -t` tells each with its reason.
"""

NOT_YET = """\
## Directives of nginx that are not there yet

These are errors: *directive is not supported by this version of pyngx*.
"""


def reference() -> str:
    """The whole text."""
    parts = [INTRODUCTION]
    parts += (_module_section(module) for module in _ordered(MODULES) if _classes(module))
    parts.append(VARIABLES + "\n" + _table(("variable", "value"), _variable_rows()))
    undeclared = _undeclared()
    for text, handling in ((NO_EFFECT_YET, "accept-less"), (WITHOUT_EFFECT, "accept-noop"), (REFUSED, "reject")):
        parts.append(text + "\n" + _table(("reason", "directives"), _by_reason(undeclared, handling)))
    parts.append(NOT_YET + "\n" + _listed(row.name for row in undeclared if row.handling == "implement") + "\n")
    return "\n".join(parts)


# modules and their directives


def _ordered(modules: Iterable[Module]) -> list[Module]:
    places = {name: place for place, name in enumerate(TITLES)}
    return sorted(modules, key=lambda module: places.get(module.name, len(places)))


def _classes(module: Module) -> tuple[type, ...]:
    return (*SETTINGS, *module.settings) if module.name == "core" else module.settings


def _module_section(module: Module) -> str:
    rows = [
        _directive_row(declaration, spec)
        for cls in _classes(module)
        for declaration in declarations(cls)
        for spec in declaration.specs
    ]
    title = TITLES.get(module.name, module.name)
    return f"## {title}\n\n" + _table(("directive", "default", "contexts", ""), rows)


def _directive_row(declaration: Declaration, spec: Spec) -> Sequence[str]:
    own = "" if _is_nginx(spec.name) else " *pyngx*"
    # of two names for one value the first one has the default
    default = _default(declaration) if spec is declaration.specs[0] else NONE
    shown = f"`{default}`" if default != NONE else default
    return f"`{spec.usage}`{own}", shown, _contexts(spec.contexts), spec.doc


def _is_nginx(name: str) -> bool:
    return any(row.name == name for row in known_directives())


def _contexts(kinds: Iterable[str]) -> str:
    given = set(kinds)
    return ", ".join([*(shown for kind, shown in SHOWN.items() if kind in given), *sorted(given - SHOWN.keys())])


def _default(declaration: Declaration) -> str:
    if declaration.shown is not None:
        return declaration.shown
    match declaration.default:
        case None | "" | ():
            return NONE
        case bool() as value if declaration.specs[0].argument.usage:
            return "on" if value else "off"
        case bool():
            return NONE
        case float() as value:
            return f"{value:g}s" if value else "0"
        case frozenset() as value:
            return " ".join(sorted(value)) or NONE
        case tuple() as value:
            return " ".join(map(str, value))
        case value:
            return str(value)


# variables


def _variable_rows() -> Iterator[Sequence[str]]:
    variables = [variable for module in _ordered(MODULES) for variable in module.variables]
    prefixes = tuple(each.name for each in variables if isinstance(each, Prefix))
    for variable in variables:
        if isinstance(variable, Prefix):
            yield f"`${variable.name}<name>`", variable.doc
        elif variable.doc or not variable.name.startswith(prefixes):
            yield f"`${variable.name}`", _variable_doc(variable)


def _variable_doc(variable: Variable) -> str:
    if not variable.doc:
        raise AssertionError(f"${variable.name} says nothing of itself: give it a doc")
    return variable.doc


# what nginx has and pyngx has not


def _undeclared() -> list[Known]:
    declared = {
        (spec.name, kind)
        for module in MODULES
        for cls in _classes(module)
        for declaration in declarations(cls)
        for spec in declaration.specs
        for kind in spec.contexts
    }
    return [
        row
        for row in known_directives()
        if row.contexts & SHOWN.keys() and all((row.name, kind) not in declared for kind in row.contexts)
    ]


def _by_reason(rows: Iterable[Known], handling: str) -> Iterator[Sequence[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.handling == handling:
            found.setdefault(row.reason, []).append(row.name)
    for reason, names in found.items():
        yield reason, _listed(names)


def _listed(names: Iterable[str]) -> str:
    """Names in their order; a family that is here as a whole goes by its prefix."""
    given = set(names)
    shown = dict.fromkeys(_family_shown(name, given) for name in sorted(given))
    return ", ".join(f"`{name}`" for name in shown)


def _family_shown(name: str, given: set[str]) -> str:
    prefix, underscore, _ = name.partition("_")
    family = _family(f"{prefix}_") if underscore else frozenset()
    return f"{prefix}_*" if len(family) >= MANY and given.issuperset(family) else name


@cache
def _family(prefix: str) -> frozenset[str]:
    """All directives of nginx whose names begin alike."""
    return frozenset(row.name for row in known_directives() if row.name.startswith(prefix))


# Markdown


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    sys.stdout.write(reference())
