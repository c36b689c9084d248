// The page is whole without this file; here it is sorted, searched, enlarged and said in Chinese.
(() => {
  "use strict";
  const one = (selector, at = document) => at.querySelector(selector);
  const all = (selector, at = document) => [...at.querySelectorAll(selector)];

  // Languages: each text carries its Chinese; what it was in English is kept beside it.
  const language = one("#language");
  let chinese = false;
  function speak(inside = document) {
    for (const node of all("[data-zh]", inside)) {
      if (node === language) continue;
      node.dataset.en ??= node.textContent;
      node.textContent = chinese ? node.dataset.zh : node.dataset.en;
    }
    for (const node of all("[data-zh-label]", inside)) {
      const name = node.placeholder ? ["placeholder", "aria-label"] : ["aria-label"];
      node.dataset.enLabel ??= node.getAttribute("aria-label");
      for (const key of name) node.setAttribute(key, chinese ? node.dataset.zhLabel : node.dataset.enLabel);
    }
  }
  function setLanguage(to) {
    chinese = to;
    document.documentElement.lang = chinese ? "zh" : "en";
    language.textContent = chinese ? "English" : "中文";
    speak();
  }
  language.hidden = false;
  language.addEventListener("click", () => setLanguage(!chinese));

  // The sheet: what is shown, in which order, and one stop of Tab that the arrows move.
  const sheet = one(".sheet"), cards = all(".card", sheet);
  const find = one("#find"), show = one("#show"), order = one("#order");
  const buttons = new Map(cards.map((card) => [card, one(".open", card)]));
  let seen = cards, current = 0, stop = null;
  const orders = {
    delta_e: (a, b) => b.dataset.delta_e - a.dataset.delta_e,
    seconds: (a, b) => b.dataset.seconds - a.dataset.seconds,
    name: (a, b) => (a.dataset.name < b.dataset.name ? -1 : 1),
  };
  function arrange() {
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const card of cards) {
      const away = (show.value !== "" && card.dataset.state !== show.value)
        || !words.every((word) => card.dataset.find.includes(word));
      if (card.hidden !== away) card.hidden = away;
    }
    seen = cards.filter((card) => !card.hidden);
    one("#shown").value = seen.length === cards.length ? "" : `${seen.length} / ${cards.length}`;
    one(".nothing").hidden = seen.length > 0;
    point(0, false);
  }
  // Cards that are moved are laid out anew, all of them: only where the order changes.
  function sort() {
    cards.sort(orders[order.value]);
    sheet.append(...cards);
    arrange();
  }
  function point(to, focus = true) {
    if (stop) stop.tabIndex = -1;
    current = Math.max(0, Math.min(seen.length - 1, to));
    const button = stop = seen.length ? buttons.get(seen[current]) : null;
    if (!button) return;
    button.tabIndex = 0;
    if (focus) {
      button.focus({ preventScroll: true });
      seen[current].scrollIntoView({ block: "nearest" });
    }
  }
  for (const control of [find, show]) control.addEventListener("input", arrange);
  order.addEventListener("input", sort);
  one(".tools").hidden = false;
  one(".tools").addEventListener("submit", (event) => event.preventDefault());
  const columns = () => getComputedStyle(sheet).gridTemplateColumns.split(" ").length;
  sheet.addEventListener("focusin", (event) => {
    const at = seen.indexOf(event.target.closest(".card"));
    if (at >= 0 && at !== current) point(at, false);
  });
  sheet.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns(),
      Home: -seen.length, End: seen.length }[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    point(current + by);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !viewer.open && !/^(INPUT|SELECT)$/.test(event.target.tagName)) {
      event.preventDefault();
      find.focus();
    }
    if (event.key === "Escape" && event.target === find && find.value) {
      find.value = "";
      arrange();
    }
  });
  sheet.addEventListener("pointerover", (event) => {
    const variant = event.target.closest(".variants li");
    if (!variant) return;
    const card = variant.closest(".card");
    one("img.after", card).src = variant.dataset.thumb;
    for (const other of all(".variants li", card)) other.toggleAttribute("aria-current", other === variant);
  });
  sheet.addEventListener("click", (event) => {
    const card = event.target.closest(".card");
    if (card) open(seen.indexOf(card), all(".variants li", card).indexOf(event.target.closest(".variants li")));
  });
  for (const link of all("[data-open]")) {
    link.addEventListener("click", () => {
      const card = cards.find((c) => c.dataset.name === link.dataset.open);
      if (!card) return;
      if (card.hidden) { find.value = show.value = ""; arrange(); }
      open(seen.indexOf(card));
    });
  }

  // The viewer: one photo, its colors, a line between before and after.
  const viewer = one(".viewer"), picture = one(".picture", viewer), range = one("input", viewer);
  const below = one(".below", viewer), above = one(".above", viewer);
  let variant = 0, cut = 50;
  function open(at, color = 0) {
    point(at, false);
    const card = seen[current];
    one("h2", viewer).textContent = card.dataset.name;
    one(".place", viewer).textContent = `${current + 1} / ${seen.length}`;
    one("aside", viewer).replaceChildren(...[...one(".more", card).children].map((c) => c.cloneNode(true)));
    const before = one("img.before", card);
    load(below, before?.src, before?.dataset.full);
    fillFilm(card);
    paint(color);
    if (!viewer.open) { viewer.showModal(); viewer.focus(); }
    fit();
  }
  function fillFilm(card) {
    const film = one(".film", viewer);
    film.replaceChildren(...all(".variants li", card).map((item, number) => {
      const place = document.createElement("li"), button = document.createElement("button");
      const image = document.createElement("img"), name = document.createElement("span");
      image.src = item.dataset.thumb; image.alt = "";
      name.textContent = one(".swatch-name", item).textContent;
      button.type = "button"; button.title = name.textContent; button.tabIndex = -1;
      button.append(image, name);
      button.addEventListener("click", () => paint(number));
      place.append(button);
      return place;
    }));
    film.hidden = film.children.length < 2;
  }
  function paint(number) {
    const items = all(".variants li", seen[current]);
    picture.classList.remove("single");
    above.hidden = false;
    one(".tag.right", viewer).textContent = one("figure:last-child figcaption", seen[current])?.textContent ?? "";
    const file = one(".file", viewer);
    if (!items.length) {
      const overlay = one("img.overlay", seen[current]);
      load(above, overlay?.src);
      picture.classList.toggle("single", !overlay);
      above.hidden = file.hidden = !overlay;
      if (overlay) file.href = overlay.src;
      return setCut(cut === 100 ? 50 : cut);
    }
    variant = (Math.max(number, 0) + items.length) % items.length;
    const item = items[variant];
    load(above, item.dataset.thumb, item.dataset.full);
    file.hidden = false;
    file.href = item.dataset.full || item.dataset.thumb;
    all(".film button", viewer).forEach((b, k) => b.toggleAttribute("aria-current", k === variant));
    one(".film [aria-current]", viewer)?.scrollIntoView({ block: "nearest", inline: "nearest" });
    for (const row of all("aside tr[data-file]", viewer)) {
      row.toggleAttribute("aria-current", items.length > 1 && row.dataset.file === item.dataset.file);
    }
    setCut(cut === 100 ? 50 : cut);
  }
  function load(image, small, full) {
    // the small picture at once, the file itself when it is here, if the browser can show it
    image.src = small || full || "";
    image.dataset.wanted = full || "";
    if (!small || !full) return;
    const file = new Image();
    file.onload = () => { if (image.dataset.wanted === full) image.src = full; };
    file.src = full;
  }
  function fit() {
    const { naturalWidth: w, naturalHeight: h } = below;
    const { clientWidth: W, clientHeight: H } = picture;
    if (!w || !W) return;
    const scale = Math.min(W / w, H / h), left = (W - w * scale) / 2, top = (H - h * scale) / 2;
    picture.style.setProperty("--left", `${left}px`);
    picture.style.setProperty("--top", `${top}px`);
    picture.style.setProperty("--at", `${left + (w * scale * cut) / 100}px`);
  }
  function setCut(to) {
    cut = Math.max(0, Math.min(100, to));
    range.value = cut;
    fit();
  }
  function drag(event) {
    const box = picture.getBoundingClientRect();
    const left = parseFloat(picture.style.getPropertyValue("--left")) || 0;
    setCut((100 * (event.clientX - box.left - left)) / Math.max(1, box.width - 2 * left));
  }
  function close() {
    const last = current;  // closing gives the focus back to the photo that was opened first
    viewer.close();
    point(last);
  }
  below.addEventListener("load", fit);
  new ResizeObserver(fit).observe(picture);
  range.addEventListener("input", () => setCut(+range.value));
  picture.addEventListener("pointerdown", (event) => { picture.setPointerCapture(event.pointerId); drag(event); });
  picture.addEventListener("pointermove", (event) => { if (picture.hasPointerCapture(event.pointerId)) drag(event); });
  one(".previous", viewer).addEventListener("click", () => open(current - 1, variant));
  one(".next", viewer).addEventListener("click", () => open(current + 1, variant));
  one(".close", viewer).addEventListener("click", close);
  viewer.addEventListener("cancel", (event) => { event.preventDefault(); close(); });
  viewer.addEventListener("keydown", (event) => {
    const sliding = event.target === range && !event.key.startsWith(" ");
    const acts = {
      ArrowLeft: () => open(current - 1, variant), ArrowRight: () => open(current + 1, variant),
      ArrowUp: () => paint(variant - 1), ArrowDown: () => paint(variant + 1),
      " ": () => setCut(cut > 50 ? 0 : 100),
    };
    if (!acts[event.key] || sliding || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && /^(BUTTON|A)$/.test(event.target.tagName)) return;
    event.preventDefault();
    acts[event.key]();
  });
  window.addEventListener("beforeprint", () => { for (const image of all("img[loading]")) image.loading = "eager"; });

  sort();
  if ((navigator.languages?.[0] ?? "en").startsWith("zh")) setLanguage(true);
})();
