// The line to the server: a session, JSON and binary answers, errors as one kind of thing.

import { unpack } from "./blob.js";

/** An answer that says no, in the page's language; `code` is for the program. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

const AGAIN_MS = [300, 1000, 3000];

/** What only asks is asked again where the line drops it. */
async function reached(act, [pause, ...pauses]) {
  try {
    return await act();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (pause === undefined) throw new Refused(0, "offline", "");
    await new Promise((resolve) => setTimeout(resolve, pause));
    return reached(act, pauses);
  }
}

export class Api {
  /** @param base URL that ends in a slash; @param language of messages. */
  constructor(base, language) {
    this.base = base + "stage/";
    this.language = language;
    this.session = null;
    this.photo = null;  // digest of the one that is seen: what is asked is about no other
  }

  async #fetch(path, options = {}) {
    const headers = { "Accept-Language": this.language, ...options.headers };
    if (this.session) headers["X-Dmlseg-Session"] = this.session;
    if (this.photo) headers["X-Dmlseg-Photo"] = this.photo;
    const answer = await reached(() => fetch(this.base + path, { ...options, headers }), options.method ? [] : AGAIN_MS);
    if (!answer.ok) {
      const { code = "unknown", message = "" } = await answer.json().catch(() => ({}));
      throw new Refused(answer.status, code, message);
    }
    return answer;
  }

  /** A query without the values that are not set. */
  static query(values) {
    const set = Object.entries(values).filter(([, v]) => v !== null && v !== undefined);
    return set.length ? "?" + new URLSearchParams(set) : "";
  }

  async json(path, body) {
    const options = body === undefined ? {} : {
      method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    return (await this.#fetch(path, options)).json();
  }

  /** An edit: {state, and box, size, mask of selection `of` where its mask is a new one}. */
  async edit(body) {
    const answer = await this.#fetch("edit", { method: "POST", body: JSON.stringify(body),
      headers: { "Content-Type": "application/json", Accept: "application/octet-stream, application/json" } });
    const whole = answer.headers.get("Content-Type")?.includes("octet-stream");
    return whole ? unpack(await answer.arrayBuffer()) : { state: await answer.json() };
  }

  /** A file or bytes as they are; the answer is JSON. */
  async send(path, body, signal) {
    const headers = { "Content-Type": "application/octet-stream" };
    return (await this.#fetch(path, { method: "POST", body, headers, signal })).json();
  }

  async blob(path, body) {
    const options = body === undefined ? {} : {
      method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
    const answer = await this.#fetch(path, options);
    return { blob: await answer.blob(), headers: answer.headers };
  }

  /** The page is closed: the server need not keep its photo. It may be that it is only loaded anew. */
  leave() {
    if (!this.session) return;
    const headers = { "X-Dmlseg-Session": this.session };
    fetch(this.base + "leave", { method: "POST", keepalive: true, headers }).catch(() => {});
  }

  async arrays(path) { return unpack(await (await this.#fetch(path)).arrayBuffer()); }

  async bitmap(path) { return createImageBitmap((await this.blob(path)).blob); }
}

/** The name that a Content-Disposition gives a file. */
export function fileName(headers, fallback) {
  const text = headers.get("Content-Disposition") ?? "";
  const star = /filename\*=(?:utf-8|UTF-8)''([^;]+)/.exec(text), plain = /filename="?([^";]+)"?/.exec(text);
  try {
    return star ? decodeURIComponent(star[1]) : plain?.[1] ?? fallback;
  } catch {
    return plain?.[1] ?? fallback;
  }
}

/** Gives a file to the person. */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
