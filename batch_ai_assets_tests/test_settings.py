"""Settings: where things lie, and where secrets come from."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from batch_ai_assets.engine.errors import ProviderError, SpecError
from batch_ai_assets.settings import Settings, resolve_secret, settings


def test_everything_lies_in_the_home_unless_named(tmp_path: Path) -> None:
    found = Settings(home=tmp_path)
    assert found.data_url == str(tmp_path / "data")
    assert found.state_url == f"sqlite:///{tmp_path}/state/state.sqlite"
    assert found.dagster_home == tmp_path / "dagster"
    assert (found.registry / "..").resolve().name == "batch_ai_assets"


def test_a_relative_home_means_the_folder_where_the_command_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BATCH_AI_HOME")
    assert Settings().home == tmp_path / ".batch-ai"


def test_a_variable_wins_over_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("BATCH_AI_LOG_LEVEL=debug\nBATCH_AI_DATA_URL=s3://bucket/a\nOTHER=1\n")
    monkeypatch.setenv("BATCH_AI_LOG_LEVEL", "error")
    found = Settings(_env_file=file)
    assert (found.log_level, found.data_url) == ("ERROR", "s3://bucket/a")


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_AI_MINILM", "")
    assert Settings().minilm is None


def test_the_home_is_private_and_gets_the_instance_file_once(home: Path) -> None:
    folders = [home, *(home / name for name in ("keys", "inbox", "state", "dagster", "data"))]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in folders} == {0o700}
    instance_file = home / "dagster" / "dagster.yaml"
    assert "run_retries" in instance_file.read_text()
    instance_file.write_text("# mine\n")
    settings().prepare_home()
    assert instance_file.read_text() == "# mine\n"
    assert [p.name for p in instance_file.parent.iterdir()] == ["dagster.yaml"]


def test_a_home_that_cannot_be_made_is_said_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpecError, match=r"file/home.*Set BATCH_AI_HOME"):
        Settings(home=tmp_path / "file" / "home").prepare_home()


@pytest.mark.parametrize("name", ["home?", "home%20"])
def test_a_home_that_no_database_address_can_name_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_AI_HOME", str(tmp_path / name))
    settings.cache_clear()
    with pytest.raises(SpecError, match=r"BATCH_AI_HOME is wrong.*choose a folder"):
        settings()
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_AI_LOG_LEVEL", "loud")
    settings.cache_clear()
    with pytest.raises(SpecError, match=r"BATCH_AI_LOG_LEVEL is wrong.*\.env\.example"):
        settings()


def test_the_address_of_the_ui_is_one_that_links_can_begin_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Settings(ui_url="https://dagster.example.com/prod/").ui_url == (
        "https://dagster.example.com/prod"
    )
    for wrong in ("dagster.example.com", "ftp://a", "http://", "http://a b", "http://me:key@a"):
        monkeypatch.setenv("BATCH_AI_UI_URL", wrong)
        settings.cache_clear()
        with pytest.raises(SpecError, match="BATCH_AI_UI_URL is wrong") as refused:
            settings()
        assert "me:key" not in str(refused.value)


def test_a_child_process_sees_the_same_home_and_instance(home: Path) -> None:
    environment = settings().child_environment()
    assert environment["BATCH_AI_HOME"] == str(home)
    assert environment["DAGSTER_HOME"] == str(home / "dagster")
    assert "PATH" in environment


def test_a_secret_comes_from_the_environment_or_a_file_and_hides_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "first-key")
    (tmp_path / "key").write_text("second-key\n")
    first, second = resolve_secret("env:SOME_KEY"), resolve_secret(f"file:{tmp_path / 'key'}")
    assert first.get_secret_value() == "first-key"
    assert second.get_secret_value() == "second-key"
    assert "key" not in f"{first} {second!r}"


def test_a_secret_may_stand_in_the_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("SOME_OTHER_KEY=third\n")
    assert resolve_secret("env:SOME_OTHER_KEY").get_secret_value() == "third"


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("env:NO_SUCH_VARIABLE", "Export NO_SUCH_VARIABLE"),
        ("file:/no/such/file", "cannot be read"),
    ],
)
def test_a_missing_secret_is_said_with_its_place(reference: str, says: str) -> None:
    with pytest.raises(ProviderError, match=says):
        resolve_secret(reference)


def test_a_key_written_where_a_reference_belongs_is_refused_without_repeating_it() -> None:
    with pytest.raises(SpecError) as caught:
        resolve_secret("sk-very-secret")
    assert "very-secret" not in str(caught.value)


def test_an_empty_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", " ")
    with pytest.raises(ProviderError, match="empty"):
        resolve_secret("env:SOME_KEY")


@pytest.mark.parametrize("value", ["sk-one\nsk-two", "sk-\u2013dash", "sk-\x07bell", "sk-one\n\n"])
def test_a_secret_that_no_request_can_carry_is_refused_without_repeating_it(
    value: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text(value, encoding="utf-8")
    with pytest.raises(ProviderError, match="not one line of printable ASCII") as caught:
        resolve_secret(f"file:{tmp_path / 'file'}")
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize("text", ["nowhere", "after_send:x", "after_send:0"])
def test_a_failpoint_that_is_none_is_named(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_AI_FAILPOINT", text)
    settings.cache_clear()
    with pytest.raises(SpecError, match="BATCH_AI_FAILPOINT is wrong"):
        settings()


def test_an_env_file_that_is_not_utf8_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_bytes("BATCH_AI_HOME=caf\u00e9\n".encode("latin-1"))
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    settings.cache_clear()
    with pytest.raises(SpecError, match=r"\.env cannot be read \(UnicodeDecodeError\)"):
        settings()
    with pytest.raises(SpecError, match=r"\.env cannot be read"):
        resolve_secret("env:NO_SUCH_VARIABLE")


@pytest.mark.parametrize(
    "address",
    ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"],
)
def test_a_state_store_in_memory_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATCH_AI_STATE_URL", address)
    settings.cache_clear()
    with pytest.raises(SpecError, match=r"BATCH_AI_STATE_URL is wrong.*in memory"):
        settings()
