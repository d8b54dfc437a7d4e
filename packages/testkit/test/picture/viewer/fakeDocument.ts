/**
 * Small document for the tests of the viewer's drawings. It has no layout, so tests that depend on sizes use a browser.
 */
import { afterEach, beforeEach, vi } from "@effect/vitest"

class FakeClassList {
  private readonly owner: FakeElement

  constructor(owner: FakeElement) {
    this.owner = owner
  }

  contains(name: string): boolean {
    return this.names().has(name)
  }

  toggle(name: string, isSet: boolean): void {
    const names = this.names()
    if (isSet) names.add(name)
    else names.delete(name)
    this.owner.className = [...names].join(" ")
  }

  private names(): Set<string> {
    return new Set(this.owner.className.split(" ").filter((name) => name !== ""))
  }
}

class FakeElement {
  readonly tagName: string
  readonly attributes = new Map<string, string>()
  readonly children: Array<FakeElement> = []
  readonly classList = new FakeClassList(this)
  readonly dataset: { [name: string]: string } = {}
  type = ""
  /** Number of written and removed attributes. */
  writes = 0
  private readonly listeners = new Map<string, Array<() => void>>()
  private content: Array<string | FakeElement> = []
  private parent: FakeElement | undefined = undefined

  constructor(tagName: string) {
    this.tagName = tagName
  }

  get className(): string {
    return this.attributes.get("class") ?? ""
  }

  set className(value: string) {
    this.attributes.set("class", value)
  }

  get textContent(): string {
    return this.content.map((each) => (typeof each === "string" ? each : each.textContent)).join("")
  }

  set textContent(value: string) {
    this.replaceChildren(value)
  }

  get childElementCount(): number {
    return this.children.length
  }

  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null
  }

  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value)
    this.writes++
  }

  removeAttribute(name: string): void {
    this.attributes.delete(name)
    this.writes++
  }

  append(...content: ReadonlyArray<string | FakeElement>): void {
    for (const each of content) {
      this.content.push(each)
      if (typeof each === "string") continue
      each.parent = this
      this.children.push(each)
    }
  }

  replaceChildren(...content: ReadonlyArray<string | FakeElement>): void {
    this.content = []
    this.children.splice(0)
    this.append(...content)
  }

  remove(): void {
    const { parent } = this
    if (parent === undefined) return
    parent.content = parent.content.filter((each) => each !== this)
    parent.children.splice(parent.children.indexOf(this), 1)
    this.parent = undefined
  }

  addEventListener(type: string, listener: () => void): void {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener])
  }

  click(): void {
    for (const listener of this.listeners.get("click") ?? []) listener()
  }
}

const fakeDocument = {
  createElement: (tag: string) => new FakeElement(tag),
  createElementNS: (_namespace: string, tag: string) => new FakeElement(tag),
}

/** Replaces `document` in each test of a file. */
export const useFakeDocument = (): void => {
  beforeEach(() => void vi.stubGlobal("document", fakeDocument))
  afterEach(() => void vi.unstubAllGlobals())
}

/** Returns the number of writes of attributes of an element. */
export const writesOf = (node: unknown): number => (node instanceof FakeElement ? node.writes : Number.NaN)

/** Lists the elements below `root` that have all of some classes. */
export const findAll = (root: Element, classes: string): ReadonlyArray<Element> =>
  [...root.children].flatMap((child) => {
    const own = (child.getAttribute("class") ?? "").split(" ")
    const isMatch = classes.split(" ").every((name) => own.includes(name))
    return [...(isMatch ? [child] : []), ...findAll(child, classes)]
  })

/** Lists an attribute of the elements below `root` that have all of some classes. */
export const attributesOf = (root: Element, classes: string, name: string): ReadonlyArray<string | null> =>
  findAll(root, classes).map((node) => node.getAttribute(name))

/** Lists the texts of the elements below `root` that have all of some classes. */
export const textsOf = (root: Element, classes: string): ReadonlyArray<string | null> =>
  findAll(root, classes).map(({ textContent }) => textContent)

/** Clicks an element. */
export const click = (node: Element | undefined): void => {
  if (node instanceof FakeElement) node.click()
}
