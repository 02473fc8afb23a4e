"""Reports: one record per ending of a batch, some per month, and how they look.

    completion.py  the record itself, a JSON contract
    wording.py     figures as people read them, shared by all views
    markdown.py    for a review or a ticket
    html.py        self-contained pages, from `templates/`
    plots.py       small inline SVG for the page
    text.py        a few lines for a terminal
    trends.py      each check over batches
    governance.py  every check, release and decision of a batch or a month, a JSON contract too
    governance_wording.py and governance_markdown.py
    costs.py       what a month cost, a JSON contract too
    costs_wording.py and costs_markdown.py
    job_changes.py what changed in a job between two versions of a batch

The engine fills the records; nothing here reads state or tables.
"""
