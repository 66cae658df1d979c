"""The words of an offer on a channel."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from limner.core import ours
from limner.core.errors import BadDefinition, BadInput, NotFound
from limner.core.ours import Campaign, Channel, Content, MessageClass, Offer
from limner.flow.channels.base import Rendered
from limner.flow.channels.content import Wording, check, check_message, wording

ZONE = ZoneInfo("Asia/Shanghai")
NAMES = ["name", "orders", "store", "short_url"]
MAIL = Channel("mail", "smtp", address="email", options={"host": "h", "sender": "a@b.example"})
SMS = Channel("sms", "webhook", price=Decimal("0.045"), signature="南枝", options={"url": "https://g.example"})
WECOM = Channel("wecom", "webhook", address="external_userid", options={"url": "https://g.example"})
LIST = Channel("list", "file", address="member_no", options={"columns": {"姓名": "name", "话术": "text"}})


def _say(made: Wording, **parameters: object) -> Rendered:
    return made.render(made.values(parameters, key="k1", customer_id="c1"))


def _offer(**content: Content) -> Offer:
    return Offer("coupon", name="¥40", coupon="AUT40", benefit=Decimal("40.00"), content=content)


def test_content_stands_under_the_channel_or_its_kind() -> None:
    offer = _offer(webhook=Content(text="kind"), wecom=Content(text="channel"))
    assert _say(wording(offer, WECOM, zone=ZONE, place="p")).text == "channel"
    assert _say(wording(offer, SMS, zone=ZONE, place="p")).text == "kind"
    with pytest.raises(BadDefinition, match="no words for the channel 'mail'"):
        wording(offer, MAIL, zone=ZONE, place="offers/coupon")


def test_a_wording_says_which_values_it_needs() -> None:
    content = Content(subject="{{ name }}", html="{{ offer.coupon }} {{ orders }}")
    made = wording(_offer(mail=content), MAIL, zone=ZONE, place="p")
    assert made.needs == {"name", "orders"}
    assert wording(_offer(), LIST, zone=ZONE, place="p").needs == {"name"}


def test_a_mail_has_a_text_besides_its_html_and_knows_its_own_names() -> None:
    channel = Channel("mail", "smtp", options={**MAIL.options, "unsubscribe_url": "https://s.example/u"})
    html = '<p>{{ name }} <a href="{{ unsubscribe_url }}">退订</a></p>'
    content = Content(subject="{{ offer.name }} {{ offer.benefit }}", html=html)
    rendered = _say(wording(_offer(mail=content), channel, zone=ZONE, place="p"), name="<王>")
    assert rendered.subject == "¥40 40"
    assert "&lt;王&gt;" in rendered.html
    assert rendered.text == "<王> 退订 (https://s.example/u?k=k1)"


def test_a_payload_keeps_the_type_of_a_value_that_stands_alone() -> None:
    payload = {"data": {"thing": {"value": "{{ name }}"}, "count": "{{ orders }}", "all": ["{{ orders }}件", 7]}}
    made = wording(_offer(wecom=Content(payload=payload)), WECOM, zone=ZONE, place="p")
    assert made.needs == {"name", "orders"}
    rendered = _say(made, name='"}', orders=3)
    assert rendered.payload == {"data": {"thing": {"value": '"}'}, "count": 3, "all": ["3件", 7]}}
    with pytest.raises(BadInput, match="name has no value"):
        _say(made, orders=3)


def test_an_sms_is_counted_in_segments_and_priced_by_them() -> None:
    made = wording(_offer(sms=Content(text="【南枝】{{ name }}" + "新" * 60 + "回T退订")), SMS, zone=ZONE, place="p")
    short, long = _say(made, name="王"), _say(made, name="欧阳小明明")
    assert (short.segments, long.segments) == (1, 2)
    assert (made.cost(short), made.cost(long)) == (Decimal("0.045"), Decimal("0.090"))


def test_a_message_without_words_is_not_sent() -> None:
    made = wording(_offer(wecom=Content(text="{% if orders %}x{% endif %} ")), WECOM, zone=ZONE, place="p")
    with pytest.raises(BadInput, match="nothing is left"):
        _say(made)


@pytest.mark.parametrize(
    ("channel", "content", "message"),
    [
        (MAIL, Content(text="x"), "needs a subject"),
        (MAIL, Content(subject="x"), "needs html or text"),
        (WECOM, Content(subject="x"), "needs text or a payload"),
        (MAIL, Content(subject="{{ nme }}", text="x"), "mail: subject: line 1.*Did you mean 'name'"),
        (WECOM, Content(payload={"a": {"b": ["{{ ordrs }}"]}}), r"payload\.a\.b\[0\]: line 1.*Did you mean 'orders'"),
        (MAIL, Content(subject="x", html="<p title={{ name }}>"), "without quotes"),
    ],
)
def test_a_mistake_is_found_when_it_is_applied(channel: Channel, content: Content, message: str) -> None:
    offers = {"coupon": _offer(**{channel.id: content})}
    with pytest.raises(BadDefinition, match=message):
        check({channel.id: channel}, offers, [], zone=ZONE, among=NAMES)


def test_a_column_of_a_list_must_be_known() -> None:
    channel = Channel("list", "file", options={"columns": {"店": "stroe"}})
    with pytest.raises(BadDefinition, match=r"'stroe' is no tag.*Did you mean 'store'"):
        wording(_offer(), channel, zone=ZONE, place="p", among=NAMES)


def test_content_for_nobody_is_a_mistake() -> None:
    with pytest.raises(BadDefinition, match=r"no channel or channel kind 'smss'\. Did you mean 'sms'"):
        check({"sms": SMS}, {"coupon": _offer(smss=Content(text="x"))}, [], zone=ZONE, among=NAMES)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"kind": "smtpp"}, NotFound, "Did you mean 'smtp'"),
        ({"options": {"host": "h", "sendr": "x"}}, BadDefinition, "no field 'sendr'. Did you mean 'sender'"),
        ({"options": {"sender": "a@b"}}, BadDefinition, "needs the field 'host'"),
        ({"secrets": {"pasword": "env:X"}}, BadDefinition, "no secret 'pasword'. Did you mean 'password'"),
    ],
)
def test_a_wrong_channel_is_found_when_it_is_applied(
    changes: dict[str, object], error: type[Exception], message: str
) -> None:
    fields = {"id": "mail", "kind": "smtp", "options": MAIL.options} | changes
    with pytest.raises(error, match=message):
        check({"mail": Channel(**fields)}, {}, [], zone=ZONE, among=NAMES)  # type: ignore[arg-type]


def _campaign(message_class: MessageClass = "marketing") -> Campaign:
    spans = {f.name: f for f in Campaign.__dataclass_fields__.values()}
    fields = {"id": "autumn", "audience": "all", "offers": ("coupon",), "channels": ("sms",)}
    window = "period" if "period" in spans else "window"
    made = getattr(ours, "Period", None) or ours.Window
    return Campaign(**fields, **{window: made("2026-09-01", "2026-09-10")}, message_class=message_class)  # type: ignore[arg-type]


def test_an_sms_is_signed_and_a_marketing_one_says_how_to_refuse() -> None:
    good = _offer(sms=Content(text="【南枝】{{ name | default: '您好' }}，新款到店，拒收请回复R"))
    check({"sms": SMS}, {"coupon": good}, [_campaign()], zone=ZONE, among=NAMES)
    unsigned = _offer(sms=Content(text="{{ name }}，新款到店，拒收请回复R"))
    with pytest.raises(BadDefinition, match="must begin or end with the signature 【南枝】"):
        check({"sms": SMS}, {"coupon": unsigned}, [_campaign()], zone=ZONE, among=NAMES)
    silent = _offer(sms=Content(text="【南枝】{{ name }}，新款到店"))
    with pytest.raises(BadDefinition, match="how to refuse"):
        check({"sms": SMS}, {"coupon": silent}, [_campaign()], zone=ZONE, among=NAMES)
    check_message(silent, SMS, "service", zone=ZONE)


def test_words_to_other_addresses_are_no_sms() -> None:
    check_message(_offer(wecom=Content(text="新款到店")), WECOM, "marketing", zone=ZONE)


def test_a_signature_in_a_value_does_not_sign() -> None:
    made = wording(_offer(sms=Content(text="【南枝】{{ name }}，回T退订")), SMS, zone=ZONE, place="p")
    assert _say(made, name="【银行】").text == "【南枝】银行，回T退订"
