"""`batch-ai sql`: questions over what was published, in DuckDB, without any server.

One SELECT over views: a question reads the published tables of the job and nothing else.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from batch_ai_assets.commands.streams import NO_EDGE, output

Rows = Sequence[Sequence[Any]]


@click.command("sql")
@click.argument("job")
@click.argument("query")
@click.option(
    "--format", "form", type=click.Choice(("table", "csv", "json")), default="table",
    show_default=True, help="json is one object per line.",
)  # fmt: skip
def sql(job: str, query: str, form: str) -> None:
    """Ask QUERY of the published tables of JOB.

    \b
    Views:  <job>              newest released version of every batch
            <job>__current     newest released row of every item
            <job>__raw_inputs, __work_plan, __enriched_outputs, __validation_report,
            __dead_letter_queue, __review_queue: as last written

    For example: batch-ai sql mail "SELECT topic, count(*) FROM mail GROUP BY ALL"

    A table that is wider than the terminal is shown row by row, one line for each column.
    """
    import duckdb

    from batch_ai_assets.published_views import connect_to_views, one_select

    connection = connect_to_views(job)
    try:
        one_select(connection, query)
        answer = connection.sql(query)
        columns = answer.columns
        rows = [
            [_shown(name, value) for name, value in zip(columns, row, strict=True)]
            for row in answer.fetchall()
        ]
    except duckdb.Error as error:
        raise click.ClickException(f"The query does not run: {error}") from None
    finally:
        connection.close()
    {"table": _print_table, "csv": _print_csv, "json": _print_json}[form](columns, rows)


def _shown(column: str, value: Any) -> Any:
    """The value; of bytes their number alone: sealed ones say nothing, others move the cursor."""
    if not isinstance(value, bytes):
        return value
    kind = "sealed, " if column.startswith("sealed") else ""
    return f"<{kind}{len(value):,} bytes>"


def _print_json(columns: Sequence[str], rows: Rows) -> None:
    for row in rows:
        record = dict(zip(columns, row, strict=True))
        click.echo(json.dumps(record, default=str, ensure_ascii=False))


def _print_csv(columns: Sequence[str], rows: Rows) -> None:
    import csv

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


def _print_table(columns: Sequence[str], rows: Rows) -> None:
    from rich.table import Table
    from rich.text import Text

    console = output()
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(Text(name))
    for row in rows:
        table.add_row(*(Text(_text(value)) for value in row))
    needed = console.measure(table, options=console.options.update(width=NO_EDGE)).maximum
    if needed > console.width:
        _print_records(columns, rows)
    else:
        console.print(table)
    click.echo("1 row" if len(rows) == 1 else f"{len(rows):,} rows", err=True)


def _print_records(columns: Sequence[str], rows: Rows) -> None:
    for number, row in enumerate(rows, 1):
        click.echo(click.style(f"row {number:,}", bold=True))
        for name, value in zip(columns, row, strict=True):
            click.echo(f"  {name}: {_text(value)}")


def _text(value: Any) -> str:
    return "" if value is None else str(value)
