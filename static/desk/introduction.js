// What a new labeler reads before they start: shown until they press Start or submit something.

import { byId, slug, user } from "./page.js";
import { focusCurrentStep } from "./render.js";

const STORAGE_KEY = `stepmark:${user}:${slug}:started`;

function isStarted() {
  try {
    return Boolean(localStorage.getItem(STORAGE_KEY));
  } catch {
    return false;
  }
}

export function showIntroduction(session) {
  const section = byId("introduction");
  if (!section) return; // not new here
  const hide = () => {
    section.hidden = true;
    try {
      localStorage.setItem(STORAGE_KEY, "1");
    } catch {
      /* shown again after a reload */
    }
  };
  section.hidden = isStarted();
  section.querySelector(".primary").addEventListener("click", () => {
    hide();
    focusCurrentStep();
  });
  session.on("finish", hide);
}
