// What survives a reload: the photo in IndexedDB, what was done to it in localStorage. The tab's own
// memory comes first: another tab may have done other things to the same photo since.

const DATABASE = "dmlseg", PHOTOS = "photos", WORK = "dmlseg.work.", NOW = "dmlseg.now", KEPT = 6;
const TAB_WORK = "dmlseg.tab.work";

function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(PHOTOS);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function inStore(mode, act) {
  const db = await database();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = db.transaction(PHOTOS, mode), request = act(transaction.objectStore(PHOTOS));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    db.close();
  }
}

/** Storage may be full, or forbidden: then the page works and forgets. */
async function allowed(act) {
  try {
    return await act();
  } catch {
    return undefined;
  }
}

/** Remembers a photo by its digest, and that it is the one on the stage. */
export const keepPhoto = (digest, name, blob) => allowed(async () => {
  now({ digest, name });
  await inStore("readwrite", (store) => store.put({ name, blob, time: Date.now() }, digest));
  await forgetOldest();
});

async function forgetOldest() {
  const keys = await inStore("readonly", (store) => store.getAllKeys());
  if (keys.length <= KEPT) return;
  const all = await inStore("readonly", (store) => store.getAll());
  const oldest = all.map(({ time }, k) => [time, keys[k]]).sort((a, b) => a[0] - b[0]);
  for (const [, key] of oldest.slice(0, keys.length - KEPT)) {
    await inStore("readwrite", (store) => store.delete(key));
    localStorage.removeItem(WORK + key);
  }
}

/** A sample is not kept: the server has it. */
export const keepSample = (digest, id) =>
  allowed(() => now({ digest, sample: id }));

function now(photo) {
  for (const memory of [sessionStorage, localStorage]) memory.setItem(NOW, JSON.stringify(photo));
}

/** {digest, name, sample?} of the photo that was on the stage last, in this tab or any; undefined if none. */
export const lastPhoto = () =>
  allowed(() => JSON.parse(sessionStorage.getItem(NOW) ?? localStorage.getItem(NOW) ?? "null") ?? undefined);

export const photoOf = (digest) => allowed(() => inStore("readonly", (store) => store.get(digest)));

/** In the tab and for all tabs: one of the stores may be full. */
export const keepWork = (digest, work) => Promise.all([
  allowed(() => sessionStorage.setItem(TAB_WORK, JSON.stringify({ digest, work }))),
  allowed(() => localStorage.setItem(WORK + digest, JSON.stringify(work)))]);

export const workOf = (digest) => allowed(() => {
  const own = JSON.parse(sessionStorage.getItem(TAB_WORK) ?? "null");
  return own?.digest === digest ? own.work : JSON.parse(localStorage.getItem(WORK + digest) ?? "null") ?? undefined;
});

/** The session belongs to the tab: two tabs are two hands. */
export const tabSession = {
  get: () => { try { return sessionStorage.getItem("dmlseg.session"); } catch { return null; } },
  set: (token) => { try { sessionStorage.setItem("dmlseg.session", token); } catch { /* forgets */ } },
};

/** Small lists of the person's own: recent colors, swatches. */
export const own = {
  get: (name, fallback) => {
    try { return JSON.parse(localStorage.getItem(`dmlseg.${name}`)) ?? fallback; } catch { return fallback; }
  },
  set: (name, value) => {
    try { localStorage.setItem(`dmlseg.${name}`, JSON.stringify(value)); } catch { /* forgets */ }
  },
};
