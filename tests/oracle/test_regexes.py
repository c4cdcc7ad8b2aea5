"""Regular expressions: whether they fit, and what they capture, as PCRE says when nginx asks it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.core.regex import compile_regex
from tests.oracle.pair import NGINX, VERSION, Pair, needs_nginx, pair
from tests.oracle.wire import ask, shown

pytestmark = [needs_nginx, pytest.mark.skipif(VERSION < (1, 21, 5), reason="without PCRE2")]

PATTERNS = r"""
^a.c$
^(?<one>[a-z]+)-(?P<two>\d+)$
^(?'one'a)\k<one>\k{one}\k'one'(?P=one)$
(a)(b)?(c)?
^(a)\1\g1\g{1}\g{-1}$
\h\H
\v|\V$
^\R$
^a\Rb
^\N+$
(a++)b
^(?>a|ab)c$
a\K(b)
\Qa.b\E
^\Qa.b*\E+$
[[:alpha:]]+([[:digit:]]+)
^[[:^alpha:][:blank:]]+$
[[:punct:]]([[:space:]])
[[:<:]](b\w*)[[:>:]]
^a(?i)b|c$
^((?i)a)b$
(?i:a)B
^(?i)(?:a(?-i)b)c$
(?x) ^ a [ ] b # comment
(?s)a.b
(?m)^b$
(?U)(a+)(b+)
(?n)(a)(?<one>b)
^\x61\x{62}\143\o{144}$
^\cA\e
^\x$
a$
a\Z
a\z
\Aa
^a{,2}$
^a{2}$
^a{2,}b{0,1}$
^{a}$
^a{1,2}?(a*)
^[]a]+$
^[^]a]+$
^[\w-]+$
^[a-]+$
^[-a]+$
^[--/]+$
[\]\[]
^[\x00-\x1f]
[^\d\s]{2}
\bb
\Bb
a\b
^\w+$
^\W+$
^(?:a|b)+?(c)
(?=a)(.)
(?!a)(.)
(?<=a)(.)
(?<!a)(b)
(?<=a|bc)(d)
^(\((?:[^()]|(?1))*\))$
^(?<one>\d+)(?:\+(?&one))+$
^(?<one>a(?P>one)?b)$
^(a)?(?(1)b|c)$
^(?<one>')?a(?(one)')$
^(?(?=a)a1|b2)$
(?|a(.)|b(.))c
(?(DEFINE)(?<one>\d))^(?P>one)$
(*pla:a)(.)
a(*FAIL)|(b)
^é$
^.$
^..$
^[é]+$
^[^é]$
é+$
\xc3(.)
(.)$
(*UTF8)^(.)$
(*UTF)^[^a]$
\p{L}(1)
^\P{Lu}$
^(\C)
^(\X)
"""
LINES = PATTERNS.strip("\n").split("\n")
SUBJECTS = r"""
|a|b|c|A|aa|ab|AB|aB|Ab|abc|aBC|aaa|aaaaa|aab|a.b|a.b**|a-1|abc-12|a1|b2|a b|b a|(a(b)c)|1+22+3|'a'|'a|axc|bxc|axd|bcd
|a%0A|%0A|a%0Ab|b%0A|%0D%0A|a%0D%0Ab|%0B|a%09b|%20|%01%1B|abcd|a%7B,2%7D|%7Ba%7D|a%7B|%5D%5B|]a|-_-|,-./|a,%20b
|%C3%A9|%C3%89|%C3%A9%C3%A9|%C3|%FF|a%C3%A9|%C3%A91|A1|aabb|_|1|22|!
"""
WRONG = [
    *("(", ")", "[a", "[]", "*a", "a**", "a{2}{3}", "^*", r"\b+", "a{3,2}", "a{65536}", "[z-a]", r"[\w-.]", r"[a-\d]"),
    *("[[:foo:]]", "[:alpha:]", "[[.a.]]", r"\j", r"\i", r"\u0041", r"\L", r"\x{100}", r"\x{}", r"(a)\2", r"\k<n>"),
    *(
        "(?1)",
        "(?P>n)",
        "(?<n>a)(?<n>b)",
        "(?<1>a)",
        "(?<n",
        "(?z)",
        "(?#a",
        "(a)(?(1)a|b|c)",
        "(?",
        r"\c",
        r"[\B]",
        "(?<)",
    ),
]
RIGHT = [
    "a{",
    "a{1",
    "{",
    "]",
    "(?=a)*",
    "()",
    "(?:)",
    r"\E",
    r"[a\Q]\E]",
    r"\_\-\/",
    r"\x",
    r"\10",
    r"\1(a)",
    "a{0}",
    "(?i)",
]


def quoted(pattern: str) -> str:
    """A pattern as a word of a configuration."""
    return '"' + "~" + pattern.replace("\\", "\\\\").replace('"', '\\"') + '"'


def configuration() -> str:
    lines = []
    for number, pattern in enumerate(LINES):
        value = '"$1,$2,$3,${one}"' if "<one>" in pattern or "'one'" in pattern else '"$1,$2,$3"'
        lines.append(f"map $subject $is{number} {{ {quoted(pattern)} {value}; default no; }}")
    results = "|".join(f"$is{number}" for number in range(len(LINES)))
    return f"""
        variables_hash_max_size 4096;
        {" ".join(lines)}
        server {{
            listen LISTEN0;
            location ~ "(?s)^/(?<subject>.*)$" {{ return 200 "{results}"; }}
        }}
    """


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with pair(tmp_path_factory.mktemp("regexes"), configuration()) as running:
        yield running


@pytest.mark.parametrize("subject", [each for line in SUBJECTS.split("\n") for each in line.split("|")])
def test_patterns_fit_and_capture_as_in_nginx(servers: Pair, subject: str) -> None:
    theirs, ours = servers.ask(ask(f"GET /{subject.replace(' ', '%20')}"))
    assert theirs is not None
    assert ours is not None
    both = [answer.body.split(b"|") for answer in (theirs, ours)]
    differ = [(pattern, *found) for pattern, *found in zip(LINES, *both, strict=True) if found[0] != found[1]]
    assert not differ
    assert shown(ours) == shown(theirs)


@pytest.mark.parametrize("pattern", WRONG + RIGHT)
def test_patterns_are_refused_as_in_nginx(pattern: str, tmp_path: Path) -> None:
    assert NGINX is not None
    conf = tmp_path / "nginx.conf"
    server = "server { listen 127.0.0.1:1; access_log off; }"
    conf.write_text(f"events {{ }} pid {tmp_path}/pid; http {{ map $uri $x {{ {quoted(pattern)} 1; }} {server} }}")
    command = [NGINX, "-t", "-p", str(tmp_path), "-c", str(conf), "-e", str(tmp_path / "error.log")]
    theirs = subprocess.run(command, capture_output=True, check=False).stderr
    is_refused = re.search(rb"pcre2_compile\(\) failed", theirs) is not None
    ours = pattern.removeprefix("*")  # ~* is nginx's mark of another case
    try:
        compile_regex(ours)
    except ConfigError:
        assert is_refused
    else:
        assert not is_refused
