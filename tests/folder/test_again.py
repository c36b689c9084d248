"""A batch that is run again: what is done anew, what is kept, what goes."""

import json
import os
from dataclasses import replace

from dmlseg_core.folder import batch
from dmlseg_core.folder.rules import Rules
from tests.folder.synthetic import CATS, HERO, Synthetic, files, picture, run


def test_a_run_goes_on_where_it_stopped_by_content_and_settings(photos, tmp_path):
    out, rules = tmp_path / "out", Rules((CATS,))
    run(photos, out, rules=rules)
    assert run(photos, out, rules=rules)[0].seen == []
    os.utime(photos / "a.png", (1, 1))  # touched, not changed
    assert run(photos, out, rules=rules)[0].seen == []
    assert run(photos, out, rules=Rules((replace(CATS, name="x"),)))[0].seen != []
    assert len(run(photos, out, rules=rules, max_delta_e=5)[0].seen) == 3
    assert len(run(photos, out, rules=rules)[1]) == 3
    (out / "recolored/c.png.navy.png").unlink()
    assert run(photos, out, rules=rules)[0].seen == ["c.png"]


def test_a_run_tells_how_many_photos_its_time_was_for(photos, tmp_path):
    def told():
        run(photos, tmp_path / "out", rules=Rules((CATS,)))
        page = (tmp_path / "out/report.html").read_text()
        return json.loads((tmp_path / "out/run.json").read_text())["fresh"], page

    fresh, page = told()
    assert fresh == 3 and "photos per second" in page
    fresh, page = told()  # a time in which nothing was done says nothing of speed
    assert fresh == 0 and "photos per second" not in page


def test_rows_of_an_earlier_run_are_the_same_rows(photos, tmp_path):
    first = run(photos, tmp_path / "out", rules=Rules((CATS,)))[1]
    again = run(photos, tmp_path / "out", rules=Rules((CATS,)))[1]
    assert again == first


def test_a_changed_photo_loses_what_no_longer_belongs_to_it(photos, tmp_path):
    out = tmp_path / "out"
    run(photos, out, rules=Rules((HERO,)))
    run(photos, out, rules=Rules((CATS,)))  # other rules: the files of the first ones stay
    assert {"recolored/a.png.red.png", "recolored/a.png.navy.png"} <= set(files(out))
    picture(photos / "a.png", 9)
    run(photos, out, rules=Rules((HERO,)))
    assert "recolored/a.png.navy.png" not in files(out)
    assert "recolored/c.png.navy.png" in files(out)
    (photos / "c.png").write_bytes(b"nothing")
    run(photos, out, rules=Rules((HERO,)))
    assert not [name for name in files(out) if name.startswith(("recolored/c.png.red", "labels/c"))]


def test_leaving_the_loop_keeps_what_was_done(photos, tmp_path):
    segmenter = Synthetic([])
    rows = batch([photos], tmp_path / "out", segmenter=segmenter, rules=Rules((CATS,)))
    next(rows)
    rows.close()
    assert json.loads((tmp_path / "out/run.json").read_text())["interrupted"]
    segmenter, rows = run(photos, tmp_path / "out", rules=Rules((CATS,)))
    assert (len(rows), len(segmenter.seen)) == (3, 2)


def test_a_segment_run_and_a_batch_in_one_folder(photos, tmp_path):
    from dmlseg_core.folder import segment_folder

    out = tmp_path / "out"
    segment_folder([photos], out, Synthetic([]), progress=False)
    segmenter, _ = run(photos, out, rules=Rules((CATS,)))
    assert len(segmenter.seen) == 3  # a segment's record holds no row
    assert segment_folder([photos], out, Synthetic([]), progress=False).done == 3
