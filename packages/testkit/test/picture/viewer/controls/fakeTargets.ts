/** Targets of events for the tests of the controls. They have parents and one attribute, and no document. */
import { afterEach, beforeEach, vi } from "@effect/vitest"

export class FakeTarget extends EventTarget {
  private readonly event: string | undefined
  private readonly parent: FakeTarget | undefined

  /** Makes an element with the attribute `data-event`, or without it. */
  constructor(event?: string, parent?: FakeTarget) {
    super()
    this.event = event
    this.parent = parent
  }

  /** Returns the nearest element with the attribute. */
  closest(selector: string): FakeTarget | null {
    if (selector !== "[data-event]") throw new Error(`the fake does not know ${selector}`)
    return this.event === undefined ? (this.parent?.closest(selector) ?? null) : this
  }

  getAttribute(name: string): string | null {
    return name === "data-event" ? (this.event ?? null) : null
  }
}

/** Replaces `Element` in each test of a file. */
export const useFakeTargets = (): void => {
  beforeEach(() => void vi.stubGlobal("Element", FakeTarget))
  afterEach(() => void vi.unstubAllGlobals())
}
