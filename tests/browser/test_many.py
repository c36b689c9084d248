"""Many photos on the page: dropped together, recolored together, one finished by hand, one ZIP."""

import io
import zipfile

import numpy as np
from PIL import Image

from tests.browser.conftest import WAIT, disc, png


def settled(tab, all_of_them):
    """What was asked for is under way from the press on, until the answer that says so is shown."""
    tab.rest()
    told = tab.page.locator(".dialog.many .status")
    told.filter(has_text=f"Photos: {all_of_them}").filter(has_not_text="done").wait_for()


def test_a_set_is_recolored_like_the_open_photo_and_one_is_kept_by_hand(visit):
    tab = visit(frame=False)
    tab.open(disc())
    tab.click()
    tab.edit(tab.page.locator(".swatches:not(.recent) .swatch").nth(10).click)
    files = [("a.png", disc()), ("b.png", disc(200, 320))]
    files = [{"name": n, "mimeType": "image/png", "buffer": png(p)} for n, p in files]
    with tab.page.expect_file_chooser() as chooser:
        tab.button("Open photo").click()
    chooser.value.set_files([*files, {"name": "c.jpg", "mimeType": "image/jpeg", "buffer": b"no"}])
    settled(tab, 3)
    cards = tab.page.locator(".dialog.many .card")
    assert cards.filter(has_text="cannot be read").count() == 1
    tab.page.get_by_label("What to recolor").select_option("likeness")
    tab.button("Recolor all").click()
    settled(tab, 3)
    assert cards.filter(has_text="recolored").count() == 2
    with tab.page.expect_response(lambda r: "/stage/fields" in r.url, timeout=WAIT):
        cards.first.click()
    tab.rest()
    assert tab.instances.get_by_role("option").count() >= 1
    with tab.page.expect_response(lambda r: "/stage/many/keep" in r.url, timeout=WAIT) as kept:
        tab.button("Keep this result").click()
    assert kept.value.ok
    cards.filter(has_text="by hand").wait_for(timeout=WAIT)  # strict: there is one
    with tab.page.expect_download(timeout=WAIT) as download:
        tab.button("Download all (ZIP)").click()
    archive = zipfile.ZipFile(download.value.path())
    made = [name for name in archive.namelist() if name.startswith("recolored/")]
    assert len(made) == 2 and "report.html" in archive.namelist()
    middle = np.asarray(Image.open(io.BytesIO(archive.read(made[1]))).convert("RGB"))[100, 160]
    assert np.abs(middle.astype(int) - [170, 40, 40]).max() > 40


def test_photos_that_come_while_a_run_goes_on_are_done_after_it(visit):
    tab = visit(frame=False)
    tab.open(disc())
    photos = {name: png(disc(200 + 8 * k, 320)) for k, name in enumerate(("a", "b", "c", ".d"))}
    files = [
        {"name": f"{name}.png", "mimeType": "image/png", "buffer": photo}
        for name, photo in photos.items()
    ]
    tab.button("Many photos").click()

    def add(some):
        with tab.page.expect_file_chooser() as chooser:
            tab.button("Add photos").click()
        with tab.page.expect_response(lambda r: "/stage/many/photo" in r.url, timeout=WAIT):
            chooser.value.set_files(some)

    with tab.page.expect_response(lambda r: "/stage/many/run" in r.url, timeout=WAIT):
        add(files[:2])
    add(files[2:])
    settled(tab, 3)  # what a file manager hides is none
    cards = tab.page.locator(".dialog.many .card")
    assert cards.filter(has_text="waiting").count() == 0
    assert cards.filter(has_text="objects").count() == 3


def test_a_set_that_the_server_lost_is_sent_again(visit):
    tab = visit(frame=False)
    tab.open(disc())
    files = [
        {"name": f"{name}.png", "mimeType": "image/png", "buffer": png(disc(200 + 8 * k, 320))}
        for k, name in enumerate("ab")
    ]
    with tab.page.expect_file_chooser() as chooser:
        tab.button("Open photo").click()
    chooser.value.set_files(files)
    settled(tab, 2)
    tab.page.evaluate("""() => fetch('stage/many/clear', { method: 'POST',
        headers: { 'X-Dmlseg-Session': sessionStorage.getItem(
            Object.keys(sessionStorage).find((key) => key.includes('session'))) } })""")
    tab.button("Close").click()
    tab.button("Many photos").click()
    tab.page.get_by_text("they are sent again").first.wait_for()
    settled(tab, 2)
    assert tab.page.locator(".dialog.many .card").filter(has_text="objects").count() == 2
