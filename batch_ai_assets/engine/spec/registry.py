"""Registry: the folder of job files, loaded and judged.

`<folder>/<job>/job.yaml` with the prompt and the examples that it names; `providers.yaml` beside
the job folders, see `providers_file.py`. One broken job is reported and takes no other down.
What a file may say is in `job.py`; how its parts must fit is in `cross_checks.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from ..errors import SpecError
from .batches import BatchesSpec
from .calendar import calendar_problem
from .chains import Misfit, link_chains
from .cross_checks import check_provider, check_spec
from .job import JobSpec
from .problems import Problems, did_you_mean, one_of
from .provider import ProviderSpec
from .providers_file import BUNDLED_REGISTRY, PROVIDERS_FILE, Providers, load_providers
from .resolved import Example, ResolvedJob
from .schema_checks import check_examples
from .yaml_file import Where, YamlFile, read_text, read_yaml

__all__ = ["BUNDLED_REGISTRY", "BrokenJob", "Registry", "load_job", "load_registry"]

JOB_FILE = "job.yaml"


@dataclass(frozen=True, slots=True)
class BrokenJob:
    """A job, or the providers' file, that cannot be used."""

    name: str
    """The job's folder, or `providers.yaml`."""
    path: str
    message: str
    """One line for each problem: file, line, path in the file, what is wrong, what is right."""


@dataclass(frozen=True, slots=True)
class Registry:
    """What a registry folder holds."""

    folder: Path
    jobs: dict[str, ResolvedJob]
    """Every job that passed all checks, by name."""
    providers: dict[str, ProviderSpec]
    broken: tuple[BrokenJob, ...]

    def job(self, name: str) -> ResolvedJob:
        """The job of this name. Raises SpecError saying why there is none."""
        if name in self.jobs:
            return self.jobs[name]
        for broken in self.broken:
            if broken.name == name:
                raise SpecError(f"The job {name!r} is broken:\n{broken.message}")
        known = {*self.jobs, *(broken.name for broken in self.broken)} - {PROVIDERS_FILE}
        there = f" There are: {one_of(known)}." if known else " It holds no job yet."
        raise SpecError(
            f"There is no job {name!r} in {self.folder}.{did_you_mean(name, known)}{there}"
            f" Make one with: batch-ai new-job NAME"
        )


def load_registry(folder: Path, *, prove_rules: bool = True) -> Registry:
    """Load every job below `folder`. Raises SpecError only where the folder itself is away.

    prove_rules: parse and bind every rule in DuckDB, too. A process that only needs the shape of
    the jobs leaves it out; a batch proves its job's rules before it is planned.
    """
    folders = _job_folders(folder)
    providers = load_providers(folder)
    jobs: dict[str, ResolvedJob] = {}
    broken: list[BrokenJob] = []
    if providers.problems:
        broken.append(BrokenJob(PROVIDERS_FILE, str(providers.path), providers.problems))
    for job_folder in folders:
        try:
            jobs[job_folder.name] = load_job(job_folder, providers, prove_rules=prove_rules)
        except SpecError as error:
            broken.append(BrokenJob(job_folder.name, str(job_folder / JOB_FILE), str(error)))
    jobs, refused = link_chains(jobs, frozenset(one.name for one in broken), _chain_columns)
    broken += [_refused(folder / name, misfits) for name, misfits in refused.items()]
    return Registry(folder, jobs, providers.specs, tuple(broken))


def _chain_columns(job: ResolvedJob, upstream: ResolvedJob) -> Iterable[Misfit]:
    from ..intake.chain_columns import misfits

    return misfits(job, upstream)


def _refused(folder: Path, misfits: Iterable[Misfit]) -> BrokenJob:
    """A job that is sound by itself, but does not fit the one that it reads."""
    problems = Problems(_read_job_file(folder))
    for where, message in misfits:
        problems.add(where, message)
    return BrokenJob(folder.name, str(folder / JOB_FILE), str(problems.error()))


def load_job(
    folder: Path, providers: Providers | None = None, *, prove_rules: bool = True
) -> ResolvedJob:
    """Load one job from its folder, with the providers of the registry around it.

    Raises SpecError that lists every problem, a line each.
    """
    providers = providers or load_providers(folder.parent)
    file = _read_job_file(folder)
    problems = Problems(file)
    try:
        spec = JobSpec.model_validate(file.data)
    except ValidationError as error:
        problems.add_pydantic(JobSpec, error)
        raise problems.error() from None
    for where, message in check_spec(spec, folder.name):
        problems.add(where, message)
    provider = _find_provider(spec, providers, problems)
    prompt_text = _read_prompt(folder / spec.prompt.file, ("prompt", "file"), problems)
    group_prompts = {
        group.name: _read_prompt(
            folder / group.prompt.file, ("groups", place, "prompt", "file"), problems
        )
        for place, group in enumerate(spec.groups)
        if group.prompt is not None
    }
    calendar = _read_calendar(spec.batches, folder, problems)
    examples, examples_file = _read_examples(spec, folder, problems)
    if problems or provider is None:
        raise problems.error()
    job = ResolvedJob(
        spec=spec,
        provider=provider,
        prompt_text=prompt_text,
        examples=examples,
        folder=str(folder.absolute()),
        group_prompts=group_prompts,
        calendar=calendar,
    )
    _check_whole(job, examples_file, problems, prove_rules=prove_rules)
    if problems:
        raise problems.error()
    return job


def _check_whole(
    job: ResolvedJob, examples_file: YamlFile | None, problems: Problems, *, prove_rules: bool
) -> None:
    """Checks that need every part of the job at once."""
    from ..validation.columns import check_columns
    from ..validation.schema_check import check_references

    if examples_file is not None:
        in_examples = Problems(examples_file)
        for where, message in check_examples(job):
            in_examples.add(where, message)
        problems.add_lines_of(in_examples)
    try:
        check_columns(job)
        check_references(job)
    except SpecError as error:
        problems.add_error(error)
    else:
        if prove_rules:
            _check_rules(job, problems)


def _check_rules(job: ResolvedJob, problems: Problems) -> None:
    """All rules at once, because that is quick; one by one only to name every bad one."""
    from ..validation.rules import check_rules

    try:
        check_rules(job)
    except SpecError:
        for place, rule in enumerate(job.spec.rules):
            spec = job.spec.model_copy(update={"rules": (rule,)})
            try:
                check_rules(job.model_copy(update={"spec": spec}))
            except SpecError as error:
                message = str(error).removeprefix(f"{job.folder}/{JOB_FILE}: rules: ")
                problems.add(("rules", place, "sql"), f"{message}.")


def _job_folders(folder: Path) -> list[Path]:
    """The folders that hold a job, or something that looks like a misnamed job file."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
        return [entry for entry in entries if entry.is_dir() and _looks_like_job(entry)]
    except OSError as error:
        raise SpecError(
            f"The registry {folder} cannot be read: {error.strerror}."
            " Set BATCH_AI_REGISTRY to the folder that holds your jobs."
        ) from None


def _looks_like_job(folder: Path) -> bool:
    try:
        return (folder / JOB_FILE).exists() or _misnamed(folder) is not None
    except OSError:
        return True


def _misnamed(folder: Path) -> str | None:
    """A file in a folder without job.yaml that was probably meant to be it."""
    names = [entry.name for entry in folder.iterdir() if entry.suffix in (".yaml", ".yml")]
    close = difflib.get_close_matches(JOB_FILE, names, n=1, cutoff=0.75)
    return close[0] if close and JOB_FILE not in names else None


def _read_job_file(folder: Path) -> YamlFile:
    path = folder / JOB_FILE
    try:
        misnamed = _misnamed(folder)
    except OSError as error:
        raise SpecError(f"{path}: cannot be read: {error.strerror}. Check the folder.") from None
    if misnamed:
        raise SpecError(f"{path}: there is no such file. Rename {misnamed} to {JOB_FILE}.")
    file = read_yaml(path)
    if file.data is None:
        raise SpecError(f"{path}: the file is empty. See batch-ai new-job NAME for a start.")
    return file


def _find_provider(spec: JobSpec, providers: Providers, problems: Problems) -> ProviderSpec | None:
    try:
        provider = providers.find(spec.model.provider)
    except SpecError as error:
        problems.add(("model", "provider"), str(error))
        return None
    for where, message in check_provider(spec, provider):
        problems.add(where, message)
    return provider


def _read_prompt(path: Path, where: Where, problems: Problems) -> str:
    try:
        text = read_text(path)
    except SpecError as error:
        problems.add(where, str(error))
        return ""
    if not text.strip():
        problems.add(where, f"{path} is empty. Write the instructions into it.")
    return text


def _read_calendar(spec: BatchesSpec, folder: Path, problems: Problems) -> tuple[str, ...]:
    """The days of `batches.arrival.calendar`, a line each; blank lines and # remarks left out."""
    if spec.arrival is None or spec.arrival.calendar is None:
        return ()
    where: Where = ("batches", "arrival", "calendar")
    path = folder / spec.arrival.calendar
    if not path.resolve().is_relative_to(folder.resolve()):
        return ()  # refused by the checks of the spec; what stands in it is nobody's to see
    try:
        lines = [line.partition("#")[0].strip() for line in read_text(path).splitlines()]
    except SpecError as error:
        problems.add(where, str(error))
        return ()
    days = tuple(line for line in lines if line)
    if problem := calendar_problem(days):
        problems.add(where, f"{path}: {problem}")
    return days


def _read_examples(
    spec: JobSpec, folder: Path, problems: Problems
) -> tuple[tuple[Example, ...], YamlFile | None]:
    if spec.prompt.examples is None:
        return (), None
    try:
        file = read_yaml(folder / spec.prompt.examples)
    except SpecError as error:
        problems.add(("prompt", "examples"), str(error))
        return (), None
    in_examples = Problems(file)
    if not isinstance(file.data, list):
        in_examples.add((), "write a list of examples, each with text and output.")
    examples = []
    for place, entry in enumerate(file.data if isinstance(file.data, list) else ()):
        try:
            examples.append(Example.model_validate(entry))
        except ValidationError as error:
            in_examples.add_pydantic(Example, error, base=(place,))
    problems.add_lines_of(in_examples)
    return tuple(examples), file
