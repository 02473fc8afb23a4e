"""A job with too small a budget and too short a deadline, on documents that are there already.

It has a home and a registry of its own, so that the user's hold nothing that was made to fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

JOB = "on_a_budget"
DEADLINE = "20s"
LIMIT_USD = 0.01
"""What it may spend by itself: the bundled stub has a price, and nobody is billed for it."""
HALFWAY_USD, ENOUGH_USD = 0.02, 1.0

_SPEC = """\
job: {job}
owner: team:demo
purpose: Shows what becomes of a batch whose money and time run out.
data_classification: public
input:
  path: "{documents}"
  glob: "*.jsonl"
  format: jsonl
  id: id
  text: text
input_quality:
  duplicate: 1.0
over_length: truncate
model:
  provider: local
  name: stub
prompt:
  version: "1"
output:
  schema:
    type: object
    properties:
      summary:
        type: string
        description: What the text is.
    required: [summary]
budget:
  limit_usd: {limit}
sla:
  within: {deadline}
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where it lies."""

    home: Path
    registry: Path


def prepare(folder: Path, documents: Path) -> Place:
    """Write the job below `folder`; `documents`: the folder that it reads."""
    place = Place(folder / "home", folder / "registry")
    (place.registry / JOB).mkdir(parents=True, exist_ok=True)
    spec = _SPEC.format(job=JOB, documents=documents, limit=LIMIT_USD, deadline=DEADLINE)
    (place.registry / JOB / "job.yaml").write_text(spec)
    (place.registry / JOB / "prompt.md").write_text("Say in one line what the text is.\n")
    return place
