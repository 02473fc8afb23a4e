"""Progress of a run on a terminal: a bar that moves, or plain lines where output goes to a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from batch_ai_assets.progress_lines import progress_line, progress_lines

if TYPE_CHECKING:
    from rich.console import Console

    from batch_ai_assets.engine.control.progress import Progress


@contextmanager
def shown_progress(console: Console) -> Iterator[Callable[[Progress], None]]:
    """A callable that shows each progress report it is given, on this console."""
    if not console.is_terminal:
        yield progress_lines(lambda line: click.echo(line, err=True))
        return
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TextColumn("{task.description}"))
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading documents", total=None)

        def tell(progress: Progress) -> None:
            bar.update(
                task,
                total=progress.total,
                completed=progress.done,
                description=progress_line(progress),
            )

        yield tell
