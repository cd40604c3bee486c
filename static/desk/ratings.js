// The ratings of a step, as app/labeling/ratings.py defines them.

import { allRatings } from "./page.js";

/** In the order of their keys and buttons, without the flag. */
export const RATINGS = allRatings.filter(({ value }) => value !== null);

/** The rating of a value; the flag for null. */
export function ratingOf(value) {
  return allRatings.find((rating) => rating.value === value);
}
