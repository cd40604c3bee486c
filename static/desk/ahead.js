// The next solution: fetched and drawn before it is needed.

import { Unreachable, post } from "./server.js";

const desk = document.getElementById("desk");
const address = `/projects/${desk.dataset.slug}/reservation`;
let next = null; // {data, built}
let asking = null; // for which solution it is being fetched

export function held() {
  return next;
}

export function hold(data, build) {
  next = data && { data, built: build(data) };
  desk.toggleAttribute("data-ahead", Boolean(next)); // from here on the next one needs no network
}

export function redraw(build) {
  if (next) hold(next.data, build);
}

/** For what is on the desk now; `current` gives its id as long as something is. */
export async function prefetch(current, build) {
  const here = current();
  if (next || !here || asking === here) return;
  asking = here;
  try {
    const { status, body } = await post(address);
    if (status !== 200 || current() !== here || body.assignment.id === here) return;
    (window.requestIdleCallback ?? setTimeout)(() => {
      if (current() === here) hold(body, build);
    });
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error; // fetched with the submission instead
  } finally {
    if (asking === here) asking = null;
  }
}
