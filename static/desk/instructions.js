// The panel with the project's instructions, beside the solution. Opening it counts as reading a new version.

import { byId, home, user } from "./page.js";
import { focusCurrentStep } from "./render.js";

const STORAGE_KEY = `stepmark:${user}:instructions`;

export class Instructions {
  constructor() {
    this.panel = byId("instructions");
    if (!this.panel) return; // the project has none
    const isRead = !this.panel.dataset.unread;
    if (this.wasOpen() && isRead && matchMedia("(min-width: 75rem)").matches) this.show(true);
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || this.panel.hidden || document.querySelector("dialog[open]")) return;
      this.toggle(false);
      focusCurrentStep();
    });
  }

  wasOpen() {
    try {
      return Boolean(localStorage.getItem(STORAGE_KEY));
    } catch {
      return false;
    }
  }

  show(isOpen) {
    this.panel.hidden = !isOpen;
    const button = document.querySelector(".desk-top [data-do=instructions]");
    button.setAttribute("aria-expanded", String(isOpen));
  }

  toggle(isOpen = this.panel?.hidden) {
    if (!this.panel) return;
    this.show(isOpen);
    try {
      localStorage.setItem(STORAGE_KEY, isOpen ? "1" : "");
    } catch {
      /* closed next time */
    }
    if (!isOpen) return;
    this.panel.querySelector(".scroll-area").focus({ preventScroll: true });
    if (this.panel.dataset.unread) this.acknowledge();
  }

  async acknowledge() {
    const answer = await fetch(`${home}/instructions/reading`, {
      method: "POST",
      headers: { Accept: "application/json" },
      body: new URLSearchParams({ number: this.panel.dataset.unread }),
    }).catch(() => null); // sent again when the panel opens next
    if (!answer?.ok) return;
    delete this.panel.dataset.unread;
    byId("unread")?.remove();
  }
}
