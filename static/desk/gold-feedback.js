// Feedback on a gold task after its submission, in projects that show it: a panel that covers no step and
// closes with Escape. The history keeps it.

import { renderMath } from "../math.js";
import { byId, home } from "./page.js";
import { ratingOf } from "./ratings.js";
import { focusCurrentStep } from "./render.js";
import { createElement } from "./sheet-builder.js";
import { announce } from "./status.js";

function describeResult(feedback) {
  if (feedback.correct) return "Your ratings match.";
  if (feedback.first_error === null) return "It has no error.";
  return `The first error is step ${feedback.first_error + 1}.`;
}

function describeDifference({ position, given: rated, expected }) {
  const [own, answer] = [ratingOf(rated).word, ratingOf(expected).word];
  return `Step ${position + 1}: you rated ${own}; expected ${answer}.`;
}

function createMath(tag, text) {
  const element = createElement(tag, "math-text");
  renderMath(element, text);
  return element;
}

function buildDifference(difference) {
  const item = createElement("li");
  item.append(createElement("b", "", describeDifference(difference)), createMath("div", difference.text));
  return item;
}

function buildArticle(feedback) {
  const article = createElement("article");
  article.append(createElement("p", "", describeResult(feedback)));
  if (feedback.differences.length) {
    const list = createElement("ul");
    list.append(...feedback.differences.map(buildDifference));
    article.append(list);
  }
  if (feedback.reason) article.append(createMath("p", `Reason: ${feedback.reason}`));
  const link = createElement("a", "", "Open submission");
  link.href = `${home}/assignments/${feedback.assignment}`;
  article.append(link);
  return article;
}

export class GoldFeedback {
  constructor(session) {
    this.panel = byId("feedback");
    if (!this.panel) return; // the project shows none
    session.on("submitted", ({ answer }) => answer.feedback && this.show(answer.feedback));
    session.on("empty", () => this.panel.classList.add("docked")); // it would cover the message
    session.on("load", () => this.panel.classList.remove("docked"));
    this.panel.querySelector("button").addEventListener("click", () => this.close());
    addEventListener("keydown", (event) => this.handleKey(event), true);
  }

  show(feedback) {
    const area = this.panel.querySelector(".scroll-area");
    if (this.panel.hidden) area.replaceChildren();
    area.prepend(buildArticle(feedback));
    this.panel.hidden = false;
    const differences = feedback.differences.map(describeDifference);
    announce(
      ["That was a control task.", describeResult(feedback), ...differences, feedback.reason].join(" "),
    );
  }

  close() {
    this.panel.hidden = true;
    focusCurrentStep();
  }

  handleKey(event) {
    if (event.key !== "Escape" || this.panel.hidden || document.querySelector("dialog[open]")) return;
    event.stopPropagation(); // what else is open closes with the next
    this.close();
  }
}
