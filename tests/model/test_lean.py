"""torch imported without what only tracing needs: quicker, and the same torch."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = """
import sys
from dmlseg_core.model import without_tracing
if {lean}:
    without_tracing()
import numpy as np, torch
from dmlseg_core.scene import Segmenter
from tests import synth
torch.set_num_threads(1)
print("torch._refs" in sys.modules)
photo = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
scene = Segmenter.load().analyze(photo)
print(scene.embedding.numpy().tobytes().hex()[:4000], [m.score for m in scene.propose()])
"""


def said(code):
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_network_sees_the_same_and_less_is_imported():
    (whole, seen), (lean, same) = (said(CODE.format(lean=lean)) for lean in (False, True))
    assert (whole, lean) == ("True", "False")
    assert seen == same


def test_what_was_left_out_is_there_for_who_asks():
    code = "from dmlseg_core.model import without_tracing; without_tracing(); import torch\n"
    code += "print(torch._meta_registrations.meta_mm is not None)\n"
    code += "from torch._subclasses import FakeTensorMode\n"
    code += "with FakeTensorMode(): print(tuple((torch.ones(2, 3) @ torch.ones(3, 4)).shape))\n"
    assert said(code) == ["True", "(2, 4)"]


def test_a_torch_that_is_there_stays_as_it_is():
    code = "import sys, torch; from dmlseg_core.model import without_tracing\n"
    code += "before = sys.modules['torch._meta_registrations']; without_tracing()\n"
    code += "print(sys.modules['torch._meta_registrations'] is before)"
    assert said(code) == ["True"]
