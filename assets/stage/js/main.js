// The page: its parts, put together.

import { App } from "./app.js";
import { Bar, Rail } from "./bar.js";
import { ColorPanel } from "./colorpanel.js";
import { ExportDialog, HelpDialog, SamplesDialog, save, WaysDialog } from "./dialogs.js";
import { h, tabs } from "./dom.js";
import { Keyboard } from "./keyboard.js";
import { LimitsPanel, LookPanel } from "./lookpanel.js";
import { ManyDialog } from "./many.js";
import { Objects } from "./objects.js";
import { Opening } from "./opening.js";
import { Past, Why } from "./past.js";
import { Stage } from "./stage.js";
import { TauPanel } from "./taupanel.js";
import { Notices } from "./toast.js";
import { languageOf, say, speak } from "./words.js";

const SHEETS = ["look.css", "layout.css", "parts.css"];

/** Builds the page in `host` and begins. `props`: base (URL that ends in a slash), lang, sheets (URLs). */
export async function start(host, { base, lang, sheets: urls = SHEETS.map((name) => `${base}stage/js/${name}`) }) {
  if (host.shadowRoot) return;  // Gradio may run the loader again; the page is there
  const language = languageOf(lang ? [lang] : navigator.languages);
  speak(language);
  document.documentElement.lang = language === "zh" ? "zh" : "en";
  document.title = host.dataset.title = `dmlseg: ${say("title")}`;
  const root = host.attachShadow({ mode: "open" });
  const sheets = urls.map((href) => h("link", { rel: "stylesheet", href }));
  const styled = Promise.all(sheets.map((sheet) => new Promise((done) => { sheet.onload = sheet.onerror = done; })));
  root.append(...sheets);
  const app = new App(base, language);
  const page = build(app, root);
  page.hidden = true;
  root.append(page);
  await styled;
  page.hidden = false;
  host.dataset.ready = "true";
  addEventListener("pagehide", () => app.api.leave());
  try {
    await app.photos.begin();
  } catch (error) {
    app.fail(error);
  }
}

function build(app, root) {
  const stage = new Stage(app), color = new ColorPanel(app, stage.picture);
  const look = new LookPanel(app, stage.picture), limits = new LimitsPanel(app), tau = new TauPanel(app, stage.hand);
  const many = new ManyDialog(app), opening = new Opening(app, color, many), rail = new Rail(app), notices = new Notices(app);
  const dialogs = { export: new ExportDialog(app), ways: new WaysDialog(app, color), help: new HelpDialog(),
    samples: new SamplesDialog(app), many };
  const bar = new Bar(app, { opening, stage, dialogs });
  new Keyboard(app, root, { stage, tau, rail, dialogs, opening, panel: color });
  app.on("picked", ({ own, seen }) => {
    if (limits.take(own)) return;  // of the photo as it was
    color.commit(seen);
    app.setTool("point");
  });
  app.on("save", ({ path, name }) => save(app, path, undefined, name));
  app.on("empty", () => notices.say(say("welcome")));
  stage.element.append(many.strip);
  const panel = sidePanel(app, { stage, color, look, limits, tau });
  return h("div", { class: "page" }, bar.element, rail.element, h("div", { class: "middle" }, stage.element), panel,
    notices.element, opening.veil, opening.input, ...Object.values(dialogs).map((dialog) => dialog.element));
}

function sidePanel(app, { stage, color, look, limits, tau }) {
  const objects = new Objects(app, stage.picture), past = new Past(app), why = new Why(app, stage);
  const upper = tabs(say("objects"), [{ name: say("objects"), pane: objects.element },
    { name: say("history"), pane: past.element }, { name: say("why"), pane: why.element }]);
  const lower = tabs(say("color"), [{ name: say("pane_color"), pane: color.element },
    { name: say("pane_look"), pane: look.element }, { name: say("pane_keep"), pane: limits.element }]);
  const panel = h("aside", { class: "panel", "aria-label": say("selected_object"), "data-side": "upper" },
    h("div", { class: "upper" }, upper.list, objects.element, past.element, why.element),
    tau.element,
    h("div", { class: "lower" }, lower.list, color.element, look.element, limits.element));
  // on a phone both rows of tabs share one pane: the one that was touched last
  for (const [side, { list }] of [["upper", upper], ["lower", lower]]) {
    for (const name of ["click", "keyup"]) list.addEventListener(name, () => { panel.dataset.side = side; });
  }
  return panel;
}
