"""Writes the results of the golden files anew: `python -m tests.config.regold`, then read the difference."""

from __future__ import annotations

from tests.config import test_check, test_syntax


def main() -> None:
    for module in (test_syntax, test_check):
        for path in module.GOLDEN.glob("*.conf"):
            text = path.read_text(errors="surrogateescape").partition("----------\n")[0]
            path.write_text(f"{text}----------\n{module.result_of(text)}", errors="surrogateescape")


if __name__ == "__main__":
    main()
