// PURE: the state of a solution with alternatives at every position: all candidates of a position are
// rated, and one that is not negative is chosen. A lone candidate is chosen by rating it.
// app/modes/branching_state.py applies the same rules and has the last word; tests/vectors holds both to them.

import { LabelingState } from "./labeling-state.js";

export class BranchingState extends LabelingState {
  load(answer) {
    this.chosen = new Map(answer.chosen ?? []); // position -> candidate
    this.humanTexts = new Map(answer.human_texts ?? []); // position -> the step that the labeler wrote
    this.cachedPath = null;
    super.load(answer);
  }

  get snapshot() {
    const texts = [...this.humanTexts].filter(([, text]) => text.trim());
    const trimmed = texts.map(([position, text]) => [position, text.trim()]);
    return [super.snapshot, [...this.chosen].sort(), trimmed.sort()];
  }

  applyEvent(event, isUndoable = false) {
    const { position, candidate = 0, chosen, human_text: text } = event;
    if (text !== undefined) this.humanTexts.set(position, text);
    else if (chosen === undefined) super.applyEvent(event, isUndoable);
    else {
      const last = this.history.at(-1);
      if (isUndoable && chosen) this.rememberChoice(position, candidate);
      else if (isUndoable && last?.isChoice && last.position === position) this.history.pop();
      this.setChosen(position, candidate, chosen);
    }
  }

  allows(event) {
    if (event.human_text !== undefined || event.chosen === false) return true;
    return event.chosen ? this.isReached(event.position, event.candidate) : super.allows(event);
  }

  setChosen(position, candidate, isChosen) {
    if (isChosen) this.chosen.set(position, candidate);
    else if (this.chosen.get(position) === candidate) this.chosen.delete(position);
    this.cachedPath = null;
  }

  setRating(position, candidate, rating) {
    super.setRating(position, candidate, rating);
    this.cachedPath = null;
  }

  rememberChoice(position, candidate) {
    const before = this.chosen.get(position) ?? null;
    this.history.push({ position, candidate, before, isChoice: true });
  }

  /** The candidates of the position after `path`. The solution's own step comes first. */
  listCandidates(path) {
    const isOwnPath = path.length < this.steps.length && path.every((candidate) => candidate === 0);
    const fits = (step) =>
      step.position === path.length && step.prefix.every((candidate, i) => candidate === path[i]);
    const prepared = this.payload.alternatives.filter(fits).map((step) => step.candidate);
    return isOwnPath ? [0, ...prepared] : prepared;
  }

  isPositionRated(position, candidates) {
    return candidates.every((candidate) => this.getRating(position, candidate));
  }

  /** The candidates chosen so far, while each choice is still allowed by the ratings. */
  get path() {
    this.cachedPath ??= this.computePath();
    return this.cachedPath;
  }

  computePath() {
    const path = [];
    for (
      let candidates = this.listCandidates(path);
      candidates.length;
      candidates = this.listCandidates(path)
    ) {
      const position = path.length;
      const choice = candidates.length === 1 ? candidates[0] : this.chosen.get(position);
      if (!candidates.includes(choice) || !this.isPositionRated(position, candidates)) break;
      if (this.getRating(position, choice).rating === -1) break;
      path.push(choice);
    }
    return path;
  }

  get frontier() {
    return this.path.length;
  }

  get allNegative() {
    const candidates = this.listCandidates(this.path);
    const isNegative = (candidate) => this.getRating(this.frontier, candidate)?.rating === -1;
    return candidates.length > 0 && candidates.every(isNegative);
  }

  get firstError() {
    return this.allNegative ? this.frontier : null;
  }

  get finishReason() {
    if (this.allNegative) return "found_error";
    return this.listCandidates(this.path).length ? null : "solution";
  }

  isReached(position, candidate = 0) {
    const { path } = this;
    return (
      position >= 0 &&
      position <= path.length &&
      this.listCandidates(path.slice(0, position)).includes(candidate)
    );
  }

  isVisible(position, candidate) {
    return this.isReached(position, candidate);
  }

  listPlaces() {
    const places = [];
    for (let position = 0; position <= this.path.length; position++)
      for (const candidate of this.listCandidates(this.path.slice(0, position)))
        places.push([position, candidate]);
    return places;
  }

  get remaining() {
    const position = this.frontier;
    if (this.allNegative) return `All alternatives for step ${position + 1} are negative`;
    const candidates = this.listCandidates(this.path);
    if (!candidates.length) return "No further alternatives";
    const left = candidates.filter((candidate) => !this.getRating(position, candidate)).length;
    return left
      ? `${left} alternative${left === 1 ? "" : "s"} for step ${position + 1} left`
      : `Choose an alternative for step ${position + 1}`;
  }

  /** Whether it can be chosen: all of its position are rated, it is not negative and not the only one. */
  isChoosable(position, candidate) {
    const rating = this.getRating(position, candidate);
    if (!rating || rating.rating === -1 || !this.isReached(position, candidate)) return false;
    const candidates = this.listCandidates(this.path.slice(0, position));
    return candidates.length > 1 && this.isPositionRated(position, candidates);
  }

  /** Choose a candidate. False if it may not be chosen. */
  choose(position, candidate) {
    if (!this.isChoosable(position, candidate)) return false;
    this.rememberChoice(position, candidate);
    this.setChosen(position, candidate, true);
    this.moveToFrontier();
    return true;
  }

  undo() {
    const last = this.history.at(-1);
    if (!last?.isChoice) return super.undo();
    this.history.pop();
    const { position, candidate, before } = last;
    this.setChosen(position, before ?? candidate, before !== null);
    [this.cursor, this.candidate] = [position, candidate];
    return { position, candidate: before ?? candidate, event: { chosen: before !== null } };
  }

  moveToFrontier() {
    const candidates = this.listCandidates(this.path);
    const unrated = candidates.find((candidate) => !this.getRating(this.frontier, candidate));
    [this.cursor, this.candidate] = candidates.length
      ? [this.frontier, unrated ?? candidates[0]]
      : (this.listPlaces().at(-1) ?? [0, 0]);
  }

  /** To the next candidate of the position that is not rated, or after a lone one. */
  moveAfterRating(position, candidate) {
    const candidates = this.listCandidates(this.path.slice(0, position));
    if (candidates.length === 1 && this.frontier > position) return this.moveToFrontier();
    const unrated = candidates.filter((other) => !this.getRating(position, other));
    const next = unrated.find((other) => other > candidate) ?? unrated[0] ?? candidate;
    [this.cursor, this.candidate] = [position, next];
  }
}
