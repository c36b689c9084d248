// The page's words in the reader's language; zh, zh-CN, zh-HK and zh-TW get one whole language.

import { WORDS as en } from "./words_en.js";
import { WORDS as zh } from "./words_zh.js";

const ALL = { en, zh };
let now = en;

/** The first of our languages among a browser's; English where there is none. */
export function languageOf(languages) {
  const short = languages.map((name) => name.slice(0, 2).toLowerCase());
  return short.find((name) => name in ALL) ?? "en";
}

export function speak(language) { now = ALL[language] ?? en; }

/** A text, its {fields} filled in. */
export const say = (key, values = {}) =>
  (now[key] ?? en[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

/** Whether there is such a text. */
export const has = (key) => key in now;
