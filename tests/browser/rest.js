// What the stage still has under way in this tab: requests and their bodies, timers, frames,
// bitmaps, the store. Whatever its code waits for is one of these, and between two of them it runs
// in one go: where there is none, nothing happens until a hand moves.
(() => {
  const LATER_MS = 600, KEPT_MS = 1000;  // from the first on: what a page at rest still does
  const pending = new Map();
  let count = 0;

  const own = () => new Error().stack.includes("/stage/js/");

  function begin(what, later = false) {
    const key = ++count;
    pending.set(key, { what, later });
    return () => pending.delete(key);
  }

  function until(promise, what) {
    const end = begin(what);
    promise.then(end, end);
    return promise;
  }

  const after = window.setTimeout, frame = window.requestAnimationFrame, ask = window.fetch;
  const timers = new Map(), stop = window.clearTimeout;
  window.setTimeout = (act, ms = 0, ...more) => {
    if (!own() || ms >= KEPT_MS) return after(act, ms, ...more);
    const end = begin(`a timer of ${ms} ms`, ms >= LATER_MS);
    const id = after(() => { end(); timers.delete(id); act(...more); }, ms);
    timers.set(id, end);
    return id;
  };
  window.clearTimeout = (id) => {
    timers.get(id)?.();
    timers.delete(id);
    stop(id);
  };
  window.requestAnimationFrame = (act) => {
    if (!own()) return frame(act);
    const end = begin("a frame");
    return frame((now) => { end(); act(now); });
  };
  window.fetch = (asked, options) => {
    const url = String(asked.url ?? asked);
    return url.includes("/stage/") ? until(ask(asked, options), url) : ask(asked, options);
  };
  for (const [type, name] of [[Response, "json"], [Response, "text"], [Response, "blob"],
    [Response, "arrayBuffer"], [Blob, "text"], [Blob, "arrayBuffer"]]) {
    const read = type.prototype[name];
    type.prototype[name] = function () {
      return own() ? until(read.call(this), `the ${name} of ${this.url ?? "a file"}`) : read.call(this);
    };
  }
  const decode = window.createImageBitmap;
  window.createImageBitmap = (...of) => until(decode(...of), "a bitmap");
  for (const [type, name, ends] of [[IDBFactory, "open", ["success", "error", "blocked"]],
    [IDBDatabase, "transaction", ["complete", "error", "abort"]]]) {
    const act = type.prototype[name];
    type.prototype[name] = function (...of) {
      const made = act.apply(this, of), end = begin("the store");
      for (const event of ends) made.addEventListener(event, end);
      return made;
    };
  }

  // an animation that has an end: a toast that comes
  const moving = () => (document.querySelector("body > .stage-host")?.shadowRoot?.getAnimations() ?? [])
    .filter((one) => one.effect.getComputedTiming().endTime !== Infinity).map(() => "an animation");

  /** When two frames in a row found nothing under way; `kept`: nor what a page does at rest. */
  window.atRest = (kept, patience) => new Promise((resolve, reject) => {
    const end = performance.now() + patience;
    let calm = 0;
    const look = () => {
      const left = [...pending.values()].filter(({ later }) => kept || !later).map(({ what }) => what);
      left.push(...moving());
      calm = left.length ? 0 : calm + 1;
      if (calm === 2) resolve();
      else if (performance.now() > end) reject(new Error(`never at rest: ${left.join(", ")}`));
      else frame(look);
    };
    frame(look);
  });
})();
