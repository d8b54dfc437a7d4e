import { type Attributes, svgElement } from "../dom.ts"

/** Plain text, or parts with a class for each. */
export type Text = string | ReadonlyArray<readonly [className: string, text: string]>

/** Element with its last attributes and content. */
interface Item {
  readonly node: SVGElement
  readonly attributes: Map<string, string>
  text: string
  /** Frame in which the element was last put. */
  frame: number
}

const setAttributes = ({ attributes: current, node }: Item, attributes: Attributes): void => {
  for (const [name, value] of Object.entries(attributes)) {
    const before = current.get(name)
    if (value === undefined) {
      if (before !== undefined) node.removeAttribute(name)
      current.delete(name)
    } else if (before !== String(value)) {
      current.set(name, String(value))
      node.setAttribute(name, String(value))
    }
  }
}

const setText = (item: Item, text: Text): void => {
  const key = typeof text === "string" ? text : JSON.stringify(text)
  if (key === item.text) return
  item.text = key
  if (typeof text === "string") {
    item.node.textContent = text
    return
  }
  const spans = text.map(([className, part]) => {
    const span = svgElement("tspan", { class: className })
    span.textContent = part
    return span
  })
  item.node.replaceChildren(...spans)
}

/**
 * Group of SVG elements that is drawn again in each frame. A key that is put again keeps its element and its focus, and
 * only changed attributes are written. The element of a key that is not put again is removed at the end of the frame.
 */
export class SvgLayer {
  private readonly group: SVGElement
  private readonly items = new Map<string, Item>()
  private frame = 0

  constructor(parent: Element, className: string) {
    this.group = svgElement("g", { class: className })
    parent.append(this.group)
  }

  /** Draws an element, or updates the element with the same key. */
  put(key: string, tag: string, attributes: Attributes, text: Text = ""): void {
    const item = this.items.get(key) ?? this.create(key, tag)
    item.frame = this.frame
    setAttributes(item, attributes)
    setText(item, text)
  }

  /** Returns the element of a key. */
  get(key: string): SVGElement | undefined {
    return this.items.get(key)?.node
  }

  /** Ends the frame: removes the elements that were not put in it. */
  endFrame(): void {
    for (const [key, item] of this.items) {
      if (item.frame === this.frame) continue
      item.node.remove()
      this.items.delete(key)
    }
    this.frame++
  }

  /** Removes the group with its elements. */
  remove(): void {
    this.group.remove()
  }

  private create(key: string, tag: string): Item {
    const item: Item = { node: svgElement(tag), attributes: new Map(), text: "", frame: this.frame }
    this.group.append(item.node)
    this.items.set(key, item)
    return item
  }
}
