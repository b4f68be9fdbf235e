"""An HTTP client of servers that speak the OpenAI completions protocol: waiting for them, retries, deadlines."""

from __future__ import annotations

import logging
import math
import os
import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from stepwise.generation.base import GenerationError

log = logging.getLogger(__name__)
SERVERS = "STEPWISE_SERVERS"
API_KEY = "STEPWISE_API_KEY"
LONGEST_PAUSE = 20.0
LONGEST_REQUESTED_PAUSE = 120.0
"""Seconds; the latter if a server says with Retry-After how long to wait."""


class Client:
    """Several servers of one model. A failed request is retried on the next server after a growing, jittered pause.

    A server that asks for a longer pause (Retry-After) gets it.
    The environment variable named `variable` (addresses separated by commas) overrides `addresses`; the API key comes
    from STEPWISE_API_KEY only.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        *,
        timeout: float,
        attempts: int = 6,
        ready_seconds: float = 120.0,
        pause: float = 0.5,
        connections: int = 32,
        variable: str = SERVERS,
    ) -> None:
        """`timeout` limits each answer and `ready_seconds` the wait for a server to start, both in seconds."""
        named = [address.strip() for address in os.environ.get(variable, "").split(",") if address.strip()]
        self.addresses = [address.rstrip("/").removesuffix("/v1") for address in named or addresses]
        if not self.addresses:
            raise GenerationError(f"the openai backend has no server; set its addresses in params.yaml or {variable}")
        key = os.environ.get(API_KEY)
        self.timeout, self.attempts, self.variable = timeout, attempts, variable
        self.ready_seconds, self.pause = ready_seconds, pause
        self.http = httpx.Client(
            timeout=timeout,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            limits=httpx.Limits(max_connections=connections),
        )

    def models(self) -> list[dict[str, Any]]:
        """The first model of each server that is up; the other servers are dropped.

        Raises GenerationError if no server is up after `ready_seconds`.
        """
        end = time.monotonic() + self.ready_seconds
        while True:
            models, failed = {}, {}
            for address in self.addresses:
                try:
                    models[address] = self._model(address)
                except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
                    failed[address] = f"{address} ({error or type(error).__name__})"
            if models:
                break
            if time.monotonic() >= end:
                raise GenerationError(
                    f"no server answered within {self.ready_seconds:.0f} s: {', '.join(failed.values())}; "
                    f"start one, or name others in params.yaml or {self.variable}"
                )
            log.warning("waiting for %s", ", ".join(failed.values()))
            time.sleep(min(1.0, max(0.0, end - time.monotonic())))
        if failed:
            log.warning("continuing without %s", ", ".join(failed.values()))
        self.addresses = list(models)
        return list(models.values())

    def _model(self, address: str) -> dict[str, Any]:
        answer = self.http.get(f"{address}/v1/models", timeout=min(5.0, self.timeout))
        answer.raise_for_status()
        model: dict[str, Any] = answer.json()["data"][0]
        if not isinstance(model["id"], str):
            raise TypeError("the model has no id")
        return model

    def complete(self, payload: dict[str, Any], number: int) -> dict[str, Any]:
        """The first choice of a completion request. `number` decides the server and the jitter, nothing else."""
        jitter = random.Random(number)
        last, requested = "", 0.0
        for attempt in range(self.attempts):
            if attempt:
                pause = min(LONGEST_PAUSE, self.pause * 2 ** (attempt - 1)) * (0.5 + jitter.random())
                time.sleep(max(pause, requested))
            requested = 0.0
            address = self.addresses[(number + attempt) % len(self.addresses)]
            try:
                answer = self.http.post(f"{address}/v1/completions", json=payload)
                if answer.status_code == httpx.codes.OK:
                    return _valid(answer.json()["choices"][0])
                last = f"{address}: HTTP {answer.status_code}: {answer.text[:300]}"
                requested = _requested_pause(answer)
            except (httpx.RequestError, ValueError, LookupError, TypeError) as error:
                last = f"{address}: {type(error).__name__} {error}"
                continue
            if answer.status_code < 500 and answer.status_code not in (408, 409, 425, 429):
                raise GenerationError(
                    f"the server refuses the request ({last}); shorten the prompt or change the options"
                )
        raise GenerationError(
            f"no completion after {self.attempts} attempts ({last}); look at the server's log or raise backend.timeout"
        )


def _valid(choice: Any) -> dict[str, Any]:
    """A choice whose fields have the types of the protocol. Raises TypeError if it is something else."""
    if not isinstance(choice, dict) or not isinstance(choice.get("text"), str):
        raise TypeError(f"the answer has no text: {str(choice)[:200]}")
    if not isinstance(choice.get("logprobs") or {}, dict):
        raise TypeError("the log-probabilities are no JSON object")
    return choice


def _requested_pause(answer: httpx.Response) -> float:
    """The seconds that a server wants to be left alone, from its Retry-After: a number or a date. 0 if it has none."""
    value = answer.headers.get("Retry-After", "0")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value).astimezone(UTC) - datetime.now(UTC)).total_seconds()
        except ValueError:
            return 0.0
    return min(max(seconds, 0.0), LONGEST_REQUESTED_PAUSE) if math.isfinite(seconds) else 0.0
