"""Every word of the page, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from dmlseg_core.config import CLASSES

LANGUAGES: tuple[str, ...] = ("en", "zh")

_TEXT: dict[str, tuple[str, str]] = {
    "title": ("Point at a thing, give it another color", "指一下，换个颜色"),
    "drop": ("Drop a photo here, or click to choose one", "把照片拖到这里，或点击选择"),
    "samples": ("Sample photos", "示例照片"),
    "photo": ("Click an object", "点击物体"),
    "click_does": ("A click", "点击时"),
    "new": ("selects", "选择"),
    "add": ("adds to it", "添加"),
    "subtract": ("takes away", "减去"),
    "sample": ("picks “that color”", "吸取该颜色"),
    "quality": ("How photos are analysed", "照片的分析方式"),
    "quality_fast": ("Analysis: fast", "分析：快速"),
    "quality_balanced": ("Analysis: balanced", "分析：均衡"),
    "quality_best": ("Analysis: best", "分析：最佳"),
    "outlines": ("Show outlines", "显示轮廓"),
    "objects": ("Objects found", "找到的物体"),
    "no_objects": ("No object stands out here. Click anywhere on the photo to select.",
                   "没有明显的物体。点击照片任意处即可选择。"),
    "tau": ("Similarity τ: whole ↔ part", "相似度 τ：整体 ↔ 局部"),
    "auto_tau": ("Automatic τ", "自动 τ"),
    "part": ("Part", "局部"),
    "object": ("Object", "物体"),
    "group": ("Group", "一组"),
    "color": ("New color", "新颜色"),
    "mode": ("How", "换色方式"),
    "paint": ("Recolor", "换色"),
    "match": ("hit the color", "准确匹配颜色"),
    "tint": ("tint, keep lightness", "仅染色，保持明暗"),
    "hue_shift": ("shift the hue", "偏移色相"),
    "saturation": ("saturation", "饱和度"),
    "lightness": ("lightness", "明度"),
    "pattern": ("print a pattern", "印上图案"),
    "amount": ("Amount", "数值"),
    "amount_of_hue_shift": ("Degrees", "度数"),
    "amount_of_saturation": ("Gray ↔ vivid", "灰 ↔ 鲜艳"),
    "amount_of_lightness": ("Darker ↔ lighter", "暗 ↔ 亮"),
    "tile": ("Drop a picture to print", "拖入要印的图片"),
    "scale": ("Pattern size", "图案大小"),
    "more": ("More for this object", "此物体的更多选项"),
    "named": ("Color in words", "用文字指定颜色"),
    "named_hint": ("navy, oklch(0.6 0.2 30), color(display-p3 1 0 0)",
                   "如 navy、oklch(0.6 0.2 30)、color(display-p3 1 0 0)"),
    "protect": ("Keep highlights the color of the light", "高光保持光源颜色"),
    "matting": ("Hair and fur along the edge", "边缘有毛发"),
    "gate": ("Which part of it", "换色范围"),
    "gate_off": ("all of it", "整个物体"),
    "gate_only": ("only near a color", "仅某颜色附近"),
    "gate_except": ("all but near a color", "避开某颜色"),
    "gate_color": ("That color", "该颜色"),
    "tolerance": ("How near", "容差"),
    "strength": ("Strength", "强度"),
    "uncolor": ("Own color", "恢复原色"),
    "deselect": ("Deselect", "移除选区"),
    "undo": ("Undo", "撤销"),
    "redo": ("Redo", "重做"),
    "compare": ("Before | after", "前后对比"),
    "edit": ("Edit: click an object", "编辑：点击物体"),
    "save": ("Download", "下载"),
    "what": ("What to download", "下载内容"),
    "what_photo": ("the photo", "照片"),
    "what_cutout": ("the object, cut out (PNG)", "抠出的物体（PNG）"),
    "what_mask": ("the object's mask (PNG)", "物体蒙版（PNG）"),
    "what_layers": ("layers (OpenRaster)", "图层（OpenRaster）"),
    "what_recipe": ("recipe for this photo (JSON)", "用于此照片的配方（JSON）"),
    "what_recipe_class": ("recipe for any photo (JSON)", "用于任意照片的配方（JSON）"),
    "apply": ("Apply a recipe", "应用配方"),
    "recipe": ("Drop a recipe (.json) here", "把配方（.json）拖到这里"),
    "format": ("File format", "文件格式"),
    "as_source": ("as the photo", "与原照片相同"),
    "start": ("Drop a photo or pick a sample.", "拖入照片，或选择一个示例。"),
    "gone": ("This photo was put aside to save memory; open it again.",
             "为节省内存，这张照片已被移除，请重新打开。"),
    "selected": ("Selected: **{name}** ({score:.0%}), τ {tau:.2f}.",
                 "已选择：**{name}**（{score:.0%}），τ {tau:.2f}。"),
    "covered": ("The selection is covered by a later one.", "此选区已被后来的选区覆盖。"),
    "click": ("Click an object to select it.", "点击物体以选择。"),
    "measured": ("`{before}` → `{after}`, asked `{asked}`, ΔE₀₀ {delta_e:.1f}.",
                 "`{before}` → `{after}`，目标 `{asked}`，ΔE₀₀ {delta_e:.1f}。"),
    "changed": ("`{before}` → `{after}`, {how}, ΔE₀₀ {delta_e:.1f}.",
                "`{before}` → `{after}`，方式：{how}，ΔE₀₀ {delta_e:.1f}。"),
    "size": ("{width} × {height} pixels", "{width} × {height} 像素"),
}  # fmt: skip

_CLASSES_ZH = (
    "飞机", "自行车", "鸟", "船", "瓶子", "公共汽车", "汽车", "猫", "椅子", "牛", "餐桌", "狗",
    "马", "摩托车", "人", "盆栽", "羊", "沙发", "火车", "显示器", "物体",
)  # fmt: skip
_CLASS_NAMES = dict(zip(CLASSES, _CLASSES_ZH, strict=True))


def translations() -> dict[str, dict[str, str]]:
    """{language: {key: text}}, what `gr.I18n` takes; Chinese under the names that browsers use."""
    tables = {
        language: {key: texts[i] for key, texts in _TEXT.items()}
        for i, language in enumerate(LANGUAGES)
    }
    return {**tables, "zh-CN": tables["zh"], "zh-TW": tables["zh"]}


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

    >>> class_label("zh", "cat")
    '猫'
    """
    return _CLASS_NAMES.get(name, name) if language == "zh" else name
