// What the server did not accept. The server's ratings are laid over the solution, a banner says what was
// not accepted and what differs, and stays until the labeler tried again, rated anew or discarded it.

import { request, showRequestError } from "./requests.js";
import { confirmDiscard } from "./dialogs.js";
import { byId, home } from "./page.js";
import { ratingOf } from "./ratings.js";
import { stepName } from "./sheet-builder.js";
import { announce, hideBanner, showBanner } from "./status.js";

const CLOSED = new Set(["already_submitted", "lease_lost", "not_yours", "not_found"]);
const OUTCOMES = {
  solution: "no error",
  found_error: "error found",
  bad_problem: "bad problem",
  give_up: "gave up",
};
const QUOTE_LENGTH = 80;

function quote(text) {
  return text.length > QUOTE_LENGTH ? `“${text.slice(0, QUOTE_LENGTH)}…”` : `“${text}”`;
}

function describeRating(rating) {
  if (!rating || (rating.rating === null && !rating.flagged)) return "no rating";
  const { word } = ratingOf(rating.rating);
  return rating.flagged && rating.rating !== null ? `${word}, flagged` : word;
}

/** One entry of the outbox in words. */
export function describeEntry({ kind, body }) {
  if (kind === "submission") {
    const comment = body.comment ? `, ${quote(body.comment)}` : "";
    return `Submission: ${OUTCOMES[body.finish_reason]}${comment}`;
  }
  const name = stepName(body.position, body.candidate);
  if (kind === "note") return body.text ? `Note on ${name}: ${quote(body.text)}` : `Removed note on ${name}`;
  if (body.human_text !== undefined) return `Written step ${body.position + 1}: ${quote(body.human_text)}`;
  if (body.chosen !== undefined) return `${name}: ${body.chosen ? "chosen" : "choice removed"}`;
  return `${name}: ${describeRating(body)}`;
}

/** Where the labeler's ratings differ from the server's, in words, apart from those that were refused. */
export function describeDifferences(own, saved, refused = []) {
  const isRefused = ({ position, candidate }) =>
    refused.some(({ entry: { body } }) => body.position === position && (body.candidate ?? 0) === candidate);
  const places = new Map();
  for (const [side, ratings] of [
    ["own", own],
    ["saved", saved],
  ])
    for (const rating of ratings) {
      const key = `${rating.position}:${rating.candidate}`;
      places.set(key, {
        ...places.get(key),
        position: rating.position,
        candidate: rating.candidate,
        [side]: rating,
      });
    }
  const pairs = [...places.values()].map((place) => [
    place,
    describeRating(place.own),
    describeRating(place.saved),
  ]);
  return pairs
    .filter(([place, before, after]) => before !== after && !isRefused(place))
    .map(
      ([{ position, candidate }, before, after]) =>
        `${stepName(position, candidate)}: ${before} here, ${after} on the server`,
    );
}

export class Refusals {
  constructor(session, lease) {
    this.session = session;
    this.lease = lease;
    this.shown = new Map(); // assignment -> {refusal, differences}
    session.on("refused", ({ assignment, answer }) => this.handle(assignment, answer));
    session.on("saved", ({ assignment, answer }) => this.handleSaved(assignment, answer));
    session.on("change", () => this.update());
    session.on("load", () => this.render());
  }

  async handle(assignment, refusal) {
    if (refusal.error === "lease_lost" && (await this.reclaim(assignment))) return;
    const differences = this.shown.get(assignment)?.differences ?? [];
    this.shown.set(assignment, { refusal, differences });
    if (this.session.isOnDesk(assignment)) {
      if (refusal.error === "lease_lost") this.session.lock();
      else await this.layServerState(assignment, refusal);
    }
    this.render();
    byId("banner").scrollIntoView({ block: "center" });
    announce(`Not accepted: ${refusal.message ?? ""}`);
  }

  /** Sent again, and accepted now. */
  handleSaved(assignment, answer) {
    if (!this.shown.has(assignment) || !this.session.isOnDesk(assignment)) return;
    this.session.state.catchUp(answer);
    this.session.lock(false);
  }

  async reclaim(assignment) {
    const { session } = this;
    const answer = await request(session, `/assignments/${assignment}/lease`);
    if (!answer?.ok) return false;
    if (session.isOnDesk(assignment)) this.lease.renew(answer.body);
    else session.outbox.retry(assignment);
    return true;
  }

  /** Show what the server has of the solution on the desk, and say what differs. */
  async layServerState(assignment, refusal) {
    const { session } = this;
    const answer = refusal.ratings ? refusal : await this.fetchCurrent(assignment);
    if (!session.isOnDesk(assignment)) return;
    if (answer) {
      const own = session.state.listRatings();
      session.state.catchUp(answer);
      const refused = session.outbox.listRefused(assignment);
      const differences = describeDifferences(own, session.state.listRatings(), refused);
      if (differences.length) this.shown.set(assignment, { refusal, differences });
    }
    session.lock(CLOSED.has(refusal.error));
  }

  async fetchCurrent(assignment) {
    const answer = await request(this.session, `/assignments/${assignment}/lease`);
    return answer?.ok ? answer.body : null;
  }

  update() {
    const counts = [...this.shown.keys()].map((id) => this.session.outbox.listRefused(id).length);
    if (counts.join() === this.counts) return;
    this.counts = counts.join();
    this.render();
  }

  render() {
    for (const [assignment, { refusal, differences }] of this.shown) {
      const refused = this.session.outbox.listRefused(assignment);
      const isOnDesk = this.session.isOnDesk(assignment);
      if (refused.length) this.show(assignment, refusal, differences, refused, isOnDesk);
      else {
        hideBanner(`refused-${assignment}`);
        this.shown.delete(assignment);
      }
    }
  }

  show(assignment, refusal, differences, refused, isOnDesk) {
    const title = isOnDesk ? "" : `Earlier task “${refused[0].entry.title ?? assignment}”: `;
    showBanner(`refused-${assignment}`, {
      message: title + (refusal.message ?? "The server did not accept this."),
      remedy: refusal.remedy ?? "",
      tone: "error",
      details: [
        `Not accepted: ${refused.map(({ entry }) => describeEntry(entry)).join("; ")}`,
        ...(isOnDesk ? differences.map((difference) => `Different: ${difference}`) : []),
      ],
      actions: this.listActions(assignment, refusal, isOnDesk),
    });
  }

  listActions(assignment, { error }, isOnDesk) {
    const isClosed = CLOSED.has(error);
    const retry = ["Try again", () => this.session.outbox.retry(assignment)];
    const discard = [
      isOnDesk && isClosed ? "Open next task" : "Discard…",
      () => this.discard(assignment, isClosed),
    ];
    const open = ["Open that task", () => this.open(assignment)];
    const view = ["View submission", () => location.assign(`${home}/assignments/${assignment}`)];
    if (error === "already_submitted") return [view, discard];
    return isOnDesk || isClosed ? [retry, discard] : [open, retry, discard];
  }

  /** Put the solution back on the desk, as the server has it. */
  async open(assignment) {
    const answer = await request(this.session, `/assignments/${assignment}/lease`);
    if (!answer) return;
    if (!answer.ok) return showRequestError(answer.body);
    this.session.load(answer.body);
    const refused = this.session.outbox.listRefused(assignment);
    const own = refused.find(({ entry }) => entry.view)?.entry.view;
    if (own && this.shown.has(assignment))
      this.shown.get(assignment).differences = describeDifferences(own, this.session.state.listRatings());
    this.render();
  }

  /** Only after a question that lists what goes. */
  async discard(assignment, isClosed) {
    const refused = this.session.outbox.listRefused(assignment);
    if (!(await confirmDiscard(refused.map(({ entry }) => describeEntry(entry))))) return;
    this.session.outbox.discard(assignment);
    if (!this.session.state || (isClosed && this.session.isOnDesk(assignment))) {
      this.session.clear("Loading the next task…");
      this.session.fetchNext();
    }
  }
}
