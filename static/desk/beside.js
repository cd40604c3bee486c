// What stands beside the task: the instructions, notes on steps, pace, and a word about pauses.

import { newId } from "./state.js";

const page = (id) => document.getElementById(id);
const desk = page("desk");
const OPEN = `stepmark:${desk.dataset.user}:instructions`;
const PAUSED_MS = 5 * 60000; // away for as long: that was a pause

// ---- the instructions

/** Open or close them. Whoever opens them has them before their eyes: that is told to the server. */
export function instructions(wanted = page("told")?.hidden) {
  const panel = page("told");
  if (!panel) return;
  panel.hidden = !wanted;
  document.querySelector(".desk-top [data-do=instructions]").setAttribute("aria-expanded", String(wanted));
  try {
    localStorage.setItem(OPEN, wanted ? "1" : "");
  } catch {
    /* closed next time */
  }
  if (!wanted) return;
  panel.querySelector(".room").focus({ preventScroll: true });
  if (panel.dataset.unread) read(panel);
}

async function read(panel) {
  const sent = await fetch(`/projects/${desk.dataset.slug}/instructions/reading`, {
    method: "POST",
    headers: { Accept: "application/json" },
    body: new URLSearchParams({ number: panel.dataset.unread }),
  }).catch(() => null); // told again when they are opened next
  if (!sent?.ok) return;
  delete panel.dataset.unread;
  page("unread")?.remove();
}

if (page("told")) {
  let open = "";
  try {
    open = localStorage.getItem(OPEN);
  } catch {
    /* closed */
  }
  if (open && !page("told").dataset.unread && matchMedia("(min-width: 75rem)").matches) {
    page("told").hidden = false;
    document.querySelector(".desk-top [data-do=instructions]").setAttribute("aria-expanded", "true");
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || page("told").hidden || document.querySelector("dialog[open]")) return;
    instructions(false);
    document.querySelector(".step.here")?.focus();
  });
}

// ---- notes

/** Ask for a note on the step the labeler is on. Returns {position, body to send} or null. */
export function askNote(sheet) {
  const dialog = page("note");
  const field = dialog.querySelector("textarea");
  const [at, candidate] = [sheet.cursor, sheet.candidate];
  dialog.querySelector("[data-is=step]").textContent =
    `${at + 1}${candidate ? `, alternative ${candidate}` : ""}`;
  field.value = noteOn(sheet, at, candidate);
  dialog.returnValue = "";
  dialog.showModal();
  field.focus();
  return new Promise((done) =>
    dialog.addEventListener(
      "close",
      () => {
        const words = field.value.trim();
        if (dialog.returnValue !== "yes" || words === noteOn(sheet, at, candidate)) return done(null);
        const body = { id: newId(), position: at, candidate, text: words };
        noted(sheet, body);
        done(body);
      },
      { once: true },
    ),
  );
}

page("note")?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) page("note").close("yes");
});

/** Also a note made in another tab. */
export function noted(sheet, { position, candidate = 0, text }) {
  const others = (sheet.data.notes ?? []).filter(
    (note) => note.position !== position || note.candidate !== candidate,
  );
  sheet.data.notes = [...others, { position, candidate, text }];
}

function noteOn(sheet, at, candidate) {
  return sheet.data.notes?.find((note) => note.position === at && note.candidate === candidate)?.text ?? "";
}

export function showNotes(sheet) {
  for (const item of page("sheet").querySelectorAll(".step")) {
    const words = noteOn(sheet, Number(item.dataset.at), Number(item.dataset.candidate));
    let place = item.querySelector(":scope > .note");
    if (!words) {
      place?.remove();
      continue;
    }
    if (!place) {
      place = Object.assign(document.createElement("p"), { className: "note" });
      item.append(place);
    }
    place.textContent = words;
  }
}

// ---- pace and pauses

const day = { steps: Number(desk.dataset.steps), active: Number(desk.dataset.active) };
const usual = Number(desk.dataset.usual);

/** A submission came in, or was taken back: so many steps, so much active time. */
export function paced(steps, activeMs) {
  day.steps += steps;
  day.active += activeMs;
  showPace();
}

export function showPace() {
  const minutes = day.active / 60000;
  const place = page("pace");
  place.hidden = minutes < 1 || day.steps < 1;
  const rate = place.hidden ? "" : (day.steps / minutes).toFixed(1);
  place.textContent = place.hidden
    ? ""
    : `${rate} steps per minute${usual ? `, usually ${usual.toFixed(1)}` : ""}`;
}

const WORKED = `stepmark:${desk.dataset.user}:worked`;
let worked = { active: 0, last: Date.now() }; // kept in this browser: neither a reload nor another tab is a pause

function sinceLastPause() {
  try {
    worked = JSON.parse(localStorage.getItem(WORKED)) ?? worked;
  } catch {
    /* as this page knows it */
  }
  return worked;
}

function keep(active) {
  worked = { active, last: Date.now() };
  try {
    localStorage.setItem(WORKED, JSON.stringify(worked));
  } catch {
    /* until a reload */
  }
}

/** Active time since the last pause; past the span the project sets, a line suggests one. */
export function work(activeMs) {
  const { active, last } = sinceLastPause();
  keep(Date.now() - last > PAUSED_MS + activeMs ? activeMs : active + activeMs);
  const span = Number(desk.dataset.pause) * 60000;
  if (!span || worked.active < span || !page("pause").hidden) return;
  page("pause").querySelector("[data-is=minutes]").textContent = String(Math.round(worked.active / 60000));
  page("pause").hidden = false;
}

page("pause")
  .querySelector("button")
  .addEventListener("click", () => {
    keep(0);
    page("pause").hidden = true;
    document.querySelector(".step.here")?.focus();
  });
