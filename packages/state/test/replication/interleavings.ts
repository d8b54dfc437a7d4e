/** Random interleavings of the inputs of pure maps. */
import { Chance } from "../../../core/test/membership/Chance.ts"
import type { Overrides } from "../../src/internal/Overrides.ts"
import { PureMaps, Violation } from "./PureMaps.ts"

export interface Options {
  readonly overrides?: Partial<Overrides> | undefined
  /** `true` to deliver parts of earlier sessions late. */
  readonly late?: boolean | undefined
  /** `true` if all instances have the same epoch. */
  readonly sameEpochs?: boolean | undefined
  /** Counters of what the worlds reached. */
  readonly counts?: Map<string, number> | undefined
}

/** Time in which maps settle if no request and no answer is lost: less than the time after which a request is repeated. */
const plainMillis = 4_000

type Event = readonly [weight: number, name: string, run: (world: PureMaps, from: string, to: string) => unknown]

/** Returns a change of one key. */
const changeOf = (chance: Chance) => (world: PureMaps, name: string) => {
  const key = chance.pick(["a", "b", "c", "d"])
  world.change(name, key, chance.below(3) === 0 ? undefined : "x".repeat(1 + chance.below(9)))
}

/** `isPlain` leaves out the events after which a request or its answer is lost without a new request. */
const eventsOf = (chance: Chance, late: boolean, isPlain: boolean): ReadonlyArray<Event> => [
  [30, "changes", changeOf(chance)],
  [50, "writes to", (world, from, to) => world.write(from, to)],
  [45, "is read by", (world, from, to) => world.deliver(from, to)],
  [15, "starts a session with", (world, name, peer) => world.sessionStarted(name, peer)],
  [4, "loses the link to", (world, name, peer) => world.linkLost(name, peer)],
  [isPlain ? 0 : 5, "replaces the session with", (world, name, peer) => world.replaceSession(name, peer)],
  [5, "connects to", (world, name, peer) => world.connect(name, peer)],
  [8, "moves to the new connection of", (world, name, peer) => world.move(name, peer)],
  [15, "sees the link to", (world, name, peer) => world.isViewOld(name, peer) && world.updateView(name, peer)],
  [15, "hears of the opening of", (world, name, peer) => world.announce(name, peer)],
  [10, "observes the readers", (world, name) => world.observe(name)],
  [2, "fails for", (world, name, peer) => world.fail(peer, name)],
  [8, "opens", (world, name) => world.open(name)],
  [isPlain ? 0 : 2, "closes", (world, name) => world.close(name)],
  [1, "restarts", (world, name) => world.restart(name)],
  [1, "drops the rest for", (world, name, peer) => world.dropRest(name, peer)],
  [2, "settles, as all do,", (world) => world.settle()],
  [10, "waits", (world) => world.tick(Math.min(world.now + 10_000, world.dueAt()))],
  [2, "waits briefly", (world) => world.tick(world.now + 100)],
  ...(late ? [[15, "late", (world: PureMaps) => world.deliverLate(chance.below(world.lost.length + 1))] as const] : []),
]

/** Runs the events of one seed, and lets the maps settle. Returns the broken invariant, or the difference that remains. */
export const run = (
  seed: number,
  { counts, late = false, overrides, sameEpochs }: Options = {},
): string | undefined => {
  const chance = new Chance(seed)
  const isSmall = chance.below(4) === 0
  const world = new PureMaps({
    names: chance.below(3) > 0 ? ["a", "b"] : ["a", "b", "c"],
    overrides,
    bounds: { entries: 100, bytes: 10_000, removals: chance.below(4) },
    copyBounds: isSmall ? { entries: 3, bytes: 25 } : { entries: 100, bytes: 10_000 },
    partBytes: chance.pick([1, 30, 1_000]),
    sameNonces: chance.below(3) === 0,
    sameEpochs,
  })
  const isPlain = chance.below(3) === 0
  const events = eventsOf(chance, late, isPlain)
  const drawn = events.flatMap((event) => Array.from({ length: event[0] }, () => event))
  const log: Array<string> = []
  try {
    for (const { name } of world.nodes) if (chance.below(4) > 0) world.open(name)
    if (chance.below(4) > 0) world.settle()
    for (let left = chance.below(800); left >= 0; left--) {
      const [, what, event] = chance.pick(drawn)
      const { ends, name } = chance.pick(world.nodes)
      const peer = chance.pick([...ends.keys()])
      log.push(`${name} ${what} ${peer}`)
      event(world, name, peer)
    }
    log.push("settle")
    const difference = world.settle(isPlain ? plainMillis : 10_000)
    for (const [what, count] of world.counts) counts?.set(what, (counts.get(what) ?? 0) + count)
    return difference === undefined ? undefined : `seed ${seed}: ${difference}`
  } catch (error) {
    if (error instanceof Violation) return `seed ${seed}, after ${log.length} events: ${error.message}`
    throw error
  }
}

const problemOf = (find: () => string | undefined): string | undefined => {
  try {
    return find()
  } catch (error) {
    if (error instanceof Violation) return error.message
    throw error
  }
}

const pair = (overrides: Partial<Overrides>, sameNonces = false): PureMaps =>
  new PureMaps({
    names: ["a", "b"],
    overrides,
    bounds: { entries: 10, bytes: 1_000, removals: 1 },
    copyBounds: { entries: 10, bytes: 1_000 },
    partBytes: 1_000,
    sameNonces,
  })

/** The request of a reader overtakes the announcement that it reads the map. */
export const overtaken = (overrides: Partial<Overrides>): string | undefined =>
  problemOf(() => {
    const world = pair(overrides)
    world.open("a")
    world.change("a", "x", "1")
    world.settle()
    world.open("b")
    world.write("b", "a")
    world.deliver("b", "a")
    world.write("a", "b")
    return world.settle(plainMillis)
  })

/** A part of an earlier life of the owner arrives late, and has the nonce of the present request. */
export const earlierLife = (overrides: Partial<Overrides>): string | undefined =>
  problemOf(() => {
    const world = pair(overrides, true)
    const link = (): void => {
      world.connect("a", "b")
      for (const [name, peer] of [
        ["a", "b"],
        ["b", "a"],
      ] as const) {
        world.sessionStarted(name, peer)
        world.updateView(name, peer)
        world.open(name)
      }
      for (const [name, peer] of [
        ["a", "b"],
        ["b", "a"],
      ] as const) {
        world.announce(name, peer)
        world.observe(name)
      }
      world.change("a", "x", "1")
      world.write("b", "a")
      world.deliver("b", "a")
      while (world.hasNext("a", "b")) world.write("a", "b")
    }
    link()
    world.linkLost("b", "a")
    world.restart("a")
    world.close("b")
    link()
    while (world.canDeliver("a", "b")) world.deliver("a", "b")
    world.deliverLate(0)
    return world.settle()
  })
