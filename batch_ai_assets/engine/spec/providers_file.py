"""Providers: every model provider that jobs may name, from `providers.yaml`.

The bundled file comes first, the user's adds entries or replaces whole ones. A broken entry takes
only the jobs that use it down.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ..errors import SpecError
from .problems import Problems, did_you_mean, one_of
from .provider import ProviderSpec
from .yaml_file import YamlFile, read_yaml

PROVIDERS_FILE = "providers.yaml"
BUNDLED_REGISTRY = Path(__file__).parents[2] / "registry"
"""The registry that comes with the package."""


@dataclass(frozen=True, slots=True)
class Providers:
    """What `providers.yaml` holds, entry by entry."""

    specs: dict[str, ProviderSpec]
    broken: dict[str, str]
    """Name of an entry -> what is wrong with it."""
    unreadable: str | None = None
    """Why the user's file could not be read at all, if so."""
    path: Path = BUNDLED_REGISTRY / PROVIDERS_FILE
    """The file that a new entry belongs into."""

    @property
    def problems(self) -> str:
        """Everything that is wrong, a line each; empty when all is well."""
        return "\n".join(filter(None, (self.unreadable, *self.broken.values())))

    def find(self, name: str) -> ProviderSpec:
        """The provider of this name. Raises SpecError saying which there are, without a place."""
        if name in self.specs:
            return self.specs[name]
        if name in self.broken:
            wrong = " ".join(self.broken[name].splitlines())
            raise SpecError(f"the entry of provider {name!r} is broken: {wrong}")
        if self.unreadable:
            raise SpecError(f"provider {name!r} is not known; {self.path} cannot be read.")
        raise SpecError(
            f"provider {name!r} is not known.{did_you_mean(name, self.specs)}"
            f" Known: {one_of(self.specs)}. Add it to {self.path}."
        )


def load_providers(folder: Path) -> Providers:
    """The bundled providers, and over them those of the registry in `folder`."""
    bundled = _read(BUNDLED_REGISTRY / PROVIDERS_FILE)
    own = folder / PROVIDERS_FILE
    if folder.resolve() == BUNDLED_REGISTRY.resolve() or not own.exists():
        return Providers(bundled.specs, bundled.broken, bundled.unreadable, own)
    added = _read(own)
    kept = {name: spec for name, spec in bundled.specs.items() if name not in added.broken}
    return Providers({**kept, **added.specs}, added.broken, added.unreadable, own)


def _read(path: Path) -> Providers:
    try:
        file = read_yaml(path)
        entries = _entries(file)
    except SpecError as error:
        return Providers({}, {}, str(error), path)
    specs: dict[str, ProviderSpec] = {}
    broken: dict[str, str] = {}
    for name, entry in entries.items():
        try:
            specs[name] = ProviderSpec.model_validate(entry)
        except ValidationError as error:
            problems = Problems(file)
            problems.add_pydantic(ProviderSpec, error, base=(name,))
            broken[name] = str(problems.error())
    return Providers(specs, broken, None, path)


def _entries(file: YamlFile) -> dict[str, object]:
    if file.data is None:
        return {}
    if not isinstance(file.data, dict):
        raise SpecError(f"{file.path}: write a mapping: the provider's name, then what it offers.")
    return file.data
