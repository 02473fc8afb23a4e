"""Dead letters: the story in plain words, the payload sealed to its item."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.deadletter.letter import LetterWriter
from batch_ai_assets.engine.errors import SealError
from batch_ai_assets.engine.sealing import Sealer, document_context
from batch_ai_assets.engine.state.rows import DeadLetter

from ..planning.test_versions import plan

SEALER = Sealer([bytes(32)])


def letter(payload: bytes, answer: bytes | None, message: str = "It failed.") -> DeadLetter:
    return LetterWriter(plan(), SEALER).letter(
        seq=4,
        item_id="m4",
        request_hash=bytes(32),
        reason="schema",
        message=message,
        attempts=3,
        payload=payload,
        answer=answer,
        at=12.5,
    )


@given(payload=st.binary(), answer=st.none() | st.binary())
def test_document_and_answer_open_again_as_those_of_this_item(
    payload: bytes, answer: bytes | None
) -> None:
    made = letter(payload, answer)
    context = document_context("topics", "b1", "m4")
    assert SEALER.open(made.sealed_payload, context) == payload
    if answer is None:
        assert made.sealed_answer is None
    else:
        assert made.sealed_answer is not None
        assert SEALER.open(made.sealed_answer, context) == answer
    with pytest.raises(SealError):
        SEALER.open(made.sealed_payload, document_context("topics", "b2", "m4"))


def test_an_endless_message_is_cut() -> None:
    assert len(letter(b"", None, "x" * 100_000).message) == 2000
