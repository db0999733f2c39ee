"""Argilla's database and the accounts in it, made without Argilla's command line, which newer releases of click break."""

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from alembic import command, config
from argilla_server.contexts import accounts
from argilla_server.database import ALEMBIC_CONFIG_FILE, AsyncSessionLocal
from argilla_server.models import User, UserRole, Workspace, WorkspaceUser
from argilla_server.settings import settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession


def upgrade_database() -> None:
    """Make the database, or bring that of an older Argilla up to date; readers and a writer don't block each other."""
    with sqlite3.connect(f"{settings.home_path}/argilla.db") as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    command.upgrade(config.Config(ALEMBIC_CONFIG_FILE), "head")


async def make_accounts(state: Mapping[str, Any]) -> None:
    """Make the workspace and the accounts that are missing. An account whose key is another gets key and password anew."""
    async with AsyncSessionLocal() as db:
        workspace = await Workspace.get_by(db, name=state["workspace"])
        if workspace is None:
            workspace = await Workspace.create(db, name=state["workspace"])
        for name, account in state["accounts"].items():
            user = await _user(db, name, account)
            if await WorkspaceUser.get_by(db, workspace_id=workspace.id, user_id=user.id) is None:
                await WorkspaceUser.create(db, workspace_id=workspace.id, user_id=user.id)


async def _user(db: "AsyncSession", name: str, account: Mapping[str, str]) -> User:
    user = await User.get_by(db, username=name)
    if user is not None and user.api_key == account["api_key"]:
        return user
    secrets = {"api_key": account["api_key"], "password_hash": accounts.hash_password(account["password"])}
    if user is not None:
        return await user.update(db, **secrets)
    return await User.create(db, username=name, first_name=name, role=UserRole(account["role"]), **secrets)
