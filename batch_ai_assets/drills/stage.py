"""Stage: a home, a registry and a provider for one drill, and the hands to run the platform there.

Nothing of the user's is read or written: the children get an environment of their own. All of it
is gone after the block, in every ending.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from batch_ai_assets.local_provider.options import ServerOptions
from batch_ai_assets.local_provider.process import LocalProvider
from batch_ai_assets.settings import separate_environment

from .children import Child, Children, until
from .witness import Witness

JOB, BATCH = "drill", "b1"
INPUT_USD, OUTPUT_USD = 1.0, 2.0
"""Of a million tokens."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """One drill's own platform."""

    folder: Path
    provider: LocalProvider
    children: Children
    say: Say

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def witness(self) -> Witness:
        return Witness(self.home)

    def job(self, **changes: Any) -> None:
        """Write the job; `changes` replace parts of it."""
        place = self.folder / "registry" / JOB
        place.mkdir(parents=True, exist_ok=True)
        spec = {**_SPEC, **changes}
        (place / "job.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
        (place / "prompt.md").write_text("Say what the message is about.\n")
        price = {"input_usd_per_million": INPUT_USD, "output_usd_per_million": OUTPUT_USD}
        near = {
            "kind": "openai",
            "base_url": self.provider.base_url,
            "approved_classes": ["public"],
            "models": {"stub": {"price": price, "context_tokens": 8000}},
        }
        (place.parent / "providers.yaml").write_text(yaml.safe_dump({"near": near}))

    def documents(self, count: int, script: str = "", every: int = 1) -> list[str]:
        """Write so many; `script`: the fault of each, or of `every` so-manieth. Their ids."""
        inbox = self.home / "inbox" / JOB
        inbox.mkdir(parents=True, exist_ok=True)
        ids = [f"d{number:05}" for number in range(count)]
        texts = {
            one: f"[[id:{one}]] {script if not number % every else ''} Where is card {number}?"
            for number, one in enumerate(ids)
        }
        lines = [json.dumps({"id": one, "text": text}) for one, text in texts.items()]
        (inbox / "in.jsonl").write_text("\n".join(lines) + "\n")
        return ids

    def start(self, *words: str) -> Child:
        """`batch-ai` with these words, as a process."""
        return self.children.start([*PROGRAM, *words], words[0])

    def run(self) -> Child:
        """`batch-ai run` of the batch, as a process."""
        return self.start("run", JOB, "--batch", BATCH)

    def ran(self, seconds: float = 90.0) -> int:
        """The exit code of such a run."""
        return self.run().wait(seconds)

    def done(self, *words: str, seconds: float = 60.0) -> int:
        """The exit code of `batch-ai` with these words."""
        return self.start(*words).wait(seconds)

    # What the provider saw.

    def calls(self) -> int:
        return int(self.provider.stats(items=False)["calls"])

    def answers(self) -> int:
        return int(self.provider.stats(items=False)["answers"])

    def spent_usd(self) -> float:
        """What it has answered, at the job's price."""
        seen = self.provider.stats(items=False)
        sent, said = int(seen["prompt_tokens"]), int(seen["completion_tokens"])
        return (sent * INPUT_USD + said * OUTPUT_USD) / 1e6

    def answered(self, count: int, by: Child | None = None, seconds: float = 90.0) -> None:
        """Wait until it has given so many answers. Raises DrillError where `by` ends before."""

        def look() -> bool | None:
            if self.answers() >= count:
                return True
            if by is not None and by.code is not None:
                raise by.failed(f"it was to come to {count} answers")
            return None

        until(look, f"{count} answers of the provider", seconds, 0.05)

    def reached(self, state: str, seconds: float) -> None:
        """Wait until the batch is in this state, such as `completed` or `halted: budget`."""
        until(lambda: True if self.witness.state(BATCH) == state else None, state, seconds)


PROGRAM = (sys.executable, "-m", "batch_ai_assets.cli")
_SPEC: Mapping[str, Any] = {
    "job": JOB,
    "owner": "team:drills",
    "purpose": "Sort messages, so that trouble meets a batch of them.",
    "data_classification": "public",
    "input": {"path": f"{{home}}/inbox/{JOB}", "format": "jsonl", "glob": "*.jsonl"},
    "model": {"provider": "near", "name": "stub", "parameters": {"max_tokens": 32}},
    "prompt": {"version": "1"},
    "output": {
        "schema": {
            "type": "object",
            "properties": {"topic": {"type": "string", "description": "What it is about."}},
            "required": ["topic"],
        },
        "taxonomy": {"topic": {"card": "About a bank card.", "other": "Anything else."}},
    },
    "limits": {"concurrency": 8},
    "retry": {"base_seconds": 0.1, "max_seconds": 0.5, "timeout_seconds": 10.0},
    "budget": {"limit_usd": 50.0},
}


@contextmanager
def stage(say: Say, options: ServerOptions) -> Iterator[Stage]:
    """A stage with a provider that behaves as told."""
    with tempfile.TemporaryDirectory(prefix="batch-ai-drill-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        environment = separate_environment(folder / "home", folder / "registry")
        children = Children(folder, environment)
        with LocalProvider(options) as provider:
            try:
                yield Stage(folder, provider, children, say)
            finally:
                children.end()
