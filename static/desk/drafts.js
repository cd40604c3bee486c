// Text that is being typed, stored in this browser with every key until it is saved: closing a dialog or
// the browser loses none of it.

const PREFIX = "stepmark:draft:";
const LIFETIME_MS = 30 * 24 * 3600 * 1000;

function storageKey(user, name) {
  return `${PREFIX}${user}:${name}`;
}

export class Drafts {
  constructor(user) {
    this.user = user;
    this.memory = new Map(); // where the browser gives no storage
    this.removeOld();
  }

  /** Whatever `write` stored under this name, or null. */
  read(name) {
    const key = storageKey(this.user, name);
    try {
      return this.memory.get(key) ?? JSON.parse(localStorage.getItem(key))?.value ?? null;
    } catch {
      return null;
    }
  }

  write(name, value) {
    const key = storageKey(this.user, name);
    try {
      localStorage.setItem(key, JSON.stringify({ value, at: Date.now() }));
    } catch {
      this.memory.set(key, value);
    }
  }

  remove(name) {
    const key = storageKey(this.user, name);
    this.memory.delete(key);
    try {
      localStorage.removeItem(key);
    } catch {
      /* no storage */
    }
  }

  removeOld() {
    try {
      for (const key of Object.keys(localStorage)) {
        if (!key.startsWith(PREFIX)) continue;
        const draft = JSON.parse(localStorage.getItem(key));
        if (!(draft?.at > Date.now() - LIFETIME_MS)) localStorage.removeItem(key);
      }
    } catch {
      /* no storage */
    }
  }
}
