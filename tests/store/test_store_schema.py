"""The tables that the migrations make are those that the queries know, for every database that may follow."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable
from store_build import fill, opened, run

from memento_skills.errors import StoreError
from memento_skills.store import engine, ledger, migrations, schema
from memento_skills.store.stub import MemoryArchive


def test_the_migrations_make_the_tables_of_the_queries() -> None:
    with opened() as store:
        found = inspect(store._connection)
        assert set(found.get_table_names()) == set(schema.metadata.tables)
        for table in schema.metadata.sorted_tables:
            made = {c["name"]: c for c in found.get_columns(table.name)}
            assert list(made) == [c.name for c in table.columns], table.name
            for column in table.columns:
                assert made[column.name]["nullable"] == column.nullable or column.primary_key
            assert found.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
            assert {i["name"] for i in found.get_indexes(table.name)} == {i.name for i in table.indexes}
            made_keys = {(k["constrained_columns"][0], k["referred_table"]) for k in found.get_foreign_keys(table.name)}
            assert made_keys == {(k.parent.name, k.column.table.name) for k in table.foreign_keys}


def test_opening_again_migrates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "memento.db"
    opened(path).close()
    before = path.read_bytes()
    opened(path).close()
    assert path.read_bytes() == before


def test_the_migrations_are_recorded_by_name(tmp_path: Path) -> None:
    path = tmp_path / "memento.db"
    opened(path).close()
    connection = sqlite3.connect(path)
    names = [row[0] for row in connection.execute("SELECT name FROM migrations")]
    connection.close()
    assert names == [name for name, _ in migrations.MIGRATIONS]


def test_a_later_migration_is_applied_to_an_older_store_and_keeps_what_is_in_it(tmp_path: Path) -> None:
    path = str(tmp_path / "memento.db")
    with opened(path) as store, store.write() as tx:
        fill(tx, run())
    later = (*migrations.MIGRATIONS, ("2027-01-later", lambda dialect: ["ALTER TABLE runs ADD COLUMN more TEXT"]))
    connection = engine.connect(path)
    migrations.migrate(connection, path, 1.0, later)
    migrations.migrate(connection, path, 2.0, later)
    assert "more" in {column["name"] for column in inspect(connection).get_columns("runs")}
    assert connection.execute(text("SELECT key, more FROM runs")).all() == [("made:session-a", None)]
    engine.close(connection)
    with pytest.raises(StoreError, match="newer version"):
        opened(path)


def test_a_migration_that_fails_leaves_the_older_store_whole(tmp_path: Path) -> None:
    path = str(tmp_path / "memento.db")
    opened(path).close()
    broken = (*migrations.MIGRATIONS, ("2027-01-broken", lambda dialect: ["DROP TABLE health", "NO SUCH STATEMENT"]))
    connection = engine.connect(path)
    with pytest.raises(StoreError):
        migrations.migrate(connection, path, 1.0, broken)
    engine.close(connection)
    with opened(path) as store, store.write() as tx:
        fill(tx, run())


@pytest.mark.parametrize("dialect", sorted(engine.TYPES))
def test_the_migrations_make_the_same_tables_in_every_dialect(dialect: str) -> None:
    statements = [statement for _, make in migrations.MIGRATIONS for statement in make(dialect)]
    made = [m[1] for s in statements if (m := re.match(r"CREATE TABLE (\w+)", s))]
    assert sorted([*made, "migrations"]) == sorted(schema.metadata.tables)
    assert ("BYTEA" in "".join(statements)) == (dialect == "postgresql")
    assert "{" not in "".join(statements)


def test_every_table_and_statement_compiles_for_postgresql() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in schema.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))
        assert "ON CONFLICT DO NOTHING" in engine._insert_new_text(table, "postgresql")


def test_every_statement_that_the_store_executes_compiles_for_postgresql() -> None:
    from sqlalchemy import event
    from sqlalchemy.sql.elements import ClauseElement, TextClause

    seen: list[ClauseElement] = []
    with opened() as store:

        @event.listens_for(store._connection.engine, "before_execute")
        def note(connection: object, statement: ClauseElement, *rest: object) -> None:
            seen.append(statement)

        with store.write() as tx:
            fill(tx, run("a"), run("b"))
            tx.forget_secret("do a")
            tx.forget_run("made:session-a")
            tx.forget_user("user01")
        store.lineages(), store.headers(), store.failures(since=1.0), store.first_occurrence("project", ["c"])
        store.files(["x"]), store.quarantined(), store.audit_problems()
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    own = {str(s) for s in seen if isinstance(s, TextClause)}
    # text is written by hand, in the module of dialects alone
    assert own == {"BEGIN IMMEDIATE", "COMMIT", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"}
    made = [s for s in seen if not isinstance(s, TextClause) and type(s).__module__ != "sqlalchemy.dialects.sqlite.dml"]
    assert len(made) > 50
    for statement in made:
        assert str(statement.compile(dialect=dialect))


def test_every_kind_of_ledger_record_has_a_table() -> None:
    assert {kind.table.name for kind in ledger.KINDS} < set(schema.metadata.tables)


def test_the_stub_ships_with_the_store() -> None:
    archive = MemoryArchive()
    archive.put("made:a", 0, b"a")
    assert list(archive.get("made:a")) == [b"a"]
