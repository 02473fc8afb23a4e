"""A provider that repeats what it is told: document and key, in answers, refusals and errors.

What the bundled stub never does, and what gateways and debug switches do: an error body that quotes
the request. A document says by `[[case:NAME]]` how its call ends.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_CASE = re.compile(r"\[\[case:(\w+)\]\]")
_BROKEN = {"http500": 500, "http400": 400, "http413": 413, "http422": 422}


@contextmanager
def echo_provider(key: str) -> Iterator[str]:
    """A running provider that takes this key alone; its base URL."""

    class Bound(_Echo):
        expected = f"Bearer {key}"

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    expected = ""

    def do_GET(self) -> None:
        if self.path.startswith("/open/") or self._knows_the_key(b""):
            self._say(200, {"object": "list", "data": [{"id": "stub", "object": "model"}]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if not self._knows_the_key(body):
            return
        told = json.loads(body)["messages"][-1]["content"]
        found = _CASE.search(body.decode())
        case = found[1] if found else "valid"
        if case in _BROKEN:
            self._say(_BROKEN[case], self._quoting(body))
        elif case == "page":
            self._send(502, b"<html><body>upstream said: " + body + b"</body></html>", "text/html")
        elif case == "no_chat":
            self._say(200, {"echo": told, **self._quoting(body)})
        else:
            self._say(200, _completion(case, told))

    def _knows_the_key(self, body: bytes) -> bool:
        if self.headers["Authorization"] == self.expected:
            return True
        self._say(401, self._quoting(body))
        return False

    def _quoting(self, body: bytes) -> dict[str, Any]:
        """OpenAI's error, with request and headers wherever a string may stand."""
        sent = f"{self.headers['Authorization']} sent {body.decode()}"
        key = str(self.headers["Authorization"]).removeprefix("Bearer ")
        return {
            "error": {"message": f"cannot process: {sent}", "type": sent, "param": sent,
                      "code": key, "headers": dict(self.headers)},
            "detail": sent,
        }  # fmt: skip

    def _say(self, status: int, content: dict[str, Any]) -> None:
        self._send(status, json.dumps(content, ensure_ascii=False).encode(), "application/json")

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Seen-Authorization", str(self.headers["Authorization"]))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: what the provider writes down is the provider's."""


def _completion(case: str, told: str) -> dict[str, Any]:
    answer = {
        "topic": "moon" if case == "taxonomy" else "card",
        "summary": f"It says: {told}",
        "amount": told if case == "rule" else "12",
        "sure": 0.2 if case.startswith("review") else 0.97,
    }
    if case == "taxonomy":
        answer["topic"] = told
    if case == "schema":
        answer = {"summary": told, told: told}
    content: str | None = json.dumps(answer, ensure_ascii=False)
    if case == "malformed":
        content = f"Here it is: {told}"
    refused = case == "refusal"
    message = {
        "role": "assistant",
        "content": None if refused else content,
        "refusal": f"I will not speak of: {told}" if refused else None,
    }
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "stub",
        "choices": [
            {"index": 0, "message": message,
             "finish_reason": "length" if case == "truncated" else "stop"}
        ],
        "usage": {"prompt_tokens": 50, "completion_tokens": 20, "total_tokens": 70},
    }  # fmt: skip
