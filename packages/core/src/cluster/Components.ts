/** Components that packages add to a node. */
import * as Effect from "effect/Effect"
import type { Component, Described, NodeComponents } from "../NodeComponents.ts"

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export class Components implements NodeComponents {
  private readonly added = new Set<Component>()

  readonly add = (component: Component): (() => void) => {
    // A component that is added twice is shown twice, and each function removes one of them.
    const own = { ...component }
    this.added.add(own)
    return () => {
      this.added.delete(own)
    }
  }

  readonly describe: Effect.Effect<ReadonlyArray<Described>> = Effect.sync(() =>
    [...this.added]
      .sort((a, b) => compareText(a.kind, b.kind) || compareText(a.name, b.name))
      .map(({ describe, kind, name }) => ({ kind, name, ...describe() })),
  )
}
