from __future__ import annotations

from collections.abc import Callable

import pytest

from .jobs import job_file, write_documents, write_registry
from .running import Platform, batch_ai, letters

Make = Callable[..., Platform]


def test_sql_reads_released_rows_of_every_batch_and_the_newest_of_every_item(
    platform: Make,
) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(3))
    batch_ai("run", "mail", "--batch", "monday")
    write_documents(here.home, "mail", letters(4))
    batch_ai("run", "mail", "--batch", "tuesday")

    def ask(query: str) -> list[str]:
        result = batch_ai("sql", "mail", query, "--format", "csv")
        assert result.exit_code == 0, result.output
        return result.stdout.split()

    counts = ask("SELECT batch, count(*) AS n FROM mail GROUP BY batch ORDER BY batch")
    assert counts == ["batch,n", "monday,3", "tuesday,1"]
    assert ask("SELECT count(DISTINCT item_id) AS n FROM mail__current") == ["n", "4"]
    assert ask("SELECT count(*) AS n FROM mail__raw_inputs") == ["n", "7"]


def test_the_current_row_of_an_item_is_the_one_that_was_released_last(platform: Make) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", {"m000": "[[id:m000]] The first wording."})
    batch_ai("run", "mail", "--batch", "zulu")
    write_documents(here.home, "mail", {"m000": "[[id:m000]] The second wording."})
    batch_ai("run", "mail", "--batch", "alpha")
    write_registry(here.folder, job_file(prompt={"file": "prompt.md", "version": "2"}),
                   base_url=here.model.base_url)  # fmt: skip
    write_documents(here.home, "mail", {"m000": "[[id:m000]] The first wording."})
    batch_ai("run", "mail", "--batch", "zulu", "--reprocess")

    asked = batch_ai("sql", "mail", "SELECT batch, version FROM mail__current", "--format", "csv")

    assert asked.stdout.split() == ["batch,version", "zulu,2"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO 'out.csv'",
        "ATTACH 'other.db'",
        "SET enable_external_access = true",
        "SELECT nothing FROM nowhere",
        "",
    ],
)
def test_sql_can_do_nothing_but_ask(platform: Make, query: str) -> None:
    here = platform(job_file())
    write_documents(here.home, "mail", letters(1))
    batch_ai("run", "mail", "--batch", "monday")

    result = batch_ai("sql", "mail", query)

    assert result.exit_code != 0
    assert "Traceback" not in result.output
    assert "root:" not in result.output


def test_sql_of_a_job_that_never_ran_says_how_to_run_it(platform: Make) -> None:
    platform(job_file())

    assert "batch-ai run mail" in batch_ai("sql", "mail", "SELECT 1").output
