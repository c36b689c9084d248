"""The curves of a run."""

import numpy as np
import pytest
from PIL import Image

from dmlseg_core.errors import DatasetError
from dmlseg_core.train.evaluate.figure import plot_log, read_log, smoothed

HEAD = "step,loss,embedding,classification,overlap,lambda,lr,seconds\n"


def test_smoothing_is_the_mean_of_the_last_values():
    values = np.random.default_rng(0).normal(size=20)
    slow = [values[max(0, k - 4) : k + 1].mean() for k in range(20)]
    np.testing.assert_allclose(smoothed(values, 5), slow, atol=1e-12)


def test_a_log_becomes_a_picture_and_a_row_cut_short_is_left_out(tmp_path):
    log = tmp_path / "log.csv"
    rows = [f"{k},{3 / k},{1 / k},{1 / k},{1 / k},0.2,0.001,1.0" for k in range(1, 40)]
    log.write_text(HEAD + "\n".join(rows) + "\n40,0.0")
    assert read_log(log)["step"].tolist() == list(range(1, 40))
    with Image.open(plot_log(log, tmp_path / "log.png")) as picture:
        assert picture.width > 800
        assert len(set(np.asarray(picture.convert("L")).ravel())) > 20  # something is drawn


def test_a_part_of_the_loss_is_drawn_where_a_run_has_it(tmp_path):
    head = HEAD.replace("overlap", "overlap,naming")
    sizes, columns = {}, {}
    for name, naming in (("taught", 0.5), ("not", 0)):
        log = tmp_path / f"{name}.csv"
        log.write_text(head + f"1,3,1,1,1,{naming},0.2,0.001,1.0\n")
        columns[name] = list(read_log(log))
        with Image.open(plot_log(log, tmp_path / f"{name}.png")) as picture:
            sizes[name] = picture.size
    assert columns["taught"] == [*columns["not"], "naming"]
    assert sizes["taught"][0] > sizes["not"][0] and sizes["taught"][1] == sizes["not"][1]


@pytest.mark.parametrize("text", [None, HEAD])
def test_no_step_yet_is_said(tmp_path, text):
    if text is not None:
        (tmp_path / "log.csv").write_text(text)
    with pytest.raises(DatasetError, match=r"log\.csv"):
        plot_log(tmp_path / "log.csv", tmp_path / "log.png")
    assert not (tmp_path / "log.png").exists()
