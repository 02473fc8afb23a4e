"""InputSpec: where the documents of a batch come from, and how they are read. Shapes only.

Which of them belong to which batch is in `batches.py`; reading them is `engine/intake`.
"""

from __future__ import annotations

import codecs
from typing import Literal

from pydantic import Field, field_validator, model_validator

from .base import Duration, Model, NonEmpty, seconds_of

CleaningStep = Literal["newlines", "control_characters", "nfc", "nfkc", "html", "spaces", "strip"]
DEFAULT_CLEANING: tuple[CleaningStep, ...] = ("newlines", "control_characters", "nfc", "strip")

Format = Literal["text", "csv", "jsonl", "parquet"]


_NO_CHARACTER_SETS = frozenset({"idna", "punycode", "unicode-escape", "raw-unicode-escape"})


class SqlInput(Model):
    """Documents that a query returns, one per row."""

    url: NonEmpty
    """Where the SQLAlchemy URL of the database is found: `env:NAME`, `file:/path` or `aws:NAME`.
    Never the URL itself: it holds a password."""
    query: NonEmpty
    """One SELECT. `:batch`, and `:since` and `:until` (the batch's window) may stand in it."""


class InputSpec(Model):
    """Where the documents of a batch come from: a path, a query, or another asset."""

    path: NonEmpty | None = None
    """Folder or file, relative to the job folder, or a URL such as s3://bucket/inbox. `{home}`,
    `{date}`, `{batch}` are filled in."""
    sql: SqlInput | None = None
    """A query, in place of a path."""
    asset: NonEmpty | None = None
    """Another job, whose released results are read, or the key of any Dagster asset
    (`group/name`), in place of a path. The batches are those of that asset."""
    format: Format = "text"
    """path: `text`: every file that matches `glob` is one item (txt, md, html, eml, and with the
    extra `documents` pdf and docx); `csv`, `jsonl`, `parquet`: every row is one item."""
    glob: NonEmpty = "**/*"
    """Which files below a folder are read."""
    id: NonEmpty | None = "id"
    """Rows: the column that names the item; null: the file and the number of the row do. For
    `text` the relative path is the name."""
    text: NonEmpty = "text"
    """Rows: the column that holds the document."""
    attributes: tuple[NonEmpty, ...] = ()
    """Rows: further columns to keep with the item (not sent to the model)."""
    classification: NonEmpty | None = None
    """Rows: the column that holds an item's own data class, where items carry one."""
    priority: NonEmpty | None = None
    """Rows: the column that says how urgent an item is: `low`, `normal`, `high` or `urgent`;
    whatever else it holds is normal. Urgent items of a batch are asked first."""
    updated_at: NonEmpty | None = None
    """Rows: the column that says when an item was written or changed: what `window: column` and
    groups by time go by."""
    encoding: NonEmpty = "auto"
    """text, csv: the character set; `auto`: UTF-8, or what the bytes look like."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    """csv: what stands between two columns."""
    clean: tuple[CleaningStep, ...] = DEFAULT_CLEANING
    """Cleaning steps, in order."""
    settle: Duration | None = None
    """path: a file that changed less than this ago, such as 30s, is still being written and is left
    alone. No figure: 30s for batches on arrival, 0s for all others."""
    mark: NonEmpty | None = None
    """path: the name of a file, such as _SUCCESS, whose presence says that a folder is complete;
    files of folders without it are left alone."""

    @property
    def kind(self) -> Literal["path", "sql", "asset"]:
        """Which of the three sources it is."""
        return "sql" if self.sql else "asset" if self.asset else "path"

    @property
    def has_rows(self) -> bool:
        """Whether an item is a row with columns, and not a file."""
        return self.kind != "path" or self.format != "text"

    def settle_seconds(self, *, on_arrival: bool) -> float:
        return seconds_of(self.settle or ("30s" if on_arrival else "0s"))

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str) -> str:
        if value == "auto":
            return value
        try:
            name = codecs.lookup(value).name
            "a".encode(name)  # some codecs, such as hex, are no character sets
            if name in _NO_CHARACTER_SETS:
                raise LookupError(name)
            return name
        except (LookupError, ValueError) as error:
            raise ValueError(
                f"{value!r} is not a character set; write auto, or one such as utf-8 or cp1252"
            ) from error

    @model_validator(mode="after")
    def _one_source(self) -> InputSpec:
        named = [name for name in ("path", "sql", "asset") if getattr(self, name) is not None]
        if len(named) != 1:
            said = " and ".join(named) or "nothing"
            raise ValueError(f"says {said}; name one of path, sql and asset as the source")
        return self
