/** Source of random draws that depend only on its seed. */
import * as Prng from "../../src/internal/prng.ts"

export class Chance {
  private state: number

  constructor(seed: number) {
    this.state = seed
  }

  /** Draws a number from [0, 1) with equal probability. */
  draw(): number {
    const [next, value] = Prng.next(this.state)
    this.state = next
    return value
  }

  /** Draws an integer below `end`. */
  below(end: number): number {
    return Math.floor(this.draw() * end)
  }

  /** Draws one of the items. */
  pick<A>(items: ReadonlyArray<A>): A {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error("cannot pick from an empty list")
    return item
  }
}
