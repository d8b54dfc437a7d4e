/** A source of chance whose every draw follows from its seed. */
import * as Prng from "../../src/internal/prng.ts"

export class Chance {
  private state: number

  constructor(seed: number) {
    this.state = seed
  }

  /** Draws evenly from [0, 1). */
  draw(): number {
    const [next, value] = Prng.next(this.state)
    this.state = next
    return value
  }

  /** Draws a whole number below `end`. */
  below(end: number): number {
    return Math.floor(this.draw() * end)
  }

  /** Draws one of the items. */
  pick<A>(items: ReadonlyArray<A>): A {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error("nothing to pick from")
    return item
  }
}
