/** Which ways are closed. A way is open if no closure holds it, so partitions may overlap and each ends on its own. */

/** Says which ways it holds. */
export type Closure = (from: string, to: string) => boolean

/** Everything from one group to the other. */
export const oneWay = (from: ReadonlyArray<string>, to: ReadonlyArray<string>): Closure => {
  const senders = new Set(from)
  const receivers = new Set(to)
  return (a, b) => senders.has(a) && receivers.has(b)
}

/** Everything between two groups. */
export const bothWays = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): Closure => {
  const there = oneWay(a, b)
  return (from, to) => there(from, to) || there(to, from)
}

/** Everything between a host and all others. */
export const isolation =
  (host: string): Closure =>
  (from, to) =>
    (from === host) !== (to === host)

export class Closures {
  private readonly active = new Set<Closure>()
  /** Another one after each change, so that a way needs to ask only then. */
  version = 0

  add(closure: Closure): void {
    this.active.add(closure)
    this.version++
  }

  /** Whether it was there. */
  remove(closure: Closure): boolean {
    if (!this.active.delete(closure)) return false
    this.version++
    return true
  }

  clear(): void {
    this.active.clear()
    this.version++
  }

  holds(from: string, to: string): boolean {
    for (const closure of this.active) if (closure(from, to)) return true
    return false
  }
}
