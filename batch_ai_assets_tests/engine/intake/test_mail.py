"""Mails are read as a person reads them, also those that break the rules."""

from __future__ import annotations

from contextlib import suppress
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_ai_assets.engine.intake.document import Document, Extract
from batch_ai_assets.engine.intake.mail import mail_text

from .jobs import job_for, only, read, reason


def _read(tmp_path: Path, content: bytes) -> Document:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.eml").write_bytes(content)
    return only(read(job_for(tmp_path)))


def _text(content: bytes) -> str:
    found = mail_text(content, "a.eml", "auto")
    assert isinstance(found, Extract)
    return found.text


def _letter() -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = "Überfällig: order 17"
    message["From"] = "Zoë Ito <zoe@example.com>"
    message["To"] = "help@example.com"
    message["Date"] = "Mon, 16 Nov 2026 09:00:00 +0000"
    message.set_content("It did not come.\n\nZoë")
    return message


HEAD = """Subject: Überfällig: order 17
From: Zoë Ito <zoe@example.com>
To: help@example.com
Date: Mon, 16 Nov 2026 09:00:00 +0000
"""


def test_a_mail_is_its_headers_and_its_body(tmp_path: Path) -> None:
    document = _read(tmp_path, _letter().as_bytes())
    assert document.text == HEAD + "\nIt did not come.\n\nZoë"
    assert document.kind == "eml"


def test_the_plain_body_is_taken_before_the_page_and_attachments_are_named() -> None:
    message = _letter()
    message.add_alternative("<p>It did <b>not</b> come.</p>", subtype="html")
    message.add_attachment(
        b"%PDF-1.4 ...", maintype="application", subtype="pdf", filename="Rechnung für Zoë.pdf"
    )
    message.add_attachment("a,b\n1,2\n", subtype="csv", filename="rows.csv")
    text = _text(message.as_bytes())
    assert text == (HEAD + "Attachments: Rechnung für Zoë.pdf, rows.csv\n\nIt did not come.\n\nZoë")


def test_a_mail_that_is_a_page_is_read_as_the_page_shows() -> None:
    message = EmailMessage()
    message["Subject"] = "Hello"
    message.set_content("<style>p{}</style><p>One</p><p>Two &amp; three</p>", subtype="html")
    assert _text(message.as_bytes()) == "Subject: Hello\n\nOne\n\nTwo & three"


def test_a_page_speaks_where_the_plain_body_is_blank() -> None:
    message = _letter()
    message.set_content(" \n")
    message.add_alternative("<p>Said here</p>", subtype="html")
    assert _text(message.as_bytes()) == HEAD + "\nSaid here"


def test_a_forwarded_mail_is_an_attachment() -> None:
    message = _letter()
    inner = EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("Not to be read as the outer one's words")
    message.add_attachment(inner)
    text = _text(message.as_bytes())
    assert "Attachments: " in text
    assert "Not to be read" not in text


@pytest.mark.parametrize("charset", ["cp1251", "koi8-r", "utf-8", "no-such-charset"])
def test_the_character_set_of_the_body_counts_and_one_that_does_not_exist_is_guessed(
    charset: str,
) -> None:
    said = "Здравствуйте, где мой заказ номер семнадцать? Жду ответа уже неделю."
    body = said.encode("utf-8" if charset.startswith("no") else charset)
    content = b"Subject: x\nContent-Type: text/plain; charset=" + charset.encode() + b"\n\n" + body
    assert _text(content) == "Subject: x\n\n" + said


BROKEN = {
    "no body": b"Subject: x\n",
    "a date that is none": b"Subject: x\nDate: , , 99 Foo\n\nBody",
    "an address that is none": b"Subject: x\nFrom: <<>>@@[, \n\nBody",
    "a subject in an unknown character set": b"Subject: =?nope?B?4pyT?=\n\nBody",
    "a subject that is cut": b"Subject: =?utf-8?B?4pyT\n\nBody",
    "eight bits in a header": b"Subject: caf\xe9\n\nBody",
    "base64 that is cut": b"Subject: x\nContent-Transfer-Encoding: base64\n\nQm9ke",
    "an unknown transfer encoding": b"Subject: x\nContent-Transfer-Encoding: x-none\n\nBody",
    "a boundary that never comes": b"Subject: x\nContent-Type: multipart/mixed; boundary=q\n\nBody",
    "no boundary": b"Subject: x\nContent-Type: multipart/mixed\n\nBody",
    "a type that is none": b"Subject: x\nContent-Type: ;;;\n\nBody",
    "a line before the headers": b"garbage without a colon\nSubject: x\n\nBody",
    "no headers at all": b"\n\nBody alone",
    "two subjects": b"Subject: x\nSubject: y\n\nBody",
    "a name of an attachment in an unknown set": (
        b"Subject: x\nContent-Disposition: attachment; filename*=nope''%E2%9C%93\n\nBody"
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_mail_is_read_as_far_as_it_goes(name: str) -> None:
    assert _text(BROKEN[name]).strip()


def test_a_body_that_is_no_text_is_undecodable(tmp_path: Path) -> None:
    content = b"Subject: x\nContent-Transfer-Encoding: base64\n\nAAGHiP/+AAA="
    assert reason(_read(tmp_path, content)) == "undecodable"


def test_parts_within_parts_without_end_are_read_or_refused_by_name() -> None:
    content = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5000)
    )
    found = mail_text(b"Subject: x\n" + content + b"\nBody", "a.eml", "auto")
    assert isinstance(found, Extract) or found.reason == "unreadable"


def test_a_mail_without_words_is_empty(tmp_path: Path) -> None:
    assert reason(_read(tmp_path, b"\n\n  \n")) == "empty_text"


@given(
    st.lists(
        st.sampled_from(
            [
                b"Subject: ", b"From: a@b", b"Date: ", b"Content-Type: ", b"multipart/mixed; ",
                b"boundary=b", b"--b", b"--b--", b"text/html", b"; charset=", b"utf-16", b"\n",
                b"\n\n", b"Content-Transfer-Encoding: ", b"base64", b"quoted-printable",
                b"=?utf-8?",
                b"\xff", b"text", b"message/rfc822", b"Content-Disposition: attachment; filename=",
            ]
        ),
        max_size=30,
    )
)  # fmt: skip
def test_whatever_a_mail_holds_it_is_read_or_refused(pieces: list[bytes]) -> None:
    with suppress(UnicodeDecodeError):  # told as undecodable by who called
        mail_text(b"".join(pieces), "a.eml", "auto")
