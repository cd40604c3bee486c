"""A server that speaks the calls of the Hugging Face Hub that a push makes, as a process of its own:

    python tests/support/hub_server.py FOLDER

It prints its address. Commits appear in FOLDER/ORGANIZATION/NAME, and each is noted in FOLDER/commits.jsonl.
Parquet files go through the large file storage, other files through the commit, as on the Hub."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN = "hf_test"
ROOT = Path(sys.argv[1]) if len(sys.argv) > 1 else Path()
DATA_SET = r"/api/datasets/(?P<name>[^/]+/[^/]+)"


class Hub(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self.answer({"error": "Invalid user token."}, 401)
        else:
            self.route(body)

    def route(self, body: bytes) -> None:
        routes = {
            r"/api/repos/create": self.create_repository,
            rf"{DATA_SET}/preupload/main": self.choose_upload_modes,
            r"/datasets/(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch": self.offer_uploads,
            rf"{DATA_SET}/commit/main": self.commit,
        }
        for pattern, action in routes.items():
            if match := re.fullmatch(pattern, self.path.partition("?")[0]):
                action(body, **match.groupdict())
                return
        self.answer({"error": f"No such call: {self.path}"}, 404)

    def create_repository(self, body: bytes) -> None:
        sent = json.loads(body)
        name = f"{sent['organization']}/{sent['name']}" if sent.get("organization") else sent["name"]
        folder = ROOT / name
        status = 409 if folder.exists() else 200
        folder.mkdir(parents=True, exist_ok=True)
        if status == 200:
            (ROOT / "repository.json").write_text(json.dumps(sent))
        self.answer({"url": f"http://{self.headers['Host']}/datasets/{name}", "name": name}, status)

    def choose_upload_modes(self, body: bytes, name: str) -> None:
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(".parquet") else "regular",
                "shouldIgnore": False,
                "oid": None,
            }
            for file in json.loads(body)["files"]
        ]
        self.answer({"files": files})

    def offer_uploads(self, body: bytes, name: str) -> None:
        objects = [
            {**item, "actions": {"upload": {"href": f"http://{self.headers['Host']}/lfs/{item['oid']}"}}}
            for item in json.loads(body)["objects"]
        ]
        self.answer({"transfer": "basic", "objects": objects})

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        oid = self.path.rpartition("/")[2]
        (ROOT / f"lfs-{oid}").write_bytes(data)
        self.answer({}, 200 if hashlib.sha256(data).hexdigest() == oid else 400)

    def commit(self, body: bytes, name: str) -> None:
        lines = [json.loads(line) for line in body.splitlines()]
        for line in lines:
            file = line["value"]
            if line["key"] == "file":
                (ROOT / name / file["path"]).write_bytes(base64.b64decode(file["content"]))
            elif line["key"] == "lfsFile":
                (ROOT / f"lfs-{file['oid']}").rename(ROOT / name / file["path"])
        with (ROOT / "commits.jsonl").open("a") as commits:
            paths = [line["value"]["path"] for line in lines if line["key"] != "header"]
            commits.write(json.dumps({"name": name, "paths": paths}) + "\n")
        oid = hashlib.sha1(body, usedforsecurity=False).hexdigest()
        self.answer(
            {"commitUrl": f"http://{self.headers['Host']}/datasets/{name}/commit/{oid}", "commitOid": oid}
        )

    def answer(self, content: dict[str, Any], status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        if "error" in content:
            self.send_header("X-Error-Message", content["error"])
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Standard error is for errors."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
