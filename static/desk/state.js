// PURE: one solution on the desk: what was said of each step, where the labeler is, what is missing.
// Mirrors app/labeling/walk.py, which has the last word.

export const WORDS = { "1": "great", "0": "okay", "-1": "bad" };

export class Sheet {
  constructor(data) {
    this.data = data;
    this.id = data.assignment.id;
    this.steps = data.steps;
    this.inOrder = data.task.mode === "first_error";
    this.places = new Map(data.ratings.map((said) => [said.position, { rating: said.rating, flagged: said.flagged }]));
    this.said = []; // what to go back to, newest last
    this.cursor = Math.min(this.end, this.steps.length - 1);
    this.doubt = null;
  }

  /** First step that is not judged, or is wrong; the number of steps if there is none. */
  get end() {
    for (let at = 0; at < this.steps.length; at++) {
      const place = this.places.get(at);
      if (!place || (this.inOrder && place.rating === -1)) return at;
    }
    return this.steps.length;
  }

  get firstError() {
    if (this.inOrder) return this.places.has(this.end) ? this.end : null;
    const wrong = [...this.places].filter(([, place]) => place.rating === -1).map(([at]) => at);
    return wrong.length ? Math.min(...wrong) : null;
  }

  get started() { return this.places.size > 0 || this.said.length > 0; }

  reached(at) { return !this.inOrder || at <= this.end; }

  /** Judged and part of the walk: what stands behind the first wrong step does not count. */
  counts(at) { return this.places.has(at) && this.reached(at); }

  get judgedCount() { return this.steps.filter((_, at) => this.counts(at)).length; }

  get finish() {
    const whole = this.end === this.steps.length;
    if (this.firstError !== null && (this.inOrder || whole)) return "found_error";
    return whole ? "solution" : null;
  }

  get missing() {
    const wrong = this.firstError;
    if (this.finish === "found_error") return `First wrong step: ${wrong + 1}`;
    if (this.finish) return "No wrong step found";
    const left = this.steps.length - this.judgedCount;
    const steps = `${left} step${left === 1 ? "" : "s"} to rate`;
    return this.inOrder ? `${steps}, or mark the first wrong one` : steps;
  }

  /** Say something of a step. Returns where it was said, or null where it may not be. */
  say(at, place, remember = true) {
    if (!this.reached(at) || at < 0 || at >= this.steps.length) return null;
    if (remember) this.said.push({ at, before: this.places.get(at) ?? null });
    if (place.rating === null && !place.flagged) this.places.delete(at);
    else this.places.set(at, place);
    this.cursor = this.firstError === at && this.inOrder ? at : Math.min(at + 1, this.steps.length - 1, Math.max(this.end, at));
    return at;
  }

  /** Take the last thing back. Returns {at, place} to save, or null when nothing was said here. */
  takeBack() {
    const last = this.said.pop() ?? this.lastOne();
    if (!last) return null;
    const place = last.before ?? { rating: null, flagged: null };
    if (last.before) this.places.set(last.at, last.before);
    else this.places.delete(last.at);
    this.cursor = last.at;
    return { at: last.at, place };
  }

  lastOne() {
    for (let at = this.steps.length - 1; at >= 0; at--) if (this.counts(at)) return { at, before: null };
    return null;
  }

  move(by) {
    const last = this.inOrder ? Math.min(this.end, this.steps.length - 1) : this.steps.length - 1;
    this.cursor = Math.max(0, Math.min(last, this.cursor + by));
  }
}

/** A random UUID (version 4), also where crypto.randomUUID is not: on plain http. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
