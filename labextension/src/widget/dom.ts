/** Makes elements; a text is always a text. */

type Attributes = Record<string, string | boolean | undefined>;

/** Make an element with attributes and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) {
      made.setAttribute(name, value === true ? '' : value);
    }
  }
  made.append(...children);
  return made;
}

/** Make a button. */
export function button(label: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = h('button', { type: 'button', class: 'jd-button', ...attributes }, label);
  made.addEventListener('click', act);
  return made;
}

/** Write a text only where it changed, so that a screen reader is not told the same again. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) {
    element.textContent = text;
  }
}

/** Set what stands between backticks as code. */
export function marked(text: string): (Node | string)[] {
  return text.split('`').map((piece, at) => (at % 2 ? h('code', {}, piece) : piece));
}
