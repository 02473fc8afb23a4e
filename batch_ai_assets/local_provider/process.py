"""LocalProvider: the local server as a child process, started and stopped around a `with`.

The child ends with its parent, even where that is killed with -9: it looks every half second
whether its parent is still the one that started it.

Here: the life of the process, and the few calls that tests and drills make to it. Not here: what
the server does.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

from batch_ai_assets.engine.errors import ProviderError

from .options import ServerOptions

# `python -m batch_ai_assets.local_provider`, but this very copy of it, from any working folder.
_PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from batch_ai_assets.local_provider.command import local_provider; local_provider()"
)
_IMPORT_ROOT = str(Path(__file__).parents[2])
_STOP_SECONDS = 5.0
_LOG_LINES_SHOWN = 5


class LocalProvider:
    """`with LocalProvider(ServerOptions(model="stub")) as provider: … provider.base_url`."""

    def __init__(
        self,
        options: ServerOptions | None = None,
        *,
        log: Path | None = None,
        start_seconds: float = 60.0,
    ) -> None:
        """`log` is where the server's stderr goes; a temporary file where it is None."""
        self.options = ServerOptions() if options is None else options
        self._log = log
        self._own_log = log is None
        self._start_seconds = start_seconds
        self._process: subprocess.Popen[str] | None = None
        self._base_url: str | None = None

    @property
    def base_url(self) -> str:
        """What an OpenAI client is told: `http://127.0.0.1:PORT/v1`."""
        if self._base_url is None:
            raise ProviderError("the local provider is not running; use it in a `with` statement")
        return self._base_url

    @property
    def pid(self) -> int:
        """The server's process."""
        if self._process is None:
            raise ProviderError("the local provider is not running; use it in a `with` statement")
        return self._process.pid

    def start(self) -> LocalProvider:
        """Start the server and wait until it takes connections. Raises ProviderError."""
        if self._process is not None:
            return self
        if self._log is None:
            descriptor, name = tempfile.mkstemp(prefix="local-provider-", suffix=".log")
            os.close(descriptor)
            self._log = Path(name)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                _command_line(self.options),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # a Ctrl-C meant for the run must not end it first
            )
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(f"{self.options.api_key or ''}\n")
            self._process.stdin.close()
            self._base_url = json.loads(self._ready_line(self._process))["base_url"]
        except (OSError, ValueError, KeyError) as error:
            shown = self._last_log_lines()
            self.stop()
            raise ProviderError(f"the local provider did not start: {shown}") from error
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End the server; nothing where it is not running."""
        process, self._process, self._base_url = self._process, None, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()
        if self._own_log and self._log is not None:
            self._log.unlink(missing_ok=True)
            self._log = None

    def __enter__(self) -> LocalProvider:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stats(self, *, items: bool = True) -> dict[str, Any]:
        """`GET /stats`: what the server saw (see `stats`)."""
        return self._ask("/stats" if items else "/stats?items=false")

    def reset_stats(self) -> None:
        """`POST /stats/reset`."""
        self._ask("/stats/reset", {})

    def outage(self, down: bool | float, how: str = "503") -> None:
        """`POST /control`: begin an outage (for `down` seconds, or until False ends it)."""
        self._ask("/control", {"down": down, "how": how})

    def _ask(self, path: str, order: dict[str, Any] | None = None) -> dict[str, Any]:
        url = self.base_url.removesuffix("/v1") + path
        data = None if order is None else json.dumps(order).encode()
        request = urllib.request.Request(url, data)  # noqa: S310 - a URL of our own child
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def _ready_line(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        deadline = time.monotonic() + self._start_seconds
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise OSError(f"not ready after {self._start_seconds:g} s")
        return process.stdout.readline()

    def _last_log_lines(self) -> str:
        assert self._log is not None
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " / ".join(lines[-_LOG_LINES_SHOWN:]) or "it said nothing and was not ready in time"


def _command_line(options: ServerOptions) -> list[str]:
    line = [sys.executable, "-c", _PROGRAM, _IMPORT_ROOT, "--parent", str(os.getpid())]
    for name in ("model", "host", "port", "latency_ms", "faults", "seed", "rpm", "tpm",
                 "burst_seconds", "context_tokens", "minilm"):  # fmt: skip
        if (value := getattr(options, name)) is not None:
            line += ["--" + name.replace("_", "-"), str(value)]
    if options.prompt_cache:
        line.append("--prompt-cache")
    if options.api_key is not None:
        line += ["--api-key", "-"]  # by standard input: command lines can be read by everybody
    return line
