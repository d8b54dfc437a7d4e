/**
 * Explores every order of inputs of two nodes with one map, breadth first, from a settled world with one entry. Follows
 * only the first of equal worlds.
 */
import type { Overrides } from "../../src/internal/Overrides.ts"
import { PureMaps, Violation } from "./PureMaps.ts"

export interface Options {
  /** Maximum number of inputs on one path. */
  readonly depth: number
  /** Maximum number of faults and changes on one path. */
  readonly faults: number
  readonly overrides?: Partial<Overrides> | undefined
}

/** Numbers of inputs that the tests of a commit explore, by the number of faults and changes among them. */
export const depths: ReadonlyArray<Options> = [
  { faults: 1, depth: 7 },
  { faults: 2, depth: 5 },
]

export interface Report {
  readonly worlds: number
  readonly steps: number
  /** Number of last worlds from which the nodes ran until they had settled. */
  readonly settled: number
  readonly problem: string | undefined
}

interface Move {
  readonly event: string
  readonly isFault: boolean
  readonly make: (world: PureMaps) => void
}

interface Path {
  readonly before: Path | undefined
  readonly move: Move
  readonly faults: number
}

const pairs = [
  ["a", "b"],
  ["b", "a"],
] as const

/** Time within which a world settles. A request is repeated after 5 s, and later if it is repeated again. */
const settleMillis = 30_000

const settledWorld = (overrides: Partial<Overrides> | undefined): PureMaps => {
  const world = new PureMaps({
    names: ["a", "b"],
    overrides,
    bounds: { entries: 10, bytes: 1_000, removals: 1 },
    copyBounds: { entries: 10, bytes: 1_000 },
    partBytes: 1,
  })
  world.open("a")
  world.open("b")
  world.change("a", "x", "1")
  world.settle()
  return world
}

// ---- equality of worlds ----

/** Links of a list whose items are in a map as well, and what is the same in all worlds. */
const skipped = new Set(["older", "newer", "newest", "options", "bounds", "history", "counts", "lost"])

const textOf = (world: PureMaps): string =>
  JSON.stringify(world, (key, value: unknown) => {
    if (skipped.has(key)) return undefined
    if (value instanceof Map || value instanceof Set) return [...value]
    // JSON has no infinity.
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value
  })

// ---- inputs ----

const inputs = (world: PureMaps): ReadonlyArray<Move> => {
  const all: Array<Move> = []
  const add = (isDue: boolean, event: string, make: (world: PureMaps) => void): void => {
    if (isDue) all.push({ event, isFault: false, make })
  }
  for (const [name, peer] of pairs) {
    const [end, newest] = [world.end(name, peer), world.newestOf(name, peer)]
    const canStart = newest !== undefined && end.connection === undefined && end.last !== newest.id
    add(world.canDeliver(peer, name), `${name} reads a message`, (next) => next.deliver(peer, name))
    add(world.hasNext(name, peer), `${name} writes a message`, (next) => next.write(name, peer))
    add(canStart, `${name} starts a session`, (next) => next.sessionStarted(name, peer))
    add(world.canMove(name, peer), `${name} moves to the new connection`, (next) => next.move(name, peer))
    add(world.isViewOld(name, peer), `the view of ${name} changes`, (next) => next.updateView(name, peer))
    add(world.isOpeningOld(name, peer), `${name} hears of an opening`, (next) => {
      next.announce(name, peer)
      next.observe(name)
    })
    add(world.node(name).instance === undefined, `${name} opens the map`, (next) => next.open(name))
  }
  add(world.dueAt() < Infinity, "a deadline passes", (next) => next.tick(next.dueAt()))
  return all
}

const faults = (world: PureMaps): ReadonlyArray<Move> => {
  const all: Array<Move> = []
  const add = (event: string, make: (world: PureMaps) => void): void => {
    all.push({ event, isFault: true, make })
  }
  const { instance } = world.node("a")
  if (instance !== undefined) {
    const version = String(instance.entries.version)
    add("a sets a key", (next) => next.change("a", "y", version))
    add("a removes a key", (next) => next.change("a", "x", undefined))
  }
  add("the nodes connect again", (next) => next.connect("a", "b"))
  for (const [name, peer] of pairs) {
    if (world.node(name).instance !== undefined) add(`${name} closes the map`, (next) => next.close(name))
    if (world.end(name, peer).connection !== undefined)
      add(`${name} loses its link`, (next) => next.linkLost(name, peer))
    if (world.canReplace(name, peer)) add(`${name} replaces its session`, (next) => next.replaceSession(name, peer))
    if (world.end(name, peer).view?.link === "down") add(`${peer} fails for ${name}`, (next) => next.fail(name, peer))
    add(`${name} is killed`, (next) => next.restart(name))
  }
  return all
}

// ---- the search ----

const movesOf = (path: Path | undefined): ReadonlyArray<Move> => {
  const moves: Array<Move> = []
  for (let at = path; at !== undefined; at = at.before) moves.unshift(at.move)
  return moves
}

/** Runs the inputs of a path in a new world. The state machines cannot be copied. */
const replay = (path: Path | undefined, overrides: Partial<Overrides> | undefined): PureMaps => {
  const world = settledWorld(overrides)
  for (const { make } of movesOf(path)) make(world)
  return world
}

/** Returns the message of the invariant that an action broke. */
const violationOf = (action: () => string | undefined): string | undefined => {
  try {
    return action()
  } catch (error) {
    if (error instanceof Violation) return error.message
    throw error
  }
}

/** Tries every order of inputs, and lets all last worlds settle. Stops at the first broken invariant. */
export const explore = ({ depth, faults: maxFaults, overrides }: Options): Report => {
  let visits: Array<Path | undefined> = [undefined]
  const seen = new Set<string>()
  let steps = 0
  let settled = 0
  const report = (path: Path | undefined, problem: string | undefined): Report => {
    const events = movesOf(path).map(({ event }) => event)
    return {
      worlds: seen.size,
      steps,
      settled,
      problem: problem === undefined ? problem : [problem, ...events].join("\n"),
    }
  }
  for (let events = 0; events < depth; events++) {
    const following: Array<Path> = []
    for (const before of visits) {
      const done = before?.faults ?? 0
      const world = replay(before, overrides)
      for (const move of [...inputs(world), ...(done < maxFaults ? faults(world) : [])]) {
        const path: Path = { before, move, faults: done + Number(move.isFault) }
        let text = ""
        const problem = violationOf(() => {
          const next = replay(before, overrides)
          move.make(next)
          text = `${path.faults} ${textOf(next)}`
          return undefined
        })
        if (problem !== undefined) return report(path, problem)
        steps++
        if (seen.has(text)) continue
        seen.add(text)
        following.push(path)
      }
    }
    visits = following
  }
  for (const path of visits) {
    settled++
    const problem = violationOf(() => {
      const world = replay(path, overrides)
      world.open("a")
      world.open("b")
      return world.settle(settleMillis)
    })
    if (problem !== undefined) return report(path, problem)
  }
  return report(undefined, undefined)
}
