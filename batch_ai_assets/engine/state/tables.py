"""The tables of the state store, and nothing else. Design section 5 says what each one proves.

Times are UTC seconds since the epoch (float); money is USD (float); hashes are raw sha256 bytes.
"""

from __future__ import annotations

import sqlalchemy as sa

SCHEMA_VERSION = 6

metadata = sa.MetaData()

BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")

meta = sa.Table(
    "meta",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("batch", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("run_id", sa.Text, nullable=False, default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("updated_at", sa.Float, nullable=False),
)

plans = sa.Table(
    "plans",  # one row per version of a batch, with its frozen spec
    metadata,
    sa.Column("plan_id", BigId, primary_key=True, autoincrement=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("spec_hash", sa.Text, nullable=False),
    sa.Column("mode", sa.Text, nullable=False),
    sa.Column("raw_path", sa.Text, nullable=False),
    sa.Column("items", sa.Integer, nullable=False),
    sa.Column("work_plan_path", sa.Text),
    sa.Column("enriched_path", sa.Text),
    sa.Column("report_path", sa.Text),
    sa.Column("results_path", sa.Text),
    sa.Column("planned_at", sa.Float),
    sa.Column("started_at", sa.Float),
    sa.Column("finished_at", sa.Float),
    sa.Column("throttled", sa.Integer, nullable=False, default=0),
    sa.Column("triggered_at", sa.Float),  # what the deadline is counted from
    sa.Column("deadline_at", sa.Float),
    sa.UniqueConstraint("job", "batch", "version"),
)

items = sa.Table(
    "items",
    metadata,
    sa.Column("plan_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("item_id", sa.Text, nullable=False),
    sa.Column("input_hash", sa.LargeBinary, nullable=False),
    sa.Column("tokens", sa.Integer, nullable=False),
    sa.Column("end", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("shard", sa.Integer, nullable=False, default=0),
    sa.Column("priority", sa.Integer, nullable=False, default=0),
    sa.Index("items_by_id", "plan_id", "item_id", unique=True),
    sqlite_with_rowid=False,
)

shards = sa.Table(
    "shards",  # the parts of a version: of which group, and how much work by estimate
    metadata,
    sa.Column("plan_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("group_name", sa.Text, nullable=False),
    sa.Column("to_ask", sa.Integer, nullable=False),
    sa.Column("tokens_in", sa.Integer, nullable=False),
    sa.Column("truncated", sa.Integer, nullable=False),
    sa.Column("divided", sa.Integer, nullable=False),
    sa.Column("calls", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

claims = sa.Table(
    "claims",  # which batch an item's content belongs to, for jobs whose windows must not overlap
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("input_hash", sa.LargeBinary, primary_key=True),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

arrivals = sa.Table(
    "arrivals",  # files that a job on arrival has seen, and the batch that claimed each
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("items", sa.Integer, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
    sa.Column("batch", sa.Text),
    sa.Index("arrivals_by_batch", "job", "batch"),
    sqlite_with_rowid=False,
)

occasions = sa.Table(
    "occasions",  # claims, and flags and calendar days that were obeyed: none is obeyed twice
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("occasion", sa.Text, primary_key=True),
    sa.Column("batch", sa.Text, nullable=False, default=""),
    sa.Column("at", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

answers = sa.Table(
    "answers",
    metadata,
    sa.Column("answer_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("hash_key", sa.BigInteger, nullable=False),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("confidence", sa.Float),
    sa.Column("tokens_in", sa.Integer, nullable=False),
    sa.Column("tokens_out", sa.Integer, nullable=False),
    sa.Column("cost_usd", sa.Float, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
    # An index on 8 bytes of the hash costs half of one on all 32; a hit compares them all.
    sa.Index("answers_by_hash", "hash_key"),
)

checkpoints = sa.Table(
    "checkpoints",  # one row per item (or part of one) and attempt; what an attempt is: rows.py
    metadata,
    sa.Column("plan_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("shard", sa.Integer, nullable=False),
    sa.Column("worker", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("answer_id", sa.BigInteger),
    sa.Column("output_location", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("plan_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("tokens_in", sa.Integer, nullable=False),
    sa.Column("tokens_out", sa.Integer, nullable=False),
    sa.Column("tokens_cached", sa.Integer, nullable=False),  # a part of tokens_in
    sa.Column("cost_usd", sa.Float, nullable=False),
    sa.Column("saved_usd", sa.Float, nullable=False),  # by the cached tokens; not in cost_usd
    sa.Column("at", sa.Float, nullable=False),
    sqlite_with_rowid=False,
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("plan_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("item_id", sa.Text, nullable=False),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("sealed_payload", sa.LargeBinary, nullable=False),
    sa.Column("sealed_answer", sa.LargeBinary),
    sa.Column("first_at", sa.Float, nullable=False),
    sa.Column("last_at", sa.Float, nullable=False),
    sa.Column("revision", sa.Float, nullable=False),
    sa.Index("dead_letters_by_item", "job", "item_id"),
    sa.Index("dead_letters_by_batch", "job", "batch"),
)

decisions = sa.Table(
    "decisions",  # what people decided about dead letters and reviews; append-only
    metadata,
    sa.Column("decision_id", BigId, primary_key=True, autoincrement=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),  # the one that was looked at
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("item_id", sa.Text, nullable=False),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),  # why the item was waiting
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Index("decisions_by_batch", "job", "batch"),
    sa.Index("decisions_by_item", "job", "item_id"),
)

answer_marks = sa.Table(
    "answer_marks",  # the few answers of which a person said something
    metadata,
    sa.Column("answer_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("mark", sa.Text, nullable=False),
)

released = sa.Table(
    "released",  # newest released row of every item: what "unchanged" is measured against
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("item_id", sa.Text, primary_key=True),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("request_hash", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

releases = sa.Table(
    "releases",
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("batch", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
)

transitions = sa.Table(
    "transitions",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("version", sa.Integer),
    sa.Column("from_state", sa.Text),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Index("transitions_by_batch", "job", "batch"),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("item_id", sa.Text, nullable=False, default=""),
    sa.Column("detail", sa.Text, nullable=False, default=""),
)

askers = sa.Table(
    "askers",  # which batch versions ask a question of which kind now, in the order they began
    metadata,
    sa.Column("plan_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.LargeBinary, primary_key=True),
    sa.Column("turn", sa.BigInteger, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("job", sa.Text, primary_key=True),
    sa.Column("batch", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("fence", sa.Integer, nullable=False),
    sa.Column("acquired_at", sa.Float, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
)

alerts = sa.Table(
    "alerts",  # what was wrong, and whether a person was told; one row for each time
    metadata,
    sa.Column("alert_id", BigId, primary_key=True, autoincrement=True),
    sa.Column("dedup_key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("figures", sa.Text, nullable=False),
    sa.Column("opened_at", sa.Float, nullable=False),
    sa.Column("changed_at", sa.Float, nullable=False),
    sa.Column("resolved_at", sa.Float),
    sa.Column("told_at", sa.Float),  # the newest change that was delivered
    sa.Index("alerts_by_key", "dedup_key"),
)

completions = sa.Table(
    "completions",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=True),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("record", sa.Text, nullable=False),
    sa.Index("completions_by_batch", "job", "batch"),
)
