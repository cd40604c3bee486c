"""A server that speaks the OpenAI API, for tests: `python fake_openai_server.py LOG`. It prints its port and
writes one line of JSON a request. The model's name says how it behaves."""

from __future__ import annotations

import json
import random
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOSTILE = "<script>alert(1)</script> \x00\ud800 $\\href{javascript:alert(1)}{x}$\nso \\boxed{5}"
lock = threading.Lock()
seen: dict[str, int] = {}
chance = random.Random(7)  # noqa: S311  data for a test


def solution(prompt: str) -> str:
    """Of "What is A + B?", after what is there of it already; right three times of four."""
    numbers = re.findall(r"What is (\d+) \+ (\d+)\?", prompt)
    a, b = map(int, numbers[-1]) if numbers else (1, 1)
    with lock:
        off, way = chance.choice([0, 0, 0, 1]), chance.randint(1, 10**6)
    begun = prompt.split("Solution:\n")[-1] if "Solution:\n" in prompt else ""
    if sums := re.findall(rf"{a} \+ {b} = (\d+)", begun):
        off = int(sums[-1]) - a - b  # what was written is gone on with, right or wrong
    steps = [f"We add {a} and {b}, by way {way}.", f"{a} + {b} = {a + b + off}", f"\\boxed{{{a + b + off}}}"]
    return "\n".join(steps[begun.count("\n") :] or [f"\\boxed{{{a + b + off}}}"])


class Handler(BaseHTTPRequestHandler):
    log: Path
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Not to the screen."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = body["model"]
        with lock:
            seen[model] = seen.get(model, 0) + 1
            number = seen[model]
            key = self.headers.get("Authorization")
            with self.log.open("a") as log:
                line = {"path": self.path, "key": key, "at": time.time(), **body}
                log.write(json.dumps(line) + "\n")
        getattr(self, f"be_{model}")(body, number)

    def say(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def choices(self, body: dict[str, Any], text: str | None = None) -> bytes:
        chat = "messages" in body
        prompt = "\n".join(message["content"] for message in body["messages"]) if chat else body["prompt"]
        choices = []
        for index in range(body.get("n", 1)):
            content = solution(prompt) if text is None else text
            for stop in body.get("stop", []):
                content = content.split(stop)[0]
            choice = {"message": {"role": "assistant", "content": content}} if chat else {"text": content}
            choices.append({"index": index, "finish_reason": "stop", **choice})
        usage = {"prompt_tokens": 10, "completion_tokens": 20 * len(choices)}
        return json.dumps({"choices": choices, "usage": usage}).encode()

    def be_steady(self, body: dict[str, Any], number: int) -> None:
        self.say(200, self.choices(body))

    def be_slow(self, body: dict[str, Any], number: int) -> None:
        time.sleep(0.15)
        self.say(200, self.choices(body))

    def be_asleep(self, body: dict[str, Any], number: int) -> None:
        time.sleep(30)

    def be_trickling(self, body: dict[str, Any], number: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        for _ in range(200):
            self.wfile.write(b" ")
            self.wfile.flush()
            time.sleep(0.05)

    def be_flaky(self, body: dict[str, Any], number: int) -> None:
        """Busy, broken, garbage and cut off, then an answer."""
        turn = number % 5
        if turn == 1:
            self.say(429, b'{"error": {"message": "slow down"}}', {"Retry-After": "0.2"})
        elif turn == 2:
            self.say(503, b"<html>upstream</html>")
        elif turn == 3:
            self.say(200, b"\xff\xfe not json at all")
        elif turn == 4:
            self.say(200, self.choices(body)[:-20])
        else:
            self.say(200, self.choices(body))

    def be_same(self, body: dict[str, Any], number: int) -> None:
        self.say(200, self.choices(body, "2 + 2 = 4\n\\boxed{4}"))

    def be_single(self, body: dict[str, Any], number: int) -> None:
        self.say(200, self.choices({**body, "n": 1}))

    def be_hostile(self, body: dict[str, Any], number: int) -> None:
        self.say(200, self.choices(body, HOSTILE))

    def be_empty(self, body: dict[str, Any], number: int) -> None:
        self.say(200, self.choices(body, "  \n "))

    def be_odd(self, body: dict[str, Any], number: int) -> None:
        """JSON, and nothing of what was agreed."""
        odd = [
            [],
            {"choices": "no"},
            {"choices": [None, 3, {"text": 5}]},
            {"usage": {"prompt_tokens": "x"}},
            7,
        ]
        self.say(200, json.dumps(odd[number % len(odd)]).encode())

    def be_huge(self, body: dict[str, Any], number: int) -> None:
        self.say(200, b'{"choices": [{"text": "' + b"x" * (2 << 20) + b'"}]}')

    def be_locked(self, body: dict[str, Any], number: int) -> None:
        key = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        self.say(401, json.dumps({"error": {"message": f"Incorrect API key provided: {key}"}}).encode())

    def be_down(self, body: dict[str, Any], number: int) -> None:
        self.say(500, b"down")

    def be_elsewhere(self, body: dict[str, Any], number: int) -> None:
        self.say(302, b"", {"Location": "http://169.254.169.254/latest"})

    def be_half(self, body: dict[str, Any], number: int) -> None:
        """It refuses one problem and answers the others."""
        if "What is 1 +" in json.dumps(body):
            self.say(400, b'{"error": {"message": "context too long"}}')
        else:
            self.say(200, self.choices(body))


if __name__ == "__main__":
    Handler.log = Path(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
