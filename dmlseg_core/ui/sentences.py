"""The library's own sentences (errors, notes on a photo) as the page's reader wants them.

The library speaks English, as its exceptions are read by programmers too. The page translates the
sentences that its users can meet; one that is missing here stays English rather than being lost.
"""

from __future__ import annotations

import re

_CHINESE: tuple[tuple[str, str], ...] = (
    (r"(.+) is empty \(zero bytes\).*", r"{0} 是空文件（0 字节），请换一张照片。"),
    (r"(.+) is not a photo that can be read.*",
     r"{0} 不是可读取的照片，请使用 JPEG、PNG、WebP、TIFF、AVIF 或 HEIC。"),
    (r"(.+) is damaged or truncated.*", r"{0} 已损坏或不完整，请重新获取该文件。"),
    (r"(.+) has no pixels.*", r"{0} 没有像素。"),
    (r"(.+) has ([\d.]+) megapixels, over the cap of ([\d.]+).*",
     r"{0} 有 {1} 百万像素，超过上限 {2}；请缩小照片，或在启动时提高 --max-megapixels。"),
    (r"(.+) cannot be read: .*", r"无法读取 {0}。"),
    (r"(.+) does not exist.*", r"{0} 不存在。"),
    (r"the TIFF stores its 16-bit channels as separate planes.*",
     r"此 TIFF 的 16 位通道按平面分开存储，无法读取；请改存为交错通道。"),
    (r"nothing is selected that could be cut.*", r"尚未选择可减去的物体，请先选择一个物体。"),
    (r"nothing is selected; click an object first", r"尚未选择物体，请先点击一个物体。"),
    (r"the point \(y, x\) = .* lies outside the photo.*", r"点击位置在照片之外。"),
    (r"(.+) is no color; give .*", r"{0} 不是颜色；请使用如 '#c8102e' 的写法。"),
    (r"the mask is empty.*", r"选区为空，请先选择物体。"),
    (r"(.+) cannot be written: .*", r"无法写入 {0}。"),
    (r".* holds (\d+) (?:page|frame)s; only the first is used\.",
     r"文件含 {0} 页（帧），只使用第一页。"),
    (r"The photo was (?:grey|gray).* and is now RGB\.", r"灰度照片已转换为 RGB。"),
    (r"The photo was (.+) and is now RGB\.", r"照片原为 {0}，已转换为 RGB。"),
    (r"The photo had (\d+) bits per channel and now has 8\.",
     r"照片每通道 {0} 位，已转换为 8 位。"),
    (r"The photo's colors were stored multiplied by alpha.*", r"照片颜色已还原为未乘透明度的值。"),
    (r"The embedded color profile is damaged.*", r"内嵌的颜色配置文件已损坏，未予采用。"),
    (r"Colors were converted from the profile '(.*)' to sRGB\.", r"颜色已由“{0}”转换为 sRGB。"),
    (r"Grays were converted from the embedded profile to sRGB\.",
     r"灰度已按内嵌配置文件转换为 sRGB。"),
)  # fmt: skip


def told(language: str, sentence: str) -> str:
    """`sentence` of the library in a language of the page.

    >>> told("zh", "nothing is selected; click an object first")
    '尚未选择物体，请先点击一个物体。'
    """
    if language == "zh":
        for pattern, text in _CHINESE:
            if found := re.fullmatch(pattern, sentence, re.DOTALL):
                return text.format(*found.groups())
    return sentence
