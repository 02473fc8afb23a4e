"""What a page shows is right: YAML loads, keys and files exist, links lead somewhere."""

from __future__ import annotations

import re
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from batch_ai_assets.engine.spec.job import JobSpec
from batch_ai_assets.engine.spec.registry import Registry, load_registry
from batch_ai_assets.settings import settings

from ..jobs import job_file, write_registry
from ..modules import PACKAGE, REPOSITORY
from ..test_layers import LEVELS
from .pages import PAGES, Block, all_blocks, anchors, blocks, inline_code, text_of

FIELDS = {"topic": "string", "summary": "string", "term": "string", "risk": "number"}
"""What the answers of the jobs on the pages hold."""
USED_ELSEWHERE = {"docs/downstream.md"}
"""Pages with YAML that is neither of a job nor of providers: `test_downstream.py` uses it."""
THEIRS = {"keys/", "test_layers.py", "tests/generic/"}
"""What the reader has in a home of their own."""


def content(block: Block) -> Any:
    return yaml.safe_load(block.text)


def of_job(block: Block) -> bool:
    return set(content(block)) <= set(JobSpec.model_fields)


def of_providers(block: Block) -> bool:
    return all(isinstance(one, dict) and "models" in one for one in content(block).values())


YAML = all_blocks("yaml")
OF_JOBS = [block for block in YAML if of_job(block)]
OF_PROVIDERS = [block for block in YAML if of_providers(block)]


def registry(folder: Path, **part: Any) -> Registry:
    """The job `mail_topics`, a job that says `part`, and every provider of the pages."""
    properties = {name: {"type": kind} for name, kind in FIELDS.items()}
    output = {"schema": {"type": "object", "properties": properties}}
    jobs = [
        job_file(name, **{"output": output, "rules": [], **said})
        for name, said in (("mail_topics", {}), ("shown", part))
    ]
    file = write_registry(folder, *jobs) / "providers.yaml"
    file.write_text(file.read_text() + "".join(block.text for block in OF_PROVIDERS))
    return load_registry(folder)


def test_every_block_of_yaml_is_proved_somewhere() -> None:
    rest = set(YAML) - {*OF_JOBS, *OF_PROVIDERS}
    assert {block.page for block in rest} == USED_ELSEWHERE
    assert len(OF_PROVIDERS) == 2


@pytest.mark.parametrize("block", OF_JOBS, ids=str)
def test_yaml_of_a_job_loads_as_part_of_one(block: Block, tmp_path: Path) -> None:
    loaded = registry(tmp_path, **content(block))
    assert not loaded.broken, loaded.broken
    assert set(loaded.jobs) == {"mail_topics", "shown"}


def test_an_asset_of_ones_own_is_read_as_its_page_says(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry(tmp_path / "registry", input={"asset": "shop/letters"})
    monkeypatch.setenv("BATCH_AI_REGISTRY", str(tmp_path / "registry"))
    settings.cache_clear()
    [block] = blocks("docs/inputs.md", "python")
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(block.text, str(block), "exec", dont_inherit=True), names)
    graph = names["defs"].resolve_asset_graph()
    reader = graph.get(dg.AssetKey(["shown", "raw_inputs"]))
    assert reader.parent_keys == {dg.AssetKey(["shop", "letters"])}
    assert graph.get(dg.AssetKey(["shop", "letters"])).is_materializable


def test_a_key_that_a_page_names_is_one_of_job_yaml() -> None:
    schema = JobSpec.model_json_schema()
    named = [
        (page, code)
        for page in PAGES
        for code in inline_code(page)
        if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", code)
        and code.split(".")[0] in schema["properties"]
        and not code.endswith(".yaml")
    ]
    assert len(named) > 15
    for page, code in named:
        assert known(schema, schema, code.split(".")), f"{page}: {code}"


def known(schema: dict[str, Any], part: dict[str, Any], path: list[str]) -> bool:
    """Whether the keys of `path` stand below each other in this part of a JSON Schema."""
    for reference in re.findall(r"#/\$defs/(\w+)", repr({**part, "properties": None, "$defs": 0})):
        if known(schema, schema["$defs"][reference], path):
            return True
    below = part.get("properties", {}).get(path[0])
    return below is not None and (len(path) == 1 or known(schema, below, path[1:]))


@cache
def files() -> tuple[str, ...]:
    """Every file and folder of the project, from a slash on."""
    kept = (path for path in REPOSITORY.iterdir() if not path.name.startswith((".venv", ".git")))
    return tuple(
        f"/{path.relative_to(REPOSITORY).as_posix()}{'/' if path.is_dir() else ''}"
        for top in kept
        for path in (top, *(top.rglob("*") if top.is_dir() else ()))
        if "__pycache__" not in path.parts
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_file_that_a_page_names_is_there(page: str) -> None:
    for code in inline_code(page):
        if re.fullmatch(r"[\w./-]+(\.(py|md|sql|toml|ya?ml)|/)", code) and code not in THEIRS:
            assert any(file.endswith(f"/{code}") for file in files()), f"{page}: {code}"


def test_the_layout_in_the_readme_is_the_layout() -> None:
    layout = blocks("README.md", "text")[-1].text
    named = re.findall(r"(?:^|(?<=[ ]))([\w./]+(?:/|\.py))(?= |$)", layout, re.MULTILINE)
    assert len(named) > 10
    for name in named:
        assert any(file.endswith(f"/{name}") for file in files()), name
    below = {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__", "demo"}
    assert below <= {name.rstrip("/") for name in named}


@pytest.mark.parametrize("page", PAGES)
def test_a_link_leads_to_a_page_and_to_a_heading_on_it(page: str) -> None:
    folder = (REPOSITORY / page).parent
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", text_of(page)):
        if "://" in target:
            continue
        path = (folder / target).resolve() if target else REPOSITORY / page
        assert path.exists(), f"{page} links to {target}"
        if anchor:
            there = path.relative_to(REPOSITORY).as_posix()
            assert anchor in anchors(there), f"{page} links to {target}#{anchor}"


def test_every_page_is_listed_in_the_index() -> None:
    index = text_of("docs/README.md")
    for page in (REPOSITORY / "docs").glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index, page.name


def test_the_page_of_the_architecture_names_every_room() -> None:
    page = text_of("docs/architecture.md")
    for room in set(chain(*LEVELS)) - {"__main__", "engine", "engine.registry"}:
        name = room.rsplit(".", 1)[-1]
        named = re.search(rf"`(?:[\w./]+/)?{name}(?:\.py|/)?`", page)
        assert named, f"docs/architecture.md does not name {room}"
