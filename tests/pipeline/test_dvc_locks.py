import json
import os
import subprocess
import sys
import time

from stepwise.pipeline.dvc_locks import forget_zombies


def entry(pid):
    return {"pid": pid, "cmd": "dvc repro"}


def test_a_zombie_holds_nothing_and_a_living_process_keeps_what_it_holds(tmp_path):
    path = tmp_path / "rwlock"
    zombie = subprocess.Popen([sys.executable, "-c", "pass"])  # not waited for until the end
    path.write_text(
        json.dumps(
            {
                "write": {"a": entry(zombie.pid), "b": entry(os.getpid())},
                "read": {"c": [entry(zombie.pid)], "d": [entry(zombie.pid), entry(os.getpid())]},
            }
        )
    )
    time.sleep(0.5)
    forget_zombies(path, wait=0.2)
    assert json.loads(path.read_text()) == {"write": {"b": entry(os.getpid())}, "read": {"d": [entry(os.getpid())]}}
    zombie.wait()


def test_a_process_on_its_way_out_is_waited_for(tmp_path):
    path = tmp_path / "rwlock"
    dying = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.5)"])
    path.write_text(json.dumps({"write": {"a": entry(dying.pid)}, "read": {}}))
    forget_zombies(path)
    assert json.loads(path.read_text()) == {"write": {}, "read": {}}
    dying.wait()


def test_without_notes_there_is_nothing_to_do(tmp_path):
    forget_zombies(tmp_path / "rwlock")
    (tmp_path / "rwlock").write_text("{")
    forget_zombies(tmp_path / "rwlock")
    assert (tmp_path / "rwlock").read_text() == "{"
