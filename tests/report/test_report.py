import io
import json
from html.parser import HTMLParser

import pytest
from rich.console import Console

from stepwise import report
from stepwise.report.building import build, summary
from stepwise.report.charts import line
from stepwise.report.collecting import ReportError, collect, collect_curves
from stepwise.report.terminal import table

VOID = {"meta", "rect", "line", "circle", "polyline"}


class Strict(HTMLParser):
    """Checks that tags nest, and keeps names, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.data = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.data.append(data)


def metrics(method="warm_up", task="toy", model="tiny", accuracy=0.5, **more):
    return {
        "method": method, "task": task, "model": model, "accuracy": accuracy, "accuracy_low": accuracy - 0.1,
        "accuracy_high": accuracy + 0.1, "accuracy_seen": 0.75, "strict_accuracy": 0.4, "problems": 16.0,
        **more,
    }  # fmt: skip


@pytest.fixture
def folder(tmp_path, write):
    write("metrics/evaluate/warm_up/toy-tiny.json", metrics(**{"maj@2": 0.5, "maj@16": 0.6, "pass@2": 0.7}))
    write("metrics/evaluate/reft/toy-tiny.json", metrics(method="reft", accuracy=0.61234))
    write("metrics/prepare_tasks/toy.json", {"task": "toy", "train": 100, "dropped <b>": 3})
    cell = {"bin": "seen", "difficulty": "easy", "accuracy": 0.75, "accuracy_low": 0.5, "accuracy_high": 0.9}
    write("plots/evaluate/warm_up/toy-tiny.json", [cell])
    curve = [{"step": 10, "loss": 2.0}, {"step": 20, "loss": 1.0, "dev_accuracy": 0.5}]
    write("plots/warm_up/toy-tiny.json", curve)
    write("plots/other/table.json", [{"bin": "seen"}])
    return tmp_path


def built(folder):
    build(
        collect(folder / "metrics/evaluate"), folder / "metrics/prepare_tasks", folder / "plots", folder / "report",
        folder / "metrics/report.json",
    )  # fmt: skip
    return folder / "report/index.html"


def text(rows):
    out = io.StringIO()
    Console(file=out, width=160).print(table(rows))
    return out.getvalue()


def test_rows_and_summary(folder):
    rows = collect(folder / "metrics/evaluate")
    assert [(row.method, row.task, row.model) for row in rows] == [("reft", "toy", "tiny"), ("warm_up", "toy", "tiny")]
    assert summary(rows) == {
        "reft": {"toy": {"tiny": {"accuracy": 0.6123}}},
        "warm_up": {"toy": {"tiny": {"accuracy": 0.5}}},
    }


def test_the_table_in_percent(folder):
    shown = text(collect(folder / "metrics/evaluate"))
    lines = [line.split() for line in shown.splitlines() if line.strip()]
    assert lines[0] == [
        "task",
        "model",
        "method",
        "accuracy",
        "[95",
        "%]",
        "seen",
        "strict",
        "maj@16",
        "pass@2",
        "problems",
    ]
    assert lines[-2] == ["toy", "tiny", "reft", "61.2", "[51.2,", "71.2]", "75.0", "40.0", "-", "-", "16"]
    assert lines[-1] == ["toy", "tiny", "warm_up", "50.0", "[40.0,", "60.0]", "75.0", "40.0", "60.0", "70.0", "16"]


def test_show_says_where_to_look_next(folder, capsys):
    report.show(collect(folder / "metrics/evaluate"))
    shown = capsys.readouterr().out
    for wanted in ("make experiments", "mlflow ui --backend-store-uri sqlite:///mlflow.db", "report/index.html"):
        assert wanted in shown


def test_the_page_is_whole_and_fetches_nothing(folder):
    page = Strict(built(folder).read_text())
    names = [tag for tag, _ in page.tags]
    assert names.count("svg") == 3  # one chart of bins, one of dev accuracy, one of loss
    assert not {"script", "link", "img", "iframe"} & set(names)
    assert not any({"src", "href"} & attributes.keys() for _, attributes in page.tags)
    assert "url(" not in built(folder).read_text()
    (bar, *_) = [attributes for tag, attributes in page.tags if attributes.get("class") == "mark" and tag == "rect"]
    assert float(bar["width"]) == 0.75 * 240
    assert json.loads((folder / "metrics/report.json").read_text())["reft"]["toy"]["tiny"] == {"accuracy": 0.6123}


def test_the_line_of_a_curve_goes_through_its_points(folder):
    page = Strict(built(folder).read_text())
    lines = [attributes["points"] for tag, attributes in page.tags if tag == "polyline"]
    assert lines == ["288.0,10.0", "168.0,10.0 288.0,85.0"]  # one point of accuracy; loss 2 at the top, 1 half way


def test_evaluations_of_other_tasks_and_models_are_left_out(folder):
    path = folder / "metrics/evaluate/warm_up/chess-tiny.json"
    path.write_text(json.dumps(metrics(task="chess")))
    rows = collect(folder / "metrics/evaluate", ["toy"], ["tiny"])
    assert {row.task for row in rows} == {"toy"}
    with pytest.raises(ReportError, match="no evaluations of toy with huge"):
        collect(folder / "metrics/evaluate", ["toy"], ["huge"])


def test_all_text_is_escaped(folder):
    evil = '<script>alert("x")</script>&'
    path = folder / "metrics/evaluate/warm_up/evil.json"
    path.write_text(json.dumps(metrics(method=evil, task=evil, model=evil)))
    (folder / "metrics/prepare_tasks/evil.json").write_text(json.dumps({"task": evil, evil: evil}))
    (folder / "plots/<script>.json").write_text(json.dumps([{"step": 1, "loss": 0.0}]))
    page = Strict(built(folder).read_text())
    assert "script" not in [tag for tag, _ in page.tags]
    assert any(evil in data for data in page.data)
    assert evil[:8] in text(collect(folder / "metrics/evaluate"))


def test_a_curve_below_zero_stays_on_its_area():
    """From -1 to 1: 0 is half of the height."""
    page = Strict(line("loss", [(1.0, 1.0), (2.0, 0.0), (4.0, -1.0)]))
    (points,) = [attributes["points"] for tag, attributes in page.tags if tag == "polyline"]
    assert points == "108.0,10.0 168.0,85.0 288.0,160.0"
    assert "-1" in page.data


def test_votes_are_drawn_in_one_chart_a_model(folder):
    """k = 1, 2, 4 stand at equal distances; half of the problems is half of the height."""
    rows = [{"k": k, "kind": kind, "value": v} for kind, v in (("maj", 0.5), ("pass", 1.0)) for k in (1, 2, 4)]
    path = folder / "plots/vote/reft/toy-tiny.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(rows))
    page = Strict(built(folder).read_text())
    lines = [attributes["points"] for tag, attributes in page.tags if tag == "polyline"]
    assert "48.0,85.0 168.0,85.0 288.0,85.0" in lines
    assert "48.0,10.0 168.0,10.0 288.0,10.0" in lines
    assert "maj 50.0 %" in page.data


def test_only_learning_curves_are_curves(folder):
    assert [curve.name for curve in collect_curves(folder / "plots")] == ["warm_up/toy-tiny"]


def test_a_null_of_a_plot_is_no_point_of_a_curve(tmp_path):
    (tmp_path / "c.json").write_text(
        '[{"step": 1, "loss": 2, "dev_score": null}, {"step": 2, "loss": 1, "dev_score": 0.5}]'
    )
    (curve,) = collect_curves(tmp_path)
    assert curve.points == [{"step": 1, "loss": 2}, {"step": 2, "loss": 1, "dev_score": 0.5}]


def test_bad_metrics_are_named(folder):
    with pytest.raises(ReportError, match="dvc repro evaluate"):
        collect(folder / "nowhere")
    path = folder / "metrics/evaluate/warm_up/toy-tiny.json"
    path.write_text('{"method": "warm_up"}')
    with pytest.raises(ReportError, match=r"toy-tiny\.json has no 'task'"):
        collect(folder / "metrics/evaluate")
    path.write_text("{")
    with pytest.raises(ReportError, match=r"toy-tiny\.json is not JSON"):
        collect(folder / "metrics/evaluate")


@pytest.mark.browser
def test_the_page_in_a_browser(folder, tmp_path, chromium):
    page = built(folder)
    assert "Accuracy on the test problems" in chromium(page, "--dump-dom")
    picture = tmp_path / "page.png"
    chromium(page, f"--screenshot={picture}")
    assert picture.stat().st_size > 10_000
