// What the desk says around the solution: what is saved, banners, and announcements for screen readers.

import { byId } from "./page.js";

export function announce(text) {
  byId("announcer").textContent = text;
}

/** The number of changes that are not saved, and why. */
export function showSaving({ refused, unsent }, trouble, hasDraft) {
  const save = byId("save");
  const [state, text] = describeSaving(refused, unsent + (hasDraft ? 1 : 0), trouble);
  if (save.dataset.state !== state) save.dataset.state = state;
  const label = save.querySelector(".save-text");
  if (label.textContent !== text) label.textContent = text;
}

function describeSaving(refused, unsent, trouble) {
  const offline = navigator.onLine ? "No answer" : "Offline";
  const rest = unsent ? `, ${unsent} unsent` : "";
  if (refused) return ["refused", `${refused} not accepted${rest}`];
  if (trouble === "signed-out") return [trouble, `Signed out: ${unsent} unsent`];
  if (!unsent) return ["saved", "Saved"];
  return trouble ? [trouble, `${offline}: ${unsent} unsent`] : ["saving", `Saving ${unsent}…`];
}

export function showDay(count, activeMs) {
  const minutes = Math.round(activeMs / 60000);
  byId("day").textContent = count ? `Today: ${count} · ${minutes} min` : "";
}

/** A banner with what happened and what to do, one for each name. `actions` are [label, function]. */
export function showBanner(name, { message, remedy = "", details = [], actions = [], tone = "warn" }) {
  const banner = document.createElement("div");
  banner.className = `banner ${tone}`;
  banner.dataset.name = name;
  const buttons = document.createElement("div");
  buttons.className = "banner-actions";
  buttons.append(...actions.map(buildButton));
  banner.append(buildText(message, remedy, details), buttons);
  const shown = findBanner(name);
  if (shown) shown.replaceWith(banner);
  else byId("banner").append(banner);
  byId("banner").hidden = false;
}

export function hideBanner(name) {
  findBanner(name)?.remove();
  byId("banner").hidden = !byId("banner").childElementCount;
}

/** A banner that only informs: its button hides it. */
export function showNote(name, message, remedy) {
  showBanner(name, { message, remedy, tone: "note", actions: [["Dismiss", () => hideBanner(name)]] });
}

function findBanner(name) {
  return [...byId("banner").children].find((banner) => banner.dataset.name === name);
}

function buildText(message, remedy, details) {
  const text = document.createElement("div");
  const title = document.createElement("b");
  title.textContent = message;
  text.append(title, " ", remedy);
  if (details.length) {
    const list = document.createElement("ul");
    for (const detail of details)
      list.append(Object.assign(document.createElement("li"), { textContent: detail }));
    text.append(list);
  }
  return text;
}

function buildButton([label, run]) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
  button.addEventListener("click", run);
  return button;
}
