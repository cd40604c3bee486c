// The desk: keys and buttons in, events out. A rating shows at once and is saved behind it; the next
// solution is fetched and drawn before it is needed.

import * as beside from "./beside.js";
import * as day from "./day.js";
import * as dialogs from "./dialogs.js";
import { ACTS, reopen, spotOf, write } from "./judging.js";
import { listen } from "./keys.js";
import * as lease from "./lease.js";
import { fetchNext, outbox, sheet, toggleSource } from "./sheets.js";
import * as view from "./view.js";

listen((name, button) => {
  if (name === "source") toggleSource();
  else if (name === "help") dialogs.help().then(() => sheet && view.follow(sheet));
  else if (name === "instructions") beside.instructions();
  else if (name === "look") {
    view.showWaiting("Loading…");
    fetchNext();
  } else if (sheet) ACTS[name](button);
  else if (name === "undo") reopen();
});

document.getElementById("sheet").addEventListener("click", (event) => {
  const item = event.target.closest(".step");
  if (!item || event.target.closest("button") || !sheet?.reached(...spotOf(item))) return;
  [sheet.cursor, sheet.candidate] = spotOf(item);
  view.update(sheet);
});

document.getElementById("sheet").addEventListener("change", (event) => {
  if (sheet && event.target.id === "written") write(event.target);
});

day.show();
beside.showPace();
lease.watch();
outbox.flush().then(() => sheet || fetchNext());
// the rarer faces of the mathematics come before a formula needs them: nothing moves when it is shown
const early = () =>
  document.fonts.forEach((font) => {
    if (font.family.includes("KaTeX")) font.load().catch(() => {});
  });
addEventListener("load", () => (window.requestIdleCallback ?? setTimeout)(early));
