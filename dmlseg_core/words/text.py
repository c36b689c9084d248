"""What the server says on the page, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from dmlseg_core.color import delta_e_2000, parse_color
from dmlseg_core.config import CLASSES
from dmlseg_core.words.report import REPORT

LANGUAGES: tuple[str, ...] = ("en", "zh")

_TEXT: dict[str, tuple[str, str]] = {
    **REPORT,
    "did_": ("Photo opened", "打开照片"),
    "did_select": ("Select {name}", "选择{name}"),
    "did_step": ("Other outline of {name}", "更换{name}的轮廓"),
    "did_add": ("Add to {name}", "添加到{name}"),
    "did_subtract": ("Take away from {name}", "从{name}减去"),
    "did_box": ("Box around {name}", "框选{name}"),
    "did_brush": ("Brush on {name}", "用画笔添加到{name}"),
    "did_erase": ("Erase from {name}", "用橡皮擦除{name}"),
    "did_tau": ("Tau of {name}", "调整{name}的 τ"),
    "did_connected": ("Connected only: {name}", "仅相连部分：{name}"),
    "did_style": ("Recolor {name}", "给{name}换色"),
    "did_rename": ("Rename {name}", "重命名{name}"),
    "did_visible": ("Show or hide {name}", "显示或隐藏{name}"),
    "did_lock": ("Lock or unlock {name}", "锁定或解锁{name}"),
    "did_reorder": ("Change the order", "调整顺序"),
    "did_remove": ("Remove {name}", "移除{name}"),
    "did_clear": ("Remove all selections", "移除所有选区"),
    "did_like": ("The same for all like {name}", "应用到所有类似{name}的物体"),
    "did_recipe": ("Apply a recipe", "应用配方"),
    "did_mask": ("Import a mask", "导入蒙版"),
    "numbered": ("{name} {number}", "{name} {number}"),
    "summary": ("{name}, {share} % of the photo, {color}", "{name}，占照片 {share}%，{color}"),
    "recolored": ("; recolored to {color}", "；已换成{color}"),
    "hit": (", Delta-E {delta_e:.1f}", "，ΔE {delta_e:.1f}"),
    "changed": ("; {mode}", "；{mode}"),
    "hue_shift": ("hue shifted", "色相已偏移"),
    "saturation": ("saturation changed", "饱和度已改变"),
    "lightness": ("lightness changed", "明度已改变"),
    "pattern": ("printed with a pattern", "已印上图案"),
    "hidden": ("; hidden", "；已隐藏"),
    "why_gamut": ("{color} lies outside what screens show (sRGB); the nearest was used",
                  "{color} 超出屏幕可显示的范围（sRGB），已用最接近的颜色"),
    "why_strength": ("the strength is below 100 %", "强度低于 100%"),
    "why_tint": ("tint keeps the object's own lightness", "“仅染色”会保留物体原有的明暗"),
    "why_white": ("so light a color leaves no room for shading", "颜色太浅，没有余地表现明暗"),
    "why_black": ("so dark a color leaves no room for shading", "颜色太深，没有余地表现明暗"),
    "why_clipped": ("parts of it were already at the end of the scale",
                    "部分区域本已达到亮度极限"),
    "why_range": ("the object's own light and shadow do not reach this color",
                  "物体自身的明暗达不到该颜色"),
    "gone": ("This photo was put aside to save memory; it is opened again.",
             "为节省内存，这张照片已被移除，正在重新打开。"),
    "superseded": ("Another photo was opened meanwhile.", "其间打开了另一张照片。"),
    "login": ("Please log in.", "请先登录。"),
    "busy": ("The photo is still being analysed.", "照片仍在分析中。"),
    "many_none": ("There is no set of photos here any more; add them again.",
                  "此处已没有这组照片，请重新添加。"),
    "many_busy": ("The photos are being worked on; wait or stop first.",
                  "正在处理照片，请等待或先停止。"),
    "empty_file": ("The file is empty.", "文件是空的。"),
    "too_large": ("The file is larger than {megabytes} MB.", "文件超过 {megabytes} MB。"),
    "no_such": ("There is no such thing here.", "此处没有该内容。"),
    "bad_request": ("The request is not as it should be.", "请求格式有误。"),
    "not_json": ("The request is no JSON.", "请求不是 JSON。"),
    "failed": ("Something went wrong here. Your work is kept; please try again.",
               "出了点问题。您的工作已保留，请重试。"),
    "black": ("black", "黑色"), "white": ("white", "白色"), "gray": ("gray", "灰色"),
    "dark gray": ("dark gray", "深灰色"), "light gray": ("light gray", "浅灰色"),
    "red": ("red", "红色"), "dark red": ("dark red", "深红色"), "orange": ("orange", "橙色"),
    "brown": ("brown", "棕色"), "beige": ("beige", "米色"), "yellow": ("yellow", "黄色"),
    "olive": ("olive", "橄榄色"), "green": ("green", "绿色"),
    "dark green": ("dark green", "深绿色"), "turquoise": ("turquoise", "青色"),
    "light blue": ("light blue", "浅蓝色"), "blue": ("blue", "蓝色"), "navy": ("navy", "藏青色"),
    "purple": ("purple", "紫色"), "pink": ("pink", "粉色"),
}  # fmt: skip

_NAMED: dict[str, str] = {
    "black": "#101010", "white": "#f6f6f6", "gray": "#808080", "dark gray": "#464646",
    "light gray": "#c4c4c4", "red": "#d0202c", "dark red": "#6e1520", "orange": "#ee7f22",
    "brown": "#70482a", "beige": "#dccbaa", "yellow": "#f2d22e", "olive": "#76732c",
    "green": "#3d9a42", "dark green": "#1f4a2c", "turquoise": "#35b4b0", "light blue": "#9cc6e8",
    "blue": "#2b62c0", "navy": "#1b2a55", "purple": "#75409a", "pink": "#ee9db8",
}  # fmt: skip
"""A color for each color word."""

_CLASSES_ZH = (
    "飞机", "自行车", "鸟", "船", "瓶子", "公共汽车", "汽车", "猫", "椅子", "牛", "餐桌", "狗",
    "马", "摩托车", "人", "盆栽", "羊", "沙发", "火车", "显示器", "物体",
)  # fmt: skip
_CLASS_NAMES = {
    "en": {"diningtable": "dining table", "pottedplant": "potted plant", "tvmonitor": "TV monitor"},
    "zh": dict(zip(CLASSES, _CLASSES_ZH, strict=True)),
}
"""Where what is read differs from the name in files, which is VOC's."""


def language_of(headers: Mapping[str, str] | None) -> str:
    """The first of our languages in a request's accept-language; English where there is none.

    >>> language_of({"accept-language": "zh-CN,zh;q=0.9,en;q=0.8"})
    'zh'
    """
    accepted = (headers or {}).get("accept-language") or ""
    found = (part.strip()[:2].lower() for part in accepted.split(","))
    return next((language for language in found if language in LANGUAGES), LANGUAGES[0])


def say(language: str, key: str, **values: object) -> str:
    """A text in a language, its fields filled in."""
    return _TEXT[key][LANGUAGES.index(language)].format(**values)


def class_label(language: str, name: str) -> str:
    """A class name to show; a class that is not ours keeps its own name.

    >>> class_label("zh", "cat"), class_label("en", "pottedplant")
    ('猫', 'potted plant')
    """
    return _CLASS_NAMES[language].get(name, name)


def color_word(language: str, rgb: NDArray[np.uint8]) -> str:
    """The color word nearest to (3,) uint8.

    >>> color_word("en", np.array([25, 40, 90], np.uint8))
    'navy'
    """
    return say(language, _nearest(*rgb.tolist()))


@lru_cache(4096)
def _nearest(*rgb: int) -> str:
    """A page names the same colors after every edit."""
    names, colors = _palette()
    return names[int(delta_e_2000(colors, np.array([rgb], np.uint8)).argmin())]


@cache
def _palette() -> tuple[tuple[str, ...], NDArray[np.uint8]]:
    colors = [np.rint(255 * np.array(parse_color(c))) for c in _NAMED.values()]
    return tuple(_NAMED), np.array(colors, np.uint8)
