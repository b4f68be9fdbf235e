from __future__ import annotations

from stepwise.generation import progress as module
from stepwise.generation.progress import Progress


def test_the_line_tells_rate_and_time_to_go():
    progress = Progress("generating", 100)
    progress.skip(20)
    progress.add(40, 800)
    assert progress.line(10.0) == "generating: 60/100, 80 tokens/s, about 10 s to go"


def test_a_line_every_so_often_and_none_at_the_end(monkeypatch, capsys):
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.0)
    progress = Progress("scoring", 2)
    progress.add(1, 5)
    progress.add(1, 5)
    assert capsys.readouterr().err.count("scoring: 1/2") == 1


def test_short_passes_say_nothing(capsys):
    Progress("scoring", 2).add(1, 5)
    assert capsys.readouterr().err == ""
