// PURE: the current ratings of one solution, the step the labeler is on, and what is missing.
// app/modes/labeling_state.py applies the same rules and has the last word; tests/vectors holds both to them.

export class LabelingState {
  /** `payload` as app/labeling/desk_payload.py builds it. */
  constructor(payload) {
    this.payload = payload;
    this.id = payload.assignment.id;
    this.steps = payload.steps;
    this.inOrder = payload.task.in_order;
    this.referenceVerdict = null;
    this.load(payload);
  }

  /** Replace everything rated so far by what the server has. */
  load({ ratings }) {
    this.ratings = new Map(); // position -> rating of the solution's own step
    this.alternativeRatings = new Map(); // "position:candidate" -> rating of an alternative
    this.history = []; // what undo goes back to, newest last
    this.cachedFrontier = null;
    for (const rating of ratings) this.setRating(rating.position, rating.candidate, rating);
    this.moveToFrontier();
  }

  /** Load the server's answer to saved ratings. False if it has nothing new. */
  catchUp(answer) {
    const other = new this.constructor({ ...this.payload, ...answer, assignment: this.payload.assignment });
    if (JSON.stringify(other.snapshot) === JSON.stringify(this.snapshot)) return false;
    this.load(answer);
    return true;
  }

  /** Everything rated, in an order of its own, to compare with another state. */
  get snapshot() {
    return this.listRatings().map((rating) => Object.values(rating));
  }

  listRatings() {
    const own = [...this.ratings].map(([position, rating]) => ({ position, candidate: 0, ...rating }));
    const others = [...this.alternativeRatings].map(([key, rating]) => {
      const [position, candidate] = key.split(":").map(Number);
      return { position, candidate, ...rating };
    });
    return [...own, ...others].sort((a, b) => a.position - b.position || a.candidate - b.candidate);
  }

  getRating(position, candidate = 0) {
    return candidate ? this.alternativeRatings.get(`${position}:${candidate}`) : this.ratings.get(position);
  }

  /** An empty rating removes the current one. */
  setRating(position, candidate, rating) {
    const [map, key] = candidate
      ? [this.alternativeRatings, `${position}:${candidate}`]
      : [this.ratings, position];
    if (!rating || (rating.rating === null && !rating.flagged)) map.delete(key);
    else map.set(key, { rating: rating.rating, flagged: Boolean(rating.flagged) });
    this.cachedFrontier = null;
  }

  /** Lay an event over the state: one that is not sent yet, or another tab's, which undo takes back too. */
  applyEvent({ position, candidate = 0, rating, flagged }, isUndoable = false) {
    const last = this.history.at(-1);
    const isUndo =
      isUndoable &&
      rating === null &&
      !flagged &&
      last?.position === position &&
      last.candidate === candidate;
    this.rate(position, candidate, { rating, flagged }, isUndoable && !isUndo);
    if (isUndo) this.history.pop();
  }

  /** Whether an event may be recorded now. Removing is always allowed. */
  allows({ position, candidate = 0, rating, flagged }) {
    return (rating === null && !flagged) || this.isReached(position, candidate);
  }

  /** Rate a candidate. False if it may not be rated now. */
  rate(position, candidate, rating, isUndoable = true) {
    if (!this.allows({ position, candidate, ...rating })) return false;
    if (isUndoable)
      this.history.push({ position, candidate, before: this.getRating(position, candidate) ?? null });
    this.setRating(position, candidate, rating);
    this.moveAfterRating(position, candidate);
    return true;
  }

  /** Undo the last act. Returns {position, candidate, event} to save, or null without one. */
  undo() {
    const last = this.history.pop() ?? this.findLastRated();
    if (!last) return null;
    const { position, candidate, before } = last;
    this.setRating(position, candidate, before);
    [this.cursor, this.candidate] = [position, candidate];
    const event = { rating: before?.rating ?? null, flagged: before?.flagged ?? null };
    return { position, candidate, event };
  }

  findLastRated() {
    const [position, candidate] = this.listPlaces().findLast((place) => this.isCounted(...place)) ?? [];
    return position === undefined ? null : { position, candidate, before: null };
  }

  /** Position of the first step that is not rated, or is negative; the number of steps without one. */
  get frontier() {
    this.cachedFrontier ??= this.computeFrontier();
    return this.cachedFrontier;
  }

  computeFrontier() {
    for (let position = 0; position < this.steps.length; position++) {
      const rating = this.ratings.get(position);
      if (!rating || (this.inOrder && rating.rating === -1)) return position;
    }
    return this.steps.length;
  }

  get firstError() {
    if (this.inOrder) return this.ratings.has(this.frontier) ? this.frontier : null;
    const negative = [...this.ratings]
      .filter(([, { rating }]) => rating === -1)
      .map(([position]) => position);
    return negative.length ? Math.min(...negative) : null;
  }

  /** How the solution can be submitted now; null while ratings are missing. */
  get finishReason() {
    const isComplete = this.frontier === this.steps.length;
    if (this.firstError !== null && (this.inOrder || isComplete)) return "found_error";
    return isComplete ? "solution" : null;
  }

  isReached(position, candidate = 0) {
    if (candidate) return this.availableAlternatives(position).includes(candidate);
    return position >= 0 && position < this.steps.length && (!this.inOrder || position <= this.frontier);
  }

  /** Alternatives that may be rated now: those for the first error. */
  availableAlternatives(position) {
    if (!this.inOrder || this.firstError !== position) return [];
    return this.payload.alternatives
      .filter((step) => step.position === position && step.prefix.every((candidate) => candidate === 0))
      .map((step) => step.candidate);
  }

  /** Whether it has a rating that a submission would include. */
  isCounted(position, candidate = 0) {
    return Boolean(this.getRating(position, candidate)) && this.isReached(position, candidate);
  }

  isVisible(position, candidate) {
    return candidate === 0 || this.availableAlternatives(position).includes(candidate);
  }

  /** What can be rated now, as [position, candidate]. */
  listPlaces() {
    const places = [];
    for (let position = 0; position < this.steps.length && this.isReached(position); position++)
      places.push([position, 0], ...this.availableAlternatives(position).map((other) => [position, other]));
    return places;
  }

  /** The ratings of listPlaces: what the labeler sees when they submit. */
  get reachedRatings() {
    return this.listPlaces().map((place) => this.getRating(...place)?.rating ?? null);
  }

  get isStarted() {
    return this.ratings.size > 0 || this.history.length > 0;
  }

  get countedSteps() {
    return this.steps.filter((_, position) => this.isCounted(position)).length;
  }

  /** What is missing, or how it can be submitted, in words. */
  get remaining() {
    if (this.finishReason === "found_error") return `Submit: first error at step ${this.firstError + 1}`;
    if (this.finishReason) return "Submit: no error";
    const left = this.steps.length - this.countedSteps;
    const steps = `${left} step${left === 1 ? "" : "s"} left`;
    return this.inOrder ? `${steps}, or rate the first error` : steps;
  }

  moveToFrontier() {
    [this.cursor, this.candidate] = [Math.max(0, Math.min(this.frontier, this.steps.length - 1)), 0];
  }

  moveAfterRating(position, candidate) {
    const alternatives = this.availableAlternatives(position);
    const unrated = alternatives.find((other) => other > candidate && !this.getRating(position, other));
    if (candidate || alternatives.length) [this.cursor, this.candidate] = [position, unrated ?? candidate];
    else [this.cursor, this.candidate] = [this.positionAfter(position), 0];
  }

  positionAfter(position) {
    if (this.inOrder && this.firstError === position) return position;
    return Math.min(position + 1, this.steps.length - 1, Math.max(this.frontier, position));
  }

  move(by) {
    const places = this.listPlaces();
    const current = places.findIndex(
      ([position, candidate]) => position === this.cursor && candidate === this.candidate,
    );
    const next = places[Math.max(0, Math.min(places.length - 1, current + by))];
    if (next) [this.cursor, this.candidate] = next;
  }
}
