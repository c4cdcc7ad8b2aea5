"""Turns a tree of directives into scopes of typed values, and finds all that is wrong with them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pyngx.config.arguments import wrong_count
from pyngx.config.declare import Opened, Spec
from pyngx.config.diagnostics import ConfigError, Diagnostic, nearest
from pyngx.config.gather import told_once, without_repeats
from pyngx.config.include import Snapshot
from pyngx.config.schema import Known, Schema
from pyngx.config.scope import Given, Key, Scope
from pyngx.config.source import Span
from pyngx.config.syntax import Node, Word

BYTE_ORDER_MARK = "\ufeff"
SHOWN = {
    "main": "main",
    "events": "events",
    "http": "http",
    "upstream": "upstream",
    "match": "match",
    "server": "server",
    "server-if": "if in server",
    "location": "location",
    "location-if": "if in location",
    "limit_except": "limit_except",
}
"""Kinds of blocks as nginx's manual writes them, outer ones first."""

OFF_ANYWAY = frozenset({"proxy_cache", "proxy_force_ranges", "proxy_store"})
"""Directives that are not there yet, for which `off` says what is the case."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A configuration whose directives are all known, in their places and well written."""

    root: Scope
    notices: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class _Findings:
    """What is found on the way through the tree."""

    schema: Schema
    errors: list[Diagnostic] = field(default_factory=list)
    notices: list[Diagnostic] = field(default_factory=list)
    without_effect: list[tuple[Node, Known]] = field(default_factory=list)
    guesses: dict[tuple[str, str], str] = field(default_factory=dict)


def check(snapshot: Snapshot, schema: Schema) -> Checked:
    """The scopes of a configuration; raises ConfigError with the errors of all its files."""
    findings = _Findings(schema)
    root = Scope("main")
    _fill(root, snapshot.nodes, findings)
    if findings.errors:
        raise ConfigError.of(without_repeats(findings.errors))
    notices = told_once(findings.without_effect)
    return Checked(root, (*notices, *without_repeats(findings.notices)))


@dataclass(slots=True)
class _Written:
    """The uses of a field's directives in one block."""

    repeated: bool
    values: list[object] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    first: str = ""

    def given(self) -> Given:
        return Given(tuple(self.values) if self.repeated else self.values[0], tuple(self.spans))


def _fill(scope: Scope, nodes: Iterable[Node], findings: _Findings) -> None:
    """Puts the values of a block's directives into its scope."""
    written: dict[Key, _Written] = {}
    for node in nodes:
        entry = findings.schema.find(node.name.text, scope.kind)
        if entry is None:
            _undeclared(node, scope, findings)
            continue
        try:
            value = _value(node, entry.spec, scope, findings)
        except ConfigError as error:
            findings.errors.extend(_advised(each, node, entry.spec, findings.schema) for each in error.diagnostics)
            continue
        declaration = entry.declaration
        uses = written.setdefault((declaration.cls, declaration.field), _Written(declaration.repeated))
        if uses.values and not uses.repeated:
            findings.errors.append(_duplicate(node, uses))
            continue
        uses.values.append(value)
        uses.spans.append(node.span)
        uses.first = uses.first or node.name.text
    for key, uses in written.items():
        scope.given[key] = uses.given()


def _value(node: Node, spec: Spec, scope: Scope, findings: _Findings) -> object:
    """The value of one directive; its block is checked even if its words are wrong."""
    _require_form(node, spec)
    argument = None
    try:
        _require_count(node, spec)
        argument = spec.argument.parse(node)
    except ConfigError as error:
        if not spec.opens:
            raise
        findings.errors.extend(_advised(each, node, spec, findings.schema) for each in error.diagnostics)
    findings.notices.extend(getattr(argument, "findings", ()))  # a value may tell what in it looks like a slip
    _warn_of_run_on(node, findings)
    if not spec.opens:
        return argument
    inner = Scope(spec.opens[scope.kind], span=node.span, parent=scope)
    _fill(inner, node.block or (), findings)
    return Opened(argument, inner)


def _require_form(node: Node, spec: Spec) -> None:
    name = node.name.text
    if node.block is None and spec.has_block:
        raise ConfigError(f'directive "{name}" has no opening "{{"', node.span)
    if node.block is not None and not spec.has_block:
        raise ConfigError(f'directive "{name}" is not terminated by ";"', node.span)
    if spec.argument.table and any(entry.block is not None for entry in node.block or ()):
        nested = next(entry for entry in node.block or () if entry.block is not None)
        raise ConfigError('unexpected "{"', nested.span, f'"{name}" has no blocks inside')


def _require_count(node: Node, spec: Spec) -> None:
    count, most = len(node.args), spec.argument.maximum
    if count < spec.argument.minimum or (most is not None and count > most):
        raise wrong_count(node)


def _undeclared(node: Node, scope: Scope, findings: _Findings) -> None:
    """A directive that means nothing in this block: known to nginx only, in a wrong place, or unknown."""
    name, schema = node.name.text, findings.schema
    row = schema.find_known(name, scope.kind)
    if row is not None:
        _known(node, row, findings)
    elif schema.contexts(name):
        message = f'"{name}" directive is not allowed here'
        findings.errors.append(Diagnostic(message, node.name.span, _advice_on_place(name, scope.kind, schema)))
        _fill_anyway(node, name, scope, findings)
    else:
        guess = _guess(name, scope.kind, findings)
        findings.errors.append(_unknown(node, guess, scope.kind, findings))
        _fill_anyway(node, guess, scope, findings)


def _known(node: Node, row: Known, findings: _Findings) -> None:
    if [word.text for word in node.args] == ["off"] and (row.name in OFF_ANYWAY or row.handling.startswith("accept")):
        return
    match row.handling:
        case "accept-noop" | "accept-less":
            findings.without_effect.append((node, row))
        case "reject":
            findings.errors.append(Diagnostic(f'"{row.name}" directive is not supported', node.span, row.reason))
        case _:
            message = f'"{row.name}" directive is not supported by this version of pyngx'
            findings.errors.append(Diagnostic(message, node.span))


def _unknown(node: Node, guess: str, kind: str, findings: _Findings) -> Diagnostic:
    name = node.name.text
    lines = []
    if guess:
        lines = [f'did you mean "{guess}"?', *map("usage: {}".format, findings.schema.usages(guess, kind))]
    if name.startswith(BYTE_ORDER_MARK):
        lines = ["the file begins with a byte order mark: save it as UTF-8 without one"]
    return Diagnostic(f'unknown directive "{name}"', node.name.span, "\n".join(lines))


def _fill_anyway(node: Node, name: str, scope: Scope, findings: _Findings) -> None:
    """Checks the block of a directive that is wrong itself, as far as its kind can be told."""
    kinds = {kind for entry in findings.schema.entries(name) for kind in entry.spec.opens.values()}
    if node.block and len(kinds) == 1:
        _fill(Scope(kinds.pop(), span=node.span, parent=scope), node.block, findings)


def _guess(name: str, kind: str, findings: _Findings) -> str:
    """The directive that was likely meant; one that may stand here before one that may not."""
    if (name, kind) not in findings.guesses:
        schema = findings.schema
        near = nearest(name, schema.names(kind)) or nearest(name, schema.names())
        findings.guesses[name, kind] = near
    return findings.guesses[name, kind]


def _advice_on_place(name: str, kind: str, schema: Schema) -> str:
    contexts = schema.contexts(name)
    places = [*(shown for each, shown in SHOWN.items() if each in contexts), *sorted(contexts - SHOWN.keys())]
    here = "not outside of all blocks" if kind == "main" else f"not in {SHOWN.get(kind, kind)}"
    return "\n".join([f"belongs in: {', '.join(places)}; {here}", *map("usage: {}".format, schema.usages(name))])


def _duplicate(node: Node, uses: _Written) -> Diagnostic:
    name = node.name.text
    message = f'"{name}" directive is duplicate'
    if uses.first != name:
        message += f', "{uses.first}" directive was specified earlier'
    return Diagnostic(message, node.span, related=(("first here", uses.spans[0]),))


def _advised(problem: Diagnostic, node: Node, spec: Spec, schema: Schema) -> Diagnostic:
    """The error with the directive's usage, and with the `;` that may be missing."""
    advice = "\n".join(filter(None, (problem.help, f"usage: {spec.usage}")))
    cut = _run_on(node, schema)
    related = problem.related if cut is None else (*problem.related, cut)
    return replace(problem, span=problem.span or node.span, help=advice, related=related)


def _warn_of_run_on(node: Node, findings: _Findings) -> None:
    """Several directives take any number of words, and so the whole next line without a complaint."""
    cut = _run_on(node, findings.schema)
    if cut is not None:
        message = f'";" seems to be missing in "{node.name.text}" directive'
        findings.notices.append(Diagnostic(message, node.span, related=(cut,), severity="warning"))


def _run_on(node: Node, schema: Schema) -> tuple[str, Span] | None:
    """The word behind which a `;` is missing, if a word that begins a line is a directive's name."""
    before = node.name
    for word in node.args:
        if not word.quoted and schema.is_directive(word.text) and _begins_line(word, before):
            return f'";" is missing after this word: "{word.text}" in the next line is a directive', before.span
        before = word
    return None


def _begins_line(word: Word, before: Word) -> bool:
    return "\n" in word.span.source.text[before.span.end : word.span.start]
