// Where the entries of the outbox are stored: this browser, per labeler, in order. Without storage, as in some
// private windows, they live as long as the page.

export class OutboxStorage {
  constructor(user) {
    this.prefix = `stepmark:${user}:outbox:`;
    this.memory = new Map();
    this.lastTime = 0;
  }

  keys() {
    let stored = [];
    try {
      stored = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
    } catch {
      /* no storage */
    }
    return [...stored, ...this.memory.keys()].sort();
  }

  read(key) {
    try {
      return this.memory.get(key) ?? JSON.parse(localStorage.getItem(key));
    } catch {
      return null;
    }
  }

  write(key, entry) {
    try {
      localStorage.setItem(key, JSON.stringify(entry));
    } catch {
      this.memory.set(key, entry);
    }
  }

  remove(key) {
    this.memory.delete(key);
    try {
      localStorage.removeItem(key);
    } catch {
      /* no storage */
    }
  }

  newKey() {
    this.lastTime = Math.max(Date.now() * 1000, this.lastTime + 1);
    const random = Math.random().toString(36).slice(2, 8);
    return `${this.prefix}${String(this.lastTime).padStart(18, "0")}:${random}`;
  }
}
