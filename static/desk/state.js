// PURE: one solution on the desk: what was said of each step, where the labeler is, what is missing.
// Mirrors app/labeling/walk.py, which has the last word.

export class Sheet {
  constructor(data) {
    this.data = data;
    this.id = data.assignment.id;
    this.steps = data.steps;
    this.inOrder = data.task.mode === "first_error";
    const own = data.ratings.filter((said) => !said.candidate);
    this.places = new Map(own.map((said) => [said.position, { rating: said.rating, flagged: said.flagged }]));
    this.others = new Map(); // "position:candidate" -> what was said of another candidate
    for (const said of data.ratings) if (said.candidate) this.set(said.position, said.candidate, said);
    this.said = []; // what to go back to, newest last
    this.doubt = null;
    this.home();
  }

  /** Lay an event over what is known: one that still waits to be sent, or another tab's. Those of
   *  another tab can be taken back here too. */
  lay({ position, candidate, rating, flagged }, remember = false) {
    const last = this.said.at(-1);
    const undone =
      remember && rating === null && !flagged && last?.at === position && last.candidate === candidate;
    this.say(position, { rating, flagged }, remember && !undone, candidate);
    if (undone) this.said.pop();
  }

  /** What was said, in an order of its own: to compare with what the server has. */
  get told() {
    const plain = ([key, place]) => [String(key), place.rating, Boolean(place.flagged)];
    return [...this.places, ...this.others].map(plain).sort(byKey);
  }

  /** The server's word, as in its answer to ratings; false where it says nothing new. */
  take({ ratings, chosen, human_texts }) {
    const there = new this.constructor({ ...this.data, ratings, chosen, human_texts });
    if (JSON.stringify(there.told) === JSON.stringify(this.told)) return false;
    Object.assign(this, { ...there, data: this.data, doubt: this.doubt });
    return true;
  }

  /** Where the labeler goes on. */
  home() {
    [this.cursor, this.candidate] = [Math.min(this.end, this.steps.length - 1), 0];
  }

  word(at, candidate = 0) {
    return candidate ? this.others.get(`${at}:${candidate}`) : this.places.get(at);
  }

  set(at, candidate, place) {
    const [held, key] = candidate ? [this.others, `${at}:${candidate}`] : [this.places, at];
    if (!place || (place.rating === null && !place.flagged)) held.delete(key);
    else held.set(key, { rating: place.rating, flagged: place.flagged });
  }

  /** Other candidates that may be rated now: those for the first wrong step. */
  offered(at) {
    if (!this.inOrder || this.firstError !== at) return [];
    return this.data.alternatives
      .filter((each) => each.position === at && each.prefix.every((one) => one === 0))
      .map((each) => each.candidate);
  }

  /** What can be rated now, as [position, candidate]. */
  get spots() {
    const spots = [];
    for (let at = 0; at < this.steps.length && this.reached(at); at++)
      spots.push([at, 0], ...this.offered(at).map((candidate) => [at, candidate]));
    return spots;
  }

  /** Whether it is drawn at all. */
  shown(at, candidate) {
    return candidate === 0 || this.offered(at).includes(candidate);
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

  get started() {
    return this.places.size > 0 || this.said.length > 0;
  }

  reached(at, candidate = 0) {
    if (this.data.task.mode === "alternatives")
      return this.spots.some(([a, c]) => a === at && c === candidate);
    return candidate ? this.offered(at).includes(candidate) : !this.inOrder || at <= this.end;
  }

  /** Judged and part of the walk: what stands behind the first wrong step does not count. */
  counts(at, candidate = 0) {
    return Boolean(this.word(at, candidate)) && this.reached(at, candidate);
  }

  get judgedCount() {
    return this.steps.filter((_, at) => this.counts(at)).length;
  }

  get finish() {
    const whole = this.end === this.steps.length;
    if (this.firstError !== null && (this.inOrder || whole)) return "found_error";
    return whole ? "solution" : null;
  }

  get missing() {
    const wrong = this.firstError;
    if (this.finish === "found_error") return `Submit: first error at step ${wrong + 1}`;
    if (this.finish) return "Submit: no error";
    const left = this.steps.length - this.judgedCount;
    const steps = `${left} step${left === 1 ? "" : "s"} left`;
    return this.inOrder ? `${steps}, or rate the first error` : steps;
  }

  /** Say something of a candidate. Returns where it was said, or null where it may not be. */
  say(at, place, remember = true, candidate = 0) {
    if (at < 0 || !this.reached(at, candidate)) return null;
    if (!candidate && at >= this.steps.length) return null;
    if (remember) this.said.push({ at, candidate, before: this.word(at, candidate) ?? null });
    this.set(at, candidate, place);
    this.next(at, candidate);
    return at;
  }

  /** Where to go after a rating. */
  next(at, candidate) {
    const offered = this.offered(at);
    const other = offered.find((one) => one > candidate && !this.word(at, one));
    if (candidate || (offered.length && this.firstError === at))
      [this.cursor, this.candidate] = [at, other ?? candidate];
    else
      [this.cursor, this.candidate] = [
        this.firstError === at && this.inOrder
          ? at
          : Math.min(at + 1, this.steps.length - 1, Math.max(this.end, at)),
        0,
      ];
  }

  /** Take the last thing back. Returns {at, candidate, place} to save, or null when nothing was said here. */
  takeBack() {
    const last = this.said.pop() ?? this.lastOne();
    if (!last) return null;
    this.set(last.at, last.candidate, last.before);
    [this.cursor, this.candidate] = [last.at, last.candidate];
    return { at: last.at, candidate: last.candidate, place: last.before ?? { rating: null, flagged: null } };
  }

  lastOne() {
    const [at, candidate] = this.spots.findLast((spot) => this.counts(...spot)) ?? [];
    return at === undefined ? null : { at, candidate, before: null };
  }

  move(by) {
    const spots = this.spots;
    const here = spots.findIndex(([at, candidate]) => at === this.cursor && candidate === this.candidate);
    [this.cursor, this.candidate] = spots[Math.max(0, Math.min(spots.length - 1, here + by))];
  }
}

const byKey = ([a], [b]) => (a < b ? -1 : 1);

/** A random UUID (version 4), also where crypto.randomUUID is not: on plain http. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
