"""A stage as a process: what it declares, what it leaves behind when it is stopped, what it says when it cannot run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]

SCRIPT = '''
import os, time
from pathlib import Path
from stepwise.stage import Run, stage

@stage(params=("seed", "task.{task}"))
def main(run: Run, *, task: str, data: Path, out: Path) -> None:
    """A stage for tests."""
    log = run.work / "journal"
    done = len(log.read_text().splitlines()) if log.exists() else 0
    for number in range(done, 4):
        with log.open("a") as lines:
            lines.write(f"{number} {os.getpid()}\\n")
        ACTION
    (run.work / "finished").write_text(log.read_text())
    run.publish(run.work / "finished", out)

if __name__ == "__main__":
    main()
'''


@pytest.fixture
def room(tmp_path):
    """A folder with parameters, data and a way to run the stage."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "stepwise").mkdir()
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    (tmp_path / "data").write_text("input")
    return tmp_path


def start(room: Path, action: str, **extra: str) -> subprocess.Popen:
    (room / "stages" / "probe.py").write_text(SCRIPT.replace("ACTION", action))
    command = [
        sys.executable,
        "stages/probe.py",
        "--task",
        extra.get("task", "word_problems"),
        "--data",
        "data",
        "--out",
        "out",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "DVC_STAGE": extra.get("dvc_stage", "")}
    environment["STEPWISE_TRACKING"] = "later"
    return subprocess.Popen(command, cwd=room, env=environment, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> tuple[int, str]:
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def journal(room: Path) -> Path | None:
    return next(iter(room.glob(".work/probe/*/journal")), None)


def wait_for(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


def test_publishes_the_output_and_clears_its_work(room):
    assert finish(start(room, "pass")) == (0, "")
    assert len((room / "out").read_text().splitlines()) == 4
    assert journal(room) is None


def test_an_undeclared_parameter_cannot_be_read(room):
    code, errors = finish(start(room, "run.params.warm_up"))
    assert code == 2
    assert "reads the parameter warm_up without declaring it" in errors
    assert "Traceback" not in errors


def test_an_entry_of_another_task_cannot_be_read(room):
    code, errors = finish(start(room, "run.params.task['word_sorting']"))
    assert code == 1
    assert "KeyError: 'word_sorting'" in errors


def test_an_unknown_task_is_named(room):
    code, errors = finish(start(room, "pass", task="chess"))
    assert code == 2
    assert "task.chess" in errors
    assert "Traceback" not in errors


def test_an_unknown_parameter_is_named(room):
    params = yaml.safe_load((room / "params.yaml").read_text()) | {"sead": 2}
    (room / "params.yaml").write_text(yaml.safe_dump(params))
    code, errors = finish(start(room, "pass"))
    assert code == 2
    assert "sead: unknown parameter" in errors


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_stage_resumes(room, signal_number):
    process = start(room, "time.sleep(0 if (Path('free').exists() or number < 2) else 60)")
    wait_for(lambda: journal(room) and len(journal(room).read_text().splitlines()) == 3)
    process.send_signal(signal_number)
    finish(process)
    assert not (room / "out").exists()
    (room / "free").touch()
    assert finish(start(room, "time.sleep(0 if (Path('free').exists() or number < 2) else 60)"))[0] == 0
    writers = [line.split()[1] for line in (room / "out").read_text().splitlines()]
    assert writers[:3] == [str(process.pid)] * 3
    assert writers[3] != writers[0]


def test_other_inputs_do_not_find_the_old_work(room):
    process = start(room, "time.sleep(60)")
    wait_for(lambda: journal(room))
    process.kill()
    finish(process)
    (room / "data").write_text("other input")
    process = start(room, "time.sleep(60)")
    wait_for(lambda: len(list(room.glob(".work/probe/*/journal"))) == 2)
    process.kill()
    finish(process)


def edit(room: Path, **changes: object) -> None:
    (room / "params.yaml").write_text(yaml.safe_dump(yaml.safe_load((room / "params.yaml").read_text()) | changes))


HELD = (
    "time.sleep(0 if number < 2 else 0.01)\n        while number == 2 and not Path('free').exists(): time.sleep(0.02)"
)
"""Stops in the third of four steps until there is a file `free`."""


def run_while(room: Path, change) -> tuple[int, str]:
    """The exit code and errors of a stage during which `change` is called."""
    process = start(room, HELD)
    wait_for(lambda: journal(room) and len(journal(room).read_text().splitlines()) == 3)
    change()
    (room / "free").touch()
    return finish(process)


def test_parameters_edited_while_the_stage_runs_are_an_error_and_its_work_is_kept(room):
    seed = yaml.safe_load((room / "params.yaml").read_text())["seed"]
    code, errors = run_while(room, lambda: edit(room, seed=seed + 1))
    assert code == 2
    assert f"probe: seed was {seed} and is now {seed + 1}: this happened while the stage was running." in errors
    assert "Change them back and run again to resume" in errors
    assert not (room / "out").exists()
    edit(room, seed=seed)
    first = journal(room).read_text()
    assert finish(start(room, HELD)) == (0, "")
    assert (room / "out").read_text() == first, "nothing was computed again"


def test_parameters_that_the_stage_does_not_declare_may_be_edited(room):
    assert run_while(room, lambda: edit(room, data_dir="elsewhere")) == (0, "")


def test_an_input_changed_while_the_stage_runs_is_named(room):
    code, errors = run_while(room, lambda: (room / "data").write_text("other input"))
    assert code == 2
    assert "data has changed: this happened while the stage was running" in errors
    assert not (room / "out").exists()


def test_an_input_that_is_only_touched_is_the_same(room):
    assert run_while(room, (room / "data").touch) == (0, "")


def test_the_script_changed_while_the_stage_runs_is_named(room):
    code, errors = run_while(room, lambda: (room / "stages" / "probe.py").open("a").write("# changed"))
    assert code == 2
    assert "stages/probe.py has changed" in errors


def test_code_that_the_stage_has_not_imported_may_change(room):
    (room / "src" / "stepwise" / "other.py").touch()
    assert run_while(room, lambda: (room / "src" / "stepwise" / "other.py").write_text("changed = True")) == (0, "")


@pytest.mark.parametrize("dvc_stage", ["second@word_problems-tiny", "studies/dvc.yaml:second@no_kl", "second"])
def test_dvcs_name_of_the_stage_is_its_name(room, dvc_stage):
    """Two stages of dvc.yaml may share a script, but not their work folder or resources."""
    code, errors = finish(
        start(room, "Path('work').write_text(str(run.work)); run.params.warm_up", dvc_stage=dvc_stage)
    )
    assert code == 2
    assert errors.startswith("second: this stage reads the parameter warm_up")
    assert (room / "work").read_text().startswith(".work/second/")


def test_a_second_writer_is_refused(room):
    first = start(room, "time.sleep(60)")
    wait_for(lambda: journal(room))
    code, errors = finish(start(room, "time.sleep(60)"))
    first.kill()
    finish(first)
    assert code == 2
    assert "another process is running this stage" in errors


def test_a_full_disk_is_said_and_work_is_kept(room):
    code, errors = finish(start(room, "open('/dev/full', 'w').write('x' * 99999)"))
    assert code == 1
    assert "disk is full" in errors
    assert "Traceback" not in errors
    assert journal(room) is not None


COUNTED = (
    "import gc; before = gc.get_stats()[0]['collections'];"
    " kept = [[] for _ in range(20_000)]; assert gc.get_stats()[0]['collections'] == before"
)
FROZEN = "import atexit, gc; atexit._run_exitfuncs(); assert gc.get_freeze_count() > 1000"


@pytest.mark.parametrize("action", [COUNTED, FROZEN], ids=["while it imports", "at its end"])
def test_lasting_objects_are_not_searched_for_garbage(room, action):
    """A thousand modules' objects are no garbage; looking through them took a quarter of a small stage's time."""
    assert finish(start(room, action)) == (0, "")
