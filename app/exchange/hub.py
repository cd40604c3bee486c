"""Data sets on the Hugging Face Hub, or on a server that speaks its API (HF_ENDPOINT).

One commit holds all files. The token is read from HF_TOKEN, or from the login of `hf auth login`."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

from app.core.errors import DomainError, Invalid
from app.exchange.data_folder import SUFFIXES
from app.settings import settings

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


class HubError(DomainError):
    status, code = 502, "hub_error"


def require_hub(name: str) -> None:
    """Raise Invalid before anything is exported if the name or the machine does not allow a push."""
    if not NAME.fullmatch(name):
        raise Invalid(f"{name!r} is not a data set name.", remedy="Write it as organization/name.")
    if find_spec("huggingface_hub") is None:
        raise Invalid("huggingface_hub is not installed.", remedy="Run: pip install 'stepmark[hub]'")


def push_data_set(folder: Path, name: str, *, private: bool) -> str:
    """Create the data set if needed and commit every file of the folder. Returns its address."""
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(endpoint=settings().hub_endpoint, token=settings().hub_token)
    files = [CommitOperationAdd(path.name, path) for path in sorted(folder.iterdir())]
    try:
        address = api.create_repo(name, repo_type="dataset", private=private, exist_ok=True)
        api.create_commit(name, files, commit_message="Export from Stepmark", repo_type="dataset")
    except (HfHubHTTPError, OSError) as error:
        raise HubError(
            f"The Hub refused {name}: {_describe(error)}",
            remedy="Set HF_TOKEN to a token with write access. Check HF_ENDPOINT and the network.",
        ) from error
    return str(address)


def fetch_data_set(name: str, revision: str) -> Path:
    """Download the data files of a data set at a revision. Returns their folder in the cache of the Hub."""
    require_hub(name)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    patterns = [f"*{suffix}{packed}" for suffix in SUFFIXES for packed in ("", ".gz")]
    try:
        folder = snapshot_download(
            name,
            repo_type="dataset",
            revision=revision,
            allow_patterns=patterns,
            endpoint=settings().hub_endpoint,
            token=settings().hub_token,
        )
    except (HfHubHTTPError, OSError) as error:
        raise HubError(
            f"The data set {name} at {revision} could not be fetched: {_describe(error)}",
            remedy="Check the name, the revision, HF_TOKEN and the network, or import a local folder.",
        ) from error
    return Path(folder)


def _describe(error: Exception) -> str:
    message = getattr(error, "server_message", None) or str(error)
    return message.strip().partition("\n")[0][:300]
