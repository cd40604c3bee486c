// PURE: the walk of `alternatives` projects: all candidates of a position are rated, one is chosen.
// Mirrors app/labeling/choosing.py, which has the last word.

import { Sheet } from "./state.js";

export class Choices extends Sheet {
  get written() {
    this.texts ??= new Map(this.data.human_texts ?? []);
    return this.texts;
  }
  get chosen() {
    this.picked ??= new Map(this.data.chosen ?? []);
    return this.picked;
  }

  lay(body, remember = false) {
    const { position, candidate, chosen, human_text: written } = body;
    if (written !== undefined) this.written.set(position, written);
    if (chosen === undefined) return written === undefined && super.lay(body, remember);
    const last = this.said.at(-1);
    if (remember && chosen)
      this.said.push({ at: position, candidate, was: this.chosen.get(position) ?? null, choice: true });
    else if (remember && last?.choice && last.at === position) this.said.pop();
    if (chosen) this.chosen.set(position, candidate);
    else this.chosen.delete(position);
  }

  get told() {
    const words = [...this.written].filter(([, text]) => text.trim()).map(([at, text]) => [at, text.trim()]);
    return [super.told, [...this.chosen].sort(), words.sort()];
  }

  /** Candidate numbers of the position after `path`. */
  at(path) {
    const own = path.length < this.steps.length && path.every((one) => one === 0) ? [0] : [];
    const fits = (each) => each.position === path.length && each.prefix.every((one, i) => one === path[i]);
    return [...own, ...this.data.alternatives.filter(fits).map((each) => each.candidate)];
  }

  settled(at, here) {
    return here.every((candidate) => this.word(at, candidate));
  }

  get path() {
    const path = [];
    for (let here = this.at(path); here.length; here = this.at(path)) {
      const choice = this.chosen.get(path.length);
      const word =
        here.includes(choice) && this.settled(path.length, here) ? this.word(path.length, choice) : null;
      if (!word || word.rating === -1) break;
      path.push(choice);
    }
    return path;
  }

  get end() {
    return this.path.length;
  }

  get allWrong() {
    const here = this.at(this.path);
    return here.length > 0 && here.every((candidate) => this.word(this.end, candidate)?.rating === -1);
  }

  get firstError() {
    return this.allWrong ? this.end : null;
  }

  get spots() {
    const path = this.path;
    const spots = [];
    for (let at = 0; at <= path.length; at++)
      for (const candidate of this.at(path.slice(0, at))) spots.push([at, candidate]);
    return spots;
  }

  shown(at, candidate) {
    return this.reached(at, candidate);
  }

  counts(at, candidate = 0) {
    return Boolean(this.word(at, candidate)) && this.reached(at, candidate);
  }

  get finish() {
    if (this.allWrong) return "found_error";
    return this.at(this.path).length === 0 ? "solution" : null;
  }

  get missing() {
    const at = this.end;
    if (this.allWrong) return `All alternatives for step ${at + 1} are negative`;
    const here = this.at(this.path);
    if (!here.length) return "No further alternatives";
    const left = here.filter((candidate) => !this.word(at, candidate)).length;
    return left
      ? `${left} alternative${left === 1 ? "" : "s"} for step ${at + 1} left`
      : `Choose an alternative for step ${at + 1}`;
  }

  /** After a rating: the next candidate of the position that is not rated. */
  next(at, candidate) {
    const left = this.at(this.path.slice(0, at)).filter((one) => !this.word(at, one));
    [this.cursor, this.candidate] = [at, left.find((one) => one > candidate) ?? left[0] ?? candidate];
  }

  /** Whether the walk may go on with it: all of its position are rated, and it is not wrong. */
  choosable(at, candidate) {
    const word = this.word(at, candidate);
    if (!this.reached(at, candidate) || !word || word.rating === -1) return false;
    return this.settled(at, this.at(this.path.slice(0, at)));
  }

  /** Go on with a candidate; null where that may not be. */
  choose(at, candidate) {
    if (!this.choosable(at, candidate)) return null;
    this.said.push({ at, candidate, was: this.chosen.get(at) ?? null, choice: true });
    this.chosen.set(at, candidate);
    this.home();
    return at;
  }

  home() {
    const here = this.at(this.path);
    if (here.length)
      [this.cursor, this.candidate] = [this.end, here.find((one) => !this.word(this.end, one)) ?? here[0]];
    else [this.cursor, this.candidate] = this.spots.at(-1);
  }

  takeBack() {
    const last = this.said.at(-1);
    if (!last?.choice) return super.takeBack();
    this.said.pop();
    if (last.was === null) this.chosen.delete(last.at);
    else this.chosen.set(last.at, last.was);
    [this.cursor, this.candidate] = [last.at, last.candidate];
    const back =
      last.was === null
        ? { candidate: last.candidate, chosen: false }
        : { candidate: last.was, chosen: true };
    return { at: last.at, ...back };
  }
}
