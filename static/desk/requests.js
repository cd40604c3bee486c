// Requests of the desk besides the outbox: for a task, a lease or a reopened submission.

import { post, Unreachable } from "./api.js";
import { home } from "./page.js";
import { showWaiting } from "./render.js";
import { announce, showBanner, showNote } from "./status.js";

const RETRY_MS = 2000;

/** The server's answer; null without one, which is shown. */
export async function request(session, path) {
  try {
    const answer = await post(home + path);
    if (answer.status !== 401) return answer;
    session.outbox.trouble = "signed-out";
    session.emit("change");
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    if (session.state) announce("The server is unreachable.");
    else {
      showWaiting("The server is unreachable. Retrying…");
      setTimeout(() => session.fetchNext(), RETRY_MS);
    }
  }
  return null;
}

/** What the server refused, with buttons for `actions`, or one that hides it. */
export function showRequestError({ message, remedy }, actions) {
  if (actions) showBanner("request", { message, remedy, actions });
  else showNote("request", message, remedy);
}
