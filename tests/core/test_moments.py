"""Stamps: many forms, one instant."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.moments import from_wall, moment, offsets

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "raw",
    [
        "2026/9/1 8:05",
        "2026-09-01 08:05:00",
        "2026年9月1日 8:05",
        "2026年9月1日8时5分",
        "2026.9.1 08:05",
        "20260901080500",
        "20260901 08:05",
        "202609010805",
        "2026-09-01T08:05:00",
        "2026-09-01T08:05:00+08:00",
        "2026-09-01T00:05:00Z",
        "2026-09-01T00:05:00.000Z",
        "1788221100",
        "1788221100000",
        "1788221100000000",
        "2026/9/1 上午8:05",
        "２０２６-9-1 8：05",
        "46266.336805555555",
        "2026-09-01 08:05:00 +0800",
        "2026/9/1 星期二 8:05",
        "2026/09/01 08:05:00 AM",
        "1788221100.0",
        "2026-09-01 08:05:00.000000",
    ],
)
def test_one_instant_in_many_forms(raw: str) -> None:
    assert moment(raw, SHANGHAI).instant == datetime(2026, 9, 1, 0, 5, tzinfo=UTC), moment(raw, SHANGHAI)


def test_dates_are_midnights() -> None:
    for raw in ("2026-09-01", "20260901", "2026年9月1日", "2026/9/1", "46266"):
        assert moment(raw, SHANGHAI).instant == datetime(2026, 8, 31, 16, tzinfo=UTC), raw


def test_the_offset_is_kept_but_z_is_none() -> None:
    assert moment("2026-09-01T08:05:00+05:30", SHANGHAI).offset == 330
    assert moment("2026-09-01T08:05:00-11", SHANGHAI).offset == -660
    assert moment("2026-09-01T08:05:00Z", SHANGHAI).offset is None
    assert moment("2026-09-01T08:05:00", SHANGHAI).offset is None


@pytest.mark.parametrize(
    "raw",
    [
        "2026-02-30",
        "2026-13-01",
        "2026-09-01 25:00",
        "2026-09-01 08:61",
        "yesterday",
        "2026-9",
        "12:30",
        "20261301",
        "99999",
        "2026-09-01 08:05:60",
        "2026-09-01 24:00:00",
        "2026-09-01+99:00",
        "1.5",
        "-1",
    ],
)
def test_what_is_no_stamp(raw: str) -> None:
    assert moment(raw, SHANGHAI).instant is None
    assert moment(raw, SHANGHAI).reason in {"not a date or time", "date out of range"}


@pytest.mark.parametrize(
    "raw", ["1970-01-01 00:00:00", "2099-12-31", "0001-01-01", "9999-12-31 23:59:59", "1900/1/1", "0000000000"]
)
def test_broken_clocks_and_open_ends(raw: str) -> None:
    assert moment(raw, SHANGHAI).instant is None


def test_birthdays_may_be_old() -> None:
    assert moment("1952-03-04", SHANGHAI, first_year=1900).instant is not None


def test_day_and_month_are_never_guessed() -> None:
    assert moment("1/2/2026", UTC).reason == "day and month cannot be told apart"
    assert moment("1/2/2026", UTC, order="dmy").instant == datetime(2026, 2, 1, tzinfo=UTC)
    assert moment("1/2/2026 3:04 PM", UTC, order="mdy").instant == datetime(2026, 1, 2, 15, 4, tzinfo=UTC)


def test_a_skipped_hour_moves_forward_and_a_double_hour_is_the_later() -> None:
    assert moment("2026-03-29 02:30", BERLIN).instant == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert moment("2026-10-25 02:30", BERLIN).instant == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    kathmandu = ZoneInfo("Asia/Kathmandu")
    assert moment("2026-01-01 05:45", kathmandu).instant == datetime(2026, 1, 1, tzinfo=UTC)


@given(
    st.datetimes(datetime(1975, 1, 1), datetime(2090, 1, 1)),
    st.sampled_from(["Asia/Shanghai", "Pacific/Tongatapu", "Europe/Berlin"]),
)
def test_a_stamp_reads_back(wall: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    instant = from_wall(wall, zone)
    assert moment(wall.isoformat(), zone).instant == instant
    assert moment(wall.strftime("%Y年%m月%d日 %H:%M:%S.%f"), zone).instant == instant
    written = instant.astimezone(zone).isoformat()
    assert moment(written, UTC).instant == instant


@given(st.text(max_size=40))
def test_no_text_breaks_a_stamp(raw: str) -> None:
    found = moment(raw, SHANGHAI)
    assert found.instant is None or found.reason is None


def test_offsets_of_a_zone_over_a_period() -> None:
    first, last = datetime(2025, 12, 31, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
    assert offsets(SHANGHAI, first, last) == ((first, 28_800),)
    assert offsets(BERLIN, first, last) == (
        (first, 3600),
        (datetime(2026, 3, 29, 1, tzinfo=UTC), 7200),
        (datetime(2026, 10, 25, 1, tzinfo=UTC), 3600),
    )
    for k in range(0, 366 * 24, 7):
        instant = first + timedelta(hours=k)
        held = [seconds for since, seconds in offsets(BERLIN, first, last) if since <= instant][-1]
        assert instant.astimezone(BERLIN).utcoffset() == timedelta(seconds=held)
