"""What the server says, in both languages."""

import string

import numpy as np
import pytest

from dmlseg_core.config import CLASSES
from dmlseg_core.words import text


def fields(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_every_text_is_there_in_both_languages_with_the_same_fields():
    for key, (english, chinese) in text._TEXT.items():
        assert english and chinese, key
        assert fields(english) == fields(chinese), key
        plain = key in ("numbered", "changed", "hit")
        assert plain or any("\u4e00" <= c <= "\u9fff" for c in chinese), key


def test_every_class_has_a_chinese_name():
    names = [text.class_label("zh", c) for c in CLASSES]
    assert len(set(names)) == len(CLASSES)
    assert not set(names) & set(CLASSES)
    assert text.class_label("zh", "not one of ours") == "not one of ours"


def test_english_class_names_are_words():
    """VOC's own names stay in files."""
    shown = {name: text.class_label("en", name) for name in (*CLASSES, "not one of ours")}
    assert {k: v for k, v in shown.items() if k != v} == {
        "diningtable": "dining table",
        "pottedplant": "potted plant",
        "tvmonitor": "TV monitor",
    }


@pytest.mark.parametrize(("header", "wanted"), [
    ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("de-DE,de;q=0.9,en;q=0.8,zh;q=0.1", "en"),
    ("fr", "en"), ("", "en"), ("ZH-tw", "zh"), ("zh-HK", "zh"), ("zh", "zh"),
])  # fmt: skip
def test_the_browsers_first_language_that_we_speak(header, wanted):
    assert text.language_of({"accept-language": header}) == wanted
    assert text.language_of(None) == "en"


@pytest.mark.parametrize("word", text._NAMED)
def test_each_color_word_is_nearest_to_itself(word):
    rgb = np.frombuffer(bytes.fromhex(text._NAMED[word][1:]), np.uint8)
    assert text.color_word("en", rgb) == word
    assert text.color_word("zh", rgb) != word
