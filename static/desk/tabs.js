// Other tabs of the same labeler. The server gives all of them the same lease; here what was said in
// one shows in the others, and when one goes on, the others follow.

export class Tabs {
  /** `said` is told an entry that another tab put into its outbox, `sent` one that the server has
   *  now, `moved` the assignment that lies on its desk (null: none). */
  constructor(user, slug, { said, sent, moved }) {
    this.key = `stepmark:${user}:${slug}:on`;
    const outbox = `stepmark:${user}:outbox:`;
    addEventListener("storage", ({ key, oldValue, newValue }) => {
      if (key === this.key) moved(Number(newValue) || null);
      else if (!key?.startsWith(outbox)) return;
      else if (newValue) said(JSON.parse(newValue));
      else if (oldValue) sent(JSON.parse(oldValue));
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.there !== this.mine) moved(Number(this.there) || null);
    });
  }

  get there() {
    try {
      return localStorage.getItem(this.key) ?? "";
    } catch {
      return this.mine;
    }
  }

  /** This lies on the desk here. */
  on(id) {
    this.mine = String(id ?? "");
    try {
      localStorage.setItem(this.key, this.mine);
    } catch {
      /* then each tab is by itself */
    }
  }
}
