"""Files of the web, opened at any byte: every answer is what was asked for, or is refused."""

import re
import ssl
import string
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead, InvalidURL
from io import BufferedReader
from urllib.parse import quote, urljoin, urlsplit

from .._version import __version__
from .body import BLOCK, Body, LinkFault

__all__ = ["ask", "open_web", "redirected"]

MAX_REDIRECTS = 10

_REDIRECTS = {301, 302, 303, 307, 308}
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
_REMEDIES = {
    401: "it needs permission: log in, or ask whoever gave it",
    403: "it has expired or needs permission: open it in a browser",
    404: "it may be dead: look for a new one",
    410: "it is dead: look for a new one",
}
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII)
_NO_DATE = (TypeError, ValueError, OverflowError)
"""What comes of a date that is none, that lacks its zone, or that no calendar has."""
_ASKED = {"Accept-Encoding": "identity", "User-Agent": f"neuralviews/{__version__}"}

_Answer = HTTPResponse | urllib.error.HTTPError


@contextmanager
def open_web(
    link: str, offset: int, validator: str | None, headers: Mapping[str, str], timeout: float
) -> Iterator[Body]:
    """A file from ``offset`` on, or from its start if the server has another version or no ranges.

    Args:
        validator: of the version whose rest is wanted; None if any will do.
        headers: for the host of the link alone, since they may hold a secret.
        timeout: seconds in which the server has to say something.
    Raises:
        LinkFault: the server cannot be reached, refuses, or answers something else.
    """
    asked = {"Range": f"bytes={offset}-"} if offset else {}
    if offset and validator is not None:
        asked["If-Range"] = validator
    with closing(ask(link, headers, timeout, asked)) as answer:
        yield _body(answer, offset, validator)


def ask(
    link: str, headers: Mapping[str, str], timeout: float, asked: Mapping[str, str] | None = None
) -> HTTPResponse:
    """The answer to a request, with status 200 or 206, after redirects.

    Args:
        headers: for the host of the link alone.
        asked: headers that follow redirects.
    Raises:
        LinkFault: there is no such answer.
    """
    url, own = _in_ascii(link), headers
    for _ in range(MAX_REDIRECTS + 1):
        answer = _open(url, {**own, **_ASKED, **(asked or {})}, timeout)
        if isinstance(answer, HTTPResponse) and answer.status in (200, 206):
            return answer
        with closing(answer):
            if answer.status not in _REDIRECTS:
                raise _refusal(answer.status or 0, answer.headers)
            before, url = url, redirected(url, answer.headers["Location"])
            if urlsplit(before).netloc != urlsplit(url).netloc:
                own = {}
    raise LinkFault(f"redirects more than {MAX_REDIRECTS} times, or in a circle; look for a new link")


def redirected(url: str, location: str | None) -> str:
    """Where an answer leads, as a whole URL.

    Raises:
        LinkFault: nowhere, to a file of this machine, or to a place that anybody on the way could forge.
    """
    if not location:
        raise LinkFault("redirects to nowhere; look for a new link")
    # The HTTP client decodes headers as Latin-1, whatever they are: this gets the server's bytes back.
    location = quote(location, string.punctuation, "latin-1")
    try:
        target = urljoin(url, location)
        kinds = urlsplit(url).scheme, urlsplit(target).scheme
    except ValueError as error:
        raise LinkFault(f"redirects to {location}, which is no link ({error}); look for a new link") from None
    if kinds[1] not in ("http", "https"):
        raise LinkFault(f"redirects to {target}, expected a place in the web: do not trust this link")
    if kinds == ("https", "http"):
        raise LinkFault(
            f"redirects from https to {target}, where anybody on the way could change the bytes; "
            "look for a link that stays with https"
        )
    return target


def _in_ascii(link: str) -> str:
    """The link with everything quoted that a request cannot hold."""
    try:
        parts = urlsplit(link)
        parts.port  # noqa: B018 - raises for what is no port
    except ValueError as error:
        raise LinkFault(f"no link that can be opened ({error})") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise LinkFault("no link that can be opened, expected https://, http://, file:// or an absolute path")
    if "@" in parts.netloc:
        raise LinkFault("no link that can be opened: names of users and passwords do not belong into links")
    try:
        host = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
    except UnicodeError:
        raise LinkFault("no link that can be opened: there is no host of this name") from None
    return parts._replace(
        netloc=host,
        path=quote(parts.path, string.punctuation),
        query=quote(parts.query, string.punctuation),
        fragment="",
    ).geturl()


def _open(url: str, headers: Mapping[str, str], timeout: float) -> _Answer:
    # Neither redirects nor other kinds of links are followed here: a link to the web never leads to a file.
    opener = urllib.request.OpenerDirector()
    for handler in (
        *(urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), urllib.request.HTTPSHandler()),
        *(urllib.request.HTTPErrorProcessor(), urllib.request.HTTPDefaultErrorHandler()),
    ):
        opener.add_handler(handler)
    opener.addheaders = []
    try:
        answer = opener.open(urllib.request.Request(url, headers=dict(headers)), timeout=timeout)
    except urllib.error.HTTPError as error:
        return error
    except (OSError, HTTPException, ValueError) as error:
        raise _unreachable(error) from None
    assert isinstance(answer, HTTPResponse)
    return answer


def _unreachable(error: OSError | HTTPException | ValueError) -> LinkFault:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return LinkFault(f"its certificate is not to be trusted ({reason.verify_message})")
    if isinstance(reason, TimeoutError):
        return LinkFault("the server does not answer in time", retry=True)
    if isinstance(error, InvalidURL | ValueError):
        return LinkFault(f"no request that can be sent ({error})")
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return LinkFault(f"cannot be reached ({text}); check the network", retry=True)


def _refusal(status: int, headers: Message) -> LinkFault:
    name = f"{status} {HTTPStatus(status).phrase}" if status in {*HTTPStatus} else str(status)
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return LinkFault(f"answered {name}", retry=True, anew=True)
    if status in _TRANSIENT:
        after = _retry_after(headers)
        wait = f" and asks to wait {after:.0f} s" if after else ""
        return LinkFault(f"answered {name}{wait}; try again later", retry=True, after=after)
    return LinkFault(
        f"answered {name}, {_REMEDIES.get(status, 'expected the file')}", absent=status in _REMEDIES
    )


def _retry_after(headers: Message) -> float:
    """Seconds from now on, as a server states them: a number or a date; 0 if it does not."""
    text = (headers["Retry-After"] or "").strip()
    if re.fullmatch(r"\d{1,9}", text, re.ASCII):
        return float(text)
    try:
        date = parsedate_to_datetime(text)
        return max(0.0, (date - datetime.now(UTC)).total_seconds())
    except _NO_DATE:
        return 0.0


def _body(answer: HTTPResponse, offset: int, validator: str | None) -> Body:
    headers = answer.headers
    for name, expected in (("Content-Encoding", "identity"), ("Transfer-Encoding", "chunked")):
        if (found := (headers[name] or expected).strip().lower()) != expected:
            raise LinkFault(f"sends the file encoded as {found!r}, expected its bytes as they are")
    start, length = 0, answer.length
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        start, length = _range(headers, offset)
        found = headers["ETag" if (validator or "").startswith('"') else "Last-Modified"]
        if None not in (found, validator) and found.strip() != validator:
            raise LinkFault("sends a part of another version of the file", retry=True, anew=True)
    kind = (headers["Content-Type"] or "").split(";")[0].strip().lower()
    return Body(
        start,
        length,
        _validator(headers),
        _reader(answer),
        is_page=kind in ("text/html", "application/xhtml+xml"),
        has_end=answer.length is not None or answer.chunked,
    )


def _range(headers: Message, offset: int) -> tuple[int, int | None]:
    """Where a part begins, and the length of the whole if it is stated."""
    text = (headers["Content-Range"] or "").strip()
    match = _RANGE.fullmatch(text)
    if match:
        first, last = int(match[1]), int(match[2])
        length = None if match[3] == "*" else int(match[3])
        if first == offset <= last and (length is None or last < length):
            return first, length
    raise LinkFault(
        f"sends a part with Content-Range {text!r}, expected the bytes from {offset} on",
        retry=True,
        anew=True,
    )


def _validator(headers: Message) -> str | None:
    """What names this version of the file byte for byte; a weak ETag does not.

    A date does if the answer is younger by a second or more: the file may have changed twice in one.
    """
    etag = (headers["ETag"] or "").strip()
    if re.fullmatch(r'"[!-~]*"', etag):
        return etag
    modified = (headers["Last-Modified"] or "").strip()
    try:
        age = parsedate_to_datetime(headers["Date"]) - parsedate_to_datetime(modified)
    except _NO_DATE:
        return None
    return modified if age.total_seconds() >= 1 else None


def _reader(answer: HTTPResponse) -> Callable[[], bytes]:
    # A length that was stated is counted here: newer versions of the HTTP client hang up once so many bytes
    # have come, and whether more would follow is lost.
    stream, left = answer.fp, answer.length

    def read() -> bytes:
        nonlocal left
        if left == 0:
            if _has_more(stream):
                raise LinkFault("sends more bytes than it states", retry=True, spoilt=True)
            return b""
        try:
            # Not read(), which drops what it has when the connection breaks in the midst of it.
            block = answer.read1(BLOCK) if left is None else stream.read1(min(BLOCK, left))
        except (OSError, HTTPException) as error:
            raise _broken(error) from None
        if left is not None:
            left -= len(block)
        return block

    return read


def _has_more(stream: BufferedReader) -> bool:
    """Whether bytes follow after those that were stated; the connection is to be closed there."""
    try:
        return bool(stream.peek(1))
    except OSError:
        return False


def _broken(error: OSError | HTTPException) -> LinkFault:
    if isinstance(error, TimeoutError):
        return LinkFault("the server fell silent", retry=True)
    if isinstance(error, IncompleteRead):
        return LinkFault("the connection was cut", retry=True)
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return LinkFault(f"the connection broke ({text})", retry=True)
