"""docs/directives.md says what the declarations say."""

from __future__ import annotations

from pathlib import Path

from pyngx.cli.reference import reference
from pyngx.core.load import make_schema
from pyngx.modules import MODULES

PATH = Path(__file__).parents[2] / "docs" / "directives.md"
RENEWAL = "docs/directives.md is stale: python -m pyngx.cli.reference > docs/directives.md"


def test_the_reference_is_what_the_declarations_say() -> None:
    assert PATH.read_text(encoding="utf-8") == reference(), RENEWAL


def test_every_directive_is_there() -> None:
    text = reference()
    schema = make_schema(MODULES)
    missing = [
        name
        for name in schema.names()
        for entry in schema.entries(name)
        if f"`{entry.spec.usage}`".replace("|", "\\|") not in text
    ]
    assert missing == []


def test_every_variable_says_what_its_value_is() -> None:
    text = reference()
    for module in MODULES:
        for variable in module.variables:
            assert f"`${variable.name}" in text or variable.name.startswith(("http_", "sent_http_"))
