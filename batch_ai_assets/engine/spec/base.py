"""What all registry models share: frozen, no unknown keys, and the slugs that name things."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

JobName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
BatchKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
NonEmpty = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]

DataClass = Literal["public", "internal", "confidential", "restricted"]
"""Data classification, least to most sensitive (pattern section 8, "Data Classification")."""

DATA_CLASSES: tuple[DataClass, ...] = ("public", "internal", "confidential", "restricted")


def class_rank(data_class: str) -> int:
    """Sensitivity of a data class, 0 = public. An unknown class ranks above all known ones."""
    return DATA_CLASSES.index(data_class) if data_class in DATA_CLASSES else len(DATA_CLASSES)


class Model(BaseModel):
    """Base of every registry model."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        populate_by_name=True,
        serialize_by_alias=True,
    )
