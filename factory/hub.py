"""``hf://datasets/...``: files of a data set on the Hugging Face Hub, read from one commit.

The library downloads file by file into its own cache and takes its settings from the environment (``HF_ENDPOINT``,
``HF_HOME``, ``HF_TOKEN``, ``HF_HUB_OFFLINE``).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from pairsmith.factory.errors import InputError, nearest

SCHEME = "hf://"

_PATH = re.compile(r"hf://datasets/([\w.-]+/[\w.-]+)(?:@([^/@]+))?/([^/].*)")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_GLOB = re.compile(r"[*?\[]")


class HubPath(NamedTuple):
    """``file`` may be a pattern; ``revision`` is a branch, tag or commit, None for the main branch."""

    repository: str
    revision: str | None
    file: str


class HubFiles(NamedTuple):
    """What a path stands for: files of one commit."""

    repository: str
    commit: str
    names: tuple[str, ...]


def parse_hub_path(path: str) -> HubPath:
    """Read ``hf://datasets/<owner>/<name>[@revision]/<path or pattern>``; raises ``ValueError`` for anything else.

    >>> parse_hub_path("hf://datasets/tiny/texts@refs%2Fconvert%2Fparquet/data/*.parquet")
    HubPath(repository='tiny/texts', revision='refs/convert/parquet', file='data/*.parquet')
    """
    found = _PATH.fullmatch(path)
    if found is None or ".." in found[3].split("/"):
        raise ValueError(f"'{path}' is no hf://datasets/<owner>/<name>[@revision]/<path>")
    return HubPath(found[1], unquote(found[2]) if found[2] else None, found[3])


def is_pattern(path: str) -> bool:
    """Whether the path may stand for several files."""
    return _GLOB.search(path) is not None


def find_files(path: HubPath) -> HubFiles:
    """The commit that the revision names now, and the files of it that the path matches, sorted.

    The Hub is not asked where the path is one file of a whole commit id. Raises :class:`InputError`.
    """
    if path.revision and _COMMIT.fullmatch(path.revision) and not is_pattern(path.file):
        return HubFiles(path.repository, path.revision, (path.file,))
    from huggingface_hub import HfApi

    with _told(path.repository, path.revision):
        facts = HfApi().dataset_info(path.repository, revision=path.revision)
    present = sorted(file.rfilename for file in facts.siblings or ())
    matching = re.compile(_pattern(path.file))
    names = tuple(name for name in present if matching.fullmatch(name))
    if not names:
        raise InputError(
            f"hf://datasets/{path.repository}: no file '{path.file}'{nearest(path.file, present)}; "
            "correct 'path' of this source in factory.yml"
        )
    return HubFiles(path.repository, str(facts.sha), names)


def fetch(files: HubFiles, name: str) -> Path:
    """Where the file lies on this machine; it is downloaded unless the library's cache has it."""
    from huggingface_hub import hf_hub_download

    with _told(files.repository, files.commit):
        return Path(hf_hub_download(files.repository, name, repo_type="dataset", revision=files.commit))


def _pattern(glob: str) -> str:
    """As in a shell: ``*`` and ``?`` stay within a folder, ``**/`` is any folders, ``[ab]`` a choice."""
    parts = re.findall(r"\*\*/|\*+|\?|\[[^\]/]+\]|.", glob, re.DOTALL)
    known = {"**/": "(?:.*/)?", "?": "[^/]"}
    return "".join(known.get(part) or _piece(part) for part in parts)


def _piece(part: str) -> str:
    if part.startswith("*"):
        return "[^/]*"
    if len(part) > 1:
        return "[" + ("^" if part[1] == "!" else "") + re.escape(part[1:-1].removeprefix("!")).replace(r"\-", "-") + "]"
    return re.escape(part)


@contextmanager
def _told(repository: str, revision: str | None) -> Iterator[None]:
    """What the library raises, as one line. Its own messages span lines and may quote the request, so none is shown."""
    import httpx2
    from huggingface_hub import errors

    place = f"hf://datasets/{repository}" + (f"@{revision}" if revision else "")
    try:
        yield
        return
    except errors.GatedRepoError:
        told = "is gated: accept its terms on the Hub and put a token into the environment variable HF_TOKEN"
    except errors.RepositoryNotFoundError:
        told = "is not there, or is private: correct 'path' in factory.yml, or put a token into HF_TOKEN"
    except errors.RevisionNotFoundError:
        told = "has no such revision; correct what follows '@' in 'path', or leave it out"
    except errors.RemoteEntryNotFoundError:
        told = "has no such file; correct 'path' in factory.yml"
    except (errors.OfflineModeIsEnabled, errors.LocalEntryNotFoundError, httpx2.TransportError) as error:
        told = f"cannot be reached ({type(error).__name__}), and what is wanted is not in the cache; try again later"
    except errors.HfHubHTTPError as error:
        told = f"answered with status {error.response.status_code}; try again later"
    except (errors.FileMetadataError, ValueError) as error:
        told = f"cannot be read ({type(error).__name__}); check HF_ENDPOINT and 'path' in factory.yml"
    raise InputError(f"{place} {told}") from None
