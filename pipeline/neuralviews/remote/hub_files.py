"""Files of a dataset on the Hugging Face Hub: listed by its own library, fetched by ours."""

import re
from typing import Any
from urllib.parse import unquote

from ..errors import FetchError
from .remote_file import RemoteFile

__all__ = ["hub_files"]

_LINK = re.compile(r"hf://(?:datasets/)?([\w.-]+/[\w.-]+)(?:@([^/]+))?(?:/(.*))?", re.ASCII | re.DOTALL)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def hub_files(link: str, endpoint: str | None) -> list[RemoteFile]:
    """The files of one commit of a dataset, or of a folder of it, named from there; see `resolve`.

    Args:
        endpoint: the server; None leaves it to ``HF_ENDPOINT``, as the token to ``HF_TOKEN`` and its like.
    Raises:
        FetchError: the library is missing, or the Hub does not show the dataset.
    """
    match = _LINK.fullmatch(link)
    if match is None:
        raise FetchError(f"{link}: no link to a dataset, expected hf://owner/name[@revision][/path]")
    try:
        import huggingface_hub as hub
        from huggingface_hub.utils import build_hf_headers
    except ImportError:
        raise FetchError(
            f"{link}: needs the package huggingface_hub, which is not installed: "
            "pip install 'neuralviews[hub]'"
        ) from None
    repository, inner = match[1], unquote(match[3] or "").strip("/")
    revision = unquote(match[2]) if match[2] else None
    api = hub.HfApi(endpoint=endpoint)
    try:
        # Everything from one commit: a branch may move between the list and the last file.
        commit = api.dataset_info(repository, revision=revision).sha
        tree = api.list_repo_tree(repository, recursive=True, revision=commit, repo_type="dataset")
        listed = {entry.path: entry for entry in tree if isinstance(entry, hub.RepoFile)}
        secret = build_hf_headers().get("authorization")
    except Exception as error:  # the library, and what it is built on, fail in many ways
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise FetchError(
            f"{link}: the Hugging Face Hub does not show it ({reason}); "
            "check the name, the network, and HF_TOKEN if it is private"
        ) from None
    headers = {} if secret is None else {"Authorization": secret}
    names = _below(inner, sorted(listed))
    if not names:
        raise FetchError(f"{link}: found no such file or folder, among {len(listed)} files of {repository}")
    return [
        _file(
            name,
            hub.hf_hub_url(repository, path, repo_type="dataset", revision=commit, endpoint=endpoint),
            listed[path],
            headers,
        )
        for path, name in names.items()
    ]


def _below(inner: str, paths: list[str]) -> dict[str, str]:
    """The paths in a folder, or the one of a file, and their names as seen from there."""
    if inner in paths:
        return {inner: inner.rsplit("/", 1)[-1]}
    start = f"{inner}/" if inner else ""
    return {path: path.removeprefix(start) for path in paths if path.startswith(start)}


def _file(name: str, link: str, entry: Any, headers: dict[str, str]) -> RemoteFile:
    """What the Hub states: of files that it keeps in large-file storage, the SHA-256 too."""
    sha256 = entry.lfs.sha256 if entry.lfs is not None else ""
    return RemoteFile(
        name, (link,), entry.size, sha256 if _SHA256.fullmatch(sha256) else None, headers=headers
    )
