/** The color a class has in this theme: a canvas cannot read custom properties. */
export function themeColor(within, name) {
  const probe = document.createElement("span");
  probe.className = name;
  within.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}
