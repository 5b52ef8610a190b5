/** Takes over markup that the kernel made: only elements and attributes that a card is made of, so that nothing in it can run. */

const TAGS = new Set('B CODE DETAILS DIV LI OL PRE SPAN SUMMARY TABLE TBODY TD TH THEAD TR UL'.split(' '));
const ATTRIBUTES = new Set(['aria-hidden', 'aria-label', 'role', 'scope', 'style', 'tabindex', 'title']);

/** Read markup into nodes; of an element that is none of a card's, only its text is left. */
export function safe(markup: string): DocumentFragment {
  const read = new DOMParser().parseFromString(markup, 'text/html');
  const made = document.createDocumentFragment();
  made.append(...[...read.body.childNodes].map(copied));
  return made;
}

function copied(node: Node): Node {
  if (!(node instanceof Element) || !TAGS.has(node.tagName)) {
    return document.createTextNode(node.textContent ?? '');
  }
  const made = document.createElement(node.tagName);
  for (const { name, value } of node.attributes) {
    if (ATTRIBUTES.has(name) && !/url\s*\(/i.test(value)) {
      made.setAttribute(name, value);
    }
  }
  made.append(...[...node.childNodes].map(copied));
  return made;
}
