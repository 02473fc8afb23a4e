"""Tables that money, time and failure are controlled by; those of documents are in `tables.py`.

Times are UTC seconds since the epoch (float); money is USD (float).
"""

from __future__ import annotations

import sqlalchemy as sa

from .tables import BigId, metadata

accounts = sa.Table(
    "accounts",  # what may be spent and was: of a batch version, of a month; see budgets.py
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("spent_usd", sa.Float, nullable=False),
    sa.Column("spent_tokens", sa.BigInteger, nullable=False),
    sa.Column("held_usd", sa.Float, nullable=False),  # reserved by runs, and not spent yet
    sa.Column("held_tokens", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

holds = sa.Table(
    "holds",  # what each run has reserved of its batch's budget
    metadata,
    sa.Column("plan_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("usd", sa.Float, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("accounts", sa.Text, nullable=False),  # a name on each line
    sa.Column("at", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

write_offs = sa.Table(
    "write_offs",  # reservations of runs that died: taken for spent, since nobody knows
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("plan_id", BigId, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("usd", sa.Float, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Index("write_offs_by_plan", "plan_id"),
)

approvals = sa.Table(
    "approvals",  # what a person allows a batch version beyond its job; append-only
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("limit_usd", sa.Float),
    sa.Column("limit_tokens", sa.BigInteger),
    sa.Column("deadline_at", sa.Float),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Index("approvals_by_batch", "job", "batch"),
)

orders = sa.Table(
    "orders",  # what a batch was told: pause, resume, cancel, hurry; append-only
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Index("orders_by_batch", "job", "batch"),
)

outages = sa.Table(
    "outages",  # providers that are away, and when each is asked again; shared by all their jobs
    metadata,
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("since", sa.Float, nullable=False),
    sa.Column("next_probe_at", sa.Float, nullable=False),
    sa.Column("probes", sa.Integer, nullable=False),
    sa.Column("relapses", sa.Integer, nullable=False),  # asked again in vain, though it answered
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("over_at", sa.Float),  # when a probe was answered; None while it lasts
    sa.Column("answered_at", sa.Float),  # when a document was, after that
    sqlite_with_rowid=False,
)

paces = sa.Table(
    "paces",  # how far a version was at moments: what its end is projected from
    metadata,
    sa.Column("plan_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Float, primary_key=True),
    sa.Column("done", sa.Integer, nullable=False),
    sa.Column("left", sa.Integer, nullable=False),
    sa.Column("in_flight", sa.Integer, nullable=False),
    sa.Column("calls", sa.Integer, nullable=False),  # that were answered, of this run
    sa.Column("throttled", sa.Integer, nullable=False),  # of this run
    sa.Column("run_id", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

consumer_events = sa.Table(
    "consumer_events",  # what those who read the results are told when they come late
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # JSON
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("told_at", sa.Float),  # when the webhook took it
    sa.UniqueConstraint("job", "batch", "version", "kind"),
)

boosts = sa.Table(
    "boosts",  # how a version whose deadline is in danger is hurried; its run reads it
    metadata,
    sa.Column("plan_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("concurrency", sa.Integer, nullable=False),
    sa.Column("urgent", sa.Boolean, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

watched_jobs = sa.Table(
    "watched_jobs",  # since when somebody looks whether the windows of a job get their batches
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("since", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)
