/**
 * A {@link PureCluster} in virtual time. Delays, faults and all other choices are drawn from one seed, so the seed
 * identifies a run and repeats it. Dialing follows `peering/Dialer.ts`.
 */
import type { Address } from "../../src/Address.ts"
import * as Member from "../../src/membership/Member.ts"
import type { Settings } from "../../src/membership/Settings.ts"
import * as State from "../../src/membership/State.ts"
import { compareNames } from "../../src/protocol/PeerName.ts"
import { Chance } from "./Chance.ts"
import { EventQueue } from "./EventQueue.ts"
import { Violation } from "./invariants.ts"
import * as PureCluster from "./PureCluster.ts"
import { addressOf } from "./support.ts"
import { dialTargets } from "./dialTargets.ts"

/** Event of one life of a node. */
interface OfNode {
  readonly node: PureCluster.Node
  readonly life: number
}

type NodeEvent =
  | (OfNode & { readonly _tag: "Tick" | "Heartbeat" })
  | (OfNode & { readonly _tag: "Dial"; readonly name: string; readonly attempt: Attempt })
  | (OfNode & { readonly _tag: "DialSeed"; readonly address: Address })

type Event =
  | NodeEvent
  | { readonly _tag: "Deliver"; readonly connection: PureCluster.Connection; readonly end: PureCluster.End }
  | { readonly _tag: "TimeOut"; readonly connection: PureCluster.Connection }

/** Dials of one peer until a dial succeeds. */
interface Attempt {
  tries: number
  isDialing: boolean
}

export interface Options {
  readonly seed: number
  readonly size: number
  readonly settings?: Partial<Settings> | undefined
}

const heartbeat = 1_000
const linkTimeout = 3_000
/** Time for which the peer with the higher name waits for the other to dial. */
const candidateDialDelay = 2_000
const seedInterval = 30_000
const seedIntervalAlone = 5_000
const maxBackOff = 10_000
const names = ["a", "b", "c", "d", "e", "f", "g", "h"]

const wasStopped = ({ stopped }: PureCluster.Node): boolean => stopped === "superseded"

/** Returns the value of a key. Adds the value if it is missing. */
const getOrAdd = <K, V>(map: Map<K, V>, key: K, make: () => V): V => {
  let value = map.get(key)
  if (value === undefined) {
    value = make()
    map.set(key, value)
  }
  return value
}

export class Simulation {
  readonly world: PureCluster.World
  readonly chance: Chance
  readonly log: Array<string> = []
  private readonly size: number
  private readonly events = new EventQueue<Event>()
  /** Routes that deliver nothing. */
  private readonly blocked = new Set<number>()
  /** Additional delay by route, in milliseconds. */
  private readonly slow = new Map<number, number>()
  /** Number of packets that a blocked route holds back, by the receiving end. */
  private readonly heldBack = new Map<
    PureCluster.End,
    { readonly connection: PureCluster.Connection; packets: number }
  >()
  /** Time of the next Tick, by node. */
  private readonly tickAt = new Map<PureCluster.Node, number>()
  private readonly attempts = new Map<PureCluster.Node, Map<string, Attempt>>()
  /** Addresses that a node dials without end. */
  private readonly seedAddresses = new Map<PureCluster.Node, Set<Address>>()
  private readonly reconciled = new Map<PureCluster.Node, Pick<State.State, "members" | "candidates">>()
  /** Indices of the nodes whose addresses are seeds of all nodes. */
  private readonly seeds: ReadonlyArray<number>
  /** `true` if nodes that have disconnected join again. */
  private joinsDisconnected = false

  constructor({ seed, settings, size }: Options) {
    this.chance = new Chance(seed)
    this.size = size
    this.world = PureCluster.make(names.slice(0, size), settings, {
      pushed: (connection, end) => this.schedulePacket(connection, end),
      stepped: (node) => this.onStep(node),
      dialed: (node, connection, reached) => this.onDialed(node, connection, reached),
    })
    this.seeds = [...new Set([this.chance.below(size), this.chance.below(size)])]
    for (const node of this.world.nodes) this.start(node)
  }

  /** Handles all events up to a time. */
  runUntil(time: number): void {
    for (let next = this.events.takeUntil(time); next !== undefined; next = this.events.takeUntil(time)) {
      this.world.now = Math.max(this.world.now, next.at)
      this.handle(next.event)
    }
    this.world.now = Math.max(this.world.now, time)
  }

  // ---- faults ----

  /** Makes a random fault. */
  makeFault(): void {
    const { chance, world } = this
    const node = chance.pick(world.nodes)
    const peer = chance.pick(world.nodes.filter((each) => each !== node))
    const kind = chance.below(14)
    if (kind <= 4 || kind === 13) return this.makeNetworkFault(kind, node, peer)
    if (kind <= 7) return this.killOrRevive(kind, node)
    if (PureCluster.takesPart(node)) this.makeUserAction(kind, node, peer)
  }

  private makeNetworkFault(kind: number, node: PureCluster.Node, peer: PureCluster.Node): void {
    const { blocked, chance, world } = this
    const there = this.route(node.index, peer.index)
    switch (kind) {
      case 0:
        this.note(`${node.name} cannot reach ${peer.name}`)
        blocked.add(there)
        return
      case 1:
        this.note(`${node.name} and ${peer.name} cannot reach each other`)
        blocked.add(there).add(this.route(peer.index, node.index))
        return
      case 2: {
        const side = world.nodes.map(() => chance.below(2))
        this.note(`the network splits: ${side.join("")}`)
        for (const a of world.nodes) {
          for (const b of world.nodes) if (side[a.index] !== side[b.index]) blocked.add(this.route(a.index, b.index))
        }
        return
      }
      case 3:
        this.note("the network is whole again")
        return this.unblock()
      case 4:
        this.note(`the connection of ${node.name} and ${peer.name} breaks`)
        return PureCluster.cut(world, node, peer)
      default:
        this.note(`${node.name} to ${peer.name} is slow`)
        this.slow.set(there, 1_500)
    }
  }

  private killOrRevive(kind: number, node: PureCluster.Node): void {
    if (node.health !== "up") return this.revive(node)
    if (kind === 7) {
      this.note(`${node.name} is killed and is back at once`)
      PureCluster.crash(this.world, node, "ended")
      return this.revive(node)
    }
    const health = this.chance.pick(["ended", "silent"] as const)
    this.note(`${node.name} dies, ${health}`)
    PureCluster.crash(this.world, node, health)
  }

  private makeUserAction(kind: number, node: PureCluster.Node, peer: PureCluster.Node): void {
    const { world } = this
    switch (kind) {
      case 8:
        this.note(`${node.name} leaves`)
        return PureCluster.submit(world, node, { _tag: "Leave" })
      case 9:
        this.note(`${node.name} disconnects ${peer.name}`)
        return PureCluster.submit(world, node, { _tag: "Disconnect", name: peer.name })
      case 10:
        this.note(`${node.name} joins ${peer.name}`)
        this.addSeed(node, addressOf(peer.name))
        return this.connect(node, peer, undefined)
      default:
        this.note(`${node.name} sets its metadata`)
        return PureCluster.submit(world, node, { _tag: "MetadataSet", metadata: { at: String(world.now) } })
    }
  }

  /** Ends all faults. Restarts every node whose address others need. */
  heal(): void {
    const { chance } = this
    this.note("heal")
    this.slow.clear()
    this.unblock()
    for (const node of this.world.nodes) {
      if (node.health !== "up" && (this.seeds.includes(node.index) || chance.below(2) === 0)) this.revive(node)
    }
    this.joinsDisconnected = chance.below(2) === 0
  }

  /** Acts like operators: restarts seeds and stopped nodes, and joins disconnected seeds again. */
  supervise(): void {
    const { seeds, world } = this
    for (const node of world.nodes) {
      if (wasStopped(node) || (node.health !== "up" && seeds.includes(node.index))) this.revive(node)
    }
    // Only a join ends a disconnection, and without the seeds a node finds no peer.
    for (const node of world.nodes) {
      if (!PureCluster.takesPart(node)) continue
      for (const [name, { disconnected }] of node.state.members) {
        const peer = this.nodeWith(addressOf(name))
        if (disconnected && (this.joinsDisconnected || seeds.includes(peer.index))) this.connect(node, peer, undefined)
      }
    }
  }

  // ---- convergence ----

  /** Returns the problem of the views, or `undefined` if all running nodes agree. */
  problem(): string | undefined {
    const running = this.world.nodes.filter(({ health }) => health === "up")
    const isApart = running.some(({ state }) => [...state.members.values()].some(({ disconnected }) => disconnected))
    for (const node of running) {
      const { phase, view, viewHash } = node.state
      if (phase._tag !== "Running") return `${node.name} is ${phase._tag}`
      for (const peer of running) {
        const problem = peer === node ? undefined : this.problemBetween(node, peer)
        if (problem !== undefined) return problem
      }
      for (const name of view.peers.keys()) {
        if (!running.some((peer) => peer.name === name)) return `${node.name} still sees ${name}`
      }
      if (!isApart && viewHash !== running[0]?.state.viewHash)
        return `${node.name} has another view hash than ${running[0]?.name}`
    }
    return undefined
  }

  private problemBetween(node: PureCluster.Node, peer: PureCluster.Node): string | undefined {
    const member = node.state.members.get(peer.name)
    const { self } = peer.state
    // Two disconnected nodes keep old records of each other until they join again.
    if (member?.disconnected === true || peer.state.members.get(node.name)?.disconnected === true) return undefined
    if (member === undefined) return `${node.name} does not know ${peer.name}`
    if (!Member.isLinked(member) || Member.localStatus(member) !== "alive") {
      return `${node.name} has ${peer.name} as ${Member.localStatus(member)}, link ${Member.linkState(member)}`
    }
    if (member.record.incarnation !== self.incarnation) {
      return `${node.name} knows incarnation ${member.record.incarnation} of ${peer.name}, but the peer has ${self.incarnation}`
    }
    if (member.record.body.metadata["at"] !== self.body.metadata["at"]) {
      return `${node.name} knows other metadata of ${peer.name}`
    }
    if (member.record.generation !== self.generation) return `${node.name} knows an older ${peer.name}`
    return PureCluster.current(this.world, node, peer.name) === undefined
      ? `${node.name} reports a link to ${peer.name}`
      : undefined
  }

  // ---- lives ----

  private start(node: PureCluster.Node): void {
    this.tickAt.delete(node)
    this.attempts.delete(node)
    this.seedAddresses.delete(node)
    this.reconciled.delete(node)
    for (const index of this.seeds) this.addSeed(node, addressOf(PureCluster.nodeAt(this.world, index).name))
    const at = this.world.now + this.chance.draw() * heartbeat
    this.events.add(at, { _tag: "Heartbeat", node, life: node.life })
  }

  private revive(node: PureCluster.Node): void {
    // A stopped node takes a higher generation. The clock of another node may have been set back or stood still.
    const kind = wasStopped(node) ? 3 : this.chance.below(4)
    const { phase, self } = node.state
    const { generation } = self
    const next =
      kind === 0 ? generation - 5 : kind === 1 && phase._tag === "Running" ? generation : node.greatestGeneration + 1
    this.note(`${node.name} restarts as ${next - generation}`)
    PureCluster.restart(this.world, node, next)
    this.start(node)
  }

  private nodeWith(address: Address): PureCluster.Node {
    const node = this.world.nodes.find(({ name }) => addressOf(name) === address)
    if (node === undefined) throw new Error(`no node has the address ${address}`)
    return node
  }

  private note(text: string): void {
    this.log.push(`${Math.round(this.world.now)} ${text}`)
  }

  // ---- network ----

  private route(from: number, to: number): number {
    return from * this.size + to
  }

  private routeTo(connection: PureCluster.Connection, end: PureCluster.End): number {
    const from = end === connection.ends[0] ? connection.ends[1] : connection.ends[0]
    return this.route(from.node, end.node)
  }

  private schedulePacket(connection: PureCluster.Connection, end: PureCluster.End): void {
    const delay = 1 + this.chance.draw() * (19 + (this.slow.get(this.routeTo(connection, end)) ?? 0))
    this.events.add(this.world.now + delay, { _tag: "Deliver", connection, end })
  }

  private unblock(): void {
    this.blocked.clear()
    for (const [end, { connection, packets }] of this.heldBack) {
      this.heldBack.delete(end)
      for (let i = 0; i < packets; i++) this.schedulePacket(connection, end)
    }
  }

  private deliver(connection: PureCluster.Connection, end: PureCluster.End): void {
    if (!this.blocked.has(this.routeTo(connection, end))) return PureCluster.deliver(this.world, connection, end)
    getOrAdd(this.heldBack, end, () => ({ connection, packets: 0 })).packets++
  }

  // ---- events ----

  private handle(event: Event): void {
    switch (event._tag) {
      case "Deliver":
        return this.deliver(event.connection, event.end)
      case "TimeOut": {
        const { connection } = event
        PureCluster.failDial(this.world, connection)
        const [, end] = connection.ends
        const acceptor = PureCluster.nodeAt(this.world, end.node)
        if (end.phase !== "up" && acceptor.life === end.life) PureCluster.close(this.world, connection, acceptor)
        return
      }
      default:
        if (event.node.life === event.life && event.node.health === "up") this.handleOfNode(event)
    }
  }

  private handleOfNode(event: NodeEvent): void {
    const { events, world } = this
    const { node } = event
    switch (event._tag) {
      case "Tick":
        this.tickAt.delete(node)
        return PureCluster.tick(world, node)
      case "Heartbeat":
        events.add(world.now + heartbeat, event)
        for (const connection of PureCluster.connectionsOf(world, node)) {
          PureCluster.heartbeat(world, connection, node, linkTimeout)
        }
        return
      case "Dial":
        return this.dial(node, event.name, event.attempt)
      case "DialSeed": {
        const isAlone = node.state.linked.size === 0
        if (PureCluster.takesPart(node) && !this.isSettled(node, event.address)) {
          this.connect(node, this.nodeWith(event.address), undefined)
        }
        events.add(world.now + (isAlone ? seedIntervalAlone : seedInterval), event)
      }
    }
  }

  private onStep(node: PureCluster.Node): void {
    const due = State.deadline(node.state)
    if (due !== undefined && due < (this.tickAt.get(node) ?? Number.POSITIVE_INFINITY)) {
      this.tickAt.set(node, due)
      const at = Math.max(this.world.now, due) + this.chance.draw() * 3
      this.events.add(at, { _tag: "Tick", node, life: node.life })
    }
    this.reconcile(node)
  }

  // ---- dialing ----

  /** Starts and ends attempts as the dial targets of a node change. */
  private reconcile(node: PureCluster.Node): void {
    const { candidates, members } = node.state
    const last = this.reconciled.get(node)
    if (last?.members === members && last.candidates === candidates) return
    this.reconciled.set(node, { members, candidates })
    const targets = dialTargets(node.state)
    const attempts = getOrAdd(this.attempts, node, () => new Map<string, Attempt>())
    for (const name of attempts.keys()) if (!targets.has(name)) attempts.delete(name)
    for (const [name, { kind }] of targets) {
      if (attempts.has(name)) continue
      const attempt = { tries: 0, isDialing: false }
      attempts.set(name, attempt)
      const pause = kind === "candidate" && compareNames(node.name, name) > 0 ? candidateDialDelay : 0
      this.events.add(this.world.now + pause, { _tag: "Dial", node, life: node.life, name, attempt })
    }
  }

  private dial(node: PureCluster.Node, name: string, attempt: Attempt): void {
    if (this.attempts.get(node)?.get(name) !== attempt || attempt.isDialing) return
    const target = dialTargets(node.state).get(name)
    if (target === undefined) return
    const probability = target.kind === "failed" ? 1 / Math.max(1, node.state.linked.size) : 1
    if (this.chance.draw() >= probability) return this.redial(node, name, attempt)
    const [address] = target.addresses
    if (address === undefined) {
      // A tombstone may be the only source of a candidate.
      if (target.kind !== "candidate") throw new Violation(`${node.name} lost the address of ${name}`)
      PureCluster.submit(this.world, node, { _tag: "DialFailed", name, refused: false })
      return this.redial(node, name, attempt)
    }
    attempt.isDialing = true
    this.connect(node, this.nodeWith(address), name)
  }

  private redial(node: PureCluster.Node, name: string, attempt: Attempt): void {
    const pause = this.chance.draw() * Math.min(1_000 * 2 ** attempt.tries, maxBackOff)
    attempt.tries++
    this.events.add(this.world.now + pause, { _tag: "Dial", node, life: node.life, name, attempt })
  }

  private onDialed(node: PureCluster.Node, connection: PureCluster.Connection, reached: boolean): void {
    const name = connection.expected
    const attempt = name === undefined ? undefined : this.attempts.get(node)?.get(name)
    if (name === undefined || attempt === undefined || !attempt.isDialing) return
    attempt.isDialing = false
    if (reached) this.attempts.get(node)?.delete(name)
    else this.redial(node, name, attempt)
  }

  private connect(node: PureCluster.Node, target: PureCluster.Node, expected: string | undefined): void {
    const connection = PureCluster.dial(this.world, node, target, expected)
    this.events.add(this.world.now + linkTimeout, { _tag: "TimeOut", connection })
  }

  private addSeed(node: PureCluster.Node, address: Address): void {
    const addresses = getOrAdd(this.seedAddresses, node, () => new Set<Address>())
    if (addresses.has(address) || address === addressOf(node.name)) return
    addresses.add(address)
    const at = this.world.now + this.chance.draw() * 10
    this.events.add(at, { _tag: "DialSeed", node, life: node.life, address })
  }

  /**
   * Returns whether a node needs no dial of a seed, because it has a link to the peer at the address or has
   * disconnected it.
   */
  private isSettled(node: PureCluster.Node, address: Address): boolean {
    for (const member of node.state.members.values()) {
      const livesThere = member.record.body.addresses.includes(address)
      if (livesThere && (Member.isLinked(member) || member.disconnected)) return true
    }
    return false
  }
}

/**
 * Runs a cluster through faults, and then without faults until it has stayed converged for five seconds. Returns the
 * number of steps and the milliseconds from the last fault to the end. Throws a {@link Violation} if that takes longer
 * than `convergenceTimeout`.
 */
export const live = (options: Options & { readonly misfortunes: number; readonly convergenceTimeout: number }) => {
  const simulation = new Simulation(options)
  const { chance, log, world } = simulation
  try {
    simulation.runUntil(chance.draw() * 20_000)
    for (let i = 0; i < options.misfortunes; i++) {
      simulation.makeFault()
      simulation.runUntil(world.now + (chance.below(3) === 0 ? chance.draw() * 25_000 : chance.draw() * 500))
    }
    simulation.heal()
    const healedAt = world.now
    let calmSeconds = 0
    let problem: string | undefined
    while (calmSeconds < 5) {
      if (world.now > healedAt + options.convergenceTimeout)
        throw new Violation(problem ?? "the cluster does not stay converged")
      simulation.runUntil(world.now + 1_000)
      simulation.supervise()
      problem = simulation.problem()
      calmSeconds = problem === undefined ? calmSeconds + 1 : 0
    }
    return { steps: world.steps, took: world.now - healedAt }
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    const place = `seed ${options.seed}, ${options.size} nodes: at ${Math.round(world.now)}: ${error.message}`
    throw new Violation(`${place}\n${log.join("\n")}`)
  }
}
