"""Templates: a mistake is found when it is written, and no customer reads "Dear null"."""

from __future__ import annotations

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limner.core.errors import BadDefinition, BadInput
from limner.flow.channels.markup import check_markup, text_of
from limner.flow.channels.templates import Medium, Template, clean, compiled

ZONE = ZoneInfo("Asia/Shanghai")


def _render(source: str, medium: Medium = "plain", **values: object) -> str:
    return compiled(source, place="offers/a.yaml: text", medium=medium, zone=ZONE).render(clean(values))


def test_values_are_put_in() -> None:
    assert _render("亲爱的{{ 姓名 }}，{{ 近30天收藏次数 }}件", 姓名="王小明", 近30天收藏次数=3) == "亲爱的王小明，3件"


@pytest.mark.parametrize("value", [None, "", "  ", "NULL", "None", "nan", "\u202e", float("nan"), "#N/A"])
@pytest.mark.parametrize("source", ["Dear {{ name }}", "Dear {{ name | upcase }}", "Dear {{ name | append: '!' }}"])
def test_dear_null_is_impossible(source: str, value: object) -> None:
    with pytest.raises(BadInput, match="name has no value"):
        _render(source, name=value)


def test_no_filter_turns_a_missing_value_into_something() -> None:
    environment = compiled("", place="p", medium="plain", zone=ZONE).compiled.env
    for name in sorted(set(environment.filters) - {"default"}):
        for operands in ("", ": 1", ": 'x'", ": 'x', 'y'"):
            with pytest.raises(BadInput):
                _render("{{ gone | " + name + operands + " }}")
        with pytest.raises(BadInput):
            _render("{{ 'x' | " + name + ": gone }}")


def test_a_default_or_a_question_makes_a_value_optional() -> None:
    assert _render("{{ name | default: '顾客' }}") == "顾客"
    assert _render("{{ name | default: nickname | default: '顾客' }}") == "顾客"
    assert _render("{{ name | default: nickname }}", nickname="小王") == "小王"
    assert _render("{% if name %}{{ name }}{% else %}您好{% endif %}") == "您好"
    assert _render("{{ name | default: '顾客' }}", name="王") == "王"
    assert _render("{{ orders | default: 1 }}", orders=0) == "0"


@pytest.mark.parametrize("source", ["{{ a | default: '' }}", "{{ a | default }}", "{{ a | default: b }}", "{{ nil }}x"])
def test_an_empty_default_is_no_default(source: str) -> None:
    if "nil" in source:
        assert _render(source) == "x"  # written so by the author
        return
    with pytest.raises(BadInput):
        _render(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a\n亲{{ nmae }}", "line 2, column 5: the template uses 'nmae'.*Did you mean 'name'"),
        ("{{ name | upcse }}", "no filter 'upcse'. Did you mean 'upcase'"),
        ("{% include 'etc/passwd' %}", "no tag 'include'"),
        ("{% render 'x' %}", "no tag 'render'"),
        ("{% liquid echo name %}", "no tag"),
        ("{{ name | safe }}", "no filter 'safe'"),
        ("{{ now | date: '%Y' }}", "uses 'now'"),
        ("ab{{ name ", "line 1, column 3: the template cannot be read"),
        ("{% if name %}x", "cannot be read"),
        ("{{ name | }}", "cannot be read"),
    ],
)
def test_a_mistake_names_its_place_and_what_was_meant(source: str, message: str) -> None:
    with pytest.raises(BadDefinition, match=message) as caught:
        compiled(source, place="offers/a.yaml: text", medium="plain", zone=ZONE, among=["name", "orders"])
    assert "offers/a.yaml: text" in str(caught.value)


def test_the_clock_is_not_readable() -> None:
    with pytest.raises(BadDefinition, match="'now'"):
        _render("{{ now }}")
    with pytest.raises(BadInput, match="no ISO date"):
        _render("{{ 'now' | date: '%Y' }}")


def test_loops_and_output_are_bounded() -> None:
    with pytest.raises(BadInput, match="limit"):
        _render("{% for i in (1..100000000) %}x{% endfor %}")
    doubling = "{% assign s = 'aaaaaaaaaa' %}" + "{% assign s = s | append: s %}" * 30 + "{{ s }}"
    with pytest.raises(BadInput, match="limit"):
        _render(doubling)


def test_dates_are_written_in_the_workspace_zone() -> None:
    assert _render("{{ until | date: '%m月%d日 %H点' }}", until="2026-08-31T17:00:00+00:00") == "09月01日 01点"
    assert _render("{{ birthday | date: '%m.%d' }}", birthday="1990-05-06") == "05.06"


def test_a_script_in_a_name_stays_text() -> None:
    name = "<script>alert('x')</script>\" onload=\"y"
    html = _render('<p title="{{ name }}">{{ name }}</p>', "html", name=name)
    assert "<script" not in html
    assert html.count('"') == 2
    assert _render("{{ name | default: 'x' | append: '!' }}", "html", name="<b>") == "&lt;b&gt;!"
    assert _render("{% capture x %}{{ name }}{% endcapture %}{{ x }}", "html", name="<b>") == "&lt;b&gt;"
    assert _render("{{ name | url_decode }}", "html", name="%3Cb%3E") == "&lt;b&gt;"


def test_template_marks_in_a_value_are_not_run() -> None:
    assert _render("{{ name }}", name="{{ secret }}{% include 'x' %}") == "{{ secret }}{% include 'x' %}"


def test_a_subject_keeps_to_one_line() -> None:
    assert _render("您好 {{ name }}", "line", name="a\r\nBcc: all@example.com\n\nx") == "您好 a Bcc: all@example.com x"


def test_links_in_values_must_be_links() -> None:
    assert clean({"shop_url": "https://a.example/x", "n": 1}) == {"shop_url": "https://a.example/x", "n": 1}
    for bad in ("javascript:alert(1)", "https://a.example/ x", "data:text/html,x", 'https://a/"><script>', 5):
        assert clean({"shop_url": bad, "小程序链接": bad}) == {}


def test_a_value_cannot_sign_an_sms() -> None:
    assert clean({"name": "【银行】王"}, brackets=False) == {"name": "银行王"}


@pytest.mark.parametrize(
    "source",
    [
        "<script>var a = '{{ name }}'</script>",
        "<style>p { color: {{ colour }} }</style>",
        "<p title={{ name }}>x</p>",
        "<p {{ name }}>x</p>",
        "<{{ name }}>x</{{ name }}>",
        "<p onclick=\"f('{{ name }}')\">x</p>",
        '<p style="color: {{ colour }}">x</p>',
        '<a href="{{ name }}">x</a>',
        '<a href="{{ shop_url | append: name }}">x</a>',
        '<img srcset="{{ shop_url }}">',
    ],
)
def test_a_value_in_a_dangerous_place_is_refused(source: str) -> None:
    with pytest.raises(BadDefinition) as caught:
        check_markup("<html>\n" + source, "offers/a.yaml: html")
    assert "offers/a.yaml: html: line 2" in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "<p>{{ name }}</p>",
        '<p title="{{ name }}">x</p>',
        '<a href="https://shop.example/?c={{ code }}">x</a>',
        '<a href="{{ unsubscribe_url }}">退订</a>',
        '{% if name %}<p class="a">{{ name }}</p>{% endif %}',
        "<style>p { color: red }</style><p>{{ name }}</p>",
    ],
)
def test_a_value_in_text_or_a_quoted_attribute_is_taken(source: str) -> None:
    check_markup(source, "offers/a.yaml: html")


def test_html_has_a_text_for_readers_without_it() -> None:
    assert text_of("<p>a<br>b</p><script>x</script><ul><li>1</li></ul>") == "a\nb\n1"


@given(
    words=st.lists(st.text(max_size=20).filter(lambda w: "{" not in w), min_size=1, max_size=5),
    values=st.lists(st.one_of(st.text(max_size=20), st.integers(), st.none(), st.booleans()), min_size=3, max_size=3),
    medium=st.sampled_from(["plain", "line", "html"]),
)
def test_the_fast_way_says_what_the_whole_language_says(words: list[str], values: list[object], medium: Medium) -> None:
    names = ("a", "b", "c", "offer.name", "offer.gone")
    source = "".join(f"{word}{{{{ {names[n]} }}}}" for n, word in enumerate(words))
    fast = compiled(source, place="p", medium=medium, zone=ZONE)
    assert fast.pieces is not None
    slow = replace(fast, pieces=None)
    given_values = clean({**dict(zip("abc", values, strict=True)), "offer": {"name": "<¥40>"}})
    assert _outcome(fast, given_values) == _outcome(slow, given_values)


def _outcome(template: Template, values: dict[str, object]) -> str:
    try:
        return template.render(values)
    except BadInput as error:
        return str(error)
