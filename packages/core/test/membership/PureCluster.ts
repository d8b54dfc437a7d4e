/**
 * A cluster of pure membership states, for tests only: no fibers, no clock, no bytes. A {@link World} is
 * plain data that can be copied; nodes talk over connections, each with a queue per direction, and make
 * them by a handshake that follows `link/Handshake.ts` and `link/Links.ts`. What happens next is up to
 * the caller: {@link Simulation} draws it from a seed, the exploration tries everything.
 */
import type { ByeCode, MembershipFrame, RejectCode, YouAreBelief } from "../../src/protocol/Frame.ts"
import type { Output } from "../../src/membership/Draft.ts"
import type * as Membership from "../../src/membership/Membership.ts"
import * as Settings from "../../src/membership/Settings.ts"
import type { StopReason } from "../../src/membership/State.ts"
import * as State from "../../src/membership/State.ts"
import { compareNames } from "../../src/protocol/PeerName.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { checkedStep, seal, Violation } from "./invariants.ts"
import { addressOf, recordOf, wall } from "./support.ts"

// ---- data ----

/** What travels on a connection. */
export type Packet =
  | { readonly _tag: "Hello"; readonly record: PeerRecord }
  | { readonly _tag: "HelloAck"; readonly record: PeerRecord; readonly youAre: YouAreBelief | undefined }
  | { readonly _tag: "HelloReject"; readonly code: RejectCode; readonly atLeastGeneration: number | undefined }
  | {
      readonly _tag: "Ready"
      readonly incarnation: number
      readonly viewHash: bigint
      readonly youAre: YouAreBelief | undefined
    }
  | { readonly _tag: "Ping"; readonly viewHash: bigint }
  /** Wants to hear anything, and hears it. */
  | { readonly _tag: "PingNow" }
  | { readonly _tag: "Answer" }
  | { readonly _tag: "Bye"; readonly code: ByeCode }
  /** The connection is closed or refused. */
  | { readonly _tag: "End" }
  | MembershipFrame

/** One end of a connection. */
export interface End {
  readonly node: number
  /** The life of the node that it belongs to. */
  readonly life: number
  /** What it waits for, until it is up. */
  phase: "Hello" | "HelloAck" | "Ready" | "up" | "closed"
  /** What this end said about itself in the handshake. */
  said: PeerRecord | undefined
  peer: PeerRecord | undefined
  heardAt: number
  /** Whether the membership is told when anything comes. */
  asked: boolean
  /** On the way to this end, the oldest first. */
  readonly inbox: Array<Packet>
}

export interface Connection {
  readonly id: number
  /** The counter of the dialler, which ranks simultaneous connections. */
  readonly epoch: number
  readonly byLower: boolean
  /** The name that must answer; `undefined` with a seed. */
  readonly expected: string | undefined
  readonly openedAt: number
  /** The dialler's and the acceptor's. */
  readonly ends: readonly [End, End]
}

export interface Node {
  readonly index: number
  readonly name: string
  state: State.State
  /** The lives before this one. */
  life: number
  /** `up`; or ended, and dials are refused; or the machine is gone, and dials get no answer. */
  health: "up" | "ended" | "silent"
  stopped: StopReason | undefined
  epoch: number
  /** The connection in use, by the name of the peer. */
  readonly currents: Map<string, number>
  /** Facts that wait while a step is under way. */
  readonly facts: Array<Membership.Input>
  busy: boolean
  /** The greatest generation that this name ever had, and those in which it left. */
  greatest: number
  readonly left: Set<number>
}

/** What the caller wants to know at once. */
export interface Hooks {
  readonly pushed?: (connection: Connection, end: End) => void
  readonly stepped?: (node: Node, outputs: ReadonlyArray<Output>) => void
  readonly dialled?: (node: Node, connection: Connection, reached: boolean) => void
}

export interface World {
  now: number
  steps: number
  lastConnection: number
  readonly settings: Settings.Settings
  readonly nodes: ReadonlyArray<Node>
  readonly connections: Map<number, Connection>
  hooks: Hooks
}

// ---- making and copying ----

const life = (settings: Settings.Settings, name: string, now: number, generation: number): State.State =>
  seal(State.make({ settings, self: recordOf(name, { generation }), now, wall: wall + now, seed: generation | 0 }))

export const make = (
  names: ReadonlyArray<string>,
  settings: Partial<Settings.Settings> = {},
  hooks: Hooks = {},
): World => {
  const all = seal({ ...Settings.defaults, ...settings })
  return {
    now: 0,
    steps: 0,
    lastConnection: 0,
    settings: all,
    nodes: names.map((name, index) => ({
      index,
      name,
      state: life(all, name, 0, wall),
      life: 0,
      health: "up",
      stopped: undefined,
      epoch: 0,
      currents: new Map(),
      facts: [],
      busy: false,
      greatest: wall,
      left: new Set(),
    })),
    connections: new Map(),
    hooks,
  }
}

const copyEnd = (end: End): End => ({ ...end, inbox: end.inbox.slice() })

/** A world of its own. States and packets are shared, for nobody writes to them. */
export const copy = (world: World): World => {
  const connections = new Map<number, Connection>()
  for (const [id, connection] of world.connections) {
    const [dialler, acceptor] = connection.ends
    connections.set(id, { ...connection, ends: [copyEnd(dialler), copyEnd(acceptor)] })
  }
  const nodes = world.nodes.map((node) => ({
    ...node,
    currents: new Map(node.currents),
    left: new Set(node.left),
    facts: [],
  }))
  return { ...world, connections, nodes }
}

export const nodeAt = (world: World, index: number): Node => {
  const node = world.nodes[index]
  if (node === undefined) throw new Error(`there is no node ${index}`)
  return node
}

/** Whether the node runs and takes part. */
export const takesPart = (node: Node): boolean => node.health === "up" && node.state.phase._tag === "Running"

// ---- steps ----

/** Gives a fact to a node, fulfils its wishes, and then the facts that came of them. */
export const submit = (world: World, node: Node, input: Membership.Input): void => {
  node.facts.push(input)
  if (node.busy) return
  node.busy = true
  for (let fact = node.facts.shift(); fact !== undefined; fact = node.facts.shift()) {
    world.steps++
    if (fact._tag === "Leave") node.left.add(node.state.self.generation)
    const [state, outputs] = checkedStep(node.state, world.now, fact)
    node.state = state
    for (const output of outputs) perform(world, node, output)
    world.hooks.stepped?.(node, outputs)
  }
  node.busy = false
}

const perform = (world: World, node: Node, output: Output): void => {
  switch (output._tag) {
    case "Send":
      for (const name of output.to) {
        const connection = current(world, node, name)
        if (connection !== undefined) push(world, connection, other(connection, mine(connection, node)), output.frame)
      }
      return
    case "PingNow": {
      const connection = current(world, node, output.peer.name)
      if (connection === undefined) return
      const end = mine(connection, node)
      if (end.peer?.generation !== output.peer.generation || end.asked) return
      end.asked = true
      push(world, connection, other(connection, end), { _tag: "PingNow" })
      return
    }
    case "CloseLink":
      for (const connection of connectionsOf(world, node)) {
        const { peer, phase } = mine(connection, node)
        if (phase === "up" && peer?.name === output.peer.name && peer.generation === output.peer.generation) {
          close(world, connection, node, output.code)
        }
      }
      return
    case "Emit":
      if (output.event._tag === "Evicted" && !node.left.has(node.state.self.generation)) {
        throw new Violation(`${node.name} never left and is evicted`)
      }
      if (output.event._tag === "Superseded" && node.greatest <= node.state.self.generation) {
        throw new Violation(`${node.name} is superseded and never had a greater generation`)
      }
      return
    case "Stopped":
      node.stopped = output.reason
      node.health = "ended"
      for (const connection of connectionsOf(world, node)) {
        close(world, connection, node, output.reason === "superseded" ? "superseded" : "left")
      }
  }
}

/** Ticks until nothing is due; it must come to an end. */
export const tick = (world: World, node: Node): void => {
  const most = 4 + 2 * (node.state.members.size + node.state.candidates.size + node.state.tombstones.size)
  for (let ticks = 0; ticks < most; ticks++) {
    submit(world, node, { _tag: "Tick" })
    const due = State.deadline(node.state)
    if (due === undefined || due > world.now) return
  }
  throw new Violation(`${node.name} wants a Tick again and again at one time`)
}

// ---- connections ----

const isOf = (end: End, node: Node): boolean => end.node === node.index && end.life === node.life

/** The connections of this life of a node, whatever their state. */
export const connectionsOf = (world: World, node: Node): ReadonlyArray<Connection> =>
  [...world.connections.values()].filter(({ ends }) => isOf(ends[0], node) || isOf(ends[1], node))

const mine = ({ ends }: Connection, node: Node): End => (isOf(ends[0], node) ? ends[0] : ends[1])

const other = ({ ends }: Connection, end: End): End => (end === ends[0] ? ends[1] : ends[0])

/** The connection that a node uses to talk to a peer. */
export const current = (world: World, node: Node, name: string): Connection | undefined => {
  const connection = world.connections.get(node.currents.get(name) ?? -1)
  return connection !== undefined && mine(connection, node).phase === "up" ? connection : undefined
}

const push = (world: World, connection: Connection, to: End, packet: Packet): void => {
  if (to.phase === "closed") return
  to.inbox.push(packet)
  world.hooks.pushed?.(connection, to)
}

/** Sends a packet from a node, whatever its state thinks of it. */
export const say = (world: World, connection: Connection, from: Node, packet: Packet): void =>
  push(world, connection, other(connection, mine(connection, from)), packet)

const shut = (world: World, connection: Connection, end: End): void => {
  end.phase = "closed"
  end.inbox.length = 0
  if (other(connection, end).phase === "closed") world.connections.delete(connection.id)
}

/** Ends a connection from one side, with a Bye or without a word. */
export const close = (world: World, connection: Connection, node: Node, code?: ByeCode): void => {
  const end = mine(connection, node)
  if (end.phase === "closed") return
  shut(world, connection, end)
  if (code !== undefined) push(world, connection, other(connection, end), { _tag: "Bye", code })
  push(world, connection, other(connection, end), { _tag: "End" })
  uninstall(world, connection, end, undefined)
}

const uninstall = (world: World, connection: Connection, end: End, code: ByeCode | undefined): void => {
  const node = nodeAt(world, end.node)
  const { peer } = end
  if (peer === undefined || node.currents.get(peer.name) !== connection.id) return
  node.currents.delete(peer.name)
  const { generation, name } = peer
  submit(world, node, { _tag: "LinkDown", peer: { name, generation }, code, silent: code === undefined })
}

/** Decides between a new connection and the one in use, as `Links.install` does. */
const install = (world: World, connection: Connection, node: Node, peer: PeerRecord): boolean => {
  node.epoch = Math.max(node.epoch, connection.epoch)
  const used = current(world, node, peer.name)
  const old = used === undefined ? undefined : mine(used, node).peer
  if (used !== undefined && old !== undefined && used !== connection) {
    if (old.generation > peer.generation) {
      close(world, connection, node, "replaced")
      return false
    }
    if (old.generation === peer.generation) {
      const better =
        used.epoch === connection.epoch ? connection.byLower && !used.byLower : connection.epoch > used.epoch
      if (better) node.currents.set(peer.name, connection.id)
      close(world, better ? used : connection, node, "duplicate")
      return false
    }
    node.currents.set(peer.name, connection.id)
    close(world, used, node, "replaced")
    return true
  }
  node.currents.set(peer.name, connection.id)
  return true
}

const established = (
  world: World,
  connection: Connection,
  end: End,
  peer: PeerRecord,
  ready: Packet & { _tag: "Ready" },
): void => {
  const node = nodeAt(world, end.node)
  const record: PeerRecord = seal({ ...peer, incarnation: ready.incarnation })
  end.peer = record
  end.phase = "up"
  const dialled = end === connection.ends[0]
  if (install(world, connection, node, record)) {
    submit(world, node, {
      _tag: "LinkUp",
      record,
      address: dialled ? addressOf(peer.name) : undefined,
      viewHash: ready.viewHash,
      youAre: ready.youAre,
    })
  }
  if (dialled) world.hooks.dialled?.(node, connection, true)
}

/** Starts a connection. Nobody connects to itself. */
export const dial = (world: World, node: Node, target: Node, expected: string | undefined): Connection => {
  const connection: Connection = {
    id: ++world.lastConnection,
    epoch: ++node.epoch,
    byLower: compareNames(node.name, target.name) < 0,
    expected,
    openedAt: world.now,
    ends: [makeEnd(world, node, "HelloAck", node.state.self), makeEnd(world, target, "Hello", undefined)],
  }
  world.connections.set(connection.id, connection)
  push(world, connection, connection.ends[1], { _tag: "Hello", record: node.state.self })
  return connection
}

const makeEnd = (world: World, node: Node, phase: End["phase"], said: PeerRecord | undefined): End => ({
  node: node.index,
  life: node.life,
  phase,
  said,
  peer: undefined,
  heardAt: world.now,
  asked: false,
  inbox: [],
})

/** A connection that did not come about, as its dialler sees it (`link/Dialer.ts`). */
export const fail = (world: World, connection: Connection, refusal?: Packet & { _tag: "HelloReject" }): void => {
  const [end, acceptor] = connection.ends
  const node = nodeAt(world, end.node)
  if (end.phase === "closed" || end.phase === "up") return
  shut(world, connection, end)
  push(world, connection, acceptor, { _tag: "End" })
  if (refusal !== undefined) heedRefusal(world, node, refusal)
  if (refusal?.code === "stale") {
    if (takesPart(node)) dial(world, node, nodeAt(world, acceptor.node), connection.expected)
    return
  }
  if (connection.expected !== undefined) {
    const refused = acceptor.phase === "closed" && nodeAt(world, acceptor.node).health === "ended"
    submit(world, node, { _tag: "DialFailed", name: connection.expected, refused })
  }
  world.hooks.dialled?.(node, connection, false)
}

const breakOff = (world: World, connection: Connection, end: End, code: ByeCode | undefined): void => {
  if (end === connection.ends[0] && end.phase !== "up") return fail(world, connection)
  shut(world, connection, end)
  push(world, connection, other(connection, end), { _tag: "End" })
  uninstall(world, connection, end, code)
}

const reject = (code: RejectCode, atLeastGeneration?: number): Packet & { _tag: "HelloReject" } => ({
  _tag: "HelloReject",
  code,
  atLeastGeneration,
})

/** Why a life is refused that is over, as `Handshake.outdated` decides it. */
const outdated = ({ state }: Node, { generation, name }: PeerRecord) => {
  const tombstone = state.tombstones.get(name)
  const newest = Math.max(
    state.members.get(name)?.record.generation ?? 0,
    state.candidates.get(name)?.record.generation ?? 0,
    tombstone?.generation ?? 0,
  )
  if (generation < newest) return reject("stale", newest + 1)
  return tombstone?.status === "left" && tombstone.generation === generation ? reject("evicted") : undefined
}

/** Why a Hello is refused, as `Handshake.judge` decides it. */
const judge = (node: Node, hello: PeerRecord) => {
  if (node.state.phase._tag !== "Running") return reject("busy")
  return hello.name === node.name ? reject("duplicate") : outdated(node, hello)
}

/** What a refusal means for the node as a whole, as `Handshake.heedRefusal` decides it. */
const heedRefusal = (world: World, node: Node, { atLeastGeneration, code }: Packet & { _tag: "HelloReject" }) => {
  if (code === "stale" && atLeastGeneration !== undefined) submit(world, node, { _tag: "Stale", atLeastGeneration })
  if (code === "evicted") submit(world, node, { _tag: "Evict" })
  node.greatest = Math.max(node.greatest, node.state.self.generation)
}

/**
 * What this end says in its Ready, after it refuted what the other side believes. The incarnation is one
 * of the body that this end has shown: a newer body comes as an Update.
 */
const readyOf = ({ state }: Node, { said }: End, peer: PeerRecord): Packet & { _tag: "Ready" } => ({
  _tag: "Ready",
  incarnation: said === undefined || said.body === state.self.body ? state.self.incarnation : said.incarnation,
  viewHash: state.viewHash,
  youAre: State.belief(state, peer.name, peer.generation),
})

/** Takes the oldest packet off the way to an end. */
export const deliver = (world: World, connection: Connection, end: End): void => {
  const packet = end.inbox.shift()
  const node = nodeAt(world, end.node)
  if (packet === undefined || end.phase === "closed") return
  if (node.health !== "up" || node.life !== end.life) {
    // A machine that is gone says nothing; one that runs refuses for the process that ended.
    shut(world, connection, end)
    if (node.health !== "silent") push(world, connection, other(connection, end), { _tag: "End" })
    return
  }
  end.heardAt = world.now
  if (end.phase !== "up") return shake(world, connection, end, node, packet)
  const { peer } = end
  if (peer === undefined) return
  if (end.asked) {
    end.asked = false
    submit(world, node, { _tag: "Heard", peer: { name: peer.name, generation: peer.generation } })
  }
  switch (packet._tag) {
    case "PingNow":
      return push(world, connection, other(connection, end), { _tag: "Answer" })
    case "Answer":
      return
    case "End":
      return breakOff(world, connection, end, undefined)
    case "Bye":
      return breakOff(world, connection, end, packet.code)
    case "Ping":
      if (packet.viewHash !== node.state.viewHash) {
        submit(world, node, { _tag: "HashDiffers", from: peer.name, viewHash: packet.viewHash })
      }
      return
    case "Hello":
    case "HelloAck":
    case "HelloReject":
    case "Ready":
      throw new Error(`${packet._tag} on a link that is up`)
    default:
      return submit(world, node, { _tag: "Received", from: peer, frame: packet })
  }
}

const shake = (world: World, connection: Connection, end: End, node: Node, packet: Packet): void => {
  const back = other(connection, end)
  if (packet._tag === "HelloReject") {
    if (end === connection.ends[0]) return fail(world, connection, packet)
    shut(world, connection, end)
    return heedRefusal(world, node, packet)
  }
  if (packet._tag !== end.phase) return breakOff(world, connection, end, undefined)
  switch (packet._tag) {
    case "Hello": {
      const refusal = judge(node, packet.record)
      if (refusal !== undefined) {
        push(world, connection, back, refusal)
        return shut(world, connection, end)
      }
      end.peer = packet.record
      end.said = node.state.self
      end.phase = "Ready"
      const youAre = State.belief(node.state, packet.record.name, packet.record.generation)
      return push(world, connection, back, { _tag: "HelloAck", record: node.state.self, youAre })
    }
    case "HelloAck": {
      if (connection.expected !== undefined && packet.record.name !== connection.expected) {
        return breakOff(world, connection, end, undefined)
      }
      const past = outdated(node, packet.record)
      if (past !== undefined) {
        push(world, connection, back, past)
        return breakOff(world, connection, end, undefined)
      }
      if (packet.youAre !== undefined) submit(world, node, { _tag: "Accused", youAre: packet.youAre })
      if (!mayGoOn(node, end)) return breakOff(world, connection, end, undefined)
      end.peer = packet.record
      end.phase = "Ready"
      return push(world, connection, back, readyOf(node, end, packet.record))
    }
    case "Ready": {
      const { peer } = end
      if (peer === undefined || packet.incarnation < peer.incarnation) {
        throw new Violation(`${peer?.name} said Ready with an incarnation that went back`)
      }
      if (end === connection.ends[0]) return established(world, connection, end, peer, packet)
      if (packet.youAre !== undefined) submit(world, node, { _tag: "Accused", youAre: packet.youAre })
      if (!mayGoOn(node, end)) return breakOff(world, connection, end, undefined)
      push(world, connection, back, readyOf(node, end, peer))
      return established(world, connection, end, peer, packet)
    }
  }
}

const mayGoOn = (node: Node, end: End): boolean =>
  takesPart(node) && node.state.self.generation === end.said?.generation

/** One heartbeat of one connection: a peer that was silent for too long is given up. */
export const beat = (world: World, connection: Connection, node: Node, linkTimeout: number): void => {
  const end = mine(connection, node)
  if (end.phase !== "up") return
  if (world.now - end.heardAt > linkTimeout) close(world, connection, node, "silent")
  else push(world, connection, other(connection, end), { _tag: "Ping", viewHash: node.state.viewHash })
}

// ---- what befalls a node ----

/** Ends a life without a word: a killed process, or a machine that is gone. */
export const crash = (world: World, node: Node, health: "ended" | "silent"): void => {
  node.health = health
  for (const connection of connectionsOf(world, node)) {
    const end = mine(connection, node)
    shut(world, connection, end)
    if (health === "ended") push(world, connection, other(connection, end), { _tag: "End" })
  }
  node.currents.clear()
}

/** The next life of a node that has ended. */
export const restart = (world: World, node: Node, generation: number): void => {
  node.life++
  node.health = "up"
  node.stopped = undefined
  node.currents.clear()
  node.greatest = Math.max(node.greatest, generation)
  node.state = life(world.settings, node.name, world.now, generation)
}

/** Ends the links between two nodes, as a broken connection does. */
export const cut = (world: World, a: Node, b: Node): void => {
  for (const connection of connectionsOf(world, a)) {
    if (!connection.ends.some((end) => isOf(end, b))) continue
    for (const end of connection.ends) push(world, connection, end, { _tag: "End" })
  }
}
