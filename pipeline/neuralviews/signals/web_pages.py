"""Web pages that came in place of data, as links give them that have expired or ask for a click."""

import re

__all__ = ["WEB_PAGE", "is_web_page"]

WEB_PAGE = "the link served a web page, not data"
"""What error messages call such a file."""

_START = re.compile(
    # Nothing that has matched is tried in another way: a file full of comments would take years.
    rb"(?:\xef\xbb\xbf)?\s*+(?:<\?xml[^>]*+>\s*+)?+(?:(?><!--.*?-->)\s*+)*+"
    rb"<(?:!doctype\s+html|html|head|body|script)\b",
    re.IGNORECASE | re.DOTALL,
)


def is_web_page(head: bytes) -> bool:
    """Whether a file begins like HTML, by its first bytes; 1,024 of them do."""
    return _START.match(head) is not None
