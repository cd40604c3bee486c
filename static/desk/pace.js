// The labeler's pace today, and a reminder to take a break. Both are for the labeler alone.

import { byId, user } from "./page.js";
import { focusCurrentStep } from "./render.js";

const { dataset } = byId("desk");
const BREAK_MS = 5 * 60000; // away for this long was a break
const STORAGE_KEY = `stepmark:${user}:worked`;

export class Pace {
  constructor() {
    this.steps = Number(dataset.steps);
    this.active = Number(dataset.active);
    this.usual = Number(dataset.usual);
    this.render();
  }

  /** A submission was made, or undone: its steps and active time. */
  add(steps, activeMs) {
    this.steps += steps;
    this.active += activeMs;
    this.render();
  }

  render() {
    const minutes = this.active / 60000;
    const line = byId("pace");
    line.hidden = minutes < 1 || this.steps < 1;
    const usual = this.usual ? `, usually ${this.usual.toFixed(1)}` : "";
    line.textContent = line.hidden ? "" : `${(this.steps / minutes).toFixed(1)} steps per minute${usual}`;
  }
}

export class BreakReminder {
  constructor(session) {
    this.limit = Number(dataset.pause) * 60000;
    this.latest = { active: 0, last: Date.now() };
    session.on("active", (activeMs) => this.add(activeMs));
    byId("pause")
      .querySelector("button")
      .addEventListener("click", () => {
        this.store(0);
        byId("pause").hidden = true;
        focusCurrentStep();
      });
  }

  /** Active time since the last break: stored, so that neither a reload nor another tab counts as one. */
  load() {
    try {
      return JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? this.latest;
    } catch {
      return this.latest;
    }
  }

  store(active) {
    this.latest = { active, last: Date.now() };
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify(this.latest));
    } catch {
      /* until a reload */
    }
  }

  add(activeMs) {
    const { active, last } = this.load();
    this.store(Date.now() - last > BREAK_MS + activeMs ? activeMs : active + activeMs);
    if (!this.limit || this.latest.active < this.limit || !byId("pause").hidden) return;
    byId("pause").querySelector("[data-is=minutes]").textContent = Math.round(this.latest.active / 60000);
    byId("pause").hidden = false;
  }
}
