"""One measured run of a job with a real prompt, so many documents to a request.

The prompt, the meanings and the examples are those of the bundled job `message_triage`, one example
for each intent. The stub counts the tokens of messages and not of schemas, so the meanings cost
nothing here; a provider that counts them gains more from a shared request.
"""

import json
import sys
import tempfile
from itertools import chain
from pathlib import Path

import openai.resources.models  # noqa: F401 - imports are not part of the measure

from batch_ai_assets.engine.asking import ask
from batch_ai_assets.engine.batch import Run, plan_work, read_inputs
from batch_ai_assets.engine.spec.job import JobSpec
from batch_ai_assets.engine.spec.provider import ProviderSpec
from batch_ai_assets.engine.spec.registry import BUNDLED_REGISTRY, load_job
from batch_ai_assets.engine.spec.resolved import Example, ResolvedJob
from batch_ai_assets_tests.engine.world import PROVIDER, SPEC, world
from batch_ai_assets_tests.registry.messages import MESSAGES
from benchmarks.bare_loop import cpu_seconds

TEXTS = tuple(chain.from_iterable(MESSAGES.values()))


def short_message(number: int) -> dict[str, str]:
    """A message of two sentences, like no other."""
    name = f"m{number}"
    text = f"[[id:{name}]] {TEXTS[number % len(TEXTS)]} My number is {number}."
    return {"id": name, "text": text}


def triage(folder: Path, together: int) -> ResolvedJob:
    """The bundled job's question, asked of the stub, `together` documents to a request."""
    bundled = load_job(BUNDLED_REGISTRY / "message_triage")
    output = bundled.spec.output
    spec = {
        **SPEC,
        "prompt": {"version": "1", "items_per_request": together},
        "output": {"schema": output.json_schema, "taxonomy": output.taxonomy},
        "limits": {"concurrency": 16},
    }
    first_of_each: dict[str, Example] = {}
    for example in bundled.examples:
        first_of_each.setdefault(example.output["intent"], example)
    return ResolvedJob(
        spec=JobSpec.model_validate(spec),
        provider=ProviderSpec.model_validate(PROVIDER),
        prompt_text=bundled.prompt_text,
        examples=tuple(first_of_each.values()),
        folder=str(folder),
    )


def measure(url: str, together: int, items: int) -> dict[str, float]:
    """Items answered, CPU seconds and USD of asking, planning and publishing left out."""
    with tempfile.TemporaryDirectory() as home, world(Path(home), url) as here:
        here.write_messages(short_message(number) for number in range(items))
        job, run = triage(here.home, together), Run("bench", "bench")
        raw = read_inputs(job, "b1", run, here.deps)
        plan_work(job, "b1", run, here.deps, raw)
        plan = here.deps.store.batches.latest_plan(job.name, "b1")
        assert plan is not None
        before = cpu_seconds()
        ask(job, plan, raw, run, here.deps)
        seconds = cpu_seconds() - before
        answered = here.deps.store.figures(job.name, "b1").answered
        usd, _ = here.deps.store.answers.spent(plan)
    return {"answered": answered, "cpu_seconds": seconds, "usd": usd}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
