// What the server put on the page: the project, the labeler, keys and ratings.

const { dataset } = document.getElementById("desk");

export const slug = dataset.slug;
export const user = dataset.user;
export const home = `/projects/${dataset.slug}`;
export const keys = JSON.parse(dataset.keys);
export const allRatings = JSON.parse(dataset.ratings);

export function byId(id) {
  return document.getElementById(id);
}
