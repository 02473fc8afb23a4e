"""Are the documents fit to be asked about, is an answer usable, and may a row leave the platform?

From the documents and the single answer to the whole batch:

    input_quality.py the documents of a batch against what the job expects of them
    input_profile.py what they are counted by
    languages.py     which language a document is in
    columns.py       what a result row looks like: lineage, output fields, flags
    answer.py        one answer against schema and taxonomy (hot path)
    confidence.py    how sure the model was of one answer (hot path)
    rules.py         the job's SQL rules, over the rows of a batch
    sandbox.py       the locked-down DuckDB they run in
    verdict.py       from confidence and rules to one end per item
    check_result.py  what a check found, in words a steward understands
    checks.py        the checks of a batch, and which of them block
    schema_check.py  columns, types and values, by pandera, one row group at a time
    lineage_check.py where each row comes from
    rates.py         failure, dead-letter and pass rates against the job's bars
    accuracy.py      measured against known truth, with its uncertainty

Nothing here asks a provider or writes state. Import the modules, not the package: `columns` and
`rules` are read while a registry loads and stay light, the rest brings its own weight.
"""
