"""The layers hold: who may import whom, and who may touch the surroundings.

The table below is the drawing of docs/architecture.md as data. A new room gets its line here.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from graphlib import CycleError, TopologicalSorter

import pytest

from .modules import Module, package_modules, room_of

LEVELS: tuple[tuple[str, ...], ...] = (
    (
        "engine.alert", "engine.errors", "engine.figures", "engine.failpoints", "engine.endpoint",
        "engine.events", "engine.order",
    ),
    ("engine.spec", "engine.state", "engine.sealing"),
    ("engine.tables", "engine.tokens"),
    ("engine.control",),
    ("engine.deps",),
    ("engine.outbox",),
    (
        "engine.intake",
        "engine.planning",
        "engine.inference",
        "engine.validation",
        "engine.deadletter",
        "engine.projecting",
        "engine.reporting",
    ),
    ("engine.accounting", "engine.affordability"),
    (
        "engine.asked_ways",
        "engine.asking",
        "engine.standing",
        "engine.standstills",
        "engine.choosing",
        "engine.completion",
        "engine.consumers",
        "engine.correcting",
        "engine.deciding",
        "engine.enriched",
        "engine.exports",
        "engine.history",
        "engine.given_up",
        "engine.inputs",
        "engine.investigating",
        "engine.judging",
        "engine.objectives",
        "engine.pointing",
        "engine.registry",
        "engine.reviews",
        "engine.stepping",
    ),
    ("engine.outage", "engine.capping"),
    ("engine.alerting", "engine.held", "engine.inspection", "engine.spending"),
    ("engine.deadlines",),
    (
        "engine.batch", "engine.costs", "engine.estimating", "engine.fsck", "engine.governance",
        "engine.approving", "engine.glances", "engine.metrics", "engine.ordering",
        "engine.upkeep", "engine.watching",
    ),
    ("engine",),
    ("settings", "local_provider", "demo"),
    ("loaded_before", "object_storage", "ui_links"),
    (
        "alert_delivery",
        "consumer_delivery",
        "connections",
        "dbt_files",
        "dbt_tests",
        "dbt_variables",
        "dead_runs",
        "io_managers",
        "launchpad",
        "offers",
        "partitions",
        "progress_lines",
        "published_reports",
        "published_views",
        "resources",
        "run_tags",
        "signs_of_life",
    ),
    ("assets",),
    (
        "alert_sensor", "arrival_sensor", "asset_checks", "chain_sensor", "dbt_checks",
        "decision_jobs", "decision_sensor", "order_jobs", "plan_check", "registry_sensor",
        "resume_sensor", "sensors", "schedules", "watch_sensor",
    ),
    ("factory",),
    ("definitions",),
    ("drills",),
    ("commands",),
    ("cli", "__main__"),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS) for room in rooms}
WITHOUT_DAGSTER = ("engine", "local_provider", "settings", "demo")


def modules(
    *, without: tuple[str, ...] = (), only: tuple[str, ...] = ("",)
) -> pytest.MarkDecorator:
    """One case per module of the package, by room."""
    chosen = [m for m in package_modules() if m.room.startswith(only) and m.room not in without]
    return pytest.mark.parametrize("module", chosen, ids=lambda module: module.name)


@modules()
def test_every_room_has_its_place_in_the_layers(module: Module) -> None:
    assert module.room in LEVEL or module.room == "batch_ai_assets", (
        f"{module.name} lies in {module.room}, which has no level in {__file__}"
    )


@modules()
def test_imports_flow_downwards_only(module: Module) -> None:
    own = LEVEL.get(module.room, -1)
    upward = [
        f"line {imported.line}: {imported.target}"
        for imported in module.imports
        if (room := room_of(imported.target)) is not None
        and room != module.room
        and LEVEL.get(room, -1) > own
    ]
    assert not upward, f"{module.name} imports from a layer above it: {upward}"


def test_rooms_of_one_level_do_not_import_each_other_in_a_circle() -> None:
    graph: dict[str, set[str]] = defaultdict(set)
    for module in package_modules():
        for imported in module.imports:
            room = room_of(imported.target)
            if room is not None and room != module.room:
                graph[module.room].add(room)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"rooms import each other in a circle: {' → '.join(error.args[1])}")


@modules(only=WITHOUT_DAGSTER)
def test_nothing_below_the_line_imports_dagster(module: Module) -> None:
    found = [i.target for i in module.imports if i.target.partition(".")[0].startswith("dagster")]
    assert not found, f"{module.name} imports {found}"


@modules(without=("settings",))
def test_only_the_settings_read_the_environment(module: Module) -> None:
    found = [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute | ast.ImportFrom) and _touches_environment(node)
    ]
    assert not found, f"{module.name} reads the environment; let settings.py do it: {found}"


@modules(without=("engine.state",))
def test_only_the_state_store_knows_sqlalchemy(module: Module) -> None:
    # A query as the source of documents reads somebody else's database, and writes nothing.
    if module.name == "batch_ai_assets.engine.intake.sql_rows":
        return
    found = [i.target for i in module.imports if i.target.partition(".")[0] == "sqlalchemy"]
    assert not found, f"{module.name} imports {found}; the state store is the only writer of SQL"


def _touches_environment(node: ast.Attribute | ast.ImportFrom) -> bool:
    names = {"environ", "environb", "getenv", "getenvb"}
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(alias.name in names for alias in node.names)
    return isinstance(node.value, ast.Name) and node.value.id == "os" and node.attr in names
