"""A Hub on this machine: it speaks as much of the Hub's protocol as it takes to publish datasets and models and to load them.

For rehearsals and tests: the real clients (``huggingface_hub``, ``datasets``) talk to it, and what they were told outlives
its end. Contents stream to disk and from it. It answers on 127.0.0.1 alone and needs the extra ``hub`` (starlette, uvicorn).
"""

import hashlib
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from pairsmith.curation import hub_answers as answers
from pairsmith.curation.hub_accounts import Account, Accounts
from pairsmith.curation.hub_http import on_full_disk, on_hang_up, on_refusal, read_body, refused
from pairsmith.curation.hub_store import HubRefusal, Repository, Store
from pairsmith.factory.errors import RoomError

HOST = "127.0.0.1"

_NAMED = "/{organization}/{name}"
_FILE_HEADERS = {"Accept-Ranges": "bytes", "Content-Disposition": "attachment", "X-Content-Type-Options": "nosniff"}

Endpoint = Callable[["Hub", Request, Any], Response]


class Hub:
    """The endpoints for repositories of one kind. ``store``: what is published; ``accounts``: by whom it may be."""

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self.store = store
        self.accounts = accounts
        self._pages = "/datasets" if store.kind == "datasets" else ""  # as the Hub has it: models stand at its root

    def routes(self) -> list[Route]:
        """What is asked of one repository."""
        about, page = f"/api/{self.store.kind}{_NAMED}", self._pages + _NAMED
        return [
            self.route(about, "GET", Hub.about),
            self.route(about + "/revision/{revision:path}", "GET", Hub.about),
            self.route(about + "/refs", "GET", Hub.refs),
            self.route(about + "/commits/{revision:path}", "GET", Hub.commits),
            self.route(about + "/tree/{revision}", "GET", Hub.tree),
            self.route(about + "/tree/{revision}/{path:path}", "GET", Hub.tree),
            self.route(about + "/paths-info/{revision:path}", "POST", Hub.paths),
            self.route(about + "/preupload/{revision:path}", "POST", Hub.preupload),
            self.route(about + "/commit/{revision:path}", "POST", Hub.commit),
            self.route(about + "/tag/{revision:path}", "POST", Hub.tag),
            self.route(page + ".git/info/lfs/objects/batch", "POST", Hub.batch),
            self.route(page + "/resolve/{revision}/{path:path}", "GET", Hub.resolve),
        ]

    def shared(self) -> list[Route]:
        """What is asked of the whole Hub, whichever kind a content is of."""
        return [
            self.route("/api/whoami-v2", "GET", Hub.whoami),
            self.route("/api/validate-yaml", "POST", Hub.validate),
            Route("/contents/{sha256}", self._upload, methods=["PUT"]),
            self.route("/contents/{sha256}", "GET", Hub.content),
            self.route("/contents/{sha256}/verify", "POST", Hub.verify),
        ]

    def whoami(self, request: Request, _: Any) -> Response:
        """Who asks."""
        account = self._account(request)
        organizations = [{"type": "org", "name": name} for name in account.writes]
        token = {"type": "access_token", "accessToken": {"displayName": "rehearsal", "role": "write"}}
        return JSONResponse({"type": "user", "name": account.name, "orgs": organizations, "auth": token})

    def validate(self, _: Request, body: Any) -> Response:
        """Whether a card's metadata can be used."""
        wrong = [{"message": each} for each in answers.faults(body["content"])]
        return JSONResponse({"errors": wrong, "warnings": []}, 400 if wrong else 200)

    def create(self, request: Request, body: Any) -> Response:
        """A new repository; private unless it is said to be public."""
        account = self._account(request)
        organization = body.get("organization") or account.name
        _need(account.may_write(organization), organization)
        name = f"{organization}/{body['name']}"
        attributes = self.store.keep(answers.ATTRIBUTES)
        private = body.get("visibility", "private") != "public"
        self.store.create(name, private, account.name, {".gitattributes": attributes})
        return JSONResponse({"url": f"{_base(request)}{self._pages}/{name}", "name": name, "id": name})

    def about(self, request: Request, _: Any) -> Response:
        """Facts of a repository at a revision."""
        repository = self._readable(request)
        commit = self.store.commit(repository, _revision(request))
        return JSONResponse(answers.described(self.store, repository, commit))

    def refs(self, request: Request, _: Any) -> Response:
        """Branches and tags."""
        return JSONResponse(answers.referenced(self._readable(request)))

    def commits(self, request: Request, _: Any) -> Response:
        """The history."""
        history = self.store.history(self._readable(request), _revision(request))
        return JSONResponse([answers.told(commit) for commit in history])

    def tree(self, request: Request, _: Any) -> Response:
        """What is in a folder."""
        commit = self.store.commit(self._readable(request), _revision(request))
        recursive = request.query_params.get("recursive", "").lower() in ("1", "true")
        return JSONResponse(answers.listed(commit, request.path_params.get("path", "").strip("/"), recursive))

    def paths(self, request: Request, body: Any) -> Response:
        """What is at some paths."""
        commit = self.store.commit(self._readable(request), _revision(request))
        return JSONResponse(answers.of_paths(commit, body["paths"]))

    def preupload(self, request: Request, body: Any) -> Response:
        """Which way each file of a commit to come shall take."""
        repository, _ = self._writable(request)
        commit = self.store.commit(repository, _revision(request))
        return JSONResponse({"files": [answers.upload_mode(commit, file) for file in body["files"]]})

    def commit(self, request: Request, body: bytes) -> Response:
        """A commit on the main branch: all of it or nothing."""
        repository, account = self._writable(request)
        if _revision(request) != "main" or request.query_params.get("create_pr"):
            raise HubRefusal(400, "this server takes commits on the branch 'main' only, and no pull requests")
        header, changes = answers.read_commit(self.store, body)
        title, message = header["summary"], header.get("description") or ""
        made = self.store.change(repository.name, changes, title, message, account.name, header.get("parentCommit"))
        url = f"{_base(request)}{self._pages}/{repository.name}/commit/{made.id}"
        return JSONResponse({"success": True, "commitOid": made.id, "commitUrl": url, "hookOutput": ""})

    def tag(self, request: Request, body: Any) -> Response:
        """A new tag."""
        repository, _ = self._writable(request)
        self.store.tag(repository.name, body["tag"], _revision(request))
        return JSONResponse({})

    def batch(self, request: Request, body: Any) -> Response:
        """Where large files go: a link for each content that is not there yet."""
        self._writable(request)
        objects = [self._object(_base(request), one["oid"], one["size"]) for one in body["objects"]]
        answer = {"transfer": "basic", "objects": objects}
        return JSONResponse(answer, media_type="application/vnd.git-lfs+json")

    def verify(self, _: Request, body: Any) -> Response:
        """Whether an upload is there, whole."""
        blob = self.store.blob(body["oid"])
        if not blob.exists() or blob.stat().st_size != body["size"]:
            raise HubRefusal(404, "this content was not uploaded, or not whole")
        return JSONResponse({})

    def resolve(self, request: Request, _: Any) -> Response:
        """A file of a commit; a large one, but for its headers, from where large-file storage has it."""
        repository = self._readable(request)
        commit = self.store.commit(repository, _revision(request))
        entry = commit.files.get(request.path_params["path"])
        headers = {"X-Repo-Commit": commit.id, **_FILE_HEADERS}
        if entry is None:
            return refused(HubRefusal(404, "Entry not found", "EntryNotFound"), headers)
        headers["ETag"] = f'"{entry.sha256 if entry.lfs else entry.oid}"'
        if entry.lfs and request.method != "HEAD":
            link = f"{_base(request)}/contents/{entry.sha256}?{self.accounts.sign('GET', entry.sha256)}"
            return RedirectResponse(link, 302, headers)
        return FileResponse(self.store.blob(entry.sha256), headers=headers, media_type="application/octet-stream")

    def content(self, request: Request, _: Any) -> Response:
        """The content of a large file, or a part of it, to who has the link."""
        sha256 = self._linked(request)
        blob = self.store.blob(sha256)
        if not blob.exists():
            raise HubRefusal(404, "Entry not found", "EntryNotFound")
        headers = {"ETag": f'"{sha256}"', **_FILE_HEADERS}
        return FileResponse(blob, headers=headers, media_type="application/octet-stream")

    async def _upload(self, request: Request) -> Response:
        """Take a content piece by piece; it is kept if it is what its link says."""
        sha256, found = self._linked(request), hashlib.sha256()
        with self.store.arriving(sha256) as beside:
            with beside.open("wb") as file:
                async for piece in request.stream():
                    file.write(piece)
                    found.update(piece)
            if found.hexdigest() != sha256:
                raise HubRefusal(400, "the content has another digest than was said")
        return Response()

    def route(self, path: str, method: str, endpoint: Endpoint) -> Route:
        """A route to an endpoint, which runs in a thread of its own."""

        async def answer(request: Request) -> Response:
            body = await read_body(request)
            try:
                return await run_in_threadpool(endpoint, self, request, body)
            except (KeyError, TypeError, ValueError, AttributeError) as error:  # of what the client sent
                raise HubRefusal(400, f"the request is not readable ({type(error).__name__})") from None

        return Route(path, answer, methods=[method])

    def _object(self, base: str, sha256: str, size: int) -> answers.Answer:
        known = {"oid": sha256, "size": size}
        if self.store.blob(sha256).exists():
            return known
        link = f"{base}/contents/{sha256}"
        upload = {"href": f"{link}?{self.accounts.sign('PUT', sha256)}", "header": {}}
        return {**known, "actions": {"upload": upload, "verify": {"href": f"{link}/verify", "header": {}}}}

    def _linked(self, request: Request) -> str:
        sha256, asked = str(request.path_params["sha256"]), request.query_params
        method = "GET" if request.method == "HEAD" else request.method
        if not self.accounts.signed(method, sha256, asked.get("until", ""), asked.get("signature", "")):
            raise HubRefusal(403, "this link has expired or was never given")
        return sha256

    def _account(self, request: Request) -> Account:
        account = self._known(request)
        if account is None:
            raise HubRefusal(401, "Invalid username or password.")
        return account

    def _known(self, request: Request) -> Account | None:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        account = self.accounts.of(token) if kind == "Bearer" else None
        if token and account is None:
            raise HubRefusal(401, "Invalid credentials in Authorization header")
        return account

    def _readable(self, request: Request) -> Repository:
        account = self._known(request)
        repository = self.store.repository("{organization}/{name}".format_map(request.path_params))
        if repository.private and not (account and account.may_read(repository.organization)):
            raise HubRefusal(404 if account else 401, "Repository not found", "RepoNotFound")
        return repository

    def _writable(self, request: Request) -> tuple[Repository, Account]:
        account, repository = self._account(request), self._readable(request)
        _need(account.may_write(repository.organization), repository.organization)
        return repository, account


def hub_app(datasets: Hub, models: Hub) -> Starlette:
    """The server. A page of another site that gets a browser to call it under another name is turned away."""
    hubs = {"dataset": datasets, "model": models}

    def create(_: Hub, request: Request, body: Any) -> Response:
        kind = body.get("type", "model")
        if kind not in hubs:
            raise HubRefusal(400, "this server keeps datasets and models only")
        return hubs[kind].create(request, body)

    routes = [*datasets.shared(), datasets.route("/api/repos/create", "POST", create)]
    return Starlette(
        routes=[*routes, *datasets.routes(), *models.routes()],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
        exception_handlers={HubRefusal: on_refusal, RoomError: on_full_disk, ClientDisconnect: on_hang_up},
    )


def _need(allowed: bool, organization: str) -> None:
    if not allowed:
        raise HubRefusal(403, f"You don't have the rights to write to {organization}")


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _revision(request: Request) -> str:
    return str(request.path_params.get("revision", "main"))
