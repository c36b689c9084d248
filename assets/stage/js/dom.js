// Elements without markup strings: whatever came from the server goes in as text.

/** An element; properties by name, "on…" are listeners, the rest attributes. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  set(element, properties);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function set(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name in element && !name.startsWith("aria") && name !== "list") element[name] = value;
    else if (value === false || value === null || value === undefined) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : value);
  }
  return element;
}

const FOCUSABLE = "button, input, select, a[href]";

/**
 * Other children for a container. A focus that was in one of them goes on to what has the same name,
 * else to what is in the same place, else to the container: it is never lost.
 */
export function refill(container, children) {
  const focused = container.getRootNode().activeElement, held = focused !== container && container.contains(focused);
  const inside = () => [...container.querySelectorAll(FOCUSABLE)], k = held ? inside().indexOf(focused) : -1;
  container.replaceChildren(...children);
  if (!held) return;
  const now = inside(), named = (part) => part.ariaLabel ?? part.textContent;
  if (!now.length) container.tabIndex = -1;
  (now.find((part) => named(part) && named(part) === named(focused)) ?? now[Math.min(k, now.length - 1)] ?? container).focus();
}

/** `act` at most once in a frame, however often it is asked for. */
export function eachFrame(act) {
  let waiting = 0;
  return () => {
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      act();
    });
  };
}

const FRAME_MS = 100;

/** Until the browser has shown what was drawn; a page that nobody sees has no frames. */
export function shownFrame() {
  return new Promise((done) => {
    const late = setTimeout(done, FRAME_MS);
    requestAnimationFrame(() => {
      clearTimeout(late);
      setTimeout(done);
    });
  });
}

const SVG = "http://www.w3.org/2000/svg";

/** Strokes on a 20 x 20 field. */
const ICONS = {
  fault: "M10 2.500a7.500 7.500 0 1 1 0 15 7.500 7.500 0 0 1 0-15M10 6.500v4.500M10 13.500v.1",
  open: "M3 6.5V15a1 1 0 0 0 1 1h12a1 1 0 0 0 1-1V8a1 1 0 0 0-1-1h-6L8.5 5H4a1 1 0 0 0-1 1.5",
  samples: "M3 3h6v6H3zM11 3h6v6h-6zM3 11h6v6H3zM11 11h6v6h-6z",
  many: "M6.500 6.500h10v10h-10zM3.500 13.500v-10h10",
  undo: "M7 5 3.5 8.5 7 12M4 8.5h7.5a4 4 0 0 1 0 8H8",
  redo: "m13 5 3.5 3.5L13 12M16 8.5H8.500a4 4 0 0 0 0 8H12",
  split: "M10 2.5v15M8 5H3.500v10H8M12 5h4.500v10H12",
  help: "M7.500 7.500a2.500 2.500 0 1 1 3.600 2.200c-.8.400-1.100.9-1.100 1.800M10 14.500v.1M10 2.500a7.500 7.500 0 1 1 0 15 7.500 7.500 0 0 1 0-15",
  point: "m5 3 10.500 6.200-4.700 1.300-2.500 4.300z",
  add: "M10 4v12M4 10h12",
  subtract: "M4 10h12",
  box: "M3.500 6V3.500H6M14 3.500h2.500V6M16.500 14v2.500H14M6 16.500H3.500V14M9 3.500h2M9 16.500h2M3.500 9v2M16.500 9v2",
  brush: "M16.500 3.500 9 11M9 11c-2.500-.500-4 1-4 3 0 1-.8 1.800-2 2 3.500 1.500 7 0 7-3 0-.8-.4-1.500-1-2",
  eraser: "m8 16.500-4.500-4.500 8-8.500 5 5-7.500 8zM7 8.500l5 5M8 16.500h8.500",
  dropper: "m11 6 3 3M12.500 4.500a2.100 2.100 0 0 1 3 3L13 10 10 7zM10.500 7.500 4 14v2h2l6.500-6.500",
  eye: "M2.500 10S5 5 10 5s7.500 5 7.500 5-2.500 5-7.500 5-7.500-5-7.500-5M10 8a2 2 0 1 1 0 4 2 2 0 0 1 0-4",
  eyeOff: "M4 4l12 12M8 5.300A7 7 0 0 1 10 5c5 0 7.500 5 7.500 5a13 13 0 0 1-2 2.700M12 14.700A7 7 0 0 1 10 15c-5 0-7.500-5-7.500-5a13 13 0 0 1 2.800-3.300",
  lock: "M5 9h10v7.500H5zM7 9V6.500a3 3 0 0 1 6 0V9",
  unlock: "M5 9h10v7.500H5zM7 9V6.500a3 3 0 0 1 5.700-1.300",
  up: "m5 12 5-5 5 5",
  down: "m5 8 5 5 5-5",
  rename: "M4 16h3l9-9-3-3-9 9zM11.500 5.500l3 3",
  like: "M7 3.500h9.500V13M3.500 7H13v9.500H3.500z",
  remove: "M4 6h12M8 6V4h4v2M5.500 6l.7 10.500h7.600L14.500 6",
  close: "M5 5l10 10M15 5 5 15",
  reset: "M4 10a6 6 0 1 0 2-4.500M4 3v3.500h3.500",
  export: "M10 3v9M6.500 8.500 10 12l3.500-3.500M3.500 14.500v2h13v-2",
  ways: "M3 4h4v12H3zM8 4h4v12H8zM13 4h4v12h-4z",
  keep: "M10 4v12M4 10h12",
  load: "M10 12V3M6.500 6.500 10 3l3.500 3.500M3.500 14.500v2h13v-2",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg"), path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button with a picture and a name; `text` shows the name too. */
export function button(name, picture, act, { text = false, ...more } = {}) {
  const shown = text ? [icon(picture), h("span", { text: name })] : [icon(picture)];
  return h("button", { type: "button", "aria-label": name, title: name, onclick: act, ...more }, ...shown);
}

/** A row of tabs over panes of equal height: [{name, pane}]. */
export function tabs(label, entries) {
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": label });
  const buttons = entries.map(({ name, pane }, k) => {
    const id = `tab-${Math.random().toString(36).slice(2)}`;
    set(pane, { role: "tabpanel", "aria-labelledby": id });
    return h("button", { id, type: "button", role: "tab", text: name, onclick: () => show(k) });
  });
  const show = (k) => entries.forEach(({ pane }, j) => {
    pane.hidden = j !== k;
    set(buttons[j], { "aria-selected": String(j === k), tabIndex: j === k ? 0 : -1 });
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const k = (buttons.indexOf(event.target) + step + buttons.length) % buttons.length;
    show(k);
    buttons[k].focus();
    event.preventDefault();
  });
  list.append(...buttons);
  show(0);
  return { list, show };
}
