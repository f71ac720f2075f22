"""Uploads to the Hugging Face Hub, through its own client if that is installed."""

import importlib.util
import shlex
from pathlib import Path

from ..errors import OutputError

__all__ = ["has_client", "hub_token", "upload", "upload_commands"]

_CLIENT = "huggingface_hub"


def has_client() -> bool:
    """Whether the Hub's own client is installed."""
    return importlib.util.find_spec(_CLIENT) is not None


def hub_token() -> str | None:
    """The token of whoever is logged in to the Hub here; None without one, or without the client."""
    if not has_client():
        return None
    from huggingface_hub import get_token

    token: str | None = get_token()
    return token


def upload_commands(release: Path, repository: str) -> tuple[str, str]:
    """The two commands that upload a release by hand: to log in, and to send the files."""
    sent = ["hf", "upload", repository, str(release), ".", "--repo-type=dataset"]
    return "hf auth login", shlex.join(sent)


def upload(release: Path, repository: str, token: str) -> str:
    """Send all files of a release to a dataset repository, made if it is not there; gives its address.

    The client sends nothing that the repository has already, so an interrupted upload is run again. It looks
    for the Hub where ``HF_ENDPOINT`` says.

    Args:
        repository: ``owner/name``.
    Raises:
        OutputError: the Hub refused, or cannot be reached.
    """
    from huggingface_hub import HfApi

    api = HfApi(token=token)
    try:
        address = api.create_repo(repository, repo_type="dataset", exist_ok=True)
        api.upload_folder(
            repo_id=repository, repo_type="dataset", folder_path=release, commit_message="Publish the dataset"
        )
    except Exception as error:  # the client and the transports below it have no common base
        reason = " ".join(str(error).split()) or type(error).__name__
        raise OutputError(
            f"hf://{repository}: cannot be uploaded ({reason}); the release in {release} is complete, "
            "so put this right and run the same command again"
        ) from error
    return str(address)
