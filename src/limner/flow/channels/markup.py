"""Where a value may stand in the HTML of an e-mail.

Escaping keeps a value inside text and inside a quoted attribute. It does not help in a script, a style, an event
attribute, an unquoted attribute or as a whole link, so a template that puts a value there is refused when it is
applied.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from limner.core.errors import BadDefinition, words

UNSAFE_PLACE = words(
    "template_value_misplaced",
    "{place}: line {line}: {output} stands in {where}, where a customer's value could change the message. "
    "Put it into the text or into a quoted attribute.",
)
UNSAFE_LINK = words(
    "template_link_misplaced",
    "{place}: line {line}: {output} is the beginning of a link. Begin it with https://, or use a name that ends in "
    "_url, whose values are checked.",
)

_PIECE = re.compile(r"\{\{-?(.*?)-?\}\}|\{%.*?%\}", re.DOTALL)
_LINKS = frozenset({"href", "src", "action", "formaction", "background", "poster", "cite", "data", "xlink:href"})
_LINK_OUTPUT = re.compile(r"\s*[^\s|]*(?:url|link|链接)\s*")
_HIDDEN = frozenset({"style", "script", "title", "head"})
_BLOCKS = frozenset({"p", "br", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol"})
_OPEN, _CLOSE = "\ue000", "\ue001"
_MARK = re.compile(_OPEN + r"(\d+)" + _CLOSE)
_TAG_NAME = re.compile(r"<[/!?]?\s*" + _MARK.pattern)
_UNQUOTED = re.compile(r"=\s*[^\s\"'>=]*" + _OPEN)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


def check_markup(source: str, place: str) -> None:
    """Refuse an HTML template with a value in a place that escaping does not close.

    >>> check_markup('<p title="{{ name }}">{{ name }}</p>', "offers/a.yaml: html")
    """
    outputs: list[str] = []

    def mark(found: re.Match[str]) -> str:
        lines = "\n" * found[0].count("\n")
        if found[1] is None:
            return lines
        outputs.append(found[1])
        return f"{_OPEN}{len(outputs) - 1}{_CLOSE}{lines}"

    marked = _PIECE.sub(mark, source.replace(_OPEN, "").replace(_CLOSE, ""))
    opened = _TAG_NAME.search(marked)
    if opened:
        line, output = marked.count("\n", 0, opened.start()) + 1, "{{" + outputs[int(opened[1])] + "}}"
        raise BadDefinition(UNSAFE_PLACE, place=place, line=line, output=output, where="the name of a tag")
    reader = _Reader(outputs, place)
    reader.feed(marked)
    reader.close()


def text_of(html: str) -> str:
    """The text of an HTML message, for readers that show no HTML; links follow their words in brackets.

    >>> text_of('<style>p{}</style><p>Hello <a href="https://a.example">shop</a></p><p>Bye</p>')
    'Hello shop (https://a.example)\\nBye'
    """
    reader = _Text()
    reader.feed(html)
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line for line in lines if line)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in _HIDDEN
        if tag == "a":
            self._links.append(dict(attrs).get("href") or "")
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN and self._hidden > 0
        if tag == "a" and self._links and (link := self._links.pop()):
            self.parts.append(f" ({link})")
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


class _Reader(HTMLParser):
    def __init__(self, outputs: list[str], place: str) -> None:
        super().__init__(convert_charrefs=False)
        self._outputs, self._place = outputs, place
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        raw = self.get_starttag_text() or ""
        bare = _QUOTED.sub('""', raw)
        if _OPEN in bare and not _UNQUOTED.search(bare):
            self._refuse(raw, "the name of a tag or attribute")
        if _UNQUOTED.search(bare):
            self._refuse(raw, "an attribute without quotes")
        for name, value in attrs:
            self._attribute(name, value or "")
        if tag in {"script", "style"}:
            self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside and _OPEN in data:
            self._refuse(data, f"a {self._inside}")

    def _attribute(self, name: str, value: str) -> None:
        if _OPEN not in value:
            return
        if name.startswith("on") or name in {"style", "srcdoc", "srcset"}:
            self._refuse(value, f"the attribute {name}")
        begins = _MARK.match(value.strip())
        if name in _LINKS and begins and not _LINK_OUTPUT.fullmatch(self._outputs[int(begins[1])]):
            raise BadDefinition(UNSAFE_LINK, place=self._place, line=self.getpos()[0], output=self._named(value))

    def _named(self, text: str) -> str:
        found = _MARK.search(text)
        return "{{" + self._outputs[int(found[1])] + "}}" if found else "a value"

    def _refuse(self, text: str, where: str) -> None:
        raise BadDefinition(
            UNSAFE_PLACE, place=self._place, line=self.getpos()[0], output=self._named(text), where=where
        )
