from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from pyngx.cli.version_text import ABSENT, feature_lines, help_lines, version_lines
from pyngx.core.load import make_schema
from pyngx.modules import MODULES
from pyngx.version import NGINX_VERSION, VERSION
from tests.support.daemon import ROOT, pyngx

# A directive that only this module of nginx has, by the module's name in nginx's configure script.
DIRECTIVES = {
    "http-cache": "proxy_cache",
    "http_access_module": "allow",
    "http_auth_basic_module": "auth_basic",
    "http_autoindex_module": "autoindex",
    "http_browser_module": "ancient_browser",
    "http_charset_module": "charset",
    "http_empty_gif_module": "empty_gif",
    "http_fastcgi_module": "fastcgi_pass",
    "http_geo_module": "geo",
    "http_grpc_module": "grpc_pass",
    "http_gzip_module": "gzip",
    "http_limit_conn_module": "limit_conn",
    "http_limit_req_module": "limit_req",
    "http_map_module": "map",
    "http_memcached_module": "memcached_pass",
    "http_mirror_module": "mirror",
    "http_proxy_module": "proxy_pass",
    "http_referer_module": "valid_referers",
    "http_rewrite_module": "rewrite",
    "http_scgi_module": "scgi_pass",
    "http_split_clients_module": "split_clients",
    "http_ssi_module": "ssi",
    "http_tunnel_module": "tunnel_pass",
    "http_upstream_hash_module": "hash",
    "http_upstream_ip_hash_module": "ip_hash",
    "http_upstream_keepalive_module": "keepalive",
    "http_upstream_least_conn_module": "least_conn",
    "http_upstream_least_time_module": "least_time",
    "http_upstream_random_module": "random",
    "http_upstream_sticky_module": "sticky",
    "http_upstream_zone_module": "zone",
    "http_userid_module": "userid",
    "http_uwsgi_module": "uwsgi_pass",
}

GOOD = """\
worker_processes 4;
events { }
http {
    include sites/*.conf;
    include sites/*.conf;
}
"""
SITE = "server { listen 127.0.0.1:1; sendfile on; }\n"


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "conf" / "sites").mkdir(parents=True)
    (tmp_path / "conf" / "sites" / "a.conf").write_text(SITE)
    conf = tmp_path / "conf" / "pyngx.conf"
    conf.write_text(GOOD)
    return conf


def run(conf: Path, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr, with PREFIX for the folder."""
    prefix = str(conf.parent.parent)
    done = pyngx("-p", prefix, *words)
    return done.returncode, done.stdout.replace(prefix, "PREFIX"), done.stderr.replace(prefix, "PREFIX")


def test_absent_modules_are_those_whose_directives_are_not_there() -> None:
    schema = make_schema(MODULES)
    absent = {name for name, directive in DIRECTIVES.items() if not schema.entries(directive)}
    assert set(ABSENT) == absent


def test_says_what_it_is_and_what_nginx_it_is_like() -> None:
    assert version_lines() == f"pyngx version: pyngx/{VERSION}\n"
    # What nginx's own tests look for.
    found = re.search(r"nginx version: nginx/([0-9.]+)", version_lines() + feature_lines())
    assert found is not None
    assert found[1] == NGINX_VERSION


def test_help_names_all_options() -> None:
    text = help_lines("/opt/pyngx/")
    assert re.findall(r"^  -(\S)", text, re.MULTILINE) == list("?vVtTqspecg")
    assert "(default: /opt/pyngx/)" in text


@pytest.mark.parametrize("option", ["-v", "-V", "-h"])
def test_answers_before_anything_big_is_imported(option: str) -> None:
    probe = (
        "import sys; from pyngx.__main__ import main; sys.argv[1:] = [sys.argv[1]]; code = main();"
        "print(code, sorted({'lark', 'uvicorn', 'asyncio', 'structlog'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", probe, option], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "0 []\n"
    assert done.stderr.startswith(f"pyngx version: pyngx/{VERSION}\n")


def test_a_good_configuration_is_told_in_nginx_words(conf: Path) -> None:
    code, out, err = run(conf, "-t")
    assert (code, out) == (0, "")
    assert err == (
        'pyngx: [notice] "sendfile" directive has no effect in PREFIX/conf/sites/a.conf:1\n'
        " 1 | server { listen 127.0.0.1:1; sendfile on; }\n"
        "   |                              ^^^^^^^^^^^^\n"
        "   = it tunes parts of nginx that pyngx does not have (hash tables, pools, kernel I/O)\n"
        "pyngx: [notice] worker_processes is 4, but one process serves in PREFIX/conf/pyngx.conf:1\n"
        " 1 | worker_processes 4;\n"
        "   | ^^^^^^^^^^^^^^^^^^^\n"
        'pyngx: [warn] conflicting server name "" on 127.0.0.1:1, ignored\n'
        "pyngx: the configuration file PREFIX/conf/pyngx.conf syntax is ok\n"
        "pyngx: configuration file PREFIX/conf/pyngx.conf test is successful\n"
    )


def test_quiet_is_silent_but_for_warnings(conf: Path) -> None:
    (conf.parent / "sites" / "a.conf").write_text("")
    assert run(conf, "-tq") == (0, "", "")


def test_a_dump_has_each_file_once(conf: Path) -> None:
    code, out, _ = run(conf, "-T", "-q")
    assert code == 0
    assert out == (
        f"# configuration file PREFIX/conf/pyngx.conf:\n{GOOD}\n"
        f"# configuration file PREFIX/conf/sites/a.conf:\n{SITE}\n"
    )


def test_all_errors_are_told_with_their_places(conf: Path) -> None:
    conf.write_text("evnts { }\nhttp {\n  server { listen 127.0.0.1:1; rot html; }\n}\n")
    code, _, err = run(conf, "-t")
    assert code == 1
    assert re.findall(r"^pyngx: (\[emerg\] .*|config.*)$", err, re.MULTILINE) == [
        '[emerg] unknown directive "evnts" in PREFIX/conf/pyngx.conf:1',
        '[emerg] unknown directive "rot" in PREFIX/conf/pyngx.conf:3',
        "configuration file PREFIX/conf/pyngx.conf test failed",
    ]
    assert '= did you mean "root"?' in err


def test_what_only_building_finds_is_found_as_well(conf: Path) -> None:
    conf.write_text("events { } http { server { listen 127.0.0.1:1; root $nonsense; } }")
    code, _, err = run(conf, "-t")
    assert code == 1
    assert 'unknown "nonsense" variable in PREFIX/conf/pyngx.conf:1' in err


def test_a_file_that_is_not_there_is_told_and_where_it_may_be(conf: Path, tmp_path: Path) -> None:
    code, _, err = run(conf, "-t", "-c", "README.none")
    assert code == 1
    assert err == (
        'pyngx: [emerg] open() "PREFIX/README.none" failed (2: No such file or directory)\n'
        "pyngx: configuration file PREFIX/README.none test failed\n"
    )


def test_a_file_of_the_working_directory_is_pointed_out(conf: Path) -> None:
    _, _, err = run(conf, "-t", "-c", "pyproject.toml")
    assert f'= a relative path starts at the prefix; did you mean "{ROOT}/pyproject.toml"?' in err


def test_directives_of_the_command_line_come_first(conf: Path) -> None:
    code, _, err = run(conf, "-t", "-g", "pid x; pid y;")
    assert code == 1
    assert '"pid" directive is duplicate in command line' in err


def test_a_command_line_that_means_nothing_is_refused(conf: Path) -> None:
    assert run(conf, "-x") == (1, "", 'pyngx: invalid option: "x"\n')


def test_nobody_to_signal_is_told(conf: Path) -> None:
    assert run(conf, "-s", "stop") == (
        1,
        "",
        'pyngx: [error] open() "PREFIX/logs/pyngx.pid" failed (2: No such file or directory)\n',
    )
