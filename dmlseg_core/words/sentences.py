"""The library's own sentences (errors, notes on a photo) as the page's reader wants them.

The library speaks English, as its exceptions are read by programmers too. The page translates the
sentences that its users can meet; one that is missing here stays English rather than being lost.
"""

from __future__ import annotations

import re

_FILE = r"(?:.+?\.json: )?"
"""A recipe's errors begin with the file's name where they come from a file."""

_RECIPES: tuple[tuple[str, str], ...] = (
    (r"the recipe (.+) cannot be read: .*", r"无法读取配方 {0}。"),
    (_FILE + r"this is no JSON .*", r"此文件不是 JSON；请使用从 dmlseg 下载的配方。"),
    (_FILE + r"this is no recipe: .*", r"此文件不是配方；请使用从 dmlseg 下载的配方。"),
    (_FILE + r"version must be .*", r"配方的版本号有误。"),
    (_FILE + r"the recipe is of version (\d+), newer than (\d+).*",
     r"配方版本为 {0}，高于此处支持的 {1}；请更新 dmlseg。"),
    (_FILE + r"a recipe that selects by point must name its photo",
     r"按点选择的配方必须注明所属照片。"),
    (_FILE + r"(recipe[\w.\[\]]*): unknown field (.+)", r"配方的 {0} 中有未知字段 {1}。"),
    (_FILE + r"(recipe[\w.\[\]]*): (.+) is missing", r"配方的 {0} 缺少 {1}。"),
    (_FILE + r"(recipe[\w.\[\]]*):? (.+)", r"配方的 {0} 有误：{1}"),
    (r"the recipe's points belong to a photo of (\d+ x \d+) pixels; this one has (\d+ x \d+)",
     r"配方属于一张 {0} 像素的照片，这张是 {1} 像素。"),
    (r"the recipe's points belong to another photo of the same size.*",
     r"配方属于另一张同样大小的照片；请改用适用于任意照片的配方。"),
    (r"the recipe was made with weights .*", r"配方是用另一份权重制作的，此处的权重与之不同。"),
    (r"the recipe needs the photo analysed with (.+); analyze it so",
     r"配方要求以 {0} 分析照片，此处的设置不同。"),
    (r"the recipe does not fit the photo: .*", r"配方中的点在照片之外。"),
    (r"the weights know no class '(.+?)'.*", r"权重不认识类别“{0}”。"),
    (r"the recipe's vector has (\d+) numbers, the weights give (\d+)",
     r"配方的向量有 {0} 个数，权重给出 {1} 个。"),
    (r"the recipe selects nothing on this photo; nothing was changed",
     r"配方在这张照片上没有选中任何物体，未作改动。"),
)  # fmt: skip

_LOSSES: tuple[tuple[str, str], ...] = (
    (r"(\w+) holds no transparency: alpha was left out\.", r"{0} 不支持透明，已略去透明度。"),
    (r"(\w+) is written with 8 bits per channel: 16 were rounded\.",
     r"{0} 每通道只有 8 位，16 位已舍入。"),
    (r"(\w+) holds no resolution: dpi was left out\.", r"{0} 不记录分辨率，已略去 dpi。"),
    (r"The file rounds colors: they are off by Delta-E ([\d.]+) in it, ([\d.]+) before\.",
     r"文件格式会舍入颜色：文件中的色差为 {0}，写入前为 {1}。"),
    (r"The file rounds colors: what was changed is off by Delta-E ([\d.]+) in it\.",
     r"文件格式会舍入颜色：改动部分在文件中的色差为 {0}。"),
    (r"The EXIF block is damaged and was left out\.", r"EXIF 信息已损坏，已略去。"),
    (r"(\w+) holds no IPTC block: it was left out\.", r"{0} 不支持 IPTC，已略去。"),
    (r"(\w+) holds no comment: it was left out\.", r"{0} 不支持注释，已略去。"),
    (r"(\w+) holds no PNG texts and chunks: (.*) went\.",
     r"{0} 不支持 PNG 文本与数据块，已略去：{1}。"),
    (r"Photoshop's layers beside the photo were left out\.", r"已略去 Photoshop 图层。"),
    (r"Smaller copies of the photo in the file were left out\.", r"已略去文件中的缩小副本。"),
    (r"A damaged text chunk was left out\.", r"已略去一个损坏的文本块。"),
    (r"(\w+) holds no segments of other programs: (.*) went\.",
     r"{0} 不支持其他程序的数据段，已略去：{1}。"),
    (r"EXIF is longer than JPEG holds: (.*) went\.", r"EXIF 超过 JPEG 的容量，已略去：{0}。"),
    (r"The gain map \(HDR\) was left out.*", r"已略去 HDR 增益图，结果只有标准动态范围。"),
    (r"Content Credentials were left out.*", r"已略去内容凭证：它只为原照片作证。"),
    (r"The film of the motion photo was left out\.", r"已略去动态照片的视频。"),
    (r"Depth maps and mattes beside the photo were left out\.", r"已略去照片附带的深度图和蒙版。"),
    (r"The maker note was moved within EXIF.*",
     r"厂商注释在 EXIF 中移动了位置，其内部偏移可能失效。"),
    (r"(\w+) holds no HDR: .*", r"{0} 不支持 HDR，亮于白色的部分不再显示。"),
    (r"The profile is made of tables: 16-bit pixels were recolored in 8 bits\.",
     r"颜色配置文件由表格构成，16 位像素以 8 位换色。"),
)  # fmt: skip

_STYLES: tuple[tuple[str, str], ...] = (
    (r"(.+) lies outside sRGB; mapped to (#\w+)", r"{0} 超出 sRGB，已映射为 {1}。"),
    (r"the body \((\d+%) of the object\) is recolored; (\d+) other .+ kept: (.+)",
     r"主体（占物体 {0}）已换色，保留其他材质 {1} 种：{2}。"),
    (r"(\d+) of (\d+) materials \((\d+%) of the object\) are recolored; .+ kept: (.+)",
     r"{1} 种材质中有 {0} 种（占物体 {2}）已换色，保留：{3}。"),
    (r"the object has no material of the color (.+)", r"物体没有颜色为 {0} 的材质。"),
    (r"every material of the object is kept.*", r"物体的所有材质都设为保留；请让其中一种换色。"),
    (r"gates? chooses? what is painted.*", r"颜色范围已决定涂色部分，不能再按材质设置颜色。"),
    (r"the gate \((.+)\) leaves nothing of the object.*",
     r"颜色范围（{0}）没有留下物体的任何部分；请加大容差或换一种颜色。"),
    (r"there is no pattern yet; drop a picture to print first",
     r"还没有图案，请先放入要印的图片。"),
    (r"the pattern is no usable picture: .*", r"图案不是可用的图片。"),
    (r"pattern_scale (.+) makes a tile of (\d+ x \d+) pixels.*",
     r"图案大小 {0} 会得到 {1} 像素的图块，过大；请缩小。"),
    (r"a color to paint with has no transparency; got (.+)", r"颜色不能带透明度：{0}。"),
    (r"the channels of (.+) must lie in (.+)", r"{0} 的分量必须在 {1} 之间。"),
    (r"(.+) needs a lightness in 0..1 and a chroma of 0 or more",
     r"{0} 的明度须在 0 到 1 之间，彩度不小于 0。"),
    (r"nothing is recolored yet; recolor an object first", r"尚未换色，请先给一个物体换色。"),
    (r"a later selection covers all of this one; choose another object",
     r"此选区已被后来的选区完全覆盖，请选择另一个物体。"),
    (r"the selection is locked; unlock it first", r"此选区已锁定，请先解锁。"),
    (r"the mask is empty: nothing in it is white", r"蒙版是空的：其中没有白色部分。"),
    (r"the mask is colored; give a gray image, white = recolor",
     r"蒙版是彩色的；请提供灰度图像，白色表示要换色的部分。"),
    (r"the mask is (\d+ x \d+) pixels, the photo (\d+ x \d+); .*",
     r"蒙版为 {0} 像素，照片为 {1} 像素，比例须相同。"),
    (r"the mask is no usable picture: .*", r"蒙版不是可用的图像。"),
    (r"there is no selection (\d+); it was removed", r"没有选区 {0}，它已被移除。"),
    (r"there is no proposal (\d+).*", r"没有编号为 {0} 的建议。"),
    (r"one of the selections is gone; choose again", r"其中一个选区已不存在，请重新选择。"),
    (r"an order names each selection once.*", r"排序须包含每个选区各一次。"),
    (r"there is no color yet; give one such as .*", r"还没有颜色，请先选择一种。"),
    (r"the photo is still being analysed; try again in a moment", r"照片仍在分析中，请稍候再试。"),
    (r"the swatches of (.+) are damaged: .*", r"色板文件 {0} 已损坏。"),
    (r"(.+) holds no color that can be read", r"{0} 中没有可读取的颜色。"),
    (r"(.+) is no swatch file; give .*", r"{0} 不是色板文件；请使用 .ase、.aco、.gpl 或 .csv。"),
    (r"give (?:a list of )?1 to (\d+) (?:colors|swatches).*", r"请给出 1 到 {0} 种颜色。"),
    (r"a style has no field (.+)", r"样式没有字段 {0}。"),
    (r"a JSON object was expected", r"请求应为 JSON 对象。"),
    (r"there is no tile (.+)", r"没有图块 {0}。"),
    (r"(\w+) must be (?:a|one of|true) .*", r"参数 {0} 有误。"),
    (r"(\w+) must lie in (.+); got (.+)", r"{0} 须在 {1} 之内，收到的是 {2}。"),
    (r"(\d+%) of the object is black without detail in the photo.*",
     r"物体有 {0} 在照片中是没有细节的黑色，褶皱无法恢复。"),
    (r"(\d+%) of the object is as light as the color can be, without folds.*",
     r"物体有 {0} 已达到该颜色的最亮值，看不出褶皱；较深的颜色可以保留。"),
    (r"the color changes in visible steps at (\d+%) of the object",
     r"物体有 {0} 的颜色出现可见的台阶。"),
    (r"the object is black, which holds no tint; the mode match gives it a color",
     r"物体是黑色，无法着色；请改用“匹配”模式。"),
)  # fmt: skip

_CHINESE: tuple[tuple[str, str], ...] = (
    *_RECIPES, *_LOSSES, *_STYLES,
    (r"(.+) is empty \(zero bytes\).*", r"{0} 是空文件（0 字节），请换一张照片。"),
    (r"(.+) is not a photo that can be read.*",
     r"{0} 不是可读取的照片，请使用 JPEG、PNG、WebP、TIFF、AVIF 或 HEIC。"),
    (r"(.+) is damaged or truncated.*", r"{0} 已损坏或不完整，请重新获取该文件。"),
    (r"(.+) has no pixels.*", r"{0} 没有像素。"),
    (r"(.+) has ([\d.]+) megapixels, over the cap of ([\d.]+).*",
     r"{0} 有 {1} 百万像素，超过上限 {2}；请缩小照片，或在启动时提高 --max-megapixels。"),
    (r"(.+) cannot be read: .*", r"无法读取 {0}。"),
    (r"(.+) does not exist.*", r"{0} 不存在。"),
    (r"(?:.+: )?a TIFF of (.+) is not read; .*",
     r"无法读取这种 TIFF（{0}）；请改存为每通道 8 或 16 位的 RGB。"),
    (r"(.+): pixels of type (\w+) are not read.*",
     r"无法读取 {0}：像素类型为 {1}；请改存为每通道 8 或 16 位。"),
    (r"(.+) is (\d+ x \d+) pixels; a side may have at most (\d+).*",
     r"{0} 为 {1} 像素，每边最多 {2}；请缩小或分割。"),
    (r"the PNG's color code points .* say video levels.*",
     r"此 PNG 使用视频电平，无法读取；请改存为全范围 RGB。"),
    (r"the photo is transparent (?:at|in) .*", r"照片在此处是透明的，请选择可见的部分。"),
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
    (r"The photo had (\d+) bits per channel and is kept in 16\.",
     r"照片每通道 {0} 位，以 16 位处理。"),
    (r"HDR \((\w+)\): what is brighter than white .*",
     r"HDR（{0}）：换色之处亮于白色的部分会被截断。"),
    (r"The color code points (.+) are not known.*", r"未知的颜色编码 {0}，颜色按 sRGB 处理。"),
    (r"The photo's gamma or primaries are absurd.*",
     r"照片的伽马或基色不合理，颜色按 sRGB 处理。"),
    (r"The photo's colors were stored multiplied by alpha.*", r"照片颜色已还原为未乘透明度的值。"),
    (r"The embedded color profile (?:is damaged|cannot be used).*",
     r"内嵌的颜色配置文件已损坏或无法使用，颜色按 sRGB 处理。"),
    (r"The embedded color profile leads one way only.*",
     r"内嵌的颜色配置文件只能单向转换，结果为 8 位 sRGB。"),
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
