// Keyboard: one table, which the handler obeys and the shortcut sheet shows.

/** [group, command, keys]; "Mod" is Ctrl, or Command on a Mac. */
export const SHORTCUTS = [
  ["select", "crosshair", ["Arrows"]],
  ["select", "click", ["Enter"]],
  ["select", "add", ["+", "Shift+Click"]],
  ["select", "subtract", ["-", "Alt+Click"]],
  ["select", "part", ["P"]],
  ["select", "object", ["O"]],
  ["select", "group", ["G"]],
  ["select", "tauUp", [","]],
  ["select", "tauDown", ["."]],
  ["select", "next", ["N"]],
  ["select", "letGo", ["Escape"]],
  ["select", "remove", ["Delete"]],
  ["tools", "point", ["V"]],
  ["tools", "box", ["M"]],
  ["tools", "brush", ["B"]],
  ["tools", "eraser", ["E"]],
  ["tools", "dropper", ["I"]],
  ["tools", "smaller", ["["]],
  ["tools", "larger", ["]"]],
  ["view", "before", ["\\"]],
  ["view", "split", ["S"]],
  ["view", "fit", ["0"]],
  ["view", "full", ["1"]],
  ["view", "zoomIn", ["Mod+="]],
  ["view", "zoomOut", ["Mod+-"]],
  ["view", "pan", ["Space"]],
  ["view", "outlines", ["H"]],
  ["edit", "undo", ["Mod+Z"]],
  ["edit", "redo", ["Mod+Shift+Z", "Mod+Y"]],
  ["edit", "open", ["Mod+O"]],
  ["edit", "export", ["Mod+S"]],
  ["edit", "color", ["C"]],
  ["edit", "help", ["?"]],
];

/** Whether a key takes back what a hand is doing: Escape, and undo before it is done. */
export const takesBack = (event) => ["letGo", "undo"].includes(commandOf(event));

/** Keys that act while they are held. */
export const HELD = new Set(["before", "pan"]);

const NAMES = { " ": "Space", Backspace: "Delete", ArrowLeft: "Arrows", ArrowRight: "Arrows",
  ArrowUp: "Arrows", ArrowDown: "Arrows" };
const COMMANDS = new Map(
  SHORTCUTS.flatMap(([, command, keys]) => keys.map((key) => [key.toUpperCase(), command])));

/** The command of a keyboard event ({key, ctrlKey, metaKey, shiftKey, altKey}); null for none. */
export function commandOf({ key, ctrlKey, metaKey, shiftKey, altKey }) {
  // many keyboards write these with AltGr, which may look like Ctrl and Alt, or with Option
  const written = altKey && "[]\\".includes(key);
  if (!key || (altKey && !written)) return null;
  const name = (NAMES[key] ?? key).toUpperCase(), mod = (ctrlKey || metaKey) && !written;
  const letter = /^[A-Z]$/.test(name);
  if (mod) return COMMANDS.get(`MOD+${shiftKey && letter ? "SHIFT+" : ""}${name === "+" ? "=" : name}`) ?? null;
  if (shiftKey && letter) return null;
  if (name === "=" || name === "+") return "add";
  return COMMANDS.get(name) ?? null;
}

/** Whether a focused element keeps a key to itself. */
export function ownsKey(element, { key, ctrlKey, metaKey }) {
  if (!element?.matches) return false;
  const command = commandOf({ key, ctrlKey, metaKey, shiftKey: false, altKey: false });
  const typing = element.matches("input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea, select");
  // a field whose text is as it was sent has nothing of its own to take back
  const undoes = element.dataset?.sent === "true" ? /^[acvx]$/i : /^[zyacvx]$/i;
  if (typing) return !(ctrlKey || metaKey) || (!element.matches("select") && undoes.test(key));
  if (ctrlKey || metaKey) return false;
  const moves = key.startsWith("Arrow") || ["Home", "End", "PageUp", "PageDown"].includes(key);
  if (moves) return element.matches("input, [role=slider], [role=listbox], [role=option], [role=tab], [role=radio]");
  const presses = key === "Enter" || key === " ";
  if (presses) return element.matches("button, input, a, summary, [role=option], [role=listbox], [role=tab]");
  return command === null;
}
