"""What every endpoint of the local Hub shares: how a request is read, and how a refusal is told."""

import json
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pairsmith.curation.hub_store import HubRefusal

LARGEST_BODY = 100_000_000  # bytes of a request that is no upload: a commit carries its small files in it


async def read_body(request: Request) -> Any:
    """What was sent: JSON or a form, as plain data; the bytes of anything else."""
    pieces, size = [], 0
    async for piece in request.stream():
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST_BODY:
            raise HubRefusal(413, f"a request has at most {LARGEST_BODY:,} bytes; send files to large-file storage")
    body, kind = b"".join(pieces), request.headers.get("content-type", "")
    if "x-ndjson" in kind or not body:
        return body
    return _plain(body, kind)


def _plain(body: bytes, kind: str) -> Any:
    try:
        return parse_qs(body.decode()) if "form" in kind else json.loads(body)
    except ValueError:
        raise HubRefusal(400, "the request is no JSON") from None


def refused(refusal: HubRefusal, headers: dict[str, str]) -> Response:
    """As clients of the Hub expect it: the reason stands in headers, which a ``HEAD`` request gets too."""
    told = str(refusal).encode("ascii", "replace").decode()
    code = {"X-Error-Code": refusal.code} if refusal.code else {}
    return JSONResponse({"error": told}, refusal.status, {**headers, "X-Error-Message": told, **code})


async def on_refusal(_: Request, error: Exception) -> Response:
    """What is refused, told to the client."""
    assert isinstance(error, HubRefusal)  # noqa: S101  for the type checker
    return refused(error, {})


async def on_full_disk(_: Request, __: Exception) -> Response:
    """No room: the client may come again."""
    return refused(HubRefusal(507, "the server's disk is full"), {})


async def on_hang_up(_: Request, __: Exception) -> Response:
    """Nobody reads what is answered."""
    return Response(status_code=499)
