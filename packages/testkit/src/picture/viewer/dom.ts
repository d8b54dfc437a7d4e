/**
 * Functions that create and find elements of the page. Text is never parsed as markup.
 */

const svgNamespace = "http://www.w3.org/2000/svg"

/** Attributes of an element by name. An `undefined` attribute is absent. */
export interface Attributes {
  readonly [name: string]: string | number | undefined
}

/** Returns the element of the page with an id. Throws if the document of `html.ts` does not have it. */
export const elementById = (id: string): HTMLElement => {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return found
}

/** Creates an HTML element. */
export const element = <K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  ...content: ReadonlyArray<string | Node>
): HTMLElementTagNameMap[K] => {
  const node = document.createElement(tag)
  if (className !== "") node.className = className
  node.append(...content)
  return node
}

/** Creates a button that calls `onClick`. */
export const button = (
  className: string,
  content: ReadonlyArray<string | Node>,
  onClick: () => void,
): HTMLButtonElement => {
  const node = element("button", className, ...content)
  node.type = "button"
  node.addEventListener("click", onClick)
  return node
}

/** Creates an SVG element. */
export const svgElement = (tag: string, attributes: Attributes = {}): SVGElement => {
  const node = document.createElementNS(svgNamespace, tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) node.setAttribute(name, String(value))
  }
  return node
}

/** Creates a small image that screen readers skip. */
export const svgImage = (viewBox: string, ...shapes: ReadonlyArray<SVGElement>): SVGElement => {
  const svg = svgElement("svg", { viewBox, "aria-hidden": "true" })
  svg.append(...shapes)
  return svg
}
