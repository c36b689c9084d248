"""Colors by their Chinese words, with or without 色 at the end."""

from __future__ import annotations

_WORDS: dict[str, str] = {
    "red": "红 大红 正红", "darkred": "深红 暗红", "firebrick": "砖红", "crimson": "绯红",
    "#722f37": "酒红 枣红", "#e0115f": "玫红 玫瑰红", "hotpink": "桃红", "orangered": "橘红 橙红",
    "pink": "粉 粉红 浅红", "#b76e79": "玫瑰金", "orange": "橙 橘 橘黄 橙黄", "#ffbf00": "琥珀",
    "gold": "金 金黄", "yellow": "黄 正黄", "lightyellow": "浅黄 淡黄", "#e1ad01": "芥末黄 姜黄",
    "khaki": "卡其", "beige": "米 米黄", "#faf7ef": "米白", "ivory": "象牙 象牙白",
    "#c19a6b": "驼", "tan": "浅棕 浅褐", "#8b4513": "棕 褐 棕褐", "#5c3317": "深棕 深褐",
    "#6f4e37": "咖啡 咖啡棕", "#7b3f00": "巧克力", "green": "绿 正绿", "darkgreen": "深绿 暗绿",
    "#1f4a2c": "墨绿", "lightgreen": "浅绿 淡绿", "#4b5320": "军绿", "olive": "橄榄 橄榄绿",
    "#98ff98": "薄荷绿", "lawngreen": "草绿", "turquoise": "青绿 绿松石", "cyan": "青",
    "skyblue": "天蓝", "lightblue": "浅蓝 淡蓝", "blue": "蓝 正蓝", "royalblue": "宝蓝",
    "#30a0c8": "湖蓝", "darkblue": "深蓝 暗蓝", "navy": "藏青 藏蓝 海军蓝", "#4a6fa5": "牛仔蓝",
    "purple": "紫 正紫", "indigo": "深紫 靛 靛蓝", "plum": "浅紫 淡紫",
    "lavender": "薰衣草 薰衣草紫", "magenta": "品红 洋红", "white": "白 纯白",
    "black": "黑 纯黑", "gray": "灰", "silver": "银 银灰",
    "lightgray": "浅灰 淡灰", "dimgray": "深灰 暗灰", "#36454f": "炭灰",
}  # fmt: skip
CHINESE: dict[str, str] = {word: css for css, words in _WORDS.items() for word in words.split()}
"""A CSS color for each word, without its 色."""
_SIMPLIFIED = str.maketrans("紅磚緋棗淺黃薑駝綠軍欖藍寶純銀", "红砖绯枣浅黄姜驼绿军榄蓝宝纯银")
"""The characters of these words that are written otherwise in Hong Kong and Taiwan."""


def css_of_chinese(text: str) -> str | None:
    """The CSS color of a Chinese word, simplified or traditional; None for any other text.

    >>> css_of_chinese("深蓝色"), css_of_chinese("深藍"), css_of_chinese("navy")
    ('darkblue', 'darkblue', None)
    """
    return CHINESE.get(text.translate(_SIMPLIFIED).removesuffix("色"))
