"""Settings: what the surroundings say, and the only place that reads the environment.

Where things lie, which stores are used, where secrets are. What a job does is in the registry,
not here. Nothing heavy is imported: every Dagster process pays for this module.
"""

from __future__ import annotations

import os
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from batch_ai_assets.engine import failpoints
from batch_ai_assets.engine.errors import ProviderError, SpecError
from batch_ai_assets.engine.spec.provider import is_loopback

_PLAIN_SCHEMES = frozenset({"form", "http", "json", "mailto", "xml"})
"""Of Apprise: without TLS. They may lead to this machine only."""
_PACKAGE = Path(__file__).resolve().parent
_ENV_FILE = ".env"


class Settings(BaseSettings):
    """Read from `BATCH_AI_*` variables, then from a `.env` file in the working folder.

    Paths come out absolute, so that a process started elsewhere finds the same files.
    """

    model_config = SettingsConfigDict(
        env_prefix="BATCH_AI_",
        env_file=_ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        populate_by_name=True,
    )

    home: Path = Path(".batch-ai")
    """Everything the platform writes on this machine."""
    registry: Path = _PACKAGE / "registry"
    """The folder with `providers.yaml` and one folder per job."""
    data_url: str = Field(default_factory=lambda known: str(known["home"] / "data"))
    """Root of the published tables: a folder, or `s3://bucket/prefix`."""
    state_url: str = Field(
        default_factory=lambda known: f"sqlite:///{known['home'] / 'state' / 'state.sqlite'}"
    )
    """The state store, as an SQLAlchemy URL."""
    dagster_home: Path = Field(
        default_factory=lambda known: known["home"] / "dagster",
        validation_alias=AliasChoices("DAGSTER_HOME", "dagster_home"),
    )
    """The Dagster instance that the CLI, the demo and the UI share."""
    minilm: Path | None = None
    """A copy of the all-MiniLM-L6-v2 weights to use instead of the one in the wheel."""
    transport: Literal["aiohttp", "pyreqwest"] = "aiohttp"
    """Which package carries the calls; pyreqwest is the extra `fast`."""
    dbt: bool = True
    """Whether every batch is tested by dbt as well, at its end."""
    alert_urls: SecretStr | None = None
    """Who is told of alerts: Apprise addresses, with spaces between them. They hold secrets."""
    ui_url: str | None = None
    """Where people reach the Dagster UI, for links in reports. Nothing: where `batch-ai ui` was
    last started on this home."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    failpoint: str | None = None
    """For crash tests only: where the engine kills itself."""

    @field_validator("home", "registry", "dagster_home", "minilm")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().resolve()

    @field_validator("home", "dagster_home")
    @classmethod
    def _fits_a_database_address(cls, value: Path) -> Path:
        if set("?%") & set(str(value)):
            raise ValueError(
                "databases lie in this folder, and in their addresses ? and % mean something else; "
                "choose a folder whose path has neither"
            )
        return value

    @field_validator("data_url")
    @classmethod
    def _absolute_unless_url(cls, value: str) -> str:
        return value if "://" in value else str(Path(value).expanduser().resolve())

    @field_validator("ui_url")
    @classmethod
    def _an_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"https?://[^\s/?#()<>@]+[^\s?#()<>@]*", value):
            raise ValueError(
                "this is no address that a link can begin with; write it like "
                "https://dagster.example.com, without a name or password"
            )
        return None if value is None else value.rstrip("/")

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("state_url")
    @classmethod
    def _lasting(cls, value: str) -> str:
        scheme, _, rest = value.partition("://")
        path = rest.strip("/")
        in_memory = not path or path.startswith("?") or "memory:" in path or "mode=memory" in path
        if scheme.startswith("sqlite") and in_memory:
            raise ValueError("a store in memory is lost; write sqlite:////path/state.sqlite")
        return value

    @field_validator("failpoint")
    @classmethod
    def _known_failpoint(cls, value: str | None) -> str | None:
        if value is not None:
            failpoints.parse(value)
        return value

    @field_validator("alert_urls")
    @classmethod
    def _told_over_tls(cls, value: SecretStr | None) -> SecretStr | None:
        for number, address in enumerate(_addresses(value), start=1):  # none is repeated: secrets
            parts = urlsplit(address)
            plain = parts.scheme.lower() in _PLAIN_SCHEMES and not is_loopback(parts.hostname or "")
            if not parts.scheme or plain or "verify=no" in parts.query.lower():
                raise ValueError(
                    f"address {number} is not one that is verified over TLS; write it as Apprise "
                    "does, such as slack://..., jsons://host/path or mailtos://..."
                )
        return value

    @property
    def alert_addresses(self) -> tuple[str, ...]:
        """Who is told of alerts, one by one."""
        return _addresses(self.alert_urls)

    @property
    def inbox(self) -> Path:
        """Where a job may take its input from: `{home}/inbox/...` in a job file."""
        return self.home / "inbox"

    @property
    def keys_folder(self) -> Path:
        """The sealing key, readable by its owner alone."""
        return self.home / "keys"

    def prepare_home(self) -> None:
        """Make the folders of the home, private to their owner, and the Dagster instance file.

        Raises SpecError where the home cannot be made.
        """
        folders = [self.home, self.keys_folder, self.inbox, self.home / "state", self.dagster_home]
        if "://" not in self.data_url:
            folders.append(Path(self.data_url))
        try:
            for folder in folders:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._place_dagster_yaml()
        except OSError as error:
            raise SpecError(
                f"The home {self.home} cannot be made: {error.strerror} ({error.filename}). "
                "Set BATCH_AI_HOME to a folder that you may write to."
            ) from error

    def child_environment(self) -> dict[str, str]:
        """The environment for a process that must see the same home and the same instance."""
        return {
            **os.environ,
            "BATCH_AI_HOME": str(self.home),
            "DAGSTER_HOME": str(self.dagster_home),
        }

    def share_with_dagster(self) -> None:
        """Let Dagster, and every process it starts from this one, use the same home.

        Dagster finds its instance by `DAGSTER_HOME` in the environment and in no other way.
        """
        os.environ.update(self.child_environment())

    def _place_dagster_yaml(self) -> None:
        """Copy the instance file unless there is one, whole even when two processes do it."""
        target = self.dagster_home / "dagster.yaml"
        if target.exists():
            return
        draft = target.with_name(f".dagster.yaml.{os.getpid()}")
        shutil.copyfile(_PACKAGE / "dagster.yaml", draft)
        draft.replace(target)


def separate_environment(home: Path, registry: Path) -> dict[str, str]:
    """The environment for a process on another home: no setting of this one's reaches it.

    It imports this very copy of the package. dbt is left out, which only costs time there.
    """
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BATCH_AI_", "DAGSTER_"))
    }
    paths = [str(_PACKAGE.parent), *filter(None, [others.get("PYTHONPATH")])]
    return {
        **others,
        "BATCH_AI_HOME": str(home),
        "BATCH_AI_REGISTRY": str(registry),
        "BATCH_AI_DBT": "false",
        "DAGSTER_HOME": str(home / "dagster"),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _addresses(urls: SecretStr | None) -> tuple[str, ...]:
    return tuple(urls.get_secret_value().split()) if urls else ()


@cache
def settings() -> Settings:
    """The settings of this process, read once; tests call `settings.cache_clear()`.

    Raises SpecError naming the variable that is wrong.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SpecError(
            "\n".join(
                _say(problem["loc"], problem["msg"])
                for problem in error.errors(
                    include_url=False, include_context=False, include_input=False
                )
            )
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise _bad_env_file(error) from None


def resolve_secret(reference: str) -> SecretStr:
    """Fetch the secret that `env:NAME`, `file:/path` or `aws:NAME` points to.

    Raises ProviderError where it is not there, or is no key that a request can carry; the message
    names the place, never the value.
    """
    place, _, name = reference.partition(":")
    if place == "env":
        value = _from_environment(name)
    elif place == "file":
        value = _from_file(Path(name).expanduser())
    elif place == "aws":
        value = _from_aws(name)
    else:
        raise SpecError(
            "A secret reference must start with env:, file: or aws:. "
            "Write where the secret is, never the secret itself."
        )
    if not value.strip():
        raise ProviderError(f"The secret {reference} is empty. Put the key there and run again.")
    if not (value.isascii() and value.isprintable()):
        raise ProviderError(
            f"The secret {reference} is not one line of printable ASCII, so no request can carry "
            "it. Put the key there and nothing else, then run again."
        )
    return SecretStr(value.strip())


def _from_environment(name: str) -> str:
    if name in os.environ:
        return os.environ[name]
    from dotenv import dotenv_values

    try:
        value = dotenv_values(_ENV_FILE).get(name)
    except (OSError, UnicodeDecodeError) as error:
        raise _bad_env_file(error) from None
    if value is None:
        raise ProviderError(
            f"The secret env:{name} is not set. "
            f"Export {name}, or write it into a .env file in the working folder."
        )
    return value


def _from_file(path: Path) -> str:
    try:
        # Universal newlines: an editor ends the one line with a newline of its own.
        return path.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ProviderError(
            f"The secret file:{path} cannot be read ({type(error).__name__}). "
            "Check the path and that this user may read it."
        ) from None


def _from_aws(name: str) -> str:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = boto3.client("secretsmanager").get_secret_value(SecretId=name)
    except (BotoCoreError, ClientError) as error:
        raise ProviderError(
            f"The secret aws:{name} cannot be fetched ({type(error).__name__}). "
            "Check the name, the region and the rights of this role."
        ) from None
    if "SecretString" not in answer:
        raise ProviderError(f"The secret aws:{name} is binary. Store the key as text.")
    return str(answer["SecretString"])


def _bad_env_file(error: Exception) -> SpecError:
    return SpecError(
        f"The file {Path(_ENV_FILE).absolute()} cannot be read ({type(error).__name__}). "
        "Save it as UTF-8 text that this user may read, or remove it."
    )


def _say(location: tuple[int | str, ...], problem: str) -> str:
    name = str(location[0]) if location else "settings"
    variable = name if name == "DAGSTER_HOME" else f"BATCH_AI_{name.upper()}"
    return f"{variable} is wrong: {problem}. See .env.example for every setting."
