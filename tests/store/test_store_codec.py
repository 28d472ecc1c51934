"""Bytes of chunks and bodies: what is damaged is said, and never half read."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_build import failure, opened, run

from memento_skills.errors import BadInput, StoreError
from memento_skills.records import Run, Step
from memento_skills.store import codec

PAYLOAD = codec.pack(codec.pieces(run(count=9).steps)[0])


@given(st.integers(0, len(PAYLOAD) - 1), st.integers(1, 255))
def test_a_change_of_any_byte_of_a_chunk_is_found(at: int, change: int) -> None:
    damaged = bytearray(PAYLOAD)
    damaged[at] ^= change
    with pytest.raises(StoreError, match="damaged"):
        codec.steps_of(codec.unpack(bytes(damaged)))


@given(st.integers(0, len(PAYLOAD) - 1))
def test_a_cut_chunk_is_found(left: int) -> None:
    with pytest.raises(StoreError, match="damaged"):
        codec.unpack(PAYLOAD[:left])


def test_a_chunk_of_another_form_is_refused() -> None:
    with pytest.raises(StoreError, match="unknown form b'z'"):
        codec.unpack(b"z" + PAYLOAD[1:])


def test_a_body_that_is_no_record_is_refused() -> None:
    for body in ("", "{", "[]", '{"id":1}', '{"unknown":""}'):
        with pytest.raises(StoreError, match="damaged"):
            codec.decode(body, Run)


def test_an_unknown_extension_is_refused() -> None:
    body = msgspec.msgpack.encode(
        {"seq": 0, "kind": "call", "actor": "agent", "args": {"n": msgspec.msgpack.Ext(9, b"")}}
    )
    with pytest.raises(StoreError, match="unknown extension 9"):
        codec.steps_of(codec.Piece(1, body))


def test_an_integer_beyond_64_bits_outside_of_arguments_is_refused() -> None:
    with pytest.raises(BadInput):
        codec.pieces((Step(seq=0, kind="result", actor="tool", exit_code=2**64),))


def test_the_version_depends_on_header_and_steps_alone() -> None:
    header, pieces = codec.header_of(run()), codec.pieces(run(count=9).steps, 50)
    assert len(pieces) > 3
    bodies = [piece.body for piece in pieces]
    assert codec.version(header, bodies) == codec.version(header, [b"".join(bodies)])
    assert codec.version(header, bodies) != codec.version(header, bodies[1:])
    assert codec.version(header + " ", bodies) != codec.version(header, bodies)


def test_a_failure_without_unicode_is_refused_and_the_write_goes_on() -> None:
    with opened() as store, store.write() as tx:
        tx.put_run(run())
        with pytest.raises(BadInput):
            tx.add_failures([failure(run(), quote="\udfff")])
        assert tx.add_failures([failure(run())]) == 1
