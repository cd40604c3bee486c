// The ratings of a step, as app/labeling/ratings.py defines them: the page carries them.

const all = JSON.parse(document.getElementById("desk").dataset.ratings);

/** In the order of their keys and buttons, without the flag. */
export const RATINGS = all.filter(({ value }) => value !== null);

/** The rating of a value; the flag for null. */
export function ratingOf(value) {
  return all.find((rating) => rating.value === value);
}
