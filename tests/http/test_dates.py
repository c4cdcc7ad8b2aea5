import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyngx.http import dates

_TIME = 1_700_000_000  # Tue Nov 14 22:13:20 2023 UTC


@pytest.fixture
def _in_kathmandu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "KAT-05:45")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"Tue, 14 Nov 2023 22:13:20 GMT", _TIME),
        (b"Tuesday, 14-Nov-23 22:13:20 GMT", _TIME),
        (b"Tue Nov 14 22:13:20 2023", _TIME),
        (b"Fri Sep  1 00:00:00 2023", 1693526400),
        (b"Xxx,14 Nov 2023 22:13:20", _TIME),
        (b"Thursday, 01-Jan-70 00:00:00 GMT", 0),
        (b"Wednesday, 31-Dec-69 00:00:00 GMT", 3155673600),
        (b"Thu, 29 Feb 2024 00:00:00 GMT", 1709164800),
    ],
)
def test_the_three_forms_are_read(value: bytes, seconds: int) -> None:
    assert dates.parse_http_date(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        *(b"", b"now", b"1700000000", b"Tue, 14 Foo 2023 22:13:20 GMT", b"Wed, 29 Feb 2023 00:00:00 GMT"),
        *(b"Tue, 31 Nov 2023 22:13:20 GMT", b"Tue, 00 Nov 2023 22:13:20 GMT", b"Tue, 14 Nov 2023 24:00:00 GMT"),
        *(b"Tue, 14 Nov 2023 22:60:20 GMT", b"Tue, 14 Nov 2023 22:13:60 GMT", b"Tue, 14 Nov 0000 22:13:20 GMT"),
    ],
)
def test_what_is_no_date_is_none(value: bytes) -> None:
    assert dates.parse_http_date(value) is None


@given(st.integers(0, 253402300799))
def test_a_written_date_is_read_back(seconds: int) -> None:
    assert dates.parse_http_date(dates.format_http_date(seconds)) == seconds


def test_dates_are_written_in_english_and_in_gmt() -> None:
    assert dates.format_http_date(_TIME) == b"Tue, 14 Nov 2023 22:13:20 GMT"
    assert dates.format_http_date(-1) == b"Thu, 01 Jan 1970 00:00:00 GMT"
    assert dates.format_http_date(10**15) == b"Fri, 31 Dec 9999 23:59:59 GMT"


def test_cookies_have_two_digits_of_the_year_while_they_can() -> None:
    assert dates.format_cookie_date(_TIME) == b"Tue, 14-Nov-23 22:13:20 GMT"
    assert dates.format_cookie_date(2145916800) == b"Fri, 01-Jan-2038 00:00:00 GMT"


@pytest.mark.usefixtures("_in_kathmandu")
def test_logs_have_local_time() -> None:
    assert dates.format_local(_TIME) == "15/Nov/2023:03:58:20 +0545"
    assert dates.format_iso8601(_TIME) == "2023-11-15T03:58:20+05:45"
    assert dates.format_syslog(_TIME - 14 * 86400) == "Nov  1 03:58:20"


def test_a_zone_west_of_greenwich_has_a_minus(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as west:
        west.setenv("TZ", "NFL+03:30")
        time.tzset()
        assert dates.format_iso8601(_TIME) == "2023-11-14T18:43:20-03:30"
    time.tzset()


def test_a_form_is_made_once_a_second() -> None:
    made: list[float] = []

    def form(now: float) -> str:
        made.append(now)
        return f"at {now}"

    clock = dates.PerSecond(form)
    assert [clock.at(now) for now in (5.0, 5.9, 6.1, 5.2)] == ["at 5", "at 5", "at 6", "at 5"]
    assert made == [5, 6, 5]
