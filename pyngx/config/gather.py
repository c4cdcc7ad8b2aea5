"""Findings gathered for people: what a file that is included ten times says wrongly is told once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pyngx.config.diagnostics import Diagnostic
from pyngx.config.schema import Known
from pyngx.config.source import Span
from pyngx.config.syntax import Node

NAMED = 3  # further places of a warning that are named


def without_repeats(findings: Iterable[Diagnostic]) -> Iterator[Diagnostic]:
    """Each error and each warning once for a place, and a warning that many places deserve once with those places."""
    seen: set[tuple[str, str, int]] = set()
    same: dict[tuple[str, str], list[Diagnostic]] = {}
    for finding in findings:
        if finding.span is not None:
            place = (finding.message, finding.span.path, finding.span.start)
            if place in seen:
                continue
            seen.add(place)
        key = (finding.message, finding.help) if _is_told_once(finding) else (finding.message, str(id(finding)))
        same.setdefault(key, []).append(finding)
    for first, *more in same.values():
        yield _with_places(first, more)


def told_once(without_effect: Iterable[tuple[Node, Known]]) -> Iterator[Diagnostic]:
    """One notice for all directives that have no effect for the same reason, at the first of them."""
    gathered: dict[tuple[str, str], dict[str, Span]] = {}
    for node, row in without_effect:
        gathered.setdefault((row.handling, row.reason), {}).setdefault(row.name, node.span)
    for (handling, reason), places in gathered.items():
        *names, last = (f'"{name}"' for name in places)
        subject = f"{', '.join(names)} and {last} directives have" if names else f"{last} directive has"
        span = next(iter(places.values()))
        if handling == "accept-less":
            yield Diagnostic(f"{subject} no effect yet", span, reason, severity="warning")
        else:
            yield Diagnostic(f"{subject} no effect", span, reason, severity="notice")


def _is_told_once(finding: Diagnostic) -> bool:
    return finding.severity != "error" and finding.span is not None and not finding.related


def _with_places(first: Diagnostic, more: list[Diagnostic]) -> Diagnostic:
    if not more:
        return first
    places = [str(each.span) for each in more[:NAMED]]
    rest = len(more) - len(places)
    listed = ", ".join(places) + (f" and {rest} more" if rest else "")
    return replace(first, help="\n".join(filter(None, (first.help, f"also in {listed}"))))
