"""A server of the completions protocol on loopback that can be told to misbehave."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODIES = {
    "nonsense": "<html>",
    "empty": {"choices": []},
    "list": {"choices": [["a"]]},
    "no text": {"choices": [{"finish_reason": "stop"}]},
    "text": {"choices": [{"text": None}]},
    "logprobs": {"choices": [{"text": "a", "logprobs": [1]}]},
}
"""Answers that do not follow the protocol."""
FAST = {"attempts": 4, "pause": 0.01, "ready_seconds": 0.3}


class Server:
    """Answers `<prompt>!<seed>`. `faults` are used up one a request: a status, "close", "slow" or a key of BODIES."""

    def __init__(self, faults=(), owner="vllm", echoes=True, model="m", first=(), retry_after=None):
        self.faults, self.owner, self.echoes, self.model = list(faults), owner, echoes, model
        self.first, self.retry_after = list(first), retry_after
        self.seen, self.headers, self.now, self.most = [], [], 0, 0
        self.lock = threading.Lock()

    def completion(self, payload):
        if payload.get("echo") and self.echoes:
            text = payload["prompt"] + "z"
            places = range(0, len(text), 2)
            tokens = [*self.first, *(text[place : place + 2] for place in places)]
            values = [None, *(-float(place) for place in (places if self.first else places[1:]))]
            return {"text": text, "logprobs": {"tokens": tokens, "token_logprobs": values}}
        return {
            "text": f"{payload['prompt']}!{payload.get('seed')}",
            "finish_reason": "length" if payload["max_tokens"] == 1 else "stop",
            "stop_reason": payload["stop"][0] if "stop" in payload else None,
            "token_ids": [1, 2],
            "logprobs": {"token_logprobs": [-0.5, -0.25]},
        }


@contextmanager
def serve(server):
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args):
            pass

        def answer(self, body, status=200):
            data = json.dumps(body).encode()
            self.send_response(status)
            if server.retry_after is not None and status != 200:
                self.send_header("Retry-After", server.retry_after)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            self.answer({"data": [{"id": server.model, "owned_by": server.owner}]})

        def do_POST(self):
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with server.lock:
                server.seen.append(payload)
                server.headers.append(dict(self.headers))
                server.now += 1
                server.most = max(server.most, server.now)
                fault = server.faults.pop(0) if server.faults else None
            time.sleep(0.6 if fault == "slow" else 0.01)
            with server.lock:
                server.now -= 1
            if fault == "close":
                self.connection.close()
            elif fault in BODIES:
                self.answer(BODIES[fault])
            elif isinstance(fault, int):
                self.answer({"error": "told to fail"}, fault)
            elif fault != "slow":
                self.answer({"choices": [server.completion(payload)]})

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{http.server_address[1]}"
    finally:
        http.shutdown()
        http.server_close()
