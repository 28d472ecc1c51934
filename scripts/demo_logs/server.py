"""A tiny model server on loopback: it speaks the Messages API and plays one session's script."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from script import Reply, Session

MODEL = "claude-sonnet-4-5"
IDLE_SECONDS = 120


def _short_hash(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:22]


def _fill(value: Any, root: str) -> Any:
    """The arguments of a call with `{root}` replaced by the project folder."""
    if isinstance(value, str):
        return value.replace("{root}", root)
    if isinstance(value, dict):
        return {key: _fill(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, root) for item in value]
    return value


def _text_of(message: dict[str, Any]) -> str:
    content = message.get("content", "")
    if isinstance(content, str):
        return content
    return "\n".join(block.get("text", "") for block in content if isinstance(block, dict))


class ScriptedModel:
    """Serves the answers of one session. `with ScriptedModel(session, root) as base_url: ...`

    Which answer is due follows from the request alone: the number of assistant messages in it. The server
    ends with the block, and by itself after two minutes without a request.
    """

    def __init__(self, session: Session, root: str) -> None:
        self.session = session
        self.root = root
        self.requests: list[dict[str, Any]] = []
        self.last_request = time.monotonic()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        threading.Thread(target=self._stop_when_idle, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _stop_when_idle(self) -> None:
        while time.monotonic() - self.last_request < IDLE_SECONDS:
            time.sleep(1)
        self._server.shutdown()

    def answer(self, body: dict[str, Any]) -> dict[str, Any]:
        """The message that the script holds for this request."""
        messages = body.get("messages", [])
        index = sum(message.get("role") == "assistant" for message in messages)
        thread, replies = "main", self.session.replies
        prompt = self.session.agent_prompt
        if prompt and messages and prompt in _text_of(messages[0]):
            thread, replies = "agent", self.session.agent_replies
        if not body.get("tools"):
            thread, reply = "aside", Reply(self.session.slug)
        elif index < len(replies):
            reply = replies[index]
        else:
            reply = Reply("Done.")
        return self._message(thread, index, reply, body)

    def _message(self, thread: str, index: int, reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
        key = (self.session.slug, thread, index)
        content: list[dict[str, Any]] = []
        if reply.text:
            content.append({"type": "text", "text": _fill(reply.text, self.root)})
        content += [
            {
                "type": "tool_use",
                "id": f"toolu_01{_short_hash(*key, number)}",
                "name": call.tool,
                "input": _fill(call.args, self.root),
            }
            for number, call in enumerate(reply.calls)
        ]
        conversation = len(json.dumps(body.get("messages", []))) // 4
        fixed = 14_200  # tokens of a usual system prompt with its tools: read from the cache after the first call
        return {
            "id": f"msg_01{_short_hash('message', *key)}",
            "type": "message",
            "role": "assistant",
            "model": MODEL,
            "content": content,
            "stop_reason": "tool_use" if reply.calls else "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": 4 + index,
                "cache_creation_input_tokens": fixed if index == 0 else 180 + conversation // max(index, 1) // 2,
                "cache_read_input_tokens": 0 if index == 0 else fixed + conversation,
                "output_tokens": max(12, len(json.dumps(content)) // 4),
            },
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        model = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Say nothing."""

            def do_HEAD(self) -> None:
                self._send(b"", "text/plain")

            def do_GET(self) -> None:
                self._send(b"{}", "application/json")

            def do_POST(self) -> None:
                model.last_request = time.monotonic()
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                if self.path.split("?")[0].endswith("/count_tokens"):
                    return self._send(b'{"input_tokens": 1000}', "application/json")
                if not self.path.split("?")[0].endswith("/v1/messages"):
                    return self._send(b"{}", "application/json")
                model.requests.append(body)
                message = model.answer(body)
                if body.get("stream"):
                    return self._send("".join(events(message)).encode(), "text/event-stream", message["id"])
                return self._send(json.dumps(message).encode(), "application/json", message["id"])

            def _send(self, data: bytes, kind: str, message_id: str = "") -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("request-id", message_id.replace("msg_", "req_") or "req_none")
                self.end_headers()
                self.wfile.write(data)

        return Handler


def events(message: dict[str, Any]) -> Iterator[str]:
    """The server-sent events of a message."""

    def event(name: str, **data: Any) -> str:
        return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n"

    usage = message["usage"]
    start = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield event("message_start", message=start)
    for index, block in enumerate(message["content"]):
        if block["type"] == "text":
            yield event("content_block_start", index=index, content_block={"type": "text", "text": ""})
            delta = {"type": "text_delta", "text": block["text"]}
        else:
            yield event("content_block_start", index=index, content_block={**block, "input": {}})
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
        yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    yield event("message_delta", delta={"stop_reason": message["stop_reason"], "stop_sequence": None}, usage=usage)
    yield event("message_stop")
