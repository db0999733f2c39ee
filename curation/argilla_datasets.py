"""The datasets of a run on an Argilla server: found, made, checked, and read through.

There are two, since Argilla says by dataset how many answers a record needs: one for the rows that one reviewer answers, and
one, ``<name>-twice``, for those that two do.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pairsmith.curation.argilla_connection import Connection, explained
from pairsmith.curation.argilla_form import changes, misfits, settings
from pairsmith.factory.errors import RunError, nearest

TWICE = "-twice"
PAGE = 500  # records that are read at once: some MB with their texts and responses
ROUNDS = 3  # times that a dataset is read where it changes meanwhile

Advance = Callable[[int], object]
"""Told how many more are done."""


@dataclass(frozen=True)
class Queue:
    """A dataset on the server. ``answers``: submitted responses that a record needs to be done."""

    connection: Connection
    id: str
    name: str
    workspace: str
    answers: int

    @property
    def where(self) -> str:
        """The dataset, as messages name it."""
        return f"{self.connection.url}: dataset '{self.name}' of workspace '{self.workspace}'"

    def page(self, reviewers: int) -> str:
        """Where reviewers answer: in the order in which the rows were drawn, but where several share them.

        Those would answer the same rows at the same time; without a sort Argilla shows each of them an order of their own.
        """
        in_order = "" if reviewers > self.answers else "&sort=metadata.order.asc"
        return f"{self.connection.url}/dataset/{self.id}/annotation-mode?page=1&status=pending{in_order}"

    def ask(self, what: str) -> list[dict[str, Any]]:
        """Its ``questions`` or ``fields``, as the server's API has them."""
        found: list[dict[str, Any]] = self.connection.ask("GET", f"datasets/{self.id}/{what}")["items"]
        return found

    def check(self) -> list[dict[str, Any]]:
        """Its questions; :class:`RunError` where someone changed them, or the fields, so that no rows can be added."""
        questions = self.ask("questions")
        self._refuse(
            changes(questions, self.ask("fields")), "pull what was answered, then delete it there and push again"
        )
        return questions

    def check_readable(self) -> list[dict[str, Any]]:
        """Its questions; :class:`RunError` where their answers cannot be read."""
        questions = self.ask("questions")
        self._refuse(misfits(questions), "it was not made by Pairsmith; delete or rename it there and push again")
        return questions

    def _refuse(self, found: list[str], remedy: str) -> None:
        if found:
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise RunError(f"{self.where} was changed: {found[0]}{more}; {remedy}")

    def records(self, include: Sequence[str], advance: Advance) -> list[dict[str, Any]]:
        """All of its records, each once, as the API has them; ``include``: ``responses``, ``suggestions``.

        The server's pages are by time of insertion: where records go or are of one time, a page can miss some. So it is
        read again until there are as many as the server counts.
        """
        for _ in range(ROUNDS):
            found, total = self._read_through(include, advance)
            if len(found) == total:
                return list(found.values())
        raise RunError(f"{self.where} changes while it is read; run the command again when nobody deletes records")

    def _read_through(self, include: Sequence[str], advance: Advance) -> tuple[dict[str, dict[str, Any]], int]:
        found: dict[str, dict[str, Any]] = {}
        for offset in range(0, 10**9, PAGE):
            said = {"offset": offset, "limit": PAGE, "include": list(include)}
            page = self.connection.ask("GET", f"datasets/{self.id}/records", params=said)
            found |= {record["id"]: record for record in page["items"]}
            advance(len(page["items"]))
            if len(page["items"]) < PAGE:
                break
        return found, int(page["total"])

    def total(self) -> int:
        """How many records it has."""
        return int(self.connection.ask("GET", f"datasets/{self.id}/records", params={"limit": 1})["total"])


@dataclass(frozen=True)
class Workspace:
    """A workspace of the server."""

    connection: Connection
    id: str
    name: str

    def queue(self, name: str, answers: int) -> Queue | None:
        """The dataset of that name; none where it was never published: nobody has seen it, it holds no record."""
        for one in self._datasets(name):
            if one["status"] == "ready":
                return Queue(self.connection, one["id"], name, self.name, answers)
        return None

    def _datasets(self, name: str) -> list[dict[str, Any]]:
        listed = self.connection.ask("GET", "me/datasets", params={"workspace_id": self.id})["items"]
        return [one for one in listed if one["name"] == name]

    def make_queue(self, name: str, answers: int, gates: Iterable[str]) -> Queue:
        """A new dataset, ready for records, in place of one that was half made."""
        import argilla as rg

        for one in self._datasets(name):
            if one["status"] != "ready":
                self.connection.ask("DELETE", f"datasets/{one['id']}")
        client = self.connection.client
        with explained(self.connection.url):
            form = settings(client, answers, gates)
            rg.Dataset(name=name, workspace=self.name, settings=form, client=client).create()
        made = self.queue(name, answers)
        if made is None:
            raise RunError(f"{self.connection.url}: the new dataset '{name}' is gone already; run the command again")
        return made

    def users(self) -> dict[str, str]:
        """User id -> name, of those who may answer, and of all users where the key's user may see them."""
        listed = self.connection.ask("GET", f"workspaces/{self.id}/users")["items"]
        _, role = self.connection.user()
        if role == "owner":
            listed += self.connection.ask("GET", "users")["items"]
        return {user["id"]: user["username"] for user in listed}

    def members(self) -> set[str]:
        """Names of the users who may answer."""
        return {user["username"] for user in self.connection.ask("GET", f"workspaces/{self.id}/users")["items"]}


def find_workspace(connection: Connection, name: str) -> Workspace:
    """The workspace of that name; :class:`RunError` says which there are."""
    there = _workspaces(connection)
    if name not in there:
        others = ", ".join(f"'{one}'" for one in sorted(there)) or "none"
        raise RunError(
            f"{connection.url}: no workspace '{name}'{nearest(name, there)}; there are: {others}; set 'workspace' in section"
            " 'review' of factory.yml"
        )
    return Workspace(connection, there[name], name)


def made_workspace(connection: Connection, name: str, reviewers: Iterable[str]) -> tuple[Workspace, bool]:
    """The workspace of that name, and whether it is new: an owner's key makes it where it is missing, with its reviewers."""
    _, role = connection.user()
    if role != "owner" or name in _workspaces(connection):
        return find_workspace(connection, name), False
    made = connection.ask("POST", "workspaces", json={"name": name})
    users = {user["username"]: user["id"] for user in connection.ask("GET", "users")["items"]}
    for reviewer in reviewers:
        if reviewer in users:
            connection.ask("POST", f"workspaces/{made['id']}/users", json={"user_id": users[reviewer]})
    return Workspace(connection, made["id"], name), True


def _workspaces(connection: Connection) -> Mapping[str, str]:
    return {one["name"]: one["id"] for one in connection.ask("GET", "me/workspaces")["items"]}


def queues(workspace: Workspace, name: str) -> Iterator[Queue]:
    """Those of the two datasets that are there."""
    for named, answers in ((name, 1), (f"{name}{TWICE}", 2)):
        if queue := workspace.queue(named, answers):
            yield queue
