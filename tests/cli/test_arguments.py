from __future__ import annotations

import pytest

from pyngx.cli.arguments import Arguments, InvalidOption, parse_arguments


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("", Arguments()),
        ("-t", Arguments(test=True)),
        ("-tq", Arguments(test=True, quiet=True)),
        ("-T -q", Arguments(dump=True, quiet=True)),
        ("-h", Arguments(help=True)),
        ("-?", Arguments(help=True)),
        ("-vV", Arguments(version=True, features=True)),
        ("-c a.conf", Arguments(conf="a.conf")),
        ("-ca.conf", Arguments(conf="a.conf")),
        ("-tc a.conf -p /x/", Arguments(test=True, conf="a.conf", prefix="/x/")),
        ("-e stderr -g daemon", Arguments(error_log="stderr", directives="daemon")),
        ("-s reload", Arguments(signal="reload")),
        ("-squit", Arguments(signal="quit")),
        ("-p -t", Arguments(prefix="-t")),
        ("-", Arguments()),
    ],
)
def test_reads_words_as_nginx_does(line: str, expected: Arguments) -> None:
    assert parse_arguments(line.split()) == expected


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x", 'invalid option: "x"'),
        ("-x", 'invalid option: "x"'),
        ("-tx", 'invalid option: "x"'),
        ("--help", 'invalid option: "-"'),
        ("-s now", 'invalid option: "-s now"'),
        ("-s", 'option "-s" requires parameter'),
        ("-p", 'option "-p" requires directory name'),
        ("-c", 'option "-c" requires file name'),
        ("-te", 'option "-e" requires file name'),
        ("-g", 'option "-g" requires parameter'),
    ],
)
def test_refuses_in_nginx_words(line: str, message: str) -> None:
    with pytest.raises(InvalidOption) as refused:
        parse_arguments(line.split())
    assert str(refused.value) == message
