"""The completion report: one record per ending of a batch, and the ways to show it.

    completion.py  the record itself, a JSON contract
    wording.py     figures as people read them, shared by all views
    markdown.py    for a review or a ticket
    html.py        one self-contained page, from `templates/completion.html`
    plots.py       small inline SVG for the page
    text.py        a few lines for a terminal

The engine fills the record; nothing here reads state or tables.
"""
