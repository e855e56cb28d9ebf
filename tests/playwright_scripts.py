"""JavaScript that the page's tests run in the browser."""

# -> [text, contrast] of each text that is seen: WCAG 2.2's (L1 + 0.05) / (L2 + 0.05), times 1.5 for large text, which
# needs only 3
CONTRAST = """() => {
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(element).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    const style = getComputedStyle(element);
    if (!text || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (["SCRIPT", "STYLE"].includes(element.tagName) || element.closest(".unseen")) continue;
    const [first, second] = [parse(style.color), behind(element)].map((c) => light(c.slice(0, 3)));
    const ratio = (Math.max(first, second) + 0.05) / (Math.min(first, second) + 0.05);
    const [size, isBold] = [parseFloat(style.fontSize), Number(style.fontWeight) >= 700];
    found.push([text, size >= 24 || (isBold && size >= 18.66) ? 1.5 * ratio : ratio]);
  }
  return found;
}"""

# -> the first words of what reaches over the right edge of the screen, and would be cut off there
CUT_OFF = """() => [...document.querySelectorAll("main *, header *")]
  .filter((element) => element.checkVisibility() && !element.closest(".unseen, .share, .q-tabs__arrow"))
  .filter((element) => element.getBoundingClientRect().right > innerWidth)
  .map((element) => element.outerHTML.slice(0, 100))"""

# -> the element with the focus, if it is no control, or if nothing around it shows that it has the focus
UNCLEAR_FOCUS = """() => {
  const focused = document.activeElement;
  if (focused === document.body) return "";
  const isControl = focused.matches("a, button, input, select, [role]");
  for (let element = focused; isControl && element && element !== document.body; element = element.parentElement) {
    const style = getComputedStyle(element);
    if (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) return "";
  }
  return focused.outerHTML.slice(0, 200);
}"""
