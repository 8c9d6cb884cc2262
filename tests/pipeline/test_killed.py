"""Killed in any stage and started again, a run ends with the same figures and whole files."""

import json
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import json, os, signal, sys
from pathlib import Path
import numpy as np
from voisin import open_images, run

def start(out, victim):
    def die(task, done, total):
        if task == victim:
            os.kill(os.getpid(), signal.SIGKILL)

    process = os.fork()  # has all that is imported already
    if not process:
        run(open_images("digits").take(np.arange(300)), out, labels_per_class=3, random_state=1,
            progress=die, embedding="cnn", epochs=2, threshold=0.1, rounds=1, retraining_epochs=2,
            device="cpu")
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    return [code, Path(out, "report.html").exists()]

starts = [*(("killed", task) for task in sys.argv[1:]), ("killed", ""), ("calm", "")]
print(json.dumps([start(*one) for one in starts]))
"""
TASKS = [
    "Reading images",
    "Training on the few labels",
    "Pseudo-labels, round 1 of 1",
    "Embedding images",
    "Finding neighbors",
    "Training: retrained",
    "Training: ceiling",
    "Scoring",
]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_in_every_stage_it_ends_with_the_same_figures(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, *TASKS],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    *killed, last, calm = json.loads(ended.stdout)
    assert killed == [[-signal.SIGKILL, False]] * len(TASKS), ended.stderr
    assert last == calm == [0, True], ended.stderr

    killed, calm = (
        json.loads((tmp_path / name / "metrics.json").read_text("utf-8"))
        for name in ("killed", "calm")
    )
    assert killed["results"] == calm["results"]
    assert killed["pseudo_label_rounds"] == calm["pseudo_label_rounds"]
    leftovers = [
        p for p in (tmp_path / "killed").rglob("*") if p.suffix in {".partial", ".unfinished"}
    ]
    assert leftovers == []
    for name in ("labels.parquet", "model.safetensors", "report.html"):
        assert (tmp_path / "killed" / name).stat().st_size == pytest.approx(
            (tmp_path / "calm" / name).stat().st_size, rel=0.01
        )
