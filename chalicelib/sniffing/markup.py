"""Markup that a browser would run or show: HTML, XHTML, SVG.

Sources: https://mimesniff.spec.whatwg.org/#identifying-a-resource-with-an-unknown-mime-type for the
beginning of HTML, https://www.w3.org/TR/SVG2/interact.html for scripts in SVG. The root element
decides the type of XML, not an element inside.
"""

import re

from chalicelib.sniffing.evidence import Evidence

HTML = "text/html"
XHTML = "application/xhtml+xml"
SVG = "image/svg+xml"
XML = "application/xml"
XHTML_NAMESPACE = "http://www.w3.org/1999/xhtml"
_HTML_TAGS = (
    "html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|img|meta"
    "|link|svg|form|object|embed|base|video|audio|input|button|frameset|marquee|details|center"
)
_SPACE = re.compile(r"[\ufeff\0\s]*")
_HTML = re.compile(rf"<(?:{_HTML_TAGS})[\s/>]", re.IGNORECASE)
_HTML_DOCTYPE = re.compile(r"<!doctype\s+html[\s>]", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_INSTRUCTION = re.compile(r"<\?.*?(?:\?>|\Z)", re.DOTALL)
# A document type may have declarations within brackets.
_DOCTYPE = re.compile(r"<!doctype\s[^\[>]*(?:\[.*?\]\s*)?(?:>|\Z)", re.IGNORECASE | re.DOTALL)
_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)(?=[\s/>])")
# Content of an SVG that a browser runs, or opens as a link.
_ACTIVE = re.compile(
    r"<(?:[\w.-]+:)?(?:script|foreignobject|iframe|embed|object|handler|set|animate)[\s/>]"
    r"|[\s\"'/]on[a-z]{3,}\s*=|javascript:|data:text/html|&#|<!entity",
    re.IGNORECASE,
)


def find_markup(text: str) -> Evidence | None:
    """The type of a text that begins with markup; None if it does not.

    A byte order mark, spaces, comments and processing instructions may precede the root element.
    """
    at = _skip(text, 0, (_SPACE,))
    if text[at : at + 1] != "<":
        return None
    start = _skip(text, at, (_SPACE, _COMMENT, _INSTRUCTION))
    root = _ROOT.match(text, _skip(text, start, (_SPACE, _COMMENT, _INSTRUCTION, _DOCTYPE)))
    name = root.group(1) if root else ""
    if name == "svg":
        return Evidence(SVG, is_text=True, is_active=bool(_ACTIVE.search(text)))
    if text.startswith("<?xml", at):
        if name == "html":
            return Evidence(XHTML, is_text=True, is_active=True)
        return Evidence(XML, is_text=True, is_active=XHTML_NAMESPACE in text)
    is_comment_alone = start > at and not name and not text.startswith("<!", start)
    if _HTML.match(text, start) or _HTML_DOCTYPE.match(text, start) or is_comment_alone:
        return Evidence(HTML, is_text=True, is_active=True)
    return None


def _skip(text: str, at: int, parts: tuple[re.Pattern[str], ...]) -> int:
    """The position behind all of these parts, in any number."""
    while True:
        before = at
        for part in parts:
            match = part.match(text, at)
            at = match.end() if match else at
        if at == before:
            return at
