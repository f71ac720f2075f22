"""A real web server on this machine that misbehaves as it is told, one request after another."""

import socket
import struct
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

__all__ = ["HTML", "Fault", "FaultServer"]

HTML = b"<!DOCTYPE html>\n<html><body>Click here to go on</body></html>\n"
BLOCK = 2**16


@dataclass(frozen=True)
class Fault:
    """What is wrong with one answer.

    Attributes:
        kind: one of

            - ``reset``, ``close``: the connection breaks, hard or softly, after ``at`` of the body;
            - ``stall``: the server falls silent there, for as long as it runs;
            - ``silent``: it never answers at all; ``refuse``: it hangs up without an answer;
            - ``long``, ``short``: it states a length that is larger, or smaller, than the body by a tenth;
            - ``flip``: one bit of the body, at ``at`` of it, is another;
            - ``status``: it answers ``status``, with ``headers``, and no file;
            - ``html``, ``bare html``: it serves a page, and says so, or does not;
            - ``no ranges``: it ignores Range; ``wrong range``: it sends another part than it was asked for;
            - ``wrong note``: it sends the right part under a wrong Content-Range;
            - ``no if-range``: it ignores If-Range, and sends a part of whatever it has now;
            - ``change``: from now on the file is another one;
            - ``chunked``, ``chunked close``, ``endless``: no length is stated, the body comes in chunks, and
              ends rightly, is cut at ``at``, or goes on and on;
            - ``no length``: neither length nor chunks, the end of the connection ends the body;
            - ``gzip``: it says that the body is compressed;
            - ``no validator``, ``weak``, ``dated``: neither ETag nor date, a weak ETag, an old date alone;
            - ``fine``: nothing.
    """

    kind: str = "fine"
    at: float = 0.5
    status: int = 503
    headers: Mapping[str, str] = field(default_factory=dict)


class FaultServer:
    """Serves ``files`` by their names; each request meets the next of ``faults``, in the end ``always``.

    Attributes:
        requests: (name, headers) of all requests so far.
        sent: bytes of files that were sent.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = dict(files)
        self.faults: deque[Fault] = deque()
        self.always: Fault | None = None
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.sent = 0
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.site = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def link(self, name: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self._server.server_address[1]}/{name}"

    def next_fault(self) -> Fault:
        if self.faults:
            return self.faults.popleft()
        return self.always or Fault()

    def ranges(self) -> list[str | None]:
        """What was asked for as Range, request by request."""
        return [headers.get("range") for _, headers in self.requests]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    site: FaultServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        site, name = self.server.site, self.path[1:]
        site.requests.append((name, {key.lower(): value for key, value in self.headers.items()}))
        fault = site.next_fault()
        if fault.kind == "change":
            site.files[name] = bytes(255 - b for b in site.files[name])
        if fault.kind == "silent":
            site.stopping.wait(30)
        elif fault.kind == "refuse":
            self.close_connection = True
        elif fault.kind == "status" or name not in site.files:
            self._refuse(fault)
        elif fault.kind in ("html", "bare html"):
            kind = "text/html; charset=utf-8" if fault.kind == "html" else "application/octet-stream"
            self._answer(200, {"Content-Type": kind, "Content-Length": str(len(HTML))}, [HTML])
        else:
            self._serve(site.files[name], fault)

    def _refuse(self, fault: Fault) -> None:
        status = fault.status if fault.kind == "status" else 404
        self._answer(status, {"Content-Length": "0", **fault.headers}, [])

    def _serve(self, data: bytes, fault: Fault) -> None:
        etag = f'"{sha256(data).hexdigest()[:16]}"'
        headers = {"Content-Type": "application/octet-stream", "ETag": etag}
        if fault.kind in ("no validator", "weak", "dated"):
            headers["ETag"] = f"W/{etag}"
            if fault.kind != "weak":
                del headers["ETag"]
            if fault.kind == "dated":
                headers["Last-Modified"] = "Sat, 29 Oct 1994 19:43:31 GMT"
        headers.update(fault.headers)
        start = self._start(len(data), headers, fault)
        if start is None:
            self._answer(416, {"Content-Length": "0", "Content-Range": f"bytes */{len(data)}"}, [])
            return
        status = 200
        if start:
            shown, status = start, 206
            if fault.kind == "wrong range":
                start = start // 2
                shown = start
            if fault.kind == "wrong note":
                shown = start + 1
            headers["Content-Range"] = f"bytes {shown}-{len(data) - 1}/{len(data)}"
        self._send(status, headers, data[start:], fault)

    def _start(self, length: int, headers: Mapping[str, str], fault: Fault) -> int | None:
        """From where on to send; None if that is not there."""
        asked = self.headers.get("Range", "")
        if not asked or fault.kind == "no ranges":
            return 0
        condition = self.headers.get("If-Range")
        same = condition in (None, headers.get("ETag"), headers.get("Last-Modified"))
        if not same and fault.kind != "no if-range":
            return 0
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        return start if start < length else None

    def _send(self, status: int, headers: dict[str, str], body: bytes, fault: Fault) -> None:
        cut = int(len(body) * fault.at)
        stated, parts = len(body), [body]
        if fault.kind == "long":
            stated += len(body) // 10 + 1
        elif fault.kind == "short":
            stated -= len(body) // 10 + 1
        elif fault.kind == "flip" and body:
            at = min(cut, len(body) - 1)
            parts = [body[:at], bytes([body[at] ^ 4]), body[at + 1 :]]
        elif fault.kind in ("reset", "close", "stall", "chunked close"):
            parts = [body[:cut]]
        if fault.kind == "gzip":
            headers["Content-Encoding"] = "gzip"
        if fault.kind in ("chunked", "chunked close", "endless"):
            headers["Transfer-Encoding"] = "chunked"
            ending = [] if fault.kind == "chunked close" else [b"0\r\n\r\n"]
            parts = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part] + ending
            if fault.kind == "endless":
                parts = parts[:1] * 100
        elif fault.kind != "no length":
            headers["Content-Length"] = str(stated)
        self._answer(status, headers, parts)
        if fault.kind == "stall":
            self.server.site.stopping.wait(30)
        if fault.kind == "reset":
            self._reset()

    def _answer(self, status: int, headers: Mapping[str, str], parts: list[bytes]) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.send_response(status)
            for name, value in {**headers, "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            for part in parts:
                for at in range(0, len(part), BLOCK):
                    block = part[at : at + BLOCK]
                    self.wfile.write(block)
                    self.server.site.sent += len(block)

    def _reset(self) -> None:
        """Hang up as a process that was killed does, with a reset instead of a farewell."""
        with suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.shutdown(socket.SHUT_RD)
        self.connection.close()
