"""Uploads: a small release through the Hub's own client to a server that answers as the Hub does."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from neuralviews.cli.main import main
from neuralviews.remote import hub_upload
from neuralviews.remote.hub_upload import hub_token, upload_commands
from neuralviews.store.verify import verify

from ..made_stores import contents, make_store

pytest.importorskip("huggingface_hub", reason="the client of the Hub comes with the extra 'hub'")


class Hub(BaseHTTPRequestHandler):
    """The part of the Hub that takes small files: repositories, and commits of files within the request."""

    server: "HubServer"

    def log_message(self, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        hub = self.server
        hub.tokens.add(self.headers["Authorization"])
        path = self.path.partition("?")[0]
        if hub.broken and path.endswith(hub.broken):
            self._answer(403, {"error": "You have no right to write here"})
        elif path == "/api/repos/create":
            hub.repository = json.loads(body)
            self._answer(200, {"url": f"{hub.address}/datasets/owner/name"})
        elif path == "/api/validate-yaml":
            hub.card = json.loads(body)["content"]
            self._answer(200, {"errors": [], "warnings": []})
        elif path == "/api/datasets/owner/name/preupload/main":
            files = json.loads(body)["files"]
            modes = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in files]
            self._answer(200, {"files": modes})
        elif path == "/api/datasets/owner/name/commit/main":
            lines = [json.loads(line) for line in body.splitlines()]
            hub.files |= {
                line["value"]["path"]: base64.b64decode(line["value"]["content"])
                for line in lines
                if line["key"] == "file"
            }
            commit = {"commitUrl": f"{hub.address}/datasets/owner/name/commit/abc", "commitOid": "abc"}
            self._answer(200, {"success": True, **commit})
        else:
            self._answer(404, {"error": f"no {path}"})

    def do_GET(self) -> None:
        self._answer(404, {"error": f"no {self.path}"})

    def _answer(self, status: int, content: object) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class HubServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Hub)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.repository: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.tokens: set[str] = set()
        self.card = ""
        self.broken = ""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run_publish(
    folder: Path, endpoint: str, token: str | None = "hf_secret"
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own: the client reads its settings once, when it is imported."""
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(folder / "home"), "HF_HUB_DISABLE_XET": "1"}
    settings |= {"HF_HUB_DISABLE_PROGRESS_BARS": "1"} | ({} if token is None else {"HF_TOKEN": token})
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    given = [str(folder / "store"), "--out", str(folder / "out"), "--to", "hf://owner/name"]
    return subprocess.run(
        [sys.executable, "-m", "neuralviews", "publish", *given],
        env=kept | settings,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_file_arrives(tmp_path: Path, hub: HubServer) -> None:
    store = make_store(tmp_path / "store", objects=4)
    done = run_publish(tmp_path, hub.address)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"\nuploaded to {hub.address}/datasets/owner/name\n")
    assert (hub.repository["name"], hub.repository["type"]) == ("name", "dataset")
    assert hub.repository["organization"] == "owner"
    assert hub.tokens == {"Bearer hf_secret"}
    there = {
        path.relative_to(tmp_path / "out").as_posix(): path.read_bytes()
        for path in (tmp_path / "out").rglob("*")
        if path.is_file()
    }
    assert hub.files == there
    assert hub.card == there["README.md"].decode()
    for name, data in hub.files.items():
        path = tmp_path / "fetched" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert verify(tmp_path / "fetched", "semantic").dataset_id == store.dataset_id
    sums = (tmp_path / "fetched" / "SHA256SUMS.release").read_text().splitlines()
    assert all(hashlib.sha256(hub.files[line[66:]]).hexdigest() == line[:64] for line in sums)


@pytest.mark.parametrize("call", ["/create", "/commit/main"])
def test_a_refusal_is_one_line(tmp_path: Path, hub: HubServer, call: str) -> None:
    make_store(tmp_path / "store", objects=4)
    hub.broken = call
    done = run_publish(tmp_path, hub.address)
    assert done.returncode == 2
    assert done.stderr.startswith("error: hf://owner/name: cannot be uploaded (")
    assert "You have no right to write here" in done.stderr
    kept = f"the release in {tmp_path / 'out'} is complete, so put this right and run the same command again"
    assert done.stderr.endswith(f"); {kept}\n")
    assert done.stderr.count("\n") == 1
    assert (tmp_path / "out" / "SHA256SUMS.release").exists()


def test_a_second_try_sends_the_finished_release(tmp_path: Path, hub: HubServer) -> None:
    make_store(tmp_path / "store", objects=4)
    assert run_publish(tmp_path, "http://127.0.0.1:9").returncode == 2
    made = contents(tmp_path / "out")
    assert run_publish(tmp_path, hub.address).returncode == 0
    assert contents(tmp_path / "out") == made
    assert set(hub.files) == set(made)


def test_without_a_token_the_commands_are_printed(tmp_path: Path, hub: HubServer) -> None:
    make_store(tmp_path / "store", objects=4)
    done = run_publish(tmp_path, hub.address, token=None)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(
        "\nnot uploaded: nobody is logged in to the Hub here; run\n"
        "  hf auth login\n"
        f"  hf upload owner/name {tmp_path / 'out'} . --repo-type=dataset\n"
    )
    assert hub.files == {}


def test_without_the_client_there_is_no_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hub_upload, "_CLIENT", "no_such_package")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    assert hub_token() is None
    make_store(tmp_path / "store", objects=4)
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["publish", str(tmp_path / "store"), "--out", str(tmp_path / "out"), "--to", "hf://owner/name"])
    assert capsys.readouterr().out.endswith(
        "\nnot uploaded: huggingface_hub is not installed here (pip install 'neuralviews[hub]'); run\n"
        "  hf auth login\n"
        f"  hf upload owner/name {tmp_path / 'out'} . --repo-type=dataset\n"
    )


def test_commands_quote_names_of_folders() -> None:
    assert upload_commands(Path("my release"), "a/b") == (
        "hf auth login",
        "hf upload a/b 'my release' . --repo-type=dataset",
    )


def test_the_printed_command_is_one_that_the_client_has() -> None:
    client = Path(sys.executable).with_name("hf")
    shown = subprocess.run([client, "upload", "--help"], capture_output=True, text=True, check=True).stdout
    assert "--repo-type" in shown
    assert "[PATH_IN_REPO]" in shown
