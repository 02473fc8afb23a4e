"""What all registry models share: frozen, no unknown keys; names, times, zones, sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, StringConstraints

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

JobName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
BatchKey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
NonEmpty = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A time of day, such as 02:00."""
Duration = Annotated[str, StringConstraints(pattern=r"^\d{1,6}(\.\d{1,3})?[smhd]$")]
"""Such as 90s, 15m, 4h, 2d."""
Size = Annotated[str, StringConstraints(pattern=r"^\d{1,9}(\.\d{1,3})?(B|kB|MB|GB)$")]
"""Such as 500kB or 10MB, in powers of 1,000."""
SecretReference = Annotated[
    str, StringConstraints(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+|aws:.+)$")
]
"""Where a secret is, never the secret itself."""

DataClass = Literal["public", "internal", "confidential", "restricted"]
"""Data classification, least to most sensitive."""

DATA_CLASSES: tuple[DataClass, ...] = ("public", "internal", "confidential", "restricted")


def class_rank(data_class: str) -> int:
    """Sensitivity of a data class, 0 = public. An unknown class ranks above all known ones."""
    return DATA_CLASSES.index(data_class) if data_class in DATA_CLASSES else len(DATA_CLASSES)


def seconds_of(duration: str) -> float:
    """A Duration in seconds."""
    return float(duration[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[duration[-1]]


def known_zone(name: str) -> str:
    """The name of a time zone as it is; ValueError where there is none of it."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not an IANA time zone; write e.g. Europe/Paris") from error
    return name


def bytes_of(size: str) -> int:
    """A Size in bytes."""
    number = size.rstrip("kMGB")
    return int(float(number) * {"B": 1, "kB": 1_000, "MB": 10**6, "GB": 10**9}[size[len(number) :]])


class Model(BaseModel):
    """Base of every registry model."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        allow_inf_nan=False,
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        """The schema that editors get: every key with what it is for."""
        from .meanings import meanings_of

        schema = handler(core_schema)
        shape = handler.resolve_ref_schema(schema)
        said = meanings_of(cls)
        for name, field in cls.model_fields.items():
            if name in said:
                shape["properties"][field.alias or name].setdefault("description", said[name])
        return schema
