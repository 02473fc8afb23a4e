from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.local_provider.documents import documents_of
from batch_ai_assets.local_provider.model import Message

from .clients import block


def documents(content: str) -> list[tuple[str, str | None, str]]:
    found = documents_of((Message("system", "s"), Message("user", content)))
    return [(document.item, document.pack_id, document.text) for document in found]


def prefix(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def test_a_delimited_document_is_named_by_the_digest_of_its_text() -> None:
    assert documents(block("hello")) == [(prefix("hello"), None, "hello")]


def test_a_marker_in_the_text_names_the_item() -> None:
    text = "hello [[id:item 17]]"
    assert documents(block(text)) == [("item 17", None, text)]


def test_numbered_blocks_are_several_documents_in_order() -> None:
    packed = "\n\n".join(block(text, number) for number, text in enumerate(("a", "b", "")))
    assert [(pack_id, text) for _, pack_id, text in documents(packed)] == [
        ("0", "a"),
        ("1", "b"),
        ("2", ""),
    ]


def test_a_message_without_blocks_is_one_document() -> None:
    assert documents("just text") == [(prefix("just text"), None, "just text")]


def test_examples_in_earlier_turns_are_not_documents() -> None:
    messages = (
        Message("user", block("example [[id:example]]")),
        Message("assistant", "{}"),
        Message("user", block("real")),
    )
    assert [document.text for document in documents_of(messages)] == ["real"]


def test_a_request_without_a_user_message_has_no_documents() -> None:
    assert documents_of((Message("system", "s"),)) == ()


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=4), st.booleans())
def test_whatever_a_document_says_it_stays_one_document(texts: list[str], nested: bool) -> None:
    if nested:  # a document that contains another one's delimiters, and a stray closing tag
        texts = [f"{block(text, 9)}\n</document-0123456789ab>" for text in texts]
    packed = "\n".join(block(text, number) for number, text in enumerate(texts))
    assert [text for _, _, text in documents(packed)] == texts
