"""A stand-in for the Hugging Face Hub: what its library asks for to make a repository, commit files and fetch them."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN, READ_TOKEN = "hf_right", "hf_read"
OWNER = "ada"


@dataclass
class Repository:
    files: dict[str, bytes] = field(default_factory=lambda: {".gitattributes": b""})
    private: bool = False

    @property
    def commit(self) -> str:
        return hashlib.sha1(repr(sorted(self.files.items())).encode()).hexdigest()


class Hub(ThreadingHTTPServer):
    """Serves on a free port until it is closed; ``asked`` are the files that were fetched. With a status in
    ``failing``, it answers everything with it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.asked: list[str] = []
        self.failing = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._serve()

    def _serve(self) -> None:
        self._token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.server.failing:
            self._fail(self.server.failing, "", "Service unavailable")
            return
        if self._token not in ("", TOKEN, READ_TOKEN):
            self._fail(401, "", "Invalid credentials in Authorization header")
            return
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        match parts:
            case ["api", "repos", "create"]:
                self._create(json.loads(self._body))
            case ["api", "validate-yaml"]:
                self._answer({"errors": [], "warnings": []})
            case ["api", "models", owner, name, "preupload", "main"]:
                files = json.loads(self._body)["files"]
                modes = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in files]
                if self._repository(owner, name):
                    self._answer({"files": modes})
            case ["api", "models", owner, name, "commit", "main"]:
                self._commit(owner, name)
            case ["api", "models", owner, name, *_]:
                if repository := self._repository(owner, name):
                    siblings = [{"rfilename": file} for file in sorted(repository.files)]
                    self._answer({"id": f"{owner}/{name}", "sha": repository.commit, "siblings": siblings})
            case ["api", "datasets", owner, name, *rest]:
                self._data_set(owner, name, rest)
            case ["datasets", owner, name, "resolve", revision, *path]:
                self._resolve(owner, name, revision, "/".join(path))
            case [owner, name, "resolve", revision, *path]:
                self._resolve(owner, name, revision, "/".join(path))
            case _:
                self._fail(404, "", "no such page")

    def _repository(self, owner: str, name: str) -> Repository | None:
        repository = self.server.repositories.get(f"{owner}/{name}")
        if repository is None or (repository.private and self._token != TOKEN):
            self._fail(404 if self._token else 401, "RepoNotFound", "Repository not found")
            return None
        return repository

    def _data_set(self, owner: str, name: str, rest: list[str]) -> None:
        """What a data set is, or which files it has (none of them in a folder)."""
        repository = self._repository(owner, name)
        if repository is None:
            return
        what, revision, *folder = rest or ("revision", "main")
        if revision not in ("main", repository.commit):
            self._fail(404, "RevisionNotFound", "Invalid rev id")
        elif folder:
            self._fail(404, "EntryNotFound", "Entry not found")
        elif what == "tree":
            files = repository.files.items()
            about = ((file, hashlib.sha1(data).hexdigest(), len(data)) for file, data in sorted(files))
            self._answer([{"type": "file", "path": file, "oid": oid, "size": size} for file, oid, size in about])
        else:
            siblings = [{"rfilename": file} for file in sorted(repository.files)]
            self._answer({"id": f"{owner}/{name}", "sha": repository.commit, "siblings": siblings})

    def _create(self, wanted: dict[str, Any]) -> None:
        owner = wanted.get("organization") or OWNER
        if self._token != TOKEN or owner != OWNER:
            status = 403 if self._token else 401
            self._fail(status, "", f"You don't have the rights to create a model under the namespace {owner}")
            return
        name = f"{owner}/{wanted['name']}"
        status = 409 if name in self.server.repositories else 200
        private = bool(wanted.get("private")) or wanted.get("visibility") == "private"
        self.server.repositories.setdefault(name, Repository(private=private))
        self._answer({"url": f"{self.server.url}/{name}", "id": "1", "name": name}, status)

    def _commit(self, owner: str, name: str) -> None:
        repository = self._repository(owner, name)
        if repository is None:
            return
        for line in self._body.splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                repository.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
        commit = repository.commit
        self._answer({"commitUrl": f"{self.server.url}/{owner}/{name}/commit/{commit}", "commitOid": commit})

    def _resolve(self, owner: str, name: str, revision: str, path: str) -> None:
        repository = self._repository(owner, name)
        if repository is None:
            return
        if revision not in ("main", repository.commit):
            self._fail(404, "RevisionNotFound", "Invalid rev id")
            return
        headers = {"X-Repo-Commit": repository.commit}
        if path not in repository.files:
            self._fail(404, "EntryNotFound", "Entry not found", headers)
            return
        data = repository.files[path]
        if self.command == "GET":
            self.server.asked.append(path)
        self._send(200, data, {**headers, "ETag": f'"{hashlib.sha1(data).hexdigest()}"'})

    def _answer(self, content: Any, status: int = 200) -> None:
        self._send(status, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _fail(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        told = {"X-Error-Message": message, **({"X-Error-Code": code} if code else {}), **(headers or {})}
        self._send(status, json.dumps({"error": message}).encode(), {"Content-Type": "application/json", **told})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
