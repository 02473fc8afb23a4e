"""YamlFile: one registry file as plain data, with the line where each part was written.

YAML 1.2's core reading, because 1.1 surprises people who write taxonomies and times: `no` stays
text, `12:30` is not 750, a date stays text. Keys are always text and never given twice. What the
data should say is `job.py` and `provider.py`; here only whether it can be read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from ..errors import SpecError

Where: TypeAlias = Sequence[str | int]
"""A path into a file: keys, and positions in lists."""

_LARGEST = 200_000
"""Values in one file after aliases are followed; a few nested aliases can stand for billions."""

_DEEPEST = 100
"""Levels of nesting in one file."""

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_UNTAGGED = "plain"
_TEXT = "tag:yaml.org,2002:str"
_SCALARS = {
    _UNTAGGED,
    _TEXT,
    *(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "null")),
}
_COLLECTIONS = {"tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
_REMEDIES = {
    r"cannot start any token": "indent with spaces, not tabs, and quote text that begins with"
    " a special character",
    "mapping values are not allowed": "quote the text that holds `: `, or check the indentation",
    "could not find expected ':'": "write `key: value`, or check the indentation",
    "did not find expected": "check the indentation, and that every quote and bracket is closed",
    "unexpected end of stream": "close the quote that is open here",
    "undefined alias": "define it with &name above",
    "single document": "keep one document in the file: remove the line ---",
}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The parser only: what an unquoted scalar means is decided in `_plain`.

    The C parser recurses without a guard of its own and would take the process down.
    """

    _depth = 0

    def descend_resolver(self, parent: yaml.Node | None, index: Any) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise RecursionError
        super().descend_resolver(parent, index)

    def ascend_resolver(self) -> None:
        self._depth -= 1
        super().ascend_resolver()

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _UNTAGGED if implicit[0] else _TEXT
        return str(super().resolve(kind, value, implicit))


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A file that could be read."""

    path: Path
    data: Any
    """Mappings, lists, text, numbers, booleans and None: nothing that JSON does not know."""
    root: yaml.Node | None

    def line(self, where: Where) -> int | None:
        """The line (from 1) of the deepest part of `where` that the file has."""
        node, line = self.root, None
        for step in where:
            found = _child(node, step)
            if found is None:
                break
            mark, node = found
            line = mark.start_mark.line + 1
        return line

    def written(self, where: Where) -> str | None:
        """The scalar at `where` as it was written: `1.10`, where the data says 1.1."""
        node: yaml.Node | None = self.root
        for step in where:
            found = _child(node, step)
            node = found[1] if found else None
        return node.value if isinstance(node, yaml.ScalarNode) else None


def read_text(path: Path) -> str:
    """The text of a registry file: UTF-8, line ends as LF, no byte order mark.

    Raises SpecError where it is missing or not text.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise SpecError(f"{path}: there is no such file. Create it, or correct its name.") from None
    except IsADirectoryError:
        raise SpecError(f"{path}: this is a folder; a file is needed.") from None
    except UnicodeDecodeError as error:
        raise SpecError(
            f"{path}: byte {error.start} is not UTF-8. Save the file as UTF-8."
        ) from None
    except OSError as error:
        raise SpecError(
            f"{path}: cannot be read: {error.strerror}. Check the rights of the file."
        ) from None
    return text.replace("\r\n", "\n")


def read_yaml(path: Path) -> YamlFile:
    """Read one YAML file. Raises SpecError naming file, line, problem and remedy."""
    text = read_text(path)
    try:
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
        finally:
            loader.dispose()
        data = _Reading(path).value(root) if root is not None else None
    except yaml.MarkedYAMLError as error:
        raise SpecError(_explain(path, error)) from None
    except yaml.YAMLError as error:
        reason = getattr(error, "reason", "it is not YAML")
        raise SpecError(f"{path}: {reason}. Remove control characters from the file.") from None
    except RecursionError:
        raise SpecError(f"{path}: it is nested too deeply to be read. Flatten it.") from None
    return YamlFile(path, data, root)


class _Reading:
    """Turns the nodes of one file into data; aliases are followed once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[int, tuple[Any, int]] = {}
        self._open: set[int] = set()

    def value(self, node: yaml.Node) -> Any:
        return self._sized(node)[0]

    def _sized(self, node: yaml.Node) -> tuple[Any, int]:
        """The value of a node, and how many values it stands for."""
        if id(node) in self._known:
            return self._known[id(node)]
        if id(node) in self._open:
            raise self._refuse(node, "the alias points to a part that holds it. Write it out.")
        known = _COLLECTIONS if isinstance(node, yaml.CollectionNode) else _SCALARS
        if node.tag not in known:
            raise self._refuse(node, f"the tag {node.tag} is not known here. Remove it.")
        self._open.add(id(node))
        made: tuple[Any, int]
        if isinstance(node, yaml.MappingNode):
            made = self._mapping(node)
        elif isinstance(node, yaml.SequenceNode):
            parts = [self._sized(part) for part in node.value]
            made = [value for value, _ in parts], 1 + sum(size for _, size in parts)
        else:
            made = self._scalar(node), 1
        self._open.discard(id(node))
        if made[1] > _LARGEST:
            raise self._refuse(node, f"this stands for more than {_LARGEST:,} values. Shorten it.")
        self._known[id(node)] = made
        return made

    def _mapping(self, node: yaml.MappingNode) -> tuple[dict[str, Any], int]:
        found: dict[str, Any] = {}
        total = 1
        for key, part in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self._refuse(key, "a list or mapping cannot be a key. Write text as the key.")
            name = self._text(key)
            if name in found:
                raise self._refuse(key, f"the key {name!r} is given twice. Keep one of them.")
            found[name], size = self._sized(part)
            total += size
        return found, total

    def _scalar(self, node: yaml.Node) -> Any:
        text = self._text(node)
        return text if node.tag == _TEXT else _plain(text)

    def _text(self, node: yaml.Node) -> str:
        text = str(node.value)
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise self._refuse(node, "an escape makes half a character. Write the character.")
        return text

    def _refuse(self, node: yaml.Node, message: str) -> SpecError:
        return SpecError(f"{self._path}:{node.start_mark.line + 1}: {message}")


def _plain(text: str) -> Any:
    """An unquoted scalar by YAML 1.2's core schema. A number that JSON cannot hold stays text."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text) and len(text) < 20:
        return int(text)
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """The node that marks a step (the key, or the list entry), and the node it leads to."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _explain(path: Path, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    place = f"{path}:{mark.line + 1}" if mark else str(path)
    problem = error.problem or error.context or "it is not YAML"
    remedy = next((text for sign, text in _REMEDIES.items() if sign in f"{error}"), "correct it")
    return f"{place}: this is not YAML: {problem}. Remedy: {remedy}."
