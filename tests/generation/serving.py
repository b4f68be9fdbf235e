"""A model behind the OpenAI completions protocol, as vLLM speaks it: `python serving.py FOLDER PORT LOG`.

The tokens come from transformers' own `generate`, so that a backend that asks here is compared with other code than the
project's. Each answered prompt is a line of LOG.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import accumulate
from pathlib import Path
from typing import Any

NAME = "served"
READY_SECONDS = 60.0


class RefusedError(Exception):
    """A request that the server answers with 400."""


class Model:
    """A causal model that completes one request at a time."""

    def __init__(self, folder: str) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModelForCausalLM.from_pretrained(folder).eval()
        ends = self.model.generation_config.eos_token_id
        self.ends = ends if isinstance(ends, list) else [ends]
        self.lock = threading.Lock()

    def complete(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The body of the answer."""
        import torch

        ids = self.tokenizer(payload["prompt"])["input_ids"]
        longest = self.model.config.max_position_embeddings
        if payload.get("model") != NAME or len(ids) + payload["max_tokens"] > longest:
            raise RefusedError(f"the model {NAME} has a maximum context length of {longest} tokens")
        with self.lock, torch.inference_mode():
            torch.manual_seed(payload.get("seed") or 0)
            choices = [self._choice(payload, ids, index) for index in range(payload.get("n", 1))]
        return {"id": "cmpl-1", "object": "text_completion", "created": 0, "model": NAME, "choices": choices}

    def _choice(self, payload: dict[str, Any], ids: list[int], index: int) -> dict[str, Any]:
        stop = [payload["stop"]] if isinstance(payload.get("stop"), str) else payload.get("stop") or []
        tokens, logprobs = self._generate(payload, ids, stop)
        reason: dict[str, Any] = {"finish_reason": "length", "stop_reason": None}
        text = self._text(tokens)
        if tokens[-1] in self.ends:
            other = tokens[-1] if tokens[-1] != self.tokenizer.eos_token_id else None
            reason, text = {"finish_reason": "stop", "stop_reason": other}, self._text(tokens[:-1])
        stops = [string for string in stop if string in text]
        if stops:
            first = min(stops, key=text.find)
            reason, text = {"finish_reason": "stop", "stop_reason": first}, text[: text.find(first)]
        if payload.get("echo"):
            text, tokens, logprobs = payload["prompt"] + text, ids + tokens, self._read(ids) + logprobs
        named = {"token_ids": tokens, "prompt_token_ids": ids} if payload.get("return_token_ids") else {}
        given = self._logprobs(tokens, logprobs) if payload.get("logprobs") is not None else None
        return {"index": index, "text": text, "logprobs": given, **reason, **named}

    def _generate(
        self, payload: dict[str, Any], ids: list[int], stop: list[str]
    ) -> tuple[list[int], list[float | None]]:
        """New tokens and their log-probabilities at temperature 1."""
        import torch

        drawn: dict[str, Any] = {"do_sample": False}
        if temperature := payload.get("temperature", 1.0):
            drawn = {"do_sample": True, "temperature": temperature, "top_p": payload.get("top_p", 1.0)}
            drawn["top_k"] = payload.get("top_k") or 0
        ended = {"stop_strings": stop, "tokenizer": self.tokenizer} if stop else {}
        given = torch.tensor([ids])
        out = self.model.generate(
            given, attention_mask=torch.ones_like(given), max_new_tokens=payload["max_tokens"], output_logits=True,
            return_dict_in_generate=True, **drawn, **ended,
        )  # fmt: skip
        tokens = out.sequences[0, len(ids) :].tolist()
        logprobs = [float(row[0].log_softmax(-1)[token]) for row, token in zip(out.logits, tokens, strict=True)]
        return tokens, list(logprobs)

    def _read(self, ids: list[int]) -> list[float | None]:
        """Log-probabilities of a prompt's tokens; nothing comes before the first."""
        import torch

        logits = self.model(torch.tensor([ids])).logits[0].log_softmax(-1)
        return [None, *(float(logits[place, token]) for place, token in enumerate(ids[1:]))]

    def _logprobs(self, tokens: list[int], values: list[float | None]) -> dict[str, Any]:
        """Each token is decoded by itself, special ones too, and the offsets are sums of these texts' lengths."""
        texts = [self.tokenizer.decode([token], clean_up_tokenization_spaces=False) for token in tokens]
        offsets = list(accumulate(map(len, texts), initial=0))[:-1]
        return {"tokens": texts, "token_logprobs": values, "text_offset": offsets, "top_logprobs": None}

    def _text(self, tokens: list[int]) -> str:
        return self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def serve(folder: str, port: int, log: Path) -> None:
    """Answer for ever; the port is open when the model is loaded."""
    model = Model(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            pass

        def answer(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            model = {"id": NAME, "object": "model", "created": 0, "owned_by": "vllm", "root": folder}
            self.answer(200, {"object": "list", "data": [model]})

        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                body = model.complete(payload)
            except RefusedError as error:
                self.answer(400, {"error": {"message": str(error), "type": "BadRequestError", "code": 400}})
                return
            with log.open("a") as lines:
                lines.write(json.dumps([payload["prompt"], payload.get("seed")]) + "\n")
            self.answer(200, body)

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


class Process:
    """The server as a process, which can be killed and started again at the same address."""

    def __init__(self, folder: Path, port: int, log: Path) -> None:
        self.address, self.log = f"http://127.0.0.1:{port}", log
        self.command = [sys.executable, __file__, str(folder), str(port), str(log)]
        self.running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.running = subprocess.Popen(self.command)
        end = time.monotonic() + READY_SECONDS
        while True:
            assert self.running.poll() is None, "the server ended"
            try:
                urllib.request.urlopen(f"{self.address}/v1/models", timeout=5).close()
                return
            except OSError:
                assert time.monotonic() < end, "the server does not come up"
                time.sleep(0.1)

    def kill(self) -> None:
        if self.running is not None:
            self.running.kill()
            self.running.wait()

    def answered(self) -> list[list[Any]]:
        """Prompt and seed of each request so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
