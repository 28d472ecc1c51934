"""Files that are no log, broken archives, over-long lines, and files that grow."""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from badinput.build import BUNDLE, Memento, calls, conserved, contents, gets, lines, refused, says, texts
from badinput.conftest import Call

GOOD = lines([says(f"g{n}", f"good {n}") for n in range(50)])


def noise(size: int) -> bytes:
    return bytes((n * 37 + n // 251) % 251 for n in range(size))


DATA = {
    "empty": b"",
    "blank": b"\n\n  \n",
    "binary": noise(50_000),
    "zeros": b"\0" * 100_000,
    "utf-16": GOOD.decode().encode("utf-16"),
    "empty gzip": gzip.compress(b""),
    "no gzip": b"\x1f\x8b" + noise(500),
    "no zstd": b"\x28\xb5\x2f\xfd" + noise(500),
    "markdown": b"# Notes\n\n```json\n" + GOOD[:300] + b"```\n" + b"words\n" * 50,
    "lone JSON": b'{"name": "package", "version": "1.0.0"}\n',
}
ODD = (*DATA, "fifo", "link loop", "dangling link", "device", "empty folder")


def made(kind: str, folder: Path) -> Path:
    path = folder / "odd"
    match kind:
        case "fifo":
            os.mkfifo(path)
        case "link loop":
            path.symlink_to(folder / "back")
            (folder / "back").symlink_to(path)
        case "dangling link":
            path.symlink_to(folder / "nothing")
        case "device":
            path.symlink_to("/dev/zero")
        case "empty folder":
            path.mkdir()
        case _:
            path.write_bytes(DATA[kind])
    return path


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("command", [["ingest"], ["scan", "--json"], ["failures"], ["backtest", "--json"]])
def test_what_is_no_log_is_one_line(kind: str, command: list[str], call: Call, memento: Memento) -> None:
    path = made(kind, memento.project)
    said = call(command[0], path, *command[1:])
    assert said.code in (2, 3), said
    refused(said, said.code, "odd")
    if memento.store.exists():
        with memento.opened() as store:
            assert (store.headers(), store.failures()) == ([], [])


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_log_does_not_hold_up_the_logs_beside_it(kind: str, call: Call, memento: Memento) -> None:
    folder = memento.project / "logs"
    folder.mkdir()
    made(kind, folder)
    (folder / "good.jsonl").write_bytes(GOOD)
    said = call("ingest", folder, "--json").json
    assert said["new_runs"] == 1
    assert said["lines"]["understood"] == 50
    assert conserved(said["lines"])


@pytest.mark.parametrize("name", ["odd", "log.jsonl"])
@pytest.mark.parametrize("command", [["reflect", "--run"], ["guard", "--replay"]])
def test_commands_of_one_log_refuse_what_is_none(command: list[str], name: str, call: Call, memento: Memento) -> None:
    (memento.project / "good.jsonl").write_bytes(GOOD)
    call("ingest", memento.project / "good.jsonl")
    (memento.project / name).write_bytes(noise(1000))
    refused(call(*command, memento.project / name, "--json"), 3, name)


def test_gzip_and_zstd_give_what_the_plain_file_gives(call: Call, memento: Memento) -> None:
    found = []
    for name, data in (
        ("plain", GOOD),
        ("gz", gzip.compress(GOOD)),
        ("members", gzip.compress(GOOD[:2000]) + gzip.compress(GOOD[2000:])),
        ("zst", zstandard.compress(GOOD)),
    ):
        log = memento.project / name / "log.jsonl"
        log.parent.mkdir()
        log.write_bytes(data)
        said = call("ingest", log, "--store", memento.project / f"{name}.db", "--json").json
        found.append({k: said[k] for k in ("files", "new_runs", "quarantined", "lines")})
    assert found == [found[0]] * 4
    assert found[0]["lines"]["understood"] == 50


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
@pytest.mark.parametrize("cut", [-1, -9, -200])
def test_a_truncated_archive_gives_what_is_readable_and_is_said(
    compress: object, cut: int, call: Call, memento: Memento
) -> None:
    rows = b"".join(lines([says(f"g{n}", os.urandom(60).hex())]) for n in range(400))
    log = memento.project / "log.jsonl.gz"
    log.write_bytes(compress(rows)[:cut])  # type: ignore[operator]
    said = call("ingest", log, "--json")
    if said.code:  # of zstd one frame may be one block: nothing is readable of it
        refused(said, 3, "log.jsonl.gz")
        return
    assert conserved(said.json["lines"])
    assert said.json["quarantined"] >= 1
    with memento.opened() as store:
        assert any("ends before" in q.reason or "gzip" in q.reason or "zstd" in q.reason for q in store.quarantined())


def test_a_log_read_again_after_it_was_cut_and_written_anew_keeps_what_was_known(call: Call, memento: Memento) -> None:
    log = memento.project / "log.jsonl"
    log.write_bytes(lines([says("a", "first"), says("b", "second")]))
    call("ingest", log)
    log.write_bytes(lines([says("c", "third")]))
    call("ingest", log)
    with memento.opened() as store:
        assert texts(store) == ["first", "second", "third"]


def test_a_file_that_grows_byte_by_byte_gives_what_the_whole_file_gives(call: Call, memento: Memento) -> None:
    rows = lines(
        [
            says("g1", "é 猫"),
            calls("c1", "t1", "Bash", {"command": "make"}),
            gets("r1", "t1", "Exit code 2\nno rule"),
        ]
    )
    log, whole = memento.project / "log.jsonl", memento.project / "whole.db"
    log.write_bytes(rows)
    call("ingest", log, "--store", whole)
    shown = memento.project / "log.jsonl"
    sizes = [*range(len(rows) // 3 - 40, len(rows) // 3 + 40), *range(len(rows) - 40, len(rows) + 1)]
    for size in sizes:
        shown.write_bytes(rows[:size])
        said = call("ingest", log, "--json")
        if said.code == 0:
            assert conserved(said.json["lines"])
            assert said.json["quarantined"] == 0
    assert call("ingest", log, "--json").json["runs"] == 0
    with memento.opened() as grown:
        mine = contents(grown)
    memento.store = whole
    with memento.opened() as store:
        wanted = contents(store)
    # a last line without its break was taken as soon as it was whole, so the place to go on from is before the break
    assert [f[3:] for f in mine.pop("files")] == [f[3:] for f in wanted.pop("files")]
    assert mine == wanted


def test_a_truncated_last_line_waits_for_its_rest(call: Call, memento: Memento) -> None:
    log = memento.project / "log.jsonl"
    rows = lines([says("a", "first"), says("b", "second")])
    log.write_bytes(rows[:-30])
    first = call("ingest", log, "--json").json
    assert first["lines"] == {"seen": 1, "understood": 1, "ignored": 0, "quarantined": 0}
    log.write_bytes(rows)
    assert call("ingest", log, "--json").json["lines"]["understood"] == 2
    with memento.opened() as store:
        assert texts(store) == ["first", "second"]
        assert store.quarantined() == []


def test_an_unreadable_file_is_said_and_the_others_are_read(memento: Memento) -> None:
    folder = memento.project / "logs"
    folder.mkdir()
    (folder / "good.jsonl").write_bytes(GOOD)
    (folder / "bad.jsonl").write_bytes(GOOD)
    (folder / "bad.jsonl").chmod(0)
    assert memento.run_powerless("ingest", folder, "--json").json["new_runs"] == 1
    refused(memento.run_powerless("ingest", folder / "bad.jsonl"), 2, "bad.jsonl", "not readable")
    refused(memento.run_powerless("failures", folder / "bad.jsonl"), 2, "bad.jsonl", "not readable")


def test_a_folder_that_links_to_itself_is_read_once(call: Call, memento: Memento) -> None:
    folder = memento.project / "logs"
    (folder / "in").mkdir(parents=True)
    (folder / "good.jsonl").write_bytes(GOOD)
    (folder / "in" / "loop").symlink_to(folder)
    (folder / "out").symlink_to("/etc")
    assert call("ingest", folder, "--json").json["files"] == 1


@pytest.mark.slow
def test_a_line_of_100_mib_is_kept_out_with_bounded_memory(memento: Memento) -> None:
    log = memento.project / "log.jsonl"
    with log.open("wb") as out:
        out.write(GOOD)
        out.write(b'{"type":"user","uuid":"huge","message":{"role":"user","content":"')
        for _ in range(100):
            out.write(b"a" * (1 << 20))
        out.write(b'"}}\n')
        out.write(lines([says("z", "after it")]))
    code = (
        "import sys; from memento_skills.app.cli.main import run; "
        "from memento_skills.app.cli.session import Session; code = run(sys.argv[1:], Session()); "
        # not ru_maxrss: that holds the peak of the process it was started from, too
        "peak = [row.split()[1] for row in open('/proc/self/status') if row.startswith('VmHWM')]; "
        "print(*peak, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "ingest", str(log), "--json"], cwd=memento.project, env=memento.env,
        capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["lines"] == {"seen": 52, "understood": 51, "ignored": 0, "quarantined": 1}
    assert int(done.stderr) < 250_000, "KiB"
    with memento.opened() as store:
        (entry,) = store.quarantined()
        assert texts(store)[-1] == "after it"
    assert (entry.line, entry.offset) == (51, len(GOOD))
    assert entry.size > 100 << 20
    assert "longer than 16 MiB" in entry.reason


@pytest.mark.slow
@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_an_archive_that_unpacks_to_much_more_is_read_with_bounded_memory(compress: object, memento: Memento) -> None:
    log = memento.project / "bomb"
    log.write_bytes(compress(GOOD + (b"{}" + b" " * (1 << 20) + b"\n") * 300))  # type: ignore[operator]
    limit = 1 << 30

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    done = subprocess.run(
        memento.words("ingest", log, "--json"), cwd=memento.project, env=memento.env, capture_output=True, text=True,
        timeout=110, preexec_fn=bounded,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["lines"]["understood"] == 50


def test_the_same_logs_in_many_copies_are_known_runs(call: Call, memento: Memento) -> None:
    source = next((BUNDLE / "logs").rglob("*.jsonl"))
    for n in range(5):
        (memento.project / f"copy{n}.jsonl").write_bytes(source.read_bytes())
    files = [memento.project / f"copy{n}.jsonl" for n in range(5)]
    said = call("ingest", *files, "--json").json
    assert (said["files"], said["runs"], said["new_runs"]) == (5, 1, 1)
    with memento.opened() as store:
        assert len(store.headers()) == 1
        uids = [s.uid for run in store.runs() for s in run.steps]
    assert len(uids) == len(set(uids)) > 5
    assert len(call("failures", *files, "--json").rows) == len(call("failures", source, "--json").rows)
