"""Killed in any stage and started again, a run ends with the same figures and whole files."""

import json
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import os, signal, sys
import voisin
from voisin import open_images, run

out, victim = sys.argv[1], sys.argv[2]

def die(task, done, total):
    if task == victim:
        os.kill(os.getpid(), signal.SIGKILL)

run(open_images("digits"), out, labels_per_class=5, random_state=1, progress=die,
    embedding="cnn", epochs=2, threshold=0.1, rounds=1, retraining_epochs=2, device="cpu")
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


def start(out, victim):
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(out), victim],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_killed_in_every_stage_it_ends_with_the_same_figures(tmp_path):
    for task in TASKS:
        ended = start(tmp_path / "killed", task)
        assert ended.returncode == -signal.SIGKILL, f"{task}: {ended.stderr}"
        assert not (tmp_path / "killed" / "report.html").exists()
    for name in ("killed", "calm"):
        ended = start(tmp_path / name, "")
        assert ended.returncode == 0, ended.stderr

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
