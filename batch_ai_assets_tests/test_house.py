"""The house is in order: packaging, locks, configuration, and the shape of every file."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import tomllib
from fnmatch import fnmatch
from itertools import chain
from pathlib import Path

import pytest
import yaml

from .modules import PACKAGE, REPOSITORY, Module, package_modules

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
LONGEST_ASSET_BODY = 25
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|NotImplementedError)\b")
NAMES_WITHOUT_MEANING = {"manager", "handler", "helper", "util", "utils", "processor", "misc"}
LOCKS = ("requirements.lock", "requirements-dev.lock")
TARGETS = ("demo", "test", "drill", "dev", "lint", "typecheck", "bench", "clean")

modules = pytest.mark.parametrize("module", package_modules(), ids=lambda module: module.name)
locks = pytest.mark.parametrize("lock", LOCKS)


@modules
def test_every_module_says_what_belongs_in_it(module: Module) -> None:
    doc = ast.get_docstring(module.tree)
    assert len((doc or "").split()) >= 4, f"{module.name} needs a docstring on top"


@modules
def test_no_file_is_too_long_to_read(module: Module) -> None:
    lines = module.path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_FILE, f"{module.name} has {lines} lines: it is more than one noun"


@modules
def test_a_function_fits_on_a_screen(module: Module) -> None:
    long = [
        f"{function.name} has {lines} lines"
        for function in ast.walk(module.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := _lines(function))
        > (LONGEST_ASSET_BODY if _is_asset(function) else LONGEST_FUNCTION)
    ]
    assert not long, f"{module.name}: {long}"


@modules
def test_nothing_is_left_unfinished(module: Module) -> None:
    found = UNFINISHED.findall(module.path.read_text(encoding="utf-8"))
    assert not found, f"{module.name} says {found}"


@modules
def test_a_file_is_called_by_what_it_is(module: Module) -> None:
    words = set(module.path.stem.split("_"))
    assert not words & NAMES_WITHOUT_MEANING, f"{module.name} says nothing about what is in it"


@locks
def test_a_lock_pins_every_package_with_a_hash_and_names_no_index(lock: str) -> None:
    text = (REPOSITORY / lock).read_text(encoding="utf-8")
    assert not [word for word in ("://", " @ ", "--index", "-f ") if word in text]
    entries = re.split(r"\n(?=\S)", "\n".join(_without_comments(text)))
    unpinned = [e.splitlines()[0] for e in entries if not re.match(r"[A-Za-z0-9_.-]+==\S+", e)]
    unhashed = [e.splitlines()[0] for e in entries if "--hash=sha256:" not in e]
    assert not unpinned
    assert not unhashed


def test_both_locks_pin_the_same_versions() -> None:
    run, dev = (set(_pins(lock)) for lock in LOCKS)
    assert run <= dev, f"only in {LOCKS[0]}: {sorted(run - dev)}; run scripts/lock"


def test_the_lock_covers_what_the_project_asks_for() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {
        lock: [re.split(r"[\[<>=~!; ]", wish)[0].lower().replace("_", "-") for wish in wishes]
        for lock, wishes in (
            (LOCKS[0], project["dependencies"]),
            (LOCKS[1], chain(*project["optional-dependencies"].values())),
        )
    }
    for lock, names in asked.items():
        pinned = {pin.split("==")[0] for pin in _pins(lock)}
        missing = set(names) - pinned - {project["name"]}
        assert not missing, f"{lock} is older than pyproject.toml; run scripts/lock"


def test_the_licence_is_apache_2() -> None:
    text = (REPOSITORY / "LICENSE").read_text(encoding="utf-8")
    assert re.search(r"Apache License\s+Version 2\.0.*END OF TERMS AND CONDITIONS", text, re.DOTALL)


def test_every_data_file_of_the_package_is_shipped_with_it() -> None:
    config = configparser.ConfigParser()
    config.read(REPOSITORY / "setup.cfg")
    patterns = config["options.package_data"]["batch_ai_assets"].replace("\n", ",").split(",")
    patterns = [pattern.strip() for pattern in patterns if pattern.strip()]
    data = [
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    missing = [name for name in data if not any(fnmatch(name, pattern) for pattern in patterns)]
    assert not missing, f"setup.cfg names no pattern for {missing}"


def test_make_prints_its_targets_and_what_they_do() -> None:
    printed = subprocess.run(
        ["make"], cwd=REPOSITORY, capture_output=True, text=True, timeout=30, check=True
    ).stdout
    for target in TARGETS:
        assert re.search(rf"^\s*make {target}\s{{2,}}\S.*$", printed, re.MULTILINE), target


@pytest.mark.parametrize(
    "script", [".ci/run", *sorted(f"scripts/{p.name}" for p in (REPOSITORY / "scripts").iterdir())]
)
def test_a_script_can_be_run_and_is_well_formed(script: str) -> None:
    path = REPOSITORY / script
    assert path.stat().st_mode & 0o111, f"{script} is not executable"
    subprocess.run(["bash", "-n", str(path)], check=True, timeout=30)


def test_the_workspace_names_the_definitions() -> None:
    from dagster._core.workspace.load import location_origins_from_yaml_paths

    origins = location_origins_from_yaml_paths([str(REPOSITORY / "workspace.yaml")])
    [origin] = origins
    assert origin.loadable_target_origin.module_name == "batch_ai_assets.definitions"


def test_the_instance_file_at_the_top_is_the_one_that_is_shipped() -> None:
    assert (REPOSITORY / "dagster.yaml").samefile(PACKAGE / "dagster.yaml")


def test_dagster_takes_the_instance_file(home: Path) -> None:
    import dagster as dg

    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled
        assert instance.run_retries_max_retries == 3
        assert instance.get_settings("run_retries")["retry_on_asset_or_op_failure"] is False


def test_the_example_of_the_environment_names_every_setting() -> None:
    from batch_ai_assets.settings import Settings

    named = set(re.findall(r"^#? ?([A-Z_]+)=", (REPOSITORY / ".env.example").read_text(), re.M))
    known = {
        "DAGSTER_HOME" if n == "dagster_home" else f"BATCH_AI_{n.upper()}"
        for n in Settings.model_fields
    } - {"BATCH_AI_FAILPOINT"}
    assert named == known


@pytest.mark.parametrize(
    "page", sorted(p.relative_to(REPOSITORY).as_posix() for p in REPOSITORY.glob("docs/**/*.md"))
)
def test_a_link_in_the_docs_leads_somewhere(page: str) -> None:
    path = REPOSITORY / page
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8"))
    broken = [t for t in targets if "://" not in t and not (path.parent / t).exists()]
    assert not broken


def test_every_yaml_file_can_be_read() -> None:
    for path in [*REPOSITORY.glob("*.yaml"), *PACKAGE.rglob("*.yaml")]:
        list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _is_asset(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("asset" in ast.unparse(decorator) for decorator in function.decorator_list)


def _without_comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _pins(lock: str) -> list[str]:
    return re.findall(r"^([a-z0-9_.-]+==\S+)", (REPOSITORY / lock).read_text(), re.MULTILINE)


def test_no_parquet_file_is_fetched_ahead_of_its_reader() -> None:
    """A whole part would be in memory then, whatever the size of a row group."""
    opened = [
        (module.name, {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords})
        for module in package_modules()
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("ParquetFile")
    ]
    assert opened
    assert [name for name, said in opened if said.get("pre_buffer") != "False"] == []
