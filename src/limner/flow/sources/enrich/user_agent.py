"""User agents: browser, system and device by ua-parser, and by rules of our own the apps that embed browsers in China.

An app (微信, 支付宝, 抖音 …) is told beside the browser it embeds, a mini-program beside its app, a bot by its word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from limner.core.settings import EnrichSettings
from limner.flow.sources.enrich.base import Answer, Type, enrich_kind, missing

NOT_A_BROWSER = "user agent of no known browser"

_APPS: Final = (
    ("wecom", re.compile(r"wxwork/([\d.]+)", re.I)),
    ("wechat", re.compile(r"MicroMessenger/([\d.]+)", re.I)),
    ("alipay", re.compile(r"AlipayClient/([\d.]+)", re.I)),
    ("douyin", re.compile(r"(?:aweme|AwemeLite|ByteLocale.*?aweme)[_/]?([\d.]+)?", re.I)),
    ("toutiao", re.compile(r"(?:NewsArticle|ToutiaoMicroApp)/([\d.]+)", re.I)),
    ("dingtalk", re.compile(r"DingTalk[/(]?([\d.]+)?", re.I)),
    ("feishu", re.compile(r"(?:Feishu|Lark)/([\d.]+)", re.I)),
    ("xiaohongshu", re.compile(r"(?:discover|xhs(?:discover)?)/([\d.]+)", re.I)),
    ("kuaishou", re.compile(r"(?:Kwai|Kuaishou|ksNebula)/([\d.]+)", re.I)),
    ("weibo", re.compile(r"(?:__weibo__|weibo__)([\d.]+)", re.I)),
    ("taobao", re.compile(r"AliApp\((?:TB|TM)/([\d.]+)", re.I)),
    ("jd", re.compile(r"(?:jdapp|jdltapp);[^;]*;([\d.]+)", re.I)),
    ("meituan", re.compile(r"(?:MeituanGroup|meituan)/([\d.]+)", re.I)),
    ("baidu", re.compile(r"baiduboxapp/([\d.]+)", re.I)),
    ("qq", re.compile(r"\bQQ/([\d.]+)", re.I)),
    ("unionpay", re.compile(r"UnionPay/([\d.]+)", re.I)),
)
"""Apps by the mark they leave, the more particular first: WeCom carries the mark of WeChat as well."""

_MINI = re.compile(r"miniProgram(?:Env)?\b|MiniProgram|ToutiaoMicroApp|swan/|AlipayMiniProgram|\bMicroApp\b", re.I)
_BOT = re.compile(
    r"bot\b|bot/|spider|crawl|slurp|scrap|curl/|wget/|python-(?:requests|urllib)|httpx?/|aiohttp|okhttp/|Go-http-client|Java/|"
    r"libwww|HeadlessChrome|PhantomJS|Selenium|Lighthouse|PingdomBot|facebookexternalhit|Bytespider|preview|monitor|uptime",
    re.I,
)
_APP_OVER_HTTP = re.compile(r"okhttp/|CFNetwork", re.I)
"""What an app's own requests carry: a machine speaks, but for a person."""

_HARMONY = re.compile(r"OpenHarmony|HarmonyOS|ArkWeb", re.I)
_CHROMES = re.compile(
    r"(HuaweiBrowser|MiuiBrowser|VivoBrowser|HeyTapBrowser|MQQBrowser|UCBrowser|Quark|360SE|MetaSr)/?([\d.]*)"
)
_OURS: Final = {
    "HuaweiBrowser": "Huawei Browser",
    "MiuiBrowser": "MIUI Browser",
    "VivoBrowser": "Vivo Browser",
    "HeyTapBrowser": "HeyTap Browser",
    "MQQBrowser": "QQ Browser",
    "UCBrowser": "UC Browser",
    "Quark": "Quark",
    "360SE": "360 Browser",
    "MetaSr": "Sogou Browser",
}


@enrich_kind("user_agent")
class UserAgents:
    """Browser, os, device, app, and whether a mini-program or a bot speaks."""

    finds: ClassVar[Mapping[str, Type]] = {
        "browser": "text",
        "browser_version": "text",
        "os": "text",
        "os_version": "text",
        "device": "text",
        "brand": "text",
        "form": "text",
        "app": "text",
        "app_version": "text",
        "is_mini_program": "bool",
        "is_bot": "bool",
    }

    def __init__(self, settings: EnrichSettings) -> None:
        try:
            import ua_parser
        except ImportError:
            raise missing("user_agent", "enrich") from None
        self._parse: Any = ua_parser.parse

    def read(self, plain: str) -> Answer:
        """What a user agent says. `form` is phone, tablet, desktop or bot."""
        said = self._parse(plain)
        found: dict[str, str] = {}
        _put(found, "browser", said.user_agent and said.user_agent.family)
        _put(found, "browser_version", said.user_agent and said.user_agent.major)
        _put(found, "os", said.os and said.os.family)
        _put(found, "os_version", said.os and said.os.major)
        _put(found, "device", said.device and said.device.model)
        _put(found, "brand", said.device and said.device.brand)
        found |= _ours(plain)
        found["form"] = _form(plain, found)
        is_known = "browser" in found or "app" in found or found["is_bot"] == "true"
        return Answer({k: v for k, v in found.items() if v}, None if is_known else NOT_A_BROWSER)

    def shown(self, plain: str) -> str:
        """The first word of it."""
        return plain.split("/")[0][:20]


def _put(found: dict[str, str], name: str, value: object) -> None:
    if value and value not in ("Other", "Generic", "Generic_Android"):
        found[name] = str(value)


def _ours(plain: str) -> dict[str, str]:
    """What our own rules add and correct."""
    found = {"is_mini_program": "true" if _MINI.search(plain) else "false"}
    found["is_bot"] = "true" if _BOT.search(plain) and not _APP_OVER_HTTP.search(plain) else "false"
    for app, mark in _APPS:
        stated = mark.search(plain)
        if stated:
            found["app"] = app
            found["app_version"] = ((stated[1] or "") if stated.groups() else "").strip(".")
            break
    browser = _CHROMES.search(plain)
    if browser:
        found |= {"browser": _OURS[browser[1]], "browser_version": browser[2].split(".")[0]}
    if _HARMONY.search(plain):
        found["os"] = "HarmonyOS"
        found["os_version"] = ""  # the number beside Android is Android's
    return found


def _form(plain: str, found: Mapping[str, str]) -> str:
    if found.get("is_bot") == "true":
        return "bot"
    if re.search(r"iPad|Tablet|\bPad\b|MatePad|SM-T\d", plain):
        return "tablet"
    if re.search(r"iPhone|iPod|Mobile|MicroMessenger.*Android", plain) or found.get("os") in (
        "Android",
        "iOS",
        "HarmonyOS",
    ):
        return "phone"
    return "desktop" if found.get("os") in ("Windows", "Mac OS X", "Linux", "Ubuntu", "Chrome OS") else ""
