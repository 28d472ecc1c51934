"""Session databases of other programs (SQLite), read and never changed. SQL stays in `store`, so this stands here.

In: the path of such a database. Out: its sessions, each as one line of JSON in the shape of the client's own export. A
database is as hostile as any log: no view, trigger, virtual table or computed column is evaluated, lengths are capped,
and what is damaged is reported, not raised.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

MAGIC = b"SQLite format 3\0"
"""The first bytes of every SQLite database."""
SESSION_CAP = 64 << 20
"""Bytes of the longest session that is read."""
_TABLES = {"session", "session_v2", "message", "part", "session_message"}
_INFO = {
    "id": "id", "directory": "directory", "parent_id": "parentID", "fork_session_id": "forkID", "version": "version",
}  # fmt: skip


def tables_of(path: Path) -> bytes:
    """`MAGIC` and the names of the known tables, one a line; `MAGIC` alone where the database cannot be read."""
    try:
        with closing(_open(path)) as database:
            names = sorted(_columns(database))
    except (sqlite3.Error, OSError):
        return MAGIC
    return b"\n".join([MAGIC, *(name.encode() for name in names)])


def sessions(path: Path) -> Iterator[bytes | str]:
    """Every session as a line of JSON, `{"info": {…}, "messages": […]}`; a text says why one could not be read.

    Messages are `{"info", "parts"}` (tables message and part) or, where the session has none of these, the rows of
    session_message. A value that is no JSON is handed over as a string.
    """
    try:
        with closing(_open(path)) as database:
            tables = _columns(database)
            seen: set[str] = set()
            for name in ("session", "session_v2"):
                if "id" in tables.get(name, ()):
                    yield from _sessions(database, tables, name, seen)
    except (sqlite3.Error, OSError) as error:
        yield f"SQLite: {error}"


def _open(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. A database with a write-ahead log is read together with it; any other one is
    taken as unchanging, which needs no lock and leaves no file behind.
    """
    there = path.absolute()
    mode = "?mode=ro" if there.with_name(there.name + "-wal").exists() else "?mode=ro&immutable=1"
    database = sqlite3.connect(there.as_uri() + mode, uri=True, timeout=5.0)
    database.text_factory = bytes
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, SESSION_CAP)
    database.execute("PRAGMA trusted_schema=OFF")
    database.execute("PRAGMA query_only=ON")
    return database


def _columns(database: sqlite3.Connection) -> dict[str, list[str]]:
    """The stored columns of each known table that is an ordinary one."""
    found: dict[str, list[str]] = {}
    rows = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    for raw, sql in rows:
        name = _text(raw)
        if name in _TABLES and not _text(sql).lstrip().upper().startswith("CREATE VIRTUAL"):
            # table_info leaves computed columns out
            found[name] = [_text(row[1]) for row in database.execute(f"PRAGMA table_info({name})")]
    return found


def _sessions(
    database: sqlite3.Connection, tables: dict[str, list[str]], name: str, seen: set[str]
) -> Iterator[bytes | str]:
    known = [c for c in (*_INFO, "time_created", "time_updated", "revert") if c in tables[name]]
    for row in database.execute(f"SELECT {', '.join(known)} FROM {name} ORDER BY id").fetchall():  # noqa: S608  (names of our own)
        values = dict(zip(known, row, strict=True))
        session = _text(values["id"])
        if session in seen:
            continue
        seen.add(session)
        try:
            yield _line(database, tables, values)
        except sqlite3.Error as error:
            yield f"session {session[:80]!r} cannot be read: SQLite: {error}"
        except ValueError as error:
            yield f"session {session[:80]!r}: {error}"


def _line(database: sqlite3.Connection, tables: dict[str, list[str]], values: dict[str, Any]) -> bytes:
    info: dict[str, Any] = {_INFO[c]: _text(v) for c, v in values.items() if c in _INFO and v is not None}
    info["time"] = {
        k: values[c]
        for k, c in (("created", "time_created"), ("updated", "time_updated"))
        if isinstance(values.get(c), int)
    }
    if values.get("revert"):
        info["revert"] = _json(values["revert"])
    session = info.get("id", "")
    messages = _messages(database, tables, session) or _projected(database, tables, session)
    try:
        return msgspec.json.encode({"info": info, "messages": messages})
    except (RecursionError, OverflowError):
        raise ValueError("nested too deeply, or a number too large") from None


def _rows(database: sqlite3.Connection, tables: dict[str, list[str]], name: str, session: str) -> list[list[Any]]:
    """Id, message id, type and data of a session's rows in a table, in the order in which they came about."""
    have = tables.get(name, [])
    if not {"id", "session_id", "data"} <= set(have):
        return []
    taken = ", ".join(c if c in have else "NULL" for c in ("id", "message_id", "type", "data"))
    order = ", ".join(c for c in ("seq", "time_created", "id") if c in have and not (c != "id" and name == "part"))
    size = database.execute(f"SELECT sum(length(data)) FROM {name} WHERE session_id = ?", (session,)).fetchone()[0]  # noqa: S608
    if (size or 0) > SESSION_CAP:
        raise ValueError(f"longer than {SESSION_CAP >> 20} MiB")
    query = f"SELECT {taken} FROM {name} WHERE session_id = ? ORDER BY {order}"  # noqa: S608
    return database.execute(query, (session,)).fetchall()


def _messages(database: sqlite3.Connection, tables: dict[str, list[str]], session: str) -> list[Any]:
    messages: dict[str, dict[str, Any]] = {}
    for raw, _, _, data in _rows(database, tables, "message", session):
        info = _json(data)
        messages[_text(raw)] = {"info": {**info, "id": _text(raw)} if isinstance(info, dict) else info, "parts": []}
    for raw, message, _, data in _rows(database, tables, "part", session):
        part = _json(data)
        home = messages.setdefault(_text(message), {"info": {"id": _text(message)}, "parts": []})
        home["parts"].append({**part, "id": _text(raw)} if isinstance(part, dict) else part)
    return list(messages.values())


def _projected(database: sqlite3.Connection, tables: dict[str, list[str]], session: str) -> list[Any]:
    found: list[Any] = []
    for raw, _, kind, data in _rows(database, tables, "session_message", session):
        message = _json(data)
        found.append({**message, "id": _text(raw), "type": _text(kind)} if isinstance(message, dict) else message)
    return found


def _json(data: object) -> Any:  # noqa: ANN401  (any JSON value)
    """The JSON value of a column, or its text where it holds none."""
    if not isinstance(data, bytes):
        return data
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return data[:4096].decode("utf-8", "replace")


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else "" if value is None else str(value)
