"""Dates: HTTP's three forms read, IMF-fixdate written, and the forms that nginx's logs use.

Times are seconds since the epoch. Reading follows ngx_parse_http_time: names of days and zones are not looked at, leap
seconds are refused. Writing clamps to 1970 … 9999 as ngx_gmtime does.
"""

import re
import time
from calendar import timegm
from collections.abc import Callable
from datetime import date
from typing import Final, Generic, TypeVar

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH_NUMBERS: Final = {name.encode(): number for number, name in enumerate(_MONTHS, 1)}
_LAST_SECOND: Final = 253402300799  # 9999-12-31T23:59:59Z

_CLOCK: Final = rb"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
# RFC 9110 5.6.7: IMF-fixdate, RFC 850 and asctime.
_FORMS: Final = (
    re.compile(rb"[^, ]*, *(?P<day>\d\d) (?P<month>[A-Z][a-z]{2}) (?P<year>\d{4}) " + _CLOCK),
    re.compile(rb"[^, ]*, *(?P<day>\d\d)-(?P<month>[A-Z][a-z]{2})-(?P<year>\d\d) " + _CLOCK),
    re.compile(rb"[^, ]* +(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d\d?) " + _CLOCK + rb" (?P<year>\d{4})"),
)

_T = TypeVar("_T")


def parse_http_date(value: bytes) -> int | None:
    for form in _FORMS:
        match = form.match(value)
        if match is not None:
            return _seconds(match)
    return None


def format_http_date(seconds: float) -> bytes:
    moment = _utc(seconds)
    return b"%s, %02d %s %04d %02d:%02d:%02d GMT" % (
        _DAYS[moment.tm_wday].encode(),
        moment.tm_mday,
        _MONTHS[moment.tm_mon - 1].encode(),
        *(moment.tm_year, moment.tm_hour, moment.tm_min, moment.tm_sec),
    )


def format_cookie_date(seconds: float) -> bytes:
    """The form of `Set-Cookie: …; expires=`: two digits of the year, up to 2037 (ngx_http_cookie_time)."""
    moment = _utc(seconds)
    year = moment.tm_year if moment.tm_year > 2037 else moment.tm_year % 100
    day, month = _DAYS[moment.tm_wday], _MONTHS[moment.tm_mon - 1]
    clock = f"{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}"
    return f"{day}, {moment.tm_mday:02}-{month}-{year:02} {clock} GMT".encode()


def format_local(seconds: float) -> str:
    """$time_local: `28/Sep/1970:12:00:00 +0600`."""
    moment = time.localtime(seconds)
    month = _MONTHS[moment.tm_mon - 1]
    return time.strftime(f"%d/{month}/%Y:%H:%M:%S ", moment) + _zone(moment, "")


def format_iso8601(seconds: float) -> str:
    """$time_iso8601, in local time: `1970-09-28T12:00:00+06:00`."""
    moment = time.localtime(seconds)
    return time.strftime("%Y-%m-%dT%H:%M:%S", moment) + _zone(moment, ":")


def format_syslog(seconds: float) -> str:
    """RFC 3164's time stamp, in local time: `Sep 28 12:00:00`."""
    moment = time.localtime(seconds)
    return f"{_MONTHS[moment.tm_mon - 1]} {moment.tm_mday:2} {time.strftime('%H:%M:%S', moment)}"


class PerSecond(Generic[_T]):
    """A form of the current time, made anew once a second: `PerSecond(format_http_date)`."""

    __slots__ = ("_form", "_made", "_second")

    def __init__(self, form: Callable[[float], _T]) -> None:
        self._form = form
        self._second: int | None = None
        self._made: _T

    def at(self, now: float) -> _T:
        second = int(now)
        if second != self._second:
            self._made = self._form(second)
            self._second = second
        return self._made


def _seconds(match: re.Match[bytes]) -> int | None:
    year, day = int(match["year"]), int(match["day"])
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"])
    if len(match["year"]) == 2:
        year += 2000 if year < 70 else 1900
    if hour > 23 or minute > 59 or second > 59:
        return None
    try:
        days = date(year, _MONTH_NUMBERS[match["month"]], day)
    except (KeyError, ValueError):
        return None
    return timegm((*days.timetuple()[:3], hour, minute, second))


def _utc(seconds: float) -> time.struct_time:
    return time.gmtime(min(max(seconds, 0), _LAST_SECOND))


def _zone(moment: time.struct_time, separator: str) -> str:
    hours, minutes = divmod(abs(moment.tm_gmtoff) // 60, 60)
    return f"{'-' if moment.tm_gmtoff < 0 else '+'}{hours:02}{separator}{minutes:02}"
