"""What changed in a job from one version of a batch to the next, by its frozen specs.

Facts for the governance page, as paths of the job file with short values. Texts of some length,
and examples, which are texts people wrote, only count as changed. How it looks is the views'.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

_SHORT = 60
"""Longer values are not repeated."""
_NEVER_SHOWN = frozenset({"examples", "example", "secret"})


class JobChange(BaseModel):
    """One place of the job that is not as it was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    """Such as `rules[small_refunds].severity`."""
    kind: Literal["changed", "added", "removed", "reordered"]
    old: str | None = None
    """None where there was nothing, or it is no short value."""
    new: str | None = None

    @property
    def words(self) -> str:
        """For example `error → warn`, `added: 2h`, `changed`."""
        if self.old is not None and self.new is not None:
            return f"{self.old} → {self.new}"
        value = self.new if self.new is not None else self.old
        return self.kind if value is None else f"{self.kind}: {value}"


def job_changes(before: str, after: str) -> tuple[JobChange, ...]:
    """Where two frozen jobs (ResolvedJob as JSON) differ; nothing where one cannot be read."""
    old, new = _parsed(before), _parsed(after)
    if not old or not new:
        return ()
    return (
        *_compared("", old.get("spec"), new.get("spec")),
        *_text("prompt text", old.get("prompt_text"), new.get("prompt_text")),
        *_group_prompts(old, new),
        *_text("examples", old.get("examples"), new.get("examples")),
        *_text("batches.arrival.calendar", old.get("calendar"), new.get("calendar")),
        *_compared("provider", *_providers(old, new)),
    )


def _parsed(spec: str) -> dict[str, Any]:
    try:
        found = json.loads(spec)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _group_prompts(old: dict[str, Any], new: dict[str, Any]) -> Iterator[JobChange]:
    before, after = old.get("group_prompts") or {}, new.get("group_prompts") or {}
    for group in dict.fromkeys((*before, *after)):
        yield from _text(f"groups[{group}].prompt text", before.get(group), after.get(group))


def _providers(old: dict[str, Any], new: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Both providers, with the model that both jobs ask and no other one."""
    both = {job.get("spec", {}).get("model", {}).get("name") for job in (old, new)}
    for job in (old, new):
        provider = job.get("provider") or {}
        models = provider.get("models") or {}
        asked = {name: models[name] for name in both if len(both) == 1 and name in models}
        yield {**provider, "models": asked}


def _text(path: str, old: object, new: object) -> Iterator[JobChange]:
    """At most that it changed."""
    if (old or None) != (new or None):
        kind = "added" if not old else "changed" if new else "removed"
        yield JobChange(path=path, kind=kind)


def _compared(path: str, old: Any, new: Any) -> Iterator[JobChange]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _members(path, old, new, "{}.{}" if path else "{}{}")
    elif (before := _by_name(old)) is not None and (after := _by_name(new)) is not None:
        yield from _members(path, before, after, "{}[{}]")
    elif old != new:
        yield _change(path, old, new)


def _members(
    path: str, old: Mapping[str, Any], new: Mapping[str, Any], form: str
) -> Iterator[JobChange]:
    for name in dict.fromkeys((*old, *new)):
        here = form.format(path, name)
        if name in _NEVER_SHOWN:
            yield from _text(here, old.get(name), new.get(name))
        else:
            yield from _compared(here, old.get(name), new.get(name))
    if old.keys() == new.keys() and list(old) != list(new):
        yield JobChange(path=path, kind="reordered")


def _by_name(value: object) -> Mapping[str, Any] | None:
    """A list of named things by their names; None for anything else. An empty list may be one."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    if not all(isinstance(one, Mapping) and isinstance(one.get("name"), str) for one in value):
        return None
    found = {one["name"]: one for one in value}
    return found if len(found) == len(value) else None


def _change(path: str, old: Any, new: Any) -> JobChange:
    kind: Literal["added", "removed", "changed"] = (
        "added" if _nothing(old) else "removed" if _nothing(new) else "changed"
    )
    before, after = _shown(old), _shown(new)
    if kind == "changed" and (before is None or after is None):
        before = after = None
    return JobChange(path=path, kind=kind, old=before, new=after)


def _nothing(value: object) -> bool:
    return value is None or value == [] or value == {}


def _shown(value: object) -> str | None:
    """A short value in words; None for nothing, and for what is long or has parts."""
    if isinstance(value, list) and value and not any(isinstance(v, list | dict) for v in value):
        text = ", ".join(map(_scalar, value))
    elif isinstance(value, str | bool | int | float):
        text = _scalar(value)
    else:
        return None
    return text if len(text) <= _SHORT and text.isprintable() else None


def _scalar(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
