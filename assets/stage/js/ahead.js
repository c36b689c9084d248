// The stage before Gradio's frame: the page's head loads this, and Gradio's own script waits until
// the photo is seen and the browser has nothing to do (dmlseg_core/ui/front.py).

import { start } from "./main.js";

const LATEST_MS = 4000;

const frame = document.querySelector("script[data-frame]").dataset.frame;
const host = document.createElement("div");
host.className = "stage-host";
document.body.append(host);

function later() {
  const script = document.createElement("script");
  Object.assign(script, { type: "module", crossOrigin: "", src: frame });
  document.head.append(script);
}

const idle = self.requestIdleCallback ?? ((act) => setTimeout(act, 500));
const base = new URL("../../../", import.meta.url).href, sheets = [new URL("page.css", import.meta.url).href];
start(host, { base, sheets }).finally(() => idle(later, { timeout: LATEST_MS }));
