/**
 * Explores every order of events of a small {@link PureCluster}, breadth first. Follows only the first of equal worlds.
 */
import * as State from "../../src/membership/State.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { Violation } from "./invariants.ts"
import * as PureCluster from "./PureCluster.ts"
import { dialTargets } from "./dialTargets.ts"

export interface Options {
  /** Index of the node with the faults. */
  readonly subject: number
  /** Maximum number of events on one path. */
  readonly depth: number
  /** Maximum number of faults on one path. Defaults to 2. */
  readonly faults?: number
  /** `true` if the faults are false reports of a peer about the subject, and a lost connection. */
  readonly lies?: boolean
}

/**
 * Numbers of events that the tests of a commit explore, with faults of the subject and with false reports about it. One
 * event more takes three times as long.
 */
export const depths = { faults: 5, lies: 4 } as const

export interface Report {
  readonly worlds: number
  readonly steps: number
  /** Number of events up to which the search visited all worlds. Smaller than the maximum if it found a problem. */
  readonly depth: number
  /** Number of last worlds from which the cluster ran until it settled. */
  readonly settled: number
  readonly problem: string | undefined
}

/** A world and the events that led to it. */
interface Visit {
  readonly world: PureCluster.World
  readonly faults: number
  readonly path: Path | undefined
}

interface Path {
  readonly before: Path | undefined
  readonly event: string
}

interface Move {
  readonly event: string
  readonly kind: "message" | "dial" | "time" | "fault"
  readonly make: (world: PureCluster.World) => void
}

// ---- equality of worlds ----

const known = new WeakMap<object, number>()

/** Number of each text, in the order in which the texts were seen. */
const numbers = new Map<string, number>()

/**
 * Returns the number of the text of an immutable value, computed once. Equal texts have equal numbers, which are faster
 * to join and to compare than the texts.
 */
const numberOf = (value: object, make: () => string): number => {
  let number = known.get(value)
  if (number !== undefined) return number
  const text = make()
  number = numbers.get(text) ?? numbers.size
  numbers.set(text, number)
  known.set(value, number)
  return number
}

const plain = (value: unknown): string =>
  JSON.stringify(value, (key, each: unknown) =>
    key === "settings" || key === "version"
      ? undefined
      : typeof each === "bigint"
        ? String(each)
        : each instanceof Map
          ? [...each].sort()
          : each instanceof Set
            ? [...each].sort()
            : each,
  )

// The random seed decides only which peers are drawn, and all of these few peers are drawn.
const stateNumber = (state: State.State): number => numberOf(state, () => plain({ ...state, seed: 0 }))

const connectionText = ({ ends, expected }: PureCluster.Connection): string =>
  `${expected} ${ends
    .map(
      (end) =>
        `${end.node}.${end.life}.${end.phase} ${recordText(end.sentRecord)} ${recordText(end.peer)} ${end.inbox
          .map((packet) => numberOf(packet, () => plain(packet)))
          .join()}`,
    )
    .join(" | ")}`

const recordText = (record: PeerRecord | undefined): string =>
  record === undefined ? "" : String(numberOf(record, () => plain(record)))

const worldText = (world: PureCluster.World): string => {
  const parts = [String(world.now)]
  for (const node of world.nodes) {
    parts.push(`${node.life} ${node.health} ${stateNumber(node.state)}`)
  }
  // Only the order of the epochs matters, which is the order in which the connections were opened.
  for (const connection of world.connections.values()) {
    const [dialer, acceptor] = connection.ends
    const isUsed = (end: PureCluster.End, peer: PureCluster.End) =>
      PureCluster.nodeAt(world, end.node).connectionIds.get(PureCluster.nodeAt(world, peer.node).name) === connection.id
    parts.push(`${isUsed(dialer, acceptor)} ${isUsed(acceptor, dialer)} ${connectionText(connection)}`)
  }
  return parts.join("\n")
}

// ---- events ----

const connected = (world: PureCluster.World, a: PureCluster.Node, b: PureCluster.Node): boolean =>
  [...world.connections.values()].some(
    ({ ends: [dialer, acceptor] }) =>
      dialer.node === a.index && acceptor.node === b.index && dialer.life === a.life && dialer.phase !== "closed",
  )

const moves = (world: PureCluster.World): ReadonlyArray<Move> => {
  const all: Array<Move> = []
  for (const [id, connection] of world.connections) {
    connection.ends.forEach((end, side) => {
      const [packet] = end.inbox
      if (packet === undefined) return
      all.push({
        event: `${PureCluster.nodeAt(world, end.node).name} gets ${packet._tag}`,
        kind: "message",
        make: (next) => {
          const same = next.connections.get(id)
          const its = same?.ends[side]
          if (same !== undefined && its !== undefined) PureCluster.deliver(next, same, its)
        },
      })
    })
  }
  let due = Number.POSITIVE_INFINITY
  for (const node of world.nodes) {
    if (node.health === "up") due = Math.min(due, State.deadline(node.state) ?? Number.POSITIVE_INFINITY)
    if (!PureCluster.takesPart(node)) continue
    for (const name of dialTargets(node.state).keys()) {
      const target = world.nodes.find((each) => each.name === name)
      if (target === undefined || connected(world, node, target)) continue
      all.push({
        event: `${node.name} dials ${name}`,
        kind: "dial",
        make: (next) =>
          void PureCluster.dial(
            next,
            PureCluster.nodeAt(next, node.index),
            PureCluster.nodeAt(next, target.index),
            name,
          ),
      })
    }
  }
  if (due < Number.POSITIVE_INFINITY) {
    all.push({
      event: `it is ${due}`,
      kind: "time",
      make: (next) => {
        next.now = Math.max(next.now, due)
        for (const node of next.nodes) {
          if (node.health === "up" && (State.deadline(node.state) ?? Number.POSITIVE_INFINITY) <= next.now) {
            PureCluster.tick(next, node)
          }
        }
      },
    })
  }
  return all
}

const faults = (world: PureCluster.World, subject: number): ReadonlyArray<Move> => {
  const node = PureCluster.nodeAt(world, subject)
  const fault = (event: string, make: (world: PureCluster.World, node: PureCluster.Node) => void): Move => ({
    event: `${node.name} ${event}`,
    kind: "fault",
    make: (next) => make(next, PureCluster.nodeAt(next, subject)),
  })
  const restart = (by: number) => (next: PureCluster.World, its: PureCluster.Node) => {
    PureCluster.restart(next, its, its.state.self.generation + by)
    const seed = next.nodes.find((each) => each !== its && PureCluster.takesPart(each))
    if (seed !== undefined) PureCluster.dial(next, its, seed, undefined)
  }
  if (node.health !== "up") {
    return [fault("starts again", restart(1)), fault("starts again with its clock set back", restart(-1))]
  }
  if (!PureCluster.takesPart(node)) return [fault("is killed", (next, its) => PureCluster.crash(next, its, "ended"))]
  const peer = (subject + 1) % world.nodes.length
  return [
    fault("is killed", (next, its) => PureCluster.crash(next, its, "ended")),
    fault("leaves", (next, its) => PureCluster.submit(next, its, { _tag: "Leave" })),
    fault("loses a connection", (next, its) => PureCluster.cut(next, its, PureCluster.nodeAt(next, peer))),
    fault("disconnects a peer", (next, its) =>
      PureCluster.submit(next, its, { _tag: "Disconnect", name: PureCluster.nodeAt(next, peer).name }),
    ),
    fault("sets its metadata", (next, its) =>
      PureCluster.submit(next, its, { _tag: "MetadataSet", metadata: { at: String(its.state.self.incarnation) } }),
    ),
    fault("is unreachable, according to a peer", (next, its) => {
      const accuser = PureCluster.nodeAt(next, peer)
      const { record } = accuser.state.members.get(its.name) ?? {}
      if (record === undefined || !PureCluster.takesPart(accuser)) return
      const accusation: PeerRecord = { ...record, status: "suspect", by: accuser.name }
      for (const other of next.nodes) {
        const connection = PureCluster.current(next, other, accuser.name)
        if (other !== its && connection !== undefined && accuser.connectionIds.has(other.name)) {
          PureCluster.send(next, connection, accuser, { _tag: "Update", records: [accusation] })
        }
      }
    }),
  ]
}

/** Faults of a peer that sends false reports to the others and to the subject itself. */
const lies = (world: PureCluster.World, subject: number): ReadonlyArray<Move> => {
  const peer = (subject + 1) % world.nodes.length
  const lie = (event: string, changes: (record: PeerRecord) => Partial<PeerRecord>): Move => ({
    event: `${PureCluster.nodeAt(world, subject).name} ${event}, according to a peer`,
    kind: "fault",
    make: (next) => {
      const its = PureCluster.nodeAt(next, subject)
      const liar = PureCluster.nodeAt(next, peer)
      const { record } = liar.state.members.get(its.name) ?? {}
      if (record === undefined || !PureCluster.takesPart(liar)) return
      const report: PeerRecord = { ...record, by: liar.name, ...changes(record) }
      for (const other of next.nodes) {
        const connection = PureCluster.current(next, other, liar.name)
        if (connection !== undefined && liar.connectionIds.has(other.name)) {
          PureCluster.send(next, connection, liar, { _tag: "Update", records: [report] })
        }
      }
    },
  })
  return [
    lie("is unreachable", () => ({ status: "suspect" })),
    lie("has left", () => ({ status: "left" })),
    lie("has left later", ({ incarnation }) => ({ status: "left", incarnation: incarnation + 3 })),
    lie("has a newer life", ({ generation }) => ({ generation: generation + 5 })),
    lie("had a newer life that left", ({ generation }) => ({ generation: generation + 5, status: "left" })),
    {
      event: `${PureCluster.nodeAt(world, subject).name} loses its other connection`,
      kind: "fault",
      make: (next) => {
        const other = PureCluster.nodeAt(next, (subject + 2) % next.nodes.length)
        PureCluster.cut(next, PureCluster.nodeAt(next, subject), other)
      },
    },
  ]
}

// ---- the search ----

/**
 * Delivers all packets, then dials once, then advances the time, until the cluster has settled. Returns the problem if
 * it does not settle.
 */
const settle = (world: PureCluster.World): string | undefined => {
  let dialed = new Set<string>()
  for (let events = 0; events < 1_000; events++) {
    const next = moves(world).find(({ event, kind }) => kind !== "dial" || !dialed.has(event))
    if (next?.kind === "dial") dialed.add(next.event)
    else if (next?.kind !== "message") {
      // The next deadline may be the expiry of a tombstone, hours away.
      if (problemOf(world) === undefined) return undefined
      dialed = new Set()
      if (next === undefined) world.now += 1_000
    }
    next?.make(world)
  }
  return problemOf(world)
}

/** Returns the problem of the views, or `undefined` if the cluster has settled. */
const problemOf = (world: PureCluster.World): string | undefined => {
  for (const node of world.nodes) {
    if (!PureCluster.takesPart(node)) continue
    for (const peer of world.nodes) {
      if (peer === node) continue
      const member = node.state.members.get(peer.name)
      const isDisconnected = member?.disconnected === true || peer.state.members.get(node.name)?.disconnected === true
      const isInView = node.state.view.peers.has(peer.name)
      if (isInView && !PureCluster.takesPart(peer)) return `${node.name} sees ${peer.name}, which has ended`
      if (!PureCluster.takesPart(peer) || isDisconnected) continue
      if (!isInView) return `${node.name} does not see ${peer.name}`
      if (!State.hasLink(node.state, peer.name)) return `${node.name} has no link to ${peer.name}`
    }
  }
  return undefined
}

const eventsOf = (path: Path | undefined): string => {
  const events: Array<string> = []
  for (let at = path; at !== undefined; at = at.before) events.unshift(at.event)
  return events.join("\n")
}

/** Returns three nodes that all have links and agree. */
const settledCluster = (): PureCluster.World => {
  const world = PureCluster.make(["a", "b", "c"])
  for (const [from, to] of [
    [0, 1],
    [0, 2],
    [1, 2],
  ] as const) {
    PureCluster.dial(world, PureCluster.nodeAt(world, from), PureCluster.nodeAt(world, to), undefined)
    const problem = settle(world)
    if (problem !== undefined && to === 2 && from === 1) throw new Error(problem)
  }
  return world
}

/** Tries every order of events, starting from a settled cluster. Stops at the first broken invariant. */
export const explore = (options: Options): Report => {
  const { depth: maxDepth, faults: maxFaults = 2, subject } = options
  const faultsOf = options.lies === true ? lies : faults
  let visits: Array<Visit> = [{ world: settledCluster(), faults: 0, path: undefined }]
  const seen = new Set<string>()
  let steps = 0
  let settled = 0
  let depth = 0
  const report = (problem: string | undefined): Report => ({ worlds: seen.size, steps, depth, settled, problem })
  for (; depth < maxDepth; depth++) {
    const following: Array<Visit> = []
    for (const { faults: done, path, world } of visits) {
      for (const move of [...moves(world), ...(done < maxFaults ? faultsOf(world, subject) : [])]) {
        const next = PureCluster.copy(world)
        const nextPath = { before: path, event: move.event }
        const broken = violationOf(() => {
          move.make(next)
          if (options.lies === true) checkAllRun(next)
        })
        if (broken !== undefined) return report(`${broken}\n${eventsOf(nextPath)}`)
        steps++
        const total = done + Number(move.kind === "fault")
        const text = `${total} ${worldText(next)}`
        if (seen.has(text)) continue
        seen.add(text)
        following.push({ world: next, faults: total, path: nextPath })
      }
    }
    visits = following
  }
  // Runs the cluster from some of the last worlds until it settles.
  for (let i = 0; i < visits.length; i += 1 + Math.floor(visits.length / 300)) {
    const visit = visits[i]
    if (visit === undefined) continue
    settled++
    const world = PureCluster.copy(visit.world)
    let problem: string | undefined
    const broken = violationOf(() => {
      problem = settle(world)
      if (options.lies === true) checkAllRun(world)
    })
    if (broken !== undefined || problem !== undefined) return report(`${broken ?? problem}\n${eventsOf(visit.path)}`)
  }
  return report(undefined)
}

/** Checks that no node was stopped, because none had to stop. */
const checkAllRun = ({ nodes }: PureCluster.World): void => {
  const stopped = nodes.find((node) => !PureCluster.takesPart(node))
  if (stopped !== undefined) throw new Violation(`${stopped.name} stopped because of a false report`)
}

/** Returns the message of the invariant that an action broke. */
const violationOf = (action: () => void): string | undefined => {
  try {
    action()
    return undefined
  } catch (error) {
    if (error instanceof Violation) return error.message
    throw error
  }
}
