"""The package's own source as the house tests read it: files, dotted names, imports by AST."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "batch_ai_assets"
ROOT = PACKAGE.name
LIFTED = {"engine.spec.registry": "engine.registry", "engine.spec.new_job": "engine.registry"}
"""Modules that stand higher than the folder they lie in: loading a job proves its rules."""


@dataclass(frozen=True, slots=True)
class Import:
    """One import statement: what it names, and whether it runs when its module is imported."""

    target: str
    line: int
    at_import: bool


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the package, parsed."""

    name: str
    path: Path
    tree: ast.Module
    imports: tuple[Import, ...]

    @property
    def room(self) -> str:
        """`engine.spec` of `batch_ai_assets.engine.spec.job`; the stem for a top-level module."""
        return _room(self.name)


@cache
def package_modules() -> tuple[Module, ...]:
    return tuple(_read(path) for path in sorted(PACKAGE.rglob("*.py")))


def room_of(target: str) -> str | None:
    """The room that an imported dotted name lies in, or None outside the package."""
    if target != ROOT and not target.startswith(f"{ROOT}."):
        return None
    return _room(target)


def _room(name: str) -> str:
    inner = name.removeprefix(ROOT).removeprefix(".")
    for module, room in LIFTED.items():
        if inner == module or inner.startswith(f"{module}."):
            return room
    parts = inner.split(".")
    return ".".join(parts[:2]) if parts[0] == "engine" else parts[0] or ROOT


def _read(path: Path) -> Module:
    name = ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)
    is_package = name.endswith(".__init__")
    name = name.removesuffix(".__init__")
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    base = name if is_package else name.rpartition(".")[0]
    return Module(name, path, tree, tuple(_imports(tree, base, at_import=True)))


def _imports(node: ast.AST, base: str, *, at_import: bool) -> list[Import]:
    found: list[Import] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            found += [Import(alias.name, child.lineno, at_import) for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            found += _from_import(child, base, at_import)
        elif _only_for_types(child):
            assert isinstance(child, ast.If)
            found += _imports(ast.Module(child.body, []), base, at_import=False)
            found += _imports(ast.Module(child.orelse, []), base, at_import=at_import)
        else:
            inside = at_import and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            found += _imports(child, base, at_import=inside)
    return found


def _from_import(node: ast.ImportFrom, base: str, at_import: bool) -> list[Import]:
    source = node.module or ""
    if node.level:
        above = base.split(".")
        above = above[: len(above) - (node.level - 1)]
        source = ".".join([*above, *([source] if source else [])])
    return [Import(f"{source}.{alias.name}", node.lineno, at_import) for alias in node.names]


def _only_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
