"""Who may do what on a local Hub: tokens, what they may write and read, and links that are good for one upload or download.

All of it stands in ``accounts.json`` in the server's folder, which only its owner can read: it holds tokens. They are good
for this server alone. To rehearse with several people or with one who may not write, edit the file and start the server again.
"""

import hmac
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from pairsmith.factory.errors import InputError

FILE = "accounts.json"
ANY = "*"

_GOOD_FOR = 3600  # seconds that a link may be used: a large file on a slow line


@dataclass(frozen=True)
class Account:
    """``writes``, ``reads``: organizations, ``*`` for any; its own name's space is always its own, and who writes reads."""

    name: str
    token: str
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    def may_write(self, organization: str) -> bool:
        """Whether it may change what belongs to an organization or user."""
        return organization == self.name or not {organization, ANY}.isdisjoint(self.writes)

    def may_read(self, organization: str) -> bool:
        """Whether it may see what is private there."""
        return self.may_write(organization) or not {organization, ANY}.isdisjoint(self.reads)


@dataclass(frozen=True)
class Accounts:
    """``secret``: of the links."""

    secret: str
    accounts: tuple[Account, ...]

    def of(self, token: str) -> Account | None:
        """Whose token that is."""
        given = token.encode()
        return next((one for one in self.accounts if hmac.compare_digest(one.token.encode(), given)), None)

    def sign(self, method: str, content: str) -> str:
        """A query string that lets who has it ``GET`` or ``PUT`` one content, for an hour."""
        until = str(int(time.time()) + _GOOD_FOR)
        return f"until={until}&signature={self._signature(method, content, until)}"

    def signed(self, method: str, content: str, until: str, signature: str) -> bool:
        """Whether :meth:`sign` gave that, not long ago."""
        fresh = until.isdecimal() and int(until) >= time.time()
        return fresh and hmac.compare_digest(self._signature(method, content, until).encode(), signature.encode())

    def _signature(self, *parts: str) -> str:
        return hmac.new(self.secret.encode(), "\n".join(parts).encode(), sha256).hexdigest()


def read_accounts(folder: Path) -> Accounts:
    """The accounts of a server's folder; where there are none yet, one that may write anywhere."""
    path = folder / FILE
    if not path.exists():
        made = Accounts(secrets.token_hex(32), (Account("rehearsal", f"hf_{secrets.token_hex(17)}", (ANY,)),))
        write_accounts(folder, made)
        return made
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        accounts = tuple(
            Account(one["name"], one["token"], tuple(one.get("writes", ())), tuple(one.get("reads", ())))
            for one in known["accounts"]
        )
        return Accounts(known["secret"], accounts)
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not readable ({type(error).__name__}); mend it, or delete it and a new token is made"
        ) from None


def write_accounts(folder: Path, accounts: Accounts) -> None:
    """Keep the accounts, where nobody but the owner of the folder reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{FILE}.part"
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(asdict(accounts), file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    beside.replace(folder / FILE)
