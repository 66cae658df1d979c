"""The page: it stands alone, escapes what others wrote, adds up, and says which campaign to stop."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edge.report import samples
from limner.app.reporting import Report, write
from limner.app.reporting.contents import Compliance, Interval, added
from limner.core.errors import BadInput
from limner.edge.report import page
from limner.edge.report.html import VOID, el
from limner.edge.say import words_of

SAMPLES = ("measured", "two_waves", "single", "check", "empty")
EACH = pytest.mark.parametrize(("name", "lang"), [(name, lang) for name in SAMPLES for lang in ("zh", "en")])


class Reader(HTMLParser):
    """Tags that open and close, attributes, and the text a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "xlink:href", "action")]
        self.links += [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).replace("\u2060", "").split())


def read(report: Report) -> Reader:
    reader = Reader()
    reader.feed(page(report))
    reader.close()
    return reader


@EACH
def test_it_is_one_whole_file(name: str, lang: str) -> None:
    text = page(getattr(samples, name)(lang))
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    assert reader.links == []
    assert "script" not in reader.seen
    assert not re.search(r"https?:|url\(|@import", text)
    assert text.startswith("<!doctype html>\n<html lang=")


@EACH
def test_every_word_is_said_in_the_language(name: str, lang: str) -> None:
    text = read(getattr(samples, name)(lang)).text
    keys = {key for section in ("report", "show") for key in words_of(lang)[section] if "_" in key}
    assert not keys & set(text.split())
    assert "{" not in text


def test_what_others_wrote_is_escaped() -> None:
    text = page(samples.single())
    assert "<script" not in text
    assert samples.EVIL in read(samples.single()).text
    assert el("a", "x", title='"><b>').text == '<a title="&quot;&gt;&lt;b&gt;">x</a>'


def test_the_first_sentence_says_what_was_earned_and_what_to_stop() -> None:
    zh, en = read(samples.measured()).text, read(samples.measured("en")).text
    assert (
        "大约多赚 ¥15,766，但还不能排除为零（−¥13,204 至 +¥44,736）。请停掉「老客上新礼」：权益给了本来就会买的人" in zh
    )
    assert "Stop “老客上新礼”: its benefits went to people who would have bought anyway" in en


def test_a_campaign_that_was_stopped_is_not_to_be_stopped_again() -> None:
    text = read(samples.two_waves("en")).text
    assert "lost ¥31,876, and has been stopped" in text
    assert "Stop “" not in text
    assert "Wave 1: +¥15,766; wave 2: +¥53,130." in text


def test_nothing_to_stop_is_said_too() -> None:
    assert "没有需要停的活动。" in read(samples.single()).text


def test_nobody_contacted_is_an_aa_check() -> None:
    text = read(samples.check()).text
    assert "Not contacted — an A/A check" in text
    assert "the interval includes nought, as it should" in text
    assert "Loses money" not in text


def test_without_campaigns_there_is_money_and_a_portrait_and_a_next_step() -> None:
    text = read(samples.empty()).text
    assert "980 位客户，净收入 ¥6,492,709，还没有做过活动。" in text
    assert "下一步：" in text
    assert "触达组" not in text


def test_the_bar_adds_up_to_the_customer() -> None:
    whole = samples.measured().flow
    assert whole is not None
    assert whole.adds_up
    assert sum(count for _, _, count in whole.parts) == 98_004
    assert "✓" in read(samples.measured()).text
    broken = replace(samples.FLOWS[0], sent=1)
    assert "✗" in read(replace(samples.measured(), flows=(broken,))).text


def test_a_broken_rule_is_a_number_and_not_a_zero() -> None:
    report = replace(samples.measured("en"), compliance=Compliance(47_420, 3, 0, 17))
    assert '<b class="bad">3</b>' in page(report)
    assert '<b class="bad">17</b>' in page(report)


def test_the_truth_of_a_market_stands_beside_the_interval() -> None:
    assert "真值 +2.6 个百分点" in read(samples.measured()).text
    assert "真值 " not in read(samples.single()).text


def test_sums_of_estimates_add_their_errors_as_squares() -> None:
    found = added((Interval(1, -3, 5), Interval(2, -1, 5)))
    assert found is not None
    assert (found.estimate, found.low, found.high) == (3, -2, 8)
    assert added(()) is None


def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = write(samples.measured(), tmp_path / "report.html")
    assert path.read_text("utf-8") == page(samples.measured())
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(BadInput, match="Name another file"):
        write(samples.measured(), tmp_path / "nowhere" / "report.html")
    with pytest.raises(BadInput, match="a report is written as"):
        write(samples.measured(), tmp_path / "report.pdf")


def test_both_languages_have_the_same_words() -> None:
    zh, en = words_of("zh"), words_of("en")
    for section in ("report", "report_definitions", "show", "verdicts", "steps", "why_refused", "why_unsent", "door"):
        assert set(zh[section]) == set(en[section]), section


def test_files_that_are_held_are_named() -> None:
    zh, en = read(samples.empty()).text, read(samples.empty("en")).text
    assert "有 4 个文件（166 行）没有通过硬性检查" in zh
    assert "会员-0901.csv、会员-0902.csv、会员-0903.csv 等，另有 1 个" in zh
    assert "4 files with 166 rows broke a hard check" in en
    assert "hard check" not in read(samples.measured("en")).text
