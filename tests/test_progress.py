from __future__ import annotations

import io
import sys

import pytest

from stepwise import progress as module
from stepwise.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(module, "ON_A_TERMINAL", 0.0)


def test_the_line_tells_rate_and_time_to_go():
    progress = Progress("generating", 100)
    progress.skip(20)
    progress.add(40, 800)
    assert progress.line(10.0) == "generating: 60/100, 80 tokens/s, about 10 s to go"


def test_before_the_first_finished_item_no_time_is_known():
    progress = Progress("generating", 100)
    progress.skip(20)
    progress.add(0, 800)
    assert progress.line(10.0) == "generating: 20/100, 80 tokens/s"


def test_a_run_of_steps_announces_its_size_and_estimates_by_tokens(capsys):
    progress = Progress("training", 125, tokens=1000, done=25, done_tokens=200)
    assert capsys.readouterr().err == "training: 125 steps, 1000 tokens, resuming after step 25\n"
    progress.add(1, 300)
    assert progress.line(10.0, {"loss": 0.30961}) == "training: step 26/125, loss 0.3096, 30 tokens/s, about 17 s to go"


def test_a_line_every_so_often_and_none_at_the_end(impatient, capsys):
    progress = Progress("scoring", 2)
    progress.add(1, 5)
    progress.add(1, 5)
    assert capsys.readouterr().err.count("scoring: ") == 1


def test_short_passes_say_nothing(capsys):
    Progress("scoring", 2).add(1, 5)
    assert capsys.readouterr().err == ""


def test_a_terminal_gets_one_line_that_is_rewritten_and_ended(impatient, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = Progress("scoring", 3)
    for _ in range(3):
        progress.add(1, 5)
    progress.close()
    text = sys.stderr.getvalue()
    assert text.count("\r") == 2
    assert text.count("\n") == 1
    assert text.endswith("\n")
