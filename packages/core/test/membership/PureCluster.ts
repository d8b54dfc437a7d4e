/**
 * A cluster of pure membership states, without fibers, clock or bytes. A {@link World} is plain data that can be
 * copied. Nodes communicate over connections with one queue per direction. They open connections by a handshake that
 * follows `link/Handshake.ts` and `peering/PeerConnections.ts`. The caller chooses the next event: `Simulation.ts`
 * draws it from a seed, and `Exploration.ts` tries every event.
 */
import type { ByeCode, MembershipFrame, RejectCode, YouAreBelief } from "../../src/protocol/Frame.ts"
import type { Output } from "../../src/membership/Draft.ts"
import type * as Membership from "../../src/membership/Membership.ts"
import * as Settings from "../../src/membership/Settings.ts"
import type { StopReason } from "../../src/membership/State.ts"
import * as State from "../../src/membership/State.ts"
import { judgeLife } from "../../src/peering/HandshakeRules.ts"
import { compareNames } from "../../src/protocol/PeerName.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { checkedStep, seal, Violation } from "./invariants.ts"
import { addressOf, recordOf, wall } from "./support.ts"

// ---- data ----

/** A message on a connection. */
export type Packet =
  | { readonly _tag: "Hello"; readonly record: PeerRecord; readonly viewHash: bigint }
  | {
      readonly _tag: "HelloAck"
      readonly record: PeerRecord
      readonly viewHash: bigint
      readonly youAre: YouAreBelief | undefined
    }
  | { readonly _tag: "HelloReject"; readonly code: RejectCode; readonly atLeastGeneration: number | undefined }
  | {
      readonly _tag: "Ready"
      readonly incarnation: number
      readonly viewHash: bigint
      readonly youAre: YouAreBelief | undefined
    }
  | { readonly _tag: "Ping"; readonly viewHash: bigint }
  /** Requests any sign of life. */
  | { readonly _tag: "PingNow" }
  | { readonly _tag: "Answer" }
  | { readonly _tag: "Bye"; readonly code: ByeCode }
  /** The connection is closed or refused. */
  | { readonly _tag: "End" }
  | MembershipFrame

/** End of a connection. */
export interface End {
  readonly node: number
  /** Life of the node that owns the end. */
  readonly life: number
  /** Next expected packet of the handshake, until the end is up. */
  phase: "Hello" | "HelloAck" | "Ready" | "up" | "closed"
  /** Record of this node that this end sent in the handshake. */
  sentRecord: PeerRecord | undefined
  peer: PeerRecord | undefined
  heardAt: number
  /** `true` if the membership wants `PeerHeard` when anything arrives. */
  wantsSign: boolean
  /** Packets in flight to this end, oldest first. */
  readonly inbox: Array<Packet>
}

export interface Connection {
  readonly id: number
  /** Epoch of the dialer, which ranks simultaneous connections. */
  readonly epoch: number
  readonly byLower: boolean
  /** Name of the peer that must answer; `undefined` for a seed. */
  readonly expected: string | undefined
  readonly openedAt: number
  /** End of the dialer, then end of the acceptor. */
  readonly ends: readonly [End, End]
}

export interface Node {
  readonly index: number
  readonly name: string
  state: State.State
  /** Number of lives before this one. */
  life: number
  /** `ended`: dials are refused. `silent`: the machine has failed, and dials get no answer. */
  health: "up" | "ended" | "silent"
  stopped: StopReason | undefined
  epoch: number
  /** Id of the connection in use, by name of the peer. */
  readonly connectionIds: Map<string, number>
  /** Inputs that wait until the current step ends. */
  readonly inputs: Array<Membership.Input>
  isStepping: boolean
  /** Greatest generation of this name so far. */
  greatestGeneration: number
}

/** Callbacks of the caller. */
export interface Hooks {
  readonly pushed?: (connection: Connection, end: End) => void
  readonly stepped?: (node: Node, outputs: ReadonlyArray<Output>) => void
  readonly dialed?: (node: Node, connection: Connection, reached: boolean) => void
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

const initialState = (settings: Settings.Settings, name: string, now: number, generation: number): State.State =>
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
      state: initialState(all, name, 0, wall),
      life: 0,
      health: "up",
      stopped: undefined,
      epoch: 0,
      connectionIds: new Map(),
      inputs: [],
      isStepping: false,
      greatestGeneration: wall,
    })),
    connections: new Map(),
    hooks,
  }
}

const copyEnd = (end: End): End => ({ ...end, inbox: end.inbox.slice() })

/** Copies a world. The copy shares states and packets, because they are immutable. */
export const copy = (world: World): World => {
  const connections = new Map<number, Connection>()
  for (const [id, connection] of world.connections) {
    const [dialer, acceptor] = connection.ends
    connections.set(id, { ...connection, ends: [copyEnd(dialer), copyEnd(acceptor)] })
  }
  const nodes = world.nodes.map((node) => ({
    ...node,
    connectionIds: new Map(node.connectionIds),
    inputs: [],
  }))
  return { ...world, connections, nodes }
}

export const nodeAt = (world: World, index: number): Node => {
  const node = world.nodes[index]
  if (node === undefined) throw new Error(`there is no node ${index}`)
  return node
}

/** Returns whether the node runs and takes part in the cluster. */
export const takesPart = (node: Node): boolean => node.health === "up" && node.state.phase._tag === "Running"

// ---- steps ----

/** Takes a step of a node, performs its outputs, and takes the steps that follow from them. */
export const submit = (world: World, node: Node, input: Membership.Input): void => {
  node.inputs.push(input)
  if (node.isStepping) return
  node.isStepping = true
  for (let next = node.inputs.shift(); next !== undefined; next = node.inputs.shift()) {
    world.steps++
    const [state, outputs] = checkedStep(node.state, world.now, next)
    node.state = state
    node.greatestGeneration = Math.max(node.greatestGeneration, state.self.generation)
    for (const output of outputs) perform(world, node, output)
    world.hooks.stepped?.(node, outputs)
  }
  node.isStepping = false
}

/** Performs an output like the rest of a node. */
const perform = (world: World, node: Node, output: Output): void => {
  switch (output._tag) {
    case "Send":
      for (const name of output.to) {
        const connection = current(world, node, name)
        if (connection !== undefined)
          enqueue(world, connection, peerEndOf(connection, endOf(connection, node)), output.frame)
      }
      return
    case "Answer": {
      const connection = current(world, node, output.peer.name)
      if (connection === undefined) return
      enqueue(world, connection, peerEndOf(connection, endOf(connection, node)), output.frame)
      return submit(world, node, { _tag: "AnswerWritten", peer: output.peer })
    }
    case "PingNow": {
      const connection = current(world, node, output.peer.name)
      if (connection === undefined) return
      const end = endOf(connection, node)
      if (end.peer?.generation !== output.peer.generation || end.wantsSign) return
      end.wantsSign = true
      enqueue(world, connection, peerEndOf(connection, end), { _tag: "PingNow" })
      return
    }
    case "CloseLink":
      for (const connection of connectionsOf(world, node)) {
        const { peer, phase } = endOf(connection, node)
        if (phase === "up" && peer?.name === output.peer.name && peer.generation === output.peer.generation) {
          close(world, connection, node, output.code)
        }
      }
      return
    case "Emit":
      if (output.event._tag === "Superseded" && node.greatestGeneration <= node.state.self.generation) {
        throw new Violation(`${node.name} is superseded, although it never had a greater generation`)
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

/** Ticks until nothing is due. */
export const tick = (world: World, node: Node): void => {
  const most = 4 + 2 * (node.state.members.size + node.state.candidates.size + node.state.tombstones.size)
  for (let ticks = 0; ticks < most; ticks++) {
    submit(world, node, { _tag: "Tick" })
    const due = State.deadline(node.state)
    if (due === undefined || due > world.now) return
  }
  throw new Violation(`${node.name} requests a Tick without end at one time`)
}

// ---- connections ----

const belongsTo = (end: End, node: Node): boolean => end.node === node.index && end.life === node.life

/** Returns the connections of this life of a node, in any phase. */
export const connectionsOf = (world: World, node: Node): ReadonlyArray<Connection> =>
  [...world.connections.values()].filter(({ ends }) => belongsTo(ends[0], node) || belongsTo(ends[1], node))

const endOf = ({ ends }: Connection, node: Node): End => (belongsTo(ends[0], node) ? ends[0] : ends[1])

const peerEndOf = ({ ends }: Connection, end: End): End => (end === ends[0] ? ends[1] : ends[0])

/** Returns the connection in use between a node and a peer. */
export const current = (world: World, node: Node, name: string): Connection | undefined => {
  const connection = world.connections.get(node.connectionIds.get(name) ?? -1)
  return connection !== undefined && endOf(connection, node).phase === "up" ? connection : undefined
}

const enqueue = (world: World, connection: Connection, to: End, packet: Packet): void => {
  if (to.phase === "closed") return
  to.inbox.push(packet)
  world.hooks.pushed?.(connection, to)
}

/** Sends a packet from a node, whatever its state. */
export const send = (world: World, connection: Connection, from: Node, packet: Packet): void =>
  enqueue(world, connection, peerEndOf(connection, endOf(connection, from)), packet)

/** Closes one end. Removes the connection when both ends are closed. */
const closeEnd = (world: World, connection: Connection, end: End): void => {
  end.phase = "closed"
  end.inbox.length = 0
  if (peerEndOf(connection, end).phase === "closed") world.connections.delete(connection.id)
}

/** Ends a connection from one side, with a Bye if `code` is given. */
export const close = (world: World, connection: Connection, node: Node, code?: ByeCode): void => {
  const end = endOf(connection, node)
  if (end.phase === "closed") return
  closeEnd(world, connection, end)
  if (code !== undefined) enqueue(world, connection, peerEndOf(connection, end), { _tag: "Bye", code })
  enqueue(world, connection, peerEndOf(connection, end), { _tag: "End" })
  uninstall(world, connection, end, undefined)
}

/** Submits the loss of the link of an end, if the link was in use. */
const uninstall = (world: World, connection: Connection, end: End, code: ByeCode | undefined): void => {
  const node = nodeAt(world, end.node)
  const { peer } = end
  if (peer === undefined || node.connectionIds.get(peer.name) !== connection.id) return
  node.connectionIds.delete(peer.name)
  const { generation, name } = peer
  submit(world, node, { _tag: "LinkDown", peer: { name, generation }, code, silent: code === undefined, draw: 0 })
}

/**
 * Chooses between a new connection and the one in use, like `PeerConnections.install`. Returns whether the link is new.
 */
const install = (world: World, connection: Connection, node: Node, peer: PeerRecord): boolean => {
  node.epoch = Math.max(node.epoch, connection.epoch)
  const used = current(world, node, peer.name)
  const old = used === undefined ? undefined : endOf(used, node).peer
  if (used !== undefined && old !== undefined && used !== connection) {
    if (old.generation > peer.generation) {
      close(world, connection, node, "replaced")
      return false
    }
    if (old.generation === peer.generation) {
      const better =
        used.epoch === connection.epoch ? connection.byLower && !used.byLower : connection.epoch > used.epoch
      if (better) node.connectionIds.set(peer.name, connection.id)
      close(world, better ? used : connection, node, "duplicate")
      return false
    }
    node.connectionIds.set(peer.name, connection.id)
    close(world, used, node, "replaced")
    return true
  }
  node.connectionIds.set(peer.name, connection.id)
  return true
}

/** Starts to use a connection after its handshake. */
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
  const dialed = end === connection.ends[0]
  if (install(world, connection, node, record)) {
    submit(world, node, {
      _tag: "LinkUp",
      record,
      address: dialed ? addressOf(peer.name) : undefined,
      viewHash: ready.viewHash,
      youAre: ready.youAre,
    })
  }
  if (dialed) world.hooks.dialed?.(node, connection, true)
}

/** Opens a connection to another node. */
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
  enqueue(world, connection, connection.ends[1], {
    _tag: "Hello",
    record: node.state.self,
    viewHash: State.introductionHash(node.state),
  })
  return connection
}

const makeEnd = (world: World, node: Node, phase: End["phase"], sentRecord: PeerRecord | undefined): End => ({
  node: node.index,
  life: node.life,
  phase,
  sentRecord,
  peer: undefined,
  heardAt: world.now,
  wantsSign: false,
  inbox: [],
})

/** Fails a handshake on the side of its dialer (`peering/Dialer.ts`). */
export const failDial = (world: World, connection: Connection, refusal?: Packet & { _tag: "HelloReject" }): void => {
  const [end, acceptor] = connection.ends
  const node = nodeAt(world, end.node)
  if (end.phase === "closed" || end.phase === "up") return
  closeEnd(world, connection, end)
  enqueue(world, connection, acceptor, { _tag: "End" })
  if (refusal !== undefined) onRefusal(world, node, end, refusal, connection.expected)
  if (!takesPart(node)) return
  if (node.state.self.generation > (end.sentRecord?.generation ?? 0)) {
    dial(world, node, nodeAt(world, acceptor.node), connection.expected)
    return
  }
  if (connection.expected !== undefined) {
    const refused = acceptor.phase === "closed" && nodeAt(world, acceptor.node).health === "ended"
    submit(world, node, { _tag: "DialFailed", name: connection.expected, refused })
  }
  world.hooks.dialed?.(node, connection, false)
}

/** Ends a connection that is lost on one side. */
const breakOff = (world: World, connection: Connection, end: End, code: ByeCode | undefined): void => {
  if (end === connection.ends[0] && end.phase !== "up") return failDial(world, connection)
  closeEnd(world, connection, end)
  enqueue(world, connection, peerEndOf(connection, end), { _tag: "End" })
  uninstall(world, connection, end, code)
}

const reject = (code: RejectCode, atLeastGeneration?: number): Packet & { _tag: "HelloReject" } => ({
  _tag: "HelloReject",
  code,
  atLeastGeneration,
})

/** Returns the refusal of a life that a newer life replaced. */
const outdated = ({ state }: Node, record: PeerRecord, viewHash: bigint) => {
  const refusal = judgeLife(state, { record, instance: 0, viewHash }, undefined)
  return refusal === undefined ? undefined : reject(refusal.code, refusal.atLeastGeneration)
}

/** Returns the refusal of a Hello, like `HandshakeRules.judgeHello`. */
const refusalOf = (node: Node, { record, viewHash }: Packet & { _tag: "Hello" }) => {
  if (node.state.phase._tag !== "Running") return reject("busy")
  return record.name === node.name ? reject("duplicate") : outdated(node, record, viewHash)
}

/** Submits the effect of a refusal on the whole node, like `HandshakeRules.onRefusal`. */
const onRefusal = (
  world: World,
  node: Node,
  { sentRecord }: End,
  { atLeastGeneration, code }: Packet & { _tag: "HelloReject" },
  dialed: string | undefined,
) => {
  if (code !== "stale" || atLeastGeneration === undefined || sentRecord === undefined) return
  const { generation } = sentRecord
  submit(world, node, { _tag: "NameTaken", generation, instance: 0, atLeastGeneration, dialed })
}

/**
 * Returns the Ready of an end, after the end refuted the beliefs of the other side. The incarnation belongs to the body
 * that this end has sent. A newer body follows in an Update.
 */
const readyOf = ({ state }: Node, { sentRecord }: End, peer: PeerRecord): Packet & { _tag: "Ready" } => ({
  _tag: "Ready",
  incarnation:
    sentRecord === undefined || sentRecord.body === state.self.body ? state.self.incarnation : sentRecord.incarnation,
  viewHash: state.viewHash,
  youAre: State.belief(state, peer.name, peer.generation),
})

/** Delivers the oldest packet in flight to an end. */
export const deliver = (world: World, connection: Connection, end: End): void => {
  const packet = end.inbox.shift()
  const node = nodeAt(world, end.node)
  if (packet === undefined || end.phase === "closed") return
  if (node.health !== "up" || node.life !== end.life) {
    // A failed machine does not answer. A running machine refuses connections to a process that has ended.
    closeEnd(world, connection, end)
    if (node.health !== "silent") enqueue(world, connection, peerEndOf(connection, end), { _tag: "End" })
    return
  }
  end.heardAt = world.now
  if (end.phase !== "up") return handshake(world, connection, end, node, packet)
  const { peer } = end
  if (peer === undefined) return
  if (end.wantsSign) {
    end.wantsSign = false
    submit(world, node, { _tag: "PeerHeard", peer: { name: peer.name, generation: peer.generation } })
  }
  switch (packet._tag) {
    case "PingNow":
      return enqueue(world, connection, peerEndOf(connection, end), { _tag: "Answer" })
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

/** Continues the handshake of an end. */
const handshake = (world: World, connection: Connection, end: End, node: Node, packet: Packet): void => {
  const back = peerEndOf(connection, end)
  if (packet._tag === "HelloReject") {
    if (end === connection.ends[0]) return failDial(world, connection, packet)
    closeEnd(world, connection, end)
    return onRefusal(world, node, end, packet, undefined)
  }
  if (packet._tag !== end.phase) return breakOff(world, connection, end, undefined)
  switch (packet._tag) {
    case "Hello": {
      const refusal = refusalOf(node, packet)
      if (refusal !== undefined) {
        enqueue(world, connection, back, refusal)
        return closeEnd(world, connection, end)
      }
      end.peer = packet.record
      end.sentRecord = node.state.self
      end.phase = "Ready"
      const youAre = State.belief(node.state, packet.record.name, packet.record.generation)
      const { self: record } = node.state
      const viewHash = State.introductionHash(node.state)
      return enqueue(world, connection, back, { _tag: "HelloAck", record, viewHash, youAre })
    }
    case "HelloAck": {
      if (connection.expected !== undefined && packet.record.name !== connection.expected) {
        return breakOff(world, connection, end, undefined)
      }
      const refusal = outdated(node, packet.record, packet.viewHash)
      if (refusal !== undefined) {
        enqueue(world, connection, back, refusal)
        return breakOff(world, connection, end, undefined)
      }
      if (packet.youAre !== undefined) submit(world, node, { _tag: "SelfAccused", youAre: packet.youAre })
      if (!mayGoOn(node, end)) return breakOff(world, connection, end, undefined)
      end.peer = packet.record
      end.phase = "Ready"
      return enqueue(world, connection, back, readyOf(node, end, packet.record))
    }
    case "Ready": {
      const { peer } = end
      if (peer === undefined || packet.incarnation < peer.incarnation) {
        throw new Violation(`${peer?.name} sent Ready with a lower incarnation`)
      }
      if (end === connection.ends[0]) return established(world, connection, end, peer, packet)
      if (packet.youAre !== undefined) submit(world, node, { _tag: "SelfAccused", youAre: packet.youAre })
      if (!mayGoOn(node, end)) return breakOff(world, connection, end, undefined)
      enqueue(world, connection, back, readyOf(node, end, peer))
      return established(world, connection, end, peer, packet)
    }
  }
}

/** Returns whether the node still has the generation that it sent in the handshake. */
const mayGoOn = (node: Node, end: End): boolean =>
  takesPart(node) && node.state.self.generation === end.sentRecord?.generation

/** Sends a heartbeat, or ends the connection if the peer was silent for the link timeout. */
export const heartbeat = (world: World, connection: Connection, node: Node, linkTimeout: number): void => {
  const end = endOf(connection, node)
  if (end.phase !== "up") return
  if (world.now - end.heardAt > linkTimeout) close(world, connection, node, "silent")
  else enqueue(world, connection, peerEndOf(connection, end), { _tag: "Ping", viewHash: node.state.viewHash })
}

// ---- faults ----

/** Ends a life without Bye: `ended` is a killed process, `silent` a failed machine. */
export const crash = (world: World, node: Node, health: "ended" | "silent"): void => {
  node.health = health
  for (const connection of connectionsOf(world, node)) {
    const end = endOf(connection, node)
    closeEnd(world, connection, end)
    if (health === "ended") enqueue(world, connection, peerEndOf(connection, end), { _tag: "End" })
  }
  node.connectionIds.clear()
}

/** Starts the next life of a node that has ended. */
export const restart = (world: World, node: Node, generation: number): void => {
  node.life++
  node.health = "up"
  node.stopped = undefined
  node.connectionIds.clear()
  node.greatestGeneration = Math.max(node.greatestGeneration, generation)
  node.state = initialState(world.settings, node.name, world.now, generation)
}

/** Breaks the connections between two nodes. */
export const cut = (world: World, a: Node, b: Node): void => {
  for (const connection of connectionsOf(world, a)) {
    if (!connection.ends.some((end) => belongsTo(end, b))) continue
    for (const end of connection.ends) enqueue(world, connection, end, { _tag: "End" })
  }
}
