"""Mail: an `.eml` file as text: who wrote to whom, when, about what, and the best body it has.

Attachments are named and not read. A mail that breaks the rules, as many do, is read as far as
it goes.
"""

from __future__ import annotations

from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesParser

from .document import Extract, Problem
from .encoding import AUTO, decode
from .html import html_text

_HEADERS = ("Subject", "From", "To", "Cc", "Date")
_MOST_HEADER = 4096
_MOST_PARTS = 1000


def mail_text(raw: bytes, name: str, encoding: str) -> Extract | Problem:
    """The headers that a reader looks at, a blank line, and the body. Raises UnicodeDecodeError.

    encoding: for a body that does not name its own character set.
    """
    try:
        message = BytesParser(policy=policy.default).parsebytes(raw.lstrip(b"\r\n"))
        parts = _parts(message)
    except RecursionError:
        return Problem(
            "unreadable",
            f"{name!r} is a mail with parts within parts beyond all measure; take them apart",
        )
    if not message.keys():
        return Extract(decode(raw, encoding))
    lines = [f"{header}: {value}" for header in _HEADERS if (value := _header(message, header))]
    attached = [found for part in parts if (found := _attachment(part))]
    if attached:
        lines.append(f"Attachments: {', '.join(attached)}")
    return Extract("\n".join([*lines, "", _body(parts, encoding)]), plain=True)


def _parts(message: EmailMessage) -> list[EmailMessage]:
    """What the mail is made of, in order; what lies in a forwarded mail is that mail's."""
    found: list[EmailMessage] = []
    stack: list[EmailMessage] = [message]
    while stack and len(found) < _MOST_PARTS:
        part = stack.pop()
        content = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(content, list):
            stack.extend(reversed([p for p in content if isinstance(p, EmailMessage)]))
        else:
            found.append(part)
    return found


def _header(message: EmailMessage, name: str) -> str:
    try:
        value = str(message[name] or "")
    except Exception:  # the parser of addresses and dates trips over what is none
        value = _raw_header(message, name)
    return " ".join(value.encode("utf-8", "replace").decode().split())[:_MOST_HEADER]


def _raw_header(message: EmailMessage, name: str) -> str:
    value = next((text for key, text in message.raw_items() if key.lower() == name.lower()), "")
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError):
        return str(value)


def _attachment(part: EmailMessage) -> str:
    """The name of a part that is not read; empty where it is the body or a picture in it."""
    try:
        named, disposition = part.get_filename(), part.get_content_disposition()
    except Exception:
        named, disposition = None, None
    kind = part.get_content_type()
    if disposition != "attachment" and not (named and disposition != "inline"):
        return "" if kind != "message/rfc822" else "a forwarded mail"
    return " ".join(
        (named or f"without a name ({kind})").encode("utf-8", "replace").decode().split()
    )


def _body(parts: list[EmailMessage], encoding: str) -> str:
    """The plain text where it says something, else the page as text."""
    bodies = [
        part for part in parts if part.get_content_maintype() == "text" and not _attachment(part)
    ]
    plain = [part for part in bodies if part.get_content_type() == "text/plain"]
    text = "\n\n".join(_content(part, encoding) for part in plain).strip()
    if text:
        return text
    pages = [
        part for part in bodies if part.get_content_type() in ("text/html", "application/xhtml+xml")
    ]
    text = "\n\n".join(html_text(_content(part, encoding)) for part in pages).strip()
    others = [part for part in bodies if part not in plain and part not in pages]
    return text or "\n\n".join(_content(part, encoding) for part in others).strip()


def _content(part: EmailMessage, encoding: str) -> str:
    try:
        payload = part.get_payload(decode=True)
    except Exception:  # a transfer encoding that is not one
        payload = str(part.get_payload()).encode("utf-8", "surrogateescape")
    if not isinstance(payload, bytes):
        return ""
    declared = part.get_content_charset()
    return decode(payload, encoding if encoding != AUTO and not declared else AUTO, declared)
