"""What the endpoint is asked and what it answers: requests, replies, and every way in which a reply can go wrong."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from http.client import responses


@dataclass(frozen=True)
class Reply:
    """What to answer. ``body`` None: a completion; bytes are sent as they are, anything else as JSON.

    ``delay``: seconds before the first byte. ``reset``: break the connection without an answer. ``before``: bytes ahead
    of the head. ``drip``: seconds between the bytes of the head, and with ``drip_body`` of the body too. ``chunked``: no
    content-length, the body in chunks. ``cut``: hang up after so many bytes of head and body, counted from the end where
    negative.
    """

    status: int = 200
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    reset: bool = False
    before: bytes = b""
    drip: float = 0.0
    drip_body: bool = False
    chunked: bool = False
    cut: int | None = None


@dataclass(frozen=True)
class Received:
    """A request as it came in; ``at`` is on the monotonic clock. A line of a batch file has no ``head``."""

    body: dict
    head: bytes
    at: float

    @property
    def prompt(self) -> str:
        """The text of the first message, which some clients send in parts."""
        content = self.body["messages"][0]["content"]
        return content if isinstance(content, str) else "".join(part["text"] for part in content)

    @cached_property
    def headers(self) -> dict[str, str]:
        return read_headers(self.head)


def read_headers(head: bytes) -> dict[str, str]:
    """Headers of a request's head, names in lower case."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def error(message: str, code: str | None = None, kind: str = "invalid_request_error", param: str | None = None) -> dict:
    """An error body in the form of the OpenAI API."""
    return {"error": {"message": message, "type": kind, "code": code, "param": param}}


def completion(text: str, usage: tuple[int, int, int] = (7, 5, 2), **choice: object) -> dict:
    """A completion's body; ``usage``: tokens in, tokens out, and those of the first that came from the cache."""
    message = {"role": "assistant", "content": text}
    tokens_in, tokens_out, cached = usage
    return {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}],
        "usage": {
            "prompt_tokens": tokens_in,
            "completion_tokens": tokens_out,
            "total_tokens": tokens_in + tokens_out,
            "prompt_tokens_details": {"cached_tokens": cached},
        },
    }


def refusal(status: int) -> dict:
    """The body of an error answer for which no script has words."""
    if status == 429:
        return error("Rate limit reached for requests. Please slow down.", "rate_limit_exceeded", "requests")
    return error(
        f"{responses.get(status, 'Error')}.", None, "server_error" if status >= 500 else "invalid_request_error"
    )


def encode(reply: Reply, content: bytes, more: dict[str, str]) -> bytes:
    """Head and body of ``reply`` as they go over the line; ``more`` headers give way to the reply's own."""
    size = {"transfer-encoding": "chunked"} if reply.chunked else {"content-length": str(len(content))}
    headers = {"content-type": "application/json", **size, **more, **reply.headers}
    head = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if reply.chunked:
        middle = len(content) // 2
        content = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in (content[:middle], content[middle:]) if one)
        content += b"0\r\n\r\n"
    return f"HTTP/1.1 {reply.status} {responses.get(reply.status, 'Unknown')}\r\n{head}\r\n".encode() + content


_STREAM = b'data: {"choices":[{"index":0,"delta":{"content":"an"}}]}\n\ndata: [DONE]\n\n'

# A fault by its name; made anew at each call, for some are large.
FAULTS: dict[str, Callable[[], Reply]] = {
    "reset": lambda: Reply(reset=True),
    "closed_before_any_byte": lambda: Reply(cut=0),
    "slow_head": lambda: Reply(drip=0.02),
    "cut_head": lambda: Reply(cut=20),
    "cut_body": lambda: Reply(cut=-10),
    "cut_chunks": lambda: Reply(chunked=True, cut=-12),
    "huge": lambda: Reply(body=completion("word " * 6_000_000)),
    "html": lambda: Reply(body=b"<html><body>Welcome</body></html>", headers={"content-type": "text/html"}),
    "invalid_utf8": lambda: Reply(body=b'{"choices":[{"message":{"content":"\xff\xfe\x80"}}]}'),
    "empty_body": lambda: Reply(body=b""),
    "cut_json": lambda: Reply(body=json.dumps(completion("an answer")).encode()[:60]),
    "no_choices": lambda: Reply(body={"choices": []}),
    "null_content": lambda: Reply(body=completion("") | {"choices": [{"index": 0, "message": {"content": None}}]}),
    "same_id": lambda: Reply(body={"id": "chatcmpl-1", **completion("an answer")}),
    "error_with_200": lambda: Reply(body=error("The server is overloaded.", "overloaded", "server_error")),
    "stream": lambda: Reply(body=_STREAM, headers={"content-type": "text/event-stream"}),
    "redirect": lambda: Reply(301, b"", {"location": "/v1/elsewhere"}),
    "interim_heads": lambda: Reply(before=b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 3),
    "no_http": lambda: Reply(before=b"SSH-2.0-OpenSSH_9.6\r\n", cut=60),
    "wrong_encoding": lambda: Reply(body=completion("an answer"), headers={"content-encoding": "gzip"}),
}
