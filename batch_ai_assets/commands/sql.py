"""`batch-ai sql`: questions over what was published, in DuckDB, without any server.

Views only: a question can read the published tables of the job and nothing else.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from batch_ai_assets.commands.streams import output

if TYPE_CHECKING:
    import duckdb


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
    """
    import duckdb

    from batch_ai_assets.published_views import connect_to_views

    connection = connect_to_views(job)
    try:
        answer = connection.sql(query)
        if answer is None:
            raise click.UsageError("Write one SELECT; nothing can be changed here.")
        _print(answer, form)
    except duckdb.Error as error:
        raise click.ClickException(f"The query does not run: {error}") from None
    finally:
        connection.close()


def _print(answer: duckdb.DuckDBPyRelation, form: str) -> None:
    rows = answer.fetchall()
    if form == "json":
        for row in rows:
            record = dict(zip(answer.columns, row, strict=True))
            click.echo(json.dumps(record, default=str, ensure_ascii=False))
    elif form == "csv":
        import csv

        writer = csv.writer(sys.stdout)
        writer.writerow(answer.columns)
        writer.writerows(rows)
    else:
        _print_table(answer.columns, rows)


def _print_table(columns: list[str], rows: list[tuple[Any, ...]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        table.add_column(Text(name))
    for row in rows:
        table.add_row(*(Text("" if value is None else str(value)) for value in row))
    output().print(table)
    click.echo(f"{len(rows):,} rows", err=True)
