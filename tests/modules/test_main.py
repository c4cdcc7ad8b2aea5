from __future__ import annotations

import pytest

from pyngx.config.diagnostics import ConfigError
from pyngx.config.include import from_memory, load
from pyngx.config.inherit import settings
from pyngx.config.scope import Scope
from pyngx.core.load import check_snapshot
from pyngx.modules import MODULES
from pyngx.modules.main import AUTO, MainSettings, User, Variable, describe_limits


def scope(text: str) -> Scope:
    read, find = from_memory({"/x.conf": text})
    return check_snapshot(load("/x.conf", read=read, find=find), MODULES).root


def main(text: str) -> MainSettings:
    return settings(scope(text), MainSettings)


def test_the_group_is_the_users_namesake() -> None:
    assert main("user www;").user == User("www", "www")
    assert main("user www staff;").user == User("www", "staff")


def test_variables_are_set_or_kept() -> None:
    assert main("env A; env B=c=d; env E=;").env == (Variable("A", None), Variable("B", "c=d"), Variable("E", ""))


def test_a_priority_may_be_negative() -> None:
    assert main("worker_priority -5;").worker_priority == -5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("worker_processes 0;", 'invalid value "0"'),
        ("worker_processes many;", 'invalid value "many"'),
        ("worker_priority low;", "invalid number"),
        ("env =x;", 'invalid variable "=x"'),
        ("user a b c;", 'invalid number of arguments in "user" directive'),
        ("daemon maybe;", 'invalid value "maybe" in "daemon" directive'),
        ("events { worker_connections 0; }", "value must be equal to or greater than 1"),
    ],
)
def test_what_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        scope(text)
    assert refused.value.diagnostics[0].message.startswith(message)


def test_more_than_one_process_is_a_notice() -> None:
    assert [notice.summary for notice in describe_limits(scope("worker_processes 2;\nmaster_process on;"))] == [
        "worker_processes is 2, but one process serves in /x.conf:1",
        '"master_process on" has no effect, one process serves in /x.conf:2',
    ]
    assert main("worker_processes auto;").worker_processes == AUTO
    assert not list(describe_limits(scope("worker_processes auto;")))
