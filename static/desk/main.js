// The desk: keys and buttons become actions on the session. See session.js.

import { Actions } from "./actions.js";
import { DayStats } from "./day-stats.js";
import { showHelp } from "./dialogs.js";
import { Drafts } from "./drafts.js";
import { EmptyQueue } from "./empty-queue.js";
import { GoldFeedback } from "./gold-feedback.js";
import { HumanText } from "./human-text.js";
import { Instructions } from "./instructions.js";
import { showIntroduction } from "./introduction.js";
import { Lease } from "./lease.js";
import { Notes } from "./notes.js";
import { OtherTabs } from "./other-tabs.js";
import { BreakReminder, Pace } from "./pace.js";
import { byId, user } from "./page.js";
import { Refusals } from "./refusals.js";
import { followCursor, renderSource, showWaiting } from "./render.js";
import { Session } from "./session.js";
import { placeOf } from "./sheet-builder.js";
import { listen } from "./shortcuts.js";
import { hideBanner, showBanner, showNote, showSaving } from "./status.js";

const session = new Session();
const drafts = new Drafts(user);
const instructions = new Instructions();
const notes = new Notes(session, drafts);
const humanText = new HumanText(session, drafts);
const actions = new Actions(session, new DayStats(session, new Pace()), drafts);
const lease = new Lease(session);
new BreakReminder(session);
new EmptyQueue(session);
new GoldFeedback(session);
new OtherTabs(session);
showIntroduction(session);
new Refusals(session, lease);

session.on("change", showConnection);
session.on("submit", () => run("submit"));
session.on("load", ({ returned }) => {
  hideBanner("returned");
  if (returned) showNote("returned", "Returned to you:", returned.reason);
});

function showConnection() {
  const { counts, trouble } = session.outbox;
  showSaving(counts, trouble, humanText.pending !== null);
  const isSignedOut = trouble === "signed-out";
  if (!isSignedOut) hideBanner("signed-out");
  else if (!document.querySelector("[data-name=signed-out]"))
    showBanner("signed-out", {
      message: "You are signed out.",
      remedy: "Your work is stored in this browser. Sign in to save it.",
      actions: [["Sign in", () => location.assign(`/login?next=${encodeURIComponent(location.pathname)}`)]],
    });
}

function run(name, button) {
  humanText.save();
  if (name === "source") toggleSource();
  else if (name === "help") showHelp().then(() => session.state && followCursor(session.state));
  else if (name === "instructions") instructions.toggle();
  else if (name === "refresh") {
    showWaiting("Loading…");
    session.fetchNext();
  } else if (name === "undo" && !session.state) actions.reopen();
  else if (session.state && name === "note" && !session.isLocked) notes.edit();
  else if (session.state) actions.run(name, button);
}

function toggleSource() {
  session.asSource = !session.asSource;
  renderSource(session.asSource);
  session.prefetch.rebuild();
}

let hasReported = false;

/** Once: a key that does nothing says so. */
function reportUnknown(key) {
  if (hasReported || !session.state) return;
  hasReported = true;
  showNote(
    "key",
    `The key “${key}” has no action.`,
    "Help lists the shortcuts; you can customize them there.",
  );
}

listen(run, reportUnknown);

byId("sheet").addEventListener("click", (event) => {
  const item = event.target.closest(".step");
  if (!item || event.target.closest("button") || !session.state?.isReached(...placeOf(item))) return;
  [session.state.cursor, session.state.candidate] = placeOf(item);
  session.update({ follow: false });
});

session.outbox.flush().then(() => session.state || session.fetchNext());
// the rarer fonts of mathematics come before a formula needs them: nothing moves when it is shown
const loadFonts = () =>
  document.fonts.forEach((font) => {
    if (font.family.includes("KaTeX")) font.load().catch(() => {});
  });
addEventListener("load", () => (window.requestIdleCallback ?? setTimeout)(loadFonts));
