"""HTTP/1.1 on one connection of the endpoint, with as little work a request as Python allows: it is never what is measured."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import NamedTuple


class Request(NamedTuple):
    """A request off the line. ``path`` holds the query too; ``head`` is the request line and the headers."""

    method: str
    path: str
    head: bytes
    body: bytes


class Connection(asyncio.Protocol):
    """Takes one request after the other and hands each to ``handle``, which answers with :meth:`send`, now or later.

    ``lost`` is told when the other side is gone.
    """

    def __init__(
        self,
        handle: Callable[["Connection", Request], None],
        living: set["Connection"],
        lost: Callable[["Connection"], None],
    ) -> None:
        self._handle = handle
        self._living = living
        self._lost = lost
        self._buffer = bytearray()
        self._head: bytes | None = None
        self._length: int | None = 0  # of the body; None: it comes in chunks
        self._chunks = bytearray()
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._living.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._living.discard(self)
        self._lost(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._busy:
            self._next()

    def send(self, data: bytes, drip: float = 0.0, cut: int | None = None, drip_body: bool = False) -> None:
        """Answer the request in hand: see ``Reply`` for ``drip``, ``cut`` and ``drip_body``."""
        if cut is not None:
            data = data[:cut]
        if drip:
            self._drip(data, 0, len(data) if drip_body else data.find(b"\r\n\r\n"), drip, cut is not None)
            return
        if not self.transport.is_closing():
            self.transport.write(data)
        self._sent(cut is not None)

    def reset(self) -> None:
        """Break the connection, so that the other side sees a reset and no orderly end."""
        line = self.transport.get_extra_info("socket")
        if line is not None and line.fileno() >= 0:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    def _drip(self, data: bytes, at: int, end: int, seconds: float, close: bool) -> None:
        if at < end and not self.transport.is_closing():
            self.transport.write(data[at : at + 1])
            asyncio.get_running_loop().call_later(seconds, self._drip, data, at + 1, end, seconds, close)
        else:
            self.transport.write(data[at:])
            self._sent(close)

    def _sent(self, close: bool) -> None:
        self._busy = False
        if close:
            self.transport.close()
        elif self._buffer:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        if self._head is None and not self._take_head():
            return
        body = self._take_chunks() if self._length is None else self._take_body(self._length)
        if body is None:
            return
        head, self._head = self._head, None
        method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        self._busy = True
        self._handle(self, Request(method, path, head, body))

    def _take_head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        self._head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        small = self._head.lower()
        _, found, rest = small.partition(b"\r\ncontent-length:")
        self._length = int(rest.split(b"\r\n", 1)[0]) if found else 0
        if b"\r\ntransfer-encoding: chunked" in small:
            self._length = None
        return True

    def _take_body(self, length: int) -> bytes | None:
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        return body

    def _take_chunks(self) -> bytes | None:
        while (line := self._buffer.find(b"\r\n")) >= 0:
            size = int(self._buffer[:line].split(b";")[0], 16)
            end = line + 2 + size
            if len(self._buffer) < end + 2:
                return None
            self._chunks += self._buffer[line + 2 : end]
            del self._buffer[: end + 2]
            if size == 0:
                body, self._chunks = bytes(self._chunks), bytearray()
                return body
        return None
