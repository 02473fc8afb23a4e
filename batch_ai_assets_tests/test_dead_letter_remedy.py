"""What `batch-ai dlq show` says can be done, by the reason of a letter, as docs/errors.md does."""

from __future__ import annotations

import pytest

from batch_ai_assets.commands.dead_letter_remedy import remedy
from batch_ai_assets.commands.dlq import attempt_words
from batch_ai_assets.engine.state.rows import Attempt, DeadLetterRow, Status


def letter(reason: str, status: str = "open") -> DeadLetterRow:
    return DeadLetterRow(
        job="mail", batch="monday", version=1, seq=0, item_id="m1", reason=reason, message="x",
        attempts=1, status=status, request_hash=b"", sealed_payload=b"", sealed_answer=None,
        first_at=0.0, last_at=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reason", "first", "replay", "reread"),
    [
        ("http_503", "Once the provider is well", True, False),
        ("timeout", "Once the provider is well", True, False),
        ("refusal", "Change the prompt", True, False),
        ("schema", "Mend prompt, schema or max_tokens", True, False),
        ("taxonomy", "Mend prompt, schema or max_tokens", True, False),
        ("rule:short", "The answer is stored and breaks a rule", True, False),
        ("rejected", "Read the message", False, True),
        ("too_long", "Name a model with a longer context", False, True),
        ("empty_text", "Correct the document", False, True),
    ],
)
def test_each_reason_has_its_own_way_and_giving_up_is_always_one(
    reason: str, first: str, replay: bool, reread: bool
) -> None:
    said = remedy(letter(reason))
    assert said.startswith(first)
    assert ("dlq replay mail monday" in said) == replay
    assert ("--reread" in said) == reread
    assert said.endswith("Or give it up: batch-ai dlq discard mail monday --why TEXT m1")


def test_where_a_person_has_decided_only_the_next_run_is_left() -> None:
    said = remedy(letter("schema", "discarded"))
    assert "batch-ai run mail --batch monday makes the next version" in said
    assert "dlq discard" not in said


def test_what_a_lost_call_cost_is_said_to_be_an_upper_bound() -> None:
    paid = Attempt(1, Status.TRANSIENT, 0.0, 4565, 0.000476)
    lost = Attempt(1, Status.TRANSIENT, 0.0, 4565, 0.000476, written_off=True)
    assert attempt_words(paid).endswith("tried again  (4,565 tokens, 0.000476 USD)")
    assert "the provider may have charged it: up to 4,565 tokens" in attempt_words(lost)
