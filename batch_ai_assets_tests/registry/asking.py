"""A job's requests as the engine writes them, put to a model in this process."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass

from batch_ai_assets.engine.spec.resolved import ResolvedJob
from batch_ai_assets.local_provider.minilm import MiniLMClassifier
from batch_ai_assets.local_provider.model import ChatRequest, Message


@dataclass(frozen=True)
class Told:
    """What the model says of a document, and how sure it is of the job's confidence field."""

    fields: dict[str, str]
    confidence: float


def ask(model: MiniLMClassifier, job: ResolvedJob, text: str) -> Told:
    messages = [Message("system", job.prompt_text)]
    for example in job.examples:
        messages.append(Message("user", _block(example.text)))
        messages.append(Message("assistant", json.dumps(example.output)))
    messages.append(Message("user", _block(text)))
    request = ChatRequest(model.name, tuple(messages), job.output_schema(), 64, True, 5)
    answer = model.answer(request)
    fields = json.loads(answer.content)
    assert job.spec.output.confidence is not None
    assert answer.tokens is not None
    value = fields[job.spec.output.confidence.field]
    logprob = next(token.logprob for token in answer.tokens if token.token == value)
    return Told(fields, math.exp(logprob))


def _block(text: str) -> str:
    mark = hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"<document-{mark}>\n{text}\n</document-{mark}>"
