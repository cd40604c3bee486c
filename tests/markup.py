"""HTML as a reader meets it, whatever the layout of its template."""

from __future__ import annotations

import re

from httpx import Response

BLOCK = (
    "address|article|aside|body|br|button|dd|details|div|dl|dt|fieldset|figcaption|figure|footer|form|h[1-6]|head|"
    "header|html|label|legend|li|main|nav|ol|option|p|section|select|summary|table|tbody|td|tfoot|th|thead|tr|ul"
)


def collapse(html: str) -> str:
    """One space where there are several; none inside the edges of an element, none around a block."""
    html = re.sub(r"\s+", " ", html)
    html = re.sub(rf" ?(</?(?:{BLOCK})\b[^>]*>) ?", r"\1", html)
    return re.sub(r"(<(?:b|small|span|strong)\b[^>]*>) | (?=</)", r"\1", html)


def read_page(response: Response) -> str:
    """The text of a response: collapsed where it is HTML, as it is where it is a file."""
    return collapse(response.text) if "html" in response.headers["content-type"] else response.text
