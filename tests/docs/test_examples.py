"""What README.md and docs/ show can be used as it stands there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import trustme

from pyngx.config.include import load
from pyngx.core.load import build, check_snapshot
from pyngx.core.runtime import Runtime
from pyngx.core.tasks import Tasks
from pyngx.modules import MODULES
from tests.support.certificates import write_pair
from tests.support.event_log import EventLog
from tests.support.memory_logs import MemoryLogs
from tests.support.no_upstreams import NoUpstreams

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


def blocks(language: str) -> list[tuple[str, str]]:
    """Each with where it stands."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found += [
            (f"{page.name}:{text.count(chr(10), 0, match.start()) + 1}", match[2])
            for match in BLOCK.finditer(text)
            if match[1] == language
        ]
    return found


EXAMPLES = blocks("nginx")


def whole(example: str) -> str:
    """The example as a configuration: what it leaves out is put around it."""
    if not re.search(r"^(server|upstream|map|http)\b", example, re.MULTILINE):
        example = f"server {{ listen 127.0.0.1:8080; {example} }}"
    return example if re.search(r"^http\b", example, re.MULTILINE) else f"events {{ }} http {{ {example} }}"


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("example", [text for _, text in EXAMPLES], ids=[place for place, _ in EXAMPLES])
async def test_it_loads_without_a_notice(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    for _, code in blocks("python"):
        name = code.partition("\n")[0].removeprefix("# ")
        (tmp_path / name).write_text(code, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name.removesuffix(".py"), raising=False)
    write_pair(tmp_path, "site", trustme.CA().issue_cert("shop.example.com"))
    path = tmp_path / "pyngx.conf"
    path.write_text(whole(example), encoding="utf-8")
    checked = check_snapshot(load(str(path)), MODULES)
    assert checked.notices == ()
    prefix = str(tmp_path)
    runtime = Runtime(prefix, prefix, MemoryLogs(), EventLog(), NoUpstreams(), Tasks(print).spawn)
    assert build(checked, MODULES, runtime, 1).addresses


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
