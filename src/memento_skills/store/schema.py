"""The tables, for queries. `migrations.py` makes them; a test holds the two together."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Double, ForeignKey, Index, Integer, LargeBinary, MetaData, Table, Text

metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _run() -> Column[int]:
    return Column("run", Integer, ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)


meta = Table("meta", metadata, Column("name", Text, primary_key=True), _text("value"))
migrations = Table("migrations", metadata, Column("name", Text, primary_key=True), Column("at", Double, nullable=False))
files = Table("files", metadata, Column("path", Text, primary_key=True), _text("body"))
"""`path` is a salted hash of the file's path."""
runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    _text("user"),
    _text("project"),
    Column("started_at", Double),
    Column("steps", Integer, nullable=False),
    _text("version"),
    _text("header"),
)
archive = Table(
    "archive",
    metadata,
    Column("key", Text, primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("payload", LargeBinary, nullable=False),
)
marks = Table(
    "marks", metadata, Column("hash", BigInteger, primary_key=True, autoincrement=False), _run(), Column("at", Double)
)
"""What two runs of one lineage share: salted hashes of call ids, row ids and session ids."""
lineages = Table("lineages", metadata, _run(), Column("lineage", Integer, nullable=False))
"""The answer of `Store.lineages`, valid for the data version in `meta`."""
quarantined = Table("quarantined", metadata, Column("id", Text, primary_key=True), _text("body"))
failures = Table(
    "failures",
    metadata,
    _run(),
    Column("id", Text, primary_key=True),
    _text("signature"),
    _text("fault"),
    Column("at", Double),
    _text("body"),
    Index("failures_signature", "signature"),
)
patterns = Table(
    "patterns",
    metadata,
    Column("id", Text, primary_key=True),
    Column("rank", Integer, nullable=False),
    _text("body"),
)


def _ledger(name: str, parent: str, target: str = "") -> Table:
    reference = [ForeignKey(f"{target}.id")] if target else []
    return Table(
        name,
        metadata,
        Column("seq", Integer, primary_key=True),
        Column("id", Text, nullable=False, unique=True),
        Column(parent, Text, *reference, nullable=False),
        Column("redacted", Integer, nullable=False, server_default="0"),
        _text("body"),
        Index(f"{name}_{parent}", parent),
    )


rulings = _ledger("rulings", "pattern")
reflections = _ledger("reflections", "pattern")
patches = _ledger("patches", "pattern")
verdicts = _ledger("verdicts", "patch", "patches")
decisions = _ledger("decisions", "patch", "patches")
promotions = _ledger("promotions", "patch", "patches")
rollbacks = _ledger("rollbacks", "promotion", "promotions")
health = _ledger("health", "promotion", "promotions")

moves = Table(
    "moves",
    metadata,
    Column("why", Text, primary_key=True),
    Column("old", Text, primary_key=True),
    _text("new"),
)
"""Where what was said about a pattern belongs now: ids (and hashes of evidence) of before, and those of today. `why`:
version = another version of the signature, ruling = a person's merge or split, evidence = the hash of a pattern's
evidence under another version."""

audit = Table(
    "audit",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    _text("kind"),
    _text("body"),
    _text("prev"),
    _text("hash"),
)
tombstones = Table(
    "tombstones",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("hash", Text, primary_key=True),
    _text("shape"),
)
"""What must not come back: salted hashes of run keys, users and secrets (these with the shape to look for)."""
