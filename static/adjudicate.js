// Keys of the desk on the adjudicator's form: one rates a step and goes on, after the first error to the
// reason. Without this the form works by its radios. On a decided solution Enter goes to the next.

const form = document.getElementById("decide");
const next = document.getElementById("next");

function decideByKeys() {
  const own = JSON.parse(form.dataset.keys);
  const steps = [...form.querySelectorAll(".step")];
  const reason = document.getElementById("reason");
  const ratings = JSON.parse(form.dataset.ratings).filter(({ value }) => value !== null);
  const rating = Object.fromEntries(ratings.map(({ name, value }) => [own[name], String(value)]));
  const moves = { [own.down]: 1, ArrowDown: 1, [own.up]: -1, ArrowUp: -1 };
  const radios = (step) => [...step.querySelectorAll("input")];
  const readRating = (step) => radios(step).find((radio) => radio.checked)?.value;

  function findCurrent() {
    const focused = steps.indexOf(document.activeElement.closest?.(".step"));
    return focused >= 0
      ? focused
      : Math.max(
          0,
          steps.findIndex((step) => readRating(step) === undefined),
        );
  }

  function go(to) {
    if (to >= steps.length) return reason.focus();
    const choice = radios(steps[Math.max(0, to)]);
    (choice.find((radio) => radio.checked) ?? choice[0]).focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.("textarea, select, input:not([type=radio])")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const at = findCurrent();
    if (key in rating && !event.repeat) {
      radios(steps[at]).find((radio) => radio.value === rating[key]).checked = true;
      if (rating[key] === "-1") reason.focus();
      else go(at + 1);
    } else if (key in moves) go(at + moves[key]);
    else return;
    event.preventDefault();
  });
  form.querySelector(".keys-hint").hidden = false;
}

if (form) decideByKeys();
else {
  next.querySelector("kbd").hidden = false;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.target.closest?.("a, button, input, textarea, select, summary"))
      return;
    event.preventDefault();
    next.click();
  });
}
