"""Colors of clothes and paint by their English words, as far as CSS has none."""

from __future__ import annotations

ENGLISH: dict[str, str] = {
    "burgundy": "#800020", "bordeaux": "#5f021f", "wine": "#722f37", "winered": "#722f37",
    "scarlet": "#ff2400", "vermilion": "#e34234", "cherry": "#d2042d", "ruby": "#9b111e",
    "rust": "#b7410e", "brick": "#b22222", "brickred": "#b22222", "terracotta": "#e2725b",
    "salmonpink": "#ff91a4", "babypink": "#f4c2c2", "blush": "#de8f9b", "cerise": "#de3163",
    "rose": "#e0115f", "rosegold": "#b76e79", "peach": "#ffcba4", "apricot": "#fbceb1",
    "tangerine": "#f28500", "amber": "#ffbf00", "mustard": "#e1ad01", "ochre": "#cc7722",
    "lemon": "#fff44f", "cream": "#fffdd0", "offwhite": "#faf7ef", "champagne": "#f7e7ce",
    "sand": "#c2b280", "camel": "#c19a6b", "taupe": "#8b7e74", "caramel": "#af6f09",
    "coffee": "#6f4e37", "mahogany": "#4a0100", "copper": "#b87333", "bronze": "#cd7f32",
    "lightbrown": "#b5835a", "darkbrown": "#5c3317", "sage": "#9caf88", "mint": "#98ff98",
    "mintgreen": "#98ff98", "jade": "#00a86b", "emerald": "#50c878", "armygreen": "#4b5320",
    "olivegreen": "#6b8e23", "bottlegreen": "#006a4e", "huntergreen": "#355e3b",
    "petrol": "#005f6a", "babyblue": "#89cff0", "denim": "#4a6fa5", "cobalt": "#0047ab",
    "cobaltblue": "#0047ab", "sapphire": "#0f52ba", "navyblue": "#000080", "lilac": "#c8a2c8",
    "mauve": "#b784a7", "aubergine": "#472c4c", "eggplant": "#614051", "darkpurple": "#4b0082",
    "lightpurple": "#b19cd9", "charcoal": "#36454f", "graphite": "#41424c",
}  # fmt: skip
"""Their usual values, those of the Chinese words where both languages have one."""
