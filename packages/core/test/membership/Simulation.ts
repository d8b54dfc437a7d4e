/**
 * A {@link PureCluster} in virtual time: delays, faults and everything else are drawn from one seed, so a
 * run is named by its seed and can be repeated. Dialling follows `link/Dialer.ts`.
 */
import type { Address } from "../../src/Address.ts"
import * as Prng from "../../src/internal/prng.ts"
import type { Output } from "../../src/membership/Draft.ts"
import type { Settings } from "../../src/membership/Settings.ts"
import * as State from "../../src/membership/State.ts"
import { compareNames } from "../../src/protocol/PeerName.ts"
import { Violation } from "./invariants.ts"
import * as PureCluster from "./PureCluster.ts"
import { addressOf } from "./support.ts"

/** A source of chance whose every draw follows from the seed. */
export interface Chance {
  /** Evenly in [0, 1). */
  readonly draw: () => number
  /** A whole number below `end`. */
  readonly below: (end: number) => number
  readonly pick: <A>(items: ReadonlyArray<A>) => A
}

export const chanceOf = (seed: number): Chance => {
  let state = seed
  const draw = () => {
    const [next, value] = Prng.next(state)
    state = next
    return value
  }
  const below = (end: number) => Math.floor(draw() * end)
  return {
    draw,
    below,
    pick: (items) => {
      const item = items[below(items.length)]
      if (item === undefined) throw new Error("nothing to pick from")
      return item
    },
  }
}

type Event =
  | { readonly _tag: "Deliver"; readonly connection: PureCluster.Connection; readonly end: PureCluster.End }
  | { readonly _tag: "Tick" | "Beat"; readonly node: PureCluster.Node; readonly life: number }
  | {
      readonly _tag: "Dial"
      readonly node: PureCluster.Node
      readonly life: number
      readonly name: string
      readonly attempt: Attempt
    }
  | { readonly _tag: "Seed"; readonly node: PureCluster.Node; readonly life: number; readonly address: Address }
  | { readonly _tag: "TimeOut"; readonly connection: PureCluster.Connection }

interface Entry {
  readonly at: number
  readonly order: number
  readonly event: Event
}

interface Attempt {
  tries: number
  dialling: boolean
}

/** A binary heap: the earliest first, and of equal ones the first that was put in. */
const agenda = () => {
  const heap: Array<Entry> = []
  let order = 0
  const before = (a: Entry, b: Entry) => a.at < b.at || (a.at === b.at && a.order < b.order)
  return {
    next: (): Entry | undefined => heap[0],
    put: (at: number, event: Event): void => {
      const entry = { at, order: ++order, event }
      let i = heap.push(entry) - 1
      while (i > 0) {
        const parent = (i - 1) >> 1
        const above = heap[parent]
        if (above === undefined || !before(entry, above)) break
        heap[i] = above
        i = parent
      }
      heap[i] = entry
    },
    take: (): Entry | undefined => {
      const top = heap[0]
      const last = heap.pop()
      if (top === undefined || last === undefined || heap.length === 0) return top
      let i = 0
      while (true) {
        let child = 2 * i + 1
        let below = heap[child]
        if (below === undefined) break
        const right = heap[child + 1]
        if (right !== undefined && before(right, below)) {
          child++
          below = right
        }
        if (!before(below, last)) break
        heap[i] = below
        i = child
      }
      heap[i] = last
      return top
    },
  }
}

export interface Options {
  readonly seed: number
  readonly size: number
  readonly settings?: Partial<Settings> | undefined
}

const heartbeat = 1_000
const linkTimeout = 3_000
const dutyMillis = 2_000
const seedInterval = 30_000
const seedIntervalAlone = 5_000
const maxBackOff = 10_000

export interface Simulation {
  readonly world: PureCluster.World
  readonly chance: Chance
  readonly log: ReadonlyArray<string>
  readonly runUntil: (time: number) => void
  /** Something befalls the cluster. */
  readonly misfortune: () => void
  /** From now on nothing is in the way; whoever knows an address lives. */
  readonly heal: () => void
  /** Starts again the seeds, and who was stopped by the others; joins again who parted from a seed. */
  readonly supervise: () => void
  /** Why the cluster is not at peace, or `undefined` if it is. */
  readonly unrest: () => string | undefined
}

const letters = ["a", "b", "c", "d", "e", "f", "g", "h"]

export const make = ({ seed, settings, size }: Options): Simulation => {
  const chance = chanceOf(seed)
  const events = agenda()
  const log: Array<string> = []
  const blocked = new Set<number>()
  const slow = new Map<number, number>()
  const stalled = new Map<PureCluster.End, { readonly connection: PureCluster.Connection; packets: number }>()
  const armed = new Map<PureCluster.Node, number>()
  const attempts = new Map<PureCluster.Node, Map<string, Attempt>>()
  const asked = new Map<PureCluster.Node, Set<Address>>()
  const reconciled = new Map<PureCluster.Node, { readonly members: unknown; readonly candidates: unknown }>()

  const route = (from: number, to: number) => from * size + to

  const note = (text: string) => {
    log.push(`${Math.round(world.now)} ${text}`)
  }

  const delay = (from: number, to: number) => 1 + chance.draw() * (19 + (slow.get(route(from, to)) ?? 0))

  const pushed = (connection: PureCluster.Connection, end: PureCluster.End): void => {
    const from = end === connection.ends[0] ? connection.ends[1] : connection.ends[0]
    events.put(world.now + delay(from.node, end.node), { _tag: "Deliver", connection, end })
  }

  const stepped = (node: PureCluster.Node, _outputs: ReadonlyArray<Output>): void => {
    const due = State.deadline(node.state)
    if (due !== undefined && due < (armed.get(node) ?? Number.POSITIVE_INFINITY)) {
      armed.set(node, due)
      events.put(Math.max(world.now, due) + chance.draw() * 3, { _tag: "Tick", node, life: node.life })
    }
    reconcile(node)
  }

  const world: PureCluster.World = PureCluster.make(letters.slice(0, size), settings, {
    pushed,
    stepped,
    dialled: (node, connection, reached) => {
      const name = connection.expected
      const attempt = name === undefined ? undefined : attempts.get(node)?.get(name)
      if (name === undefined || attempt === undefined || !attempt.dialling) return
      attempt.dialling = false
      if (reached) attempts.get(node)?.delete(name)
      else redial(node, name, attempt)
    },
  })

  const redial = (node: PureCluster.Node, name: string, attempt: Attempt): void => {
    const pause = chance.draw() * Math.min(1_000 * 2 ** attempt.tries, maxBackOff)
    attempt.tries++
    events.put(world.now + pause, { _tag: "Dial", node, life: node.life, name, attempt })
  }

  const reconcile = (node: PureCluster.Node): void => {
    const { candidates, members } = node.state
    const last = reconciled.get(node)
    if (last?.members === members && last.candidates === candidates) return
    reconciled.set(node, { members, candidates })
    const wishes = State.dialTargets(node.state)
    const mine = attempts.get(node) ?? new Map<string, Attempt>()
    attempts.set(node, mine)
    for (const name of mine.keys()) if (!wishes.has(name)) mine.delete(name)
    for (const [name, wish] of wishes) {
      if (mine.has(name)) continue
      const attempt = { tries: 0, dialling: false }
      mine.set(name, attempt)
      const pause = wish.kind === "candidate" && compareNames(node.name, name) > 0 ? dutyMillis : 0
      events.put(world.now + pause, { _tag: "Dial", node, life: node.life, name, attempt })
    }
  }

  const nodeWith = (address: Address): PureCluster.Node => {
    const node = world.nodes.find(({ name }) => addressOf(name) === address)
    if (node === undefined) throw new Error(`nobody lives at ${address}`)
    return node
  }

  const connect = (node: PureCluster.Node, target: PureCluster.Node, expected: string | undefined): void => {
    const connection = PureCluster.dial(world, node, target, expected)
    events.put(world.now + linkTimeout, { _tag: "TimeOut", connection })
  }

  const isSettled = (node: PureCluster.Node, address: Address): boolean => {
    for (const member of node.state.members.values()) {
      if (member.record.body.addresses.includes(address) && (member.link === "up" || member.disconnected)) return true
    }
    return false
  }

  const ask = (node: PureCluster.Node, address: Address): void => {
    const addresses = asked.get(node) ?? new Set()
    asked.set(node, addresses)
    if (addresses.has(address) || address === addressOf(node.name)) return
    addresses.add(address)
    events.put(world.now + chance.draw() * 10, { _tag: "Seed", node, life: node.life, address })
  }

  const handle = (event: Event): void => {
    switch (event._tag) {
      case "Deliver": {
        const { connection, end } = event
        const from = end === connection.ends[0] ? connection.ends[1] : connection.ends[0]
        if (!blocked.has(route(from.node, end.node))) return PureCluster.deliver(world, connection, end)
        const waiting = stalled.get(end) ?? { connection, packets: 0 }
        waiting.packets++
        stalled.set(end, waiting)
        return
      }
      case "TimeOut": {
        const { connection } = event
        PureCluster.fail(world, connection)
        const [, end] = connection.ends
        const acceptor = PureCluster.nodeAt(world, end.node)
        if (end.phase !== "up" && acceptor.life === end.life) PureCluster.close(world, connection, acceptor)
        return
      }
      default:
        if (event.node.life !== event.life || event.node.health !== "up") return
        return happen(event)
    }
  }

  const happen = (event: Exclude<Event, { readonly _tag: "Deliver" | "TimeOut" }>): void => {
    const { node } = event
    switch (event._tag) {
      case "Tick":
        armed.delete(node)
        return PureCluster.tick(world, node)
      case "Beat": {
        events.put(world.now + heartbeat, event)
        for (const connection of PureCluster.connectionsOf(world, node))
          PureCluster.beat(world, connection, node, linkTimeout)
        return
      }
      case "Dial": {
        const { attempt, name } = event
        if (attempts.get(node)?.get(name) !== attempt || attempt.dialling) return
        const wish = State.dialTargets(node.state).get(name)
        if (wish === undefined) return
        const chances = wish.kind === "failed" ? 1 / Math.max(1, State.linked(node.state).length) : 1
        if (chance.draw() >= chances) return redial(node, name, attempt)
        const [address] = wish.addresses
        if (address === undefined) {
          // All that is known of a candidate may come from a tombstone.
          if (wish.kind !== "candidate") throw new Violation(`${node.name} lost the address of ${name}`)
          PureCluster.submit(world, node, { _tag: "DialFailed", name, refused: false })
          return redial(node, name, attempt)
        }
        attempt.dialling = true
        return connect(node, nodeWith(address), name)
      }
      case "Seed": {
        const { address } = event
        const alone = State.linked(node.state).length === 0
        if (PureCluster.takesPart(node) && !isSettled(node, address)) connect(node, nodeWith(address), undefined)
        events.put(world.now + (alone ? seedIntervalAlone : seedInterval), event)
      }
    }
  }

  const seeds = [...new Set([chance.below(size), chance.below(size)])]

  const start = (node: PureCluster.Node): void => {
    armed.delete(node)
    attempts.delete(node)
    asked.delete(node)
    reconciled.delete(node)
    for (const index of seeds) ask(node, addressOf(PureCluster.nodeAt(world, index).name))
    events.put(world.now + chance.draw() * heartbeat, { _tag: "Beat", node, life: node.life })
  }

  const revive = (node: PureCluster.Node): void => {
    // Who found that its clock is behind does better.
    const kind = wasStopped(node) ? 3 : chance.below(4)
    // A clock set back, or one that stood still.
    const { generation } = node.state.self
    const next =
      kind === 0 ? generation - 5 : kind === 1 && node.state.phase._tag === "Running" ? generation : node.greatest + 1
    note(`${node.name} restarts as ${next - generation}`)
    PureCluster.restart(world, node, next)
    start(node)
  }

  for (const node of world.nodes) start(node)

  const runUntil = (time: number): void => {
    for (let entry = events.next(); entry !== undefined && entry.at <= time; entry = events.next()) {
      events.take()
      world.now = Math.max(world.now, entry.at)
      handle(entry.event)
    }
    world.now = Math.max(world.now, time)
  }

  const unblock = (routes: Iterable<number>): void => {
    for (const each of routes) blocked.delete(each)
    for (const [end, { connection, packets }] of stalled) {
      const from = end === connection.ends[0] ? connection.ends[1] : connection.ends[0]
      if (blocked.has(route(from.node, end.node))) continue
      stalled.delete(end)
      for (let i = 0; i < packets; i++) pushed(connection, end)
    }
  }

  const misfortune = (): void => {
    const node = chance.pick(world.nodes)
    const peer = chance.pick(world.nodes.filter((each) => each !== node))
    const there = route(node.index, peer.index)
    const back = route(peer.index, node.index)
    switch (chance.below(14)) {
      case 0:
        note(`${node.name} cannot reach ${peer.name}`)
        blocked.add(there)
        return
      case 1:
        note(`${node.name} and ${peer.name} cannot reach each other`)
        blocked.add(there).add(back)
        return
      case 2: {
        const side = world.nodes.map(() => chance.below(2))
        note(`the network splits: ${side.join("")}`)
        for (const a of world.nodes) {
          for (const b of world.nodes) if (side[a.index] !== side[b.index]) blocked.add(route(a.index, b.index))
        }
        return
      }
      case 3:
        note("the network is whole again")
        return unblock(blocked)
      case 4:
        note(`the connection of ${node.name} and ${peer.name} breaks`)
        return PureCluster.cut(world, node, peer)
      case 5:
      case 6: {
        if (node.health !== "up") return revive(node)
        const health = chance.pick(["ended", "silent"] as const)
        note(`${node.name} dies, ${health}`)
        return PureCluster.crash(world, node, health)
      }
      case 7:
        if (node.health !== "up") return revive(node)
        note(`${node.name} is killed and is back at once`)
        PureCluster.crash(world, node, "ended")
        return revive(node)
      case 8:
        if (!PureCluster.takesPart(node)) return
        note(`${node.name} leaves`)
        return PureCluster.submit(world, node, { _tag: "Leave" })
      case 9:
        if (!PureCluster.takesPart(node)) return
        note(`${node.name} disconnects ${peer.name}`)
        return PureCluster.submit(world, node, { _tag: "Disconnect", name: peer.name })
      case 10:
        if (!PureCluster.takesPart(node)) return
        note(`${node.name} joins ${peer.name}`)
        ask(node, addressOf(peer.name))
        return connect(node, peer, undefined)
      case 11:
      case 12:
        if (!PureCluster.takesPart(node)) return
        note(`${node.name} describes itself`)
        return PureCluster.submit(world, node, { _tag: "Describe", metadata: { at: String(world.now) } })
      default:
        note(`${node.name} to ${peer.name} is slow`)
        slow.set(there, 1_500)
    }
  }

  const heal = (): void => {
    note("heal")
    slow.clear()
    unblock(blocked)
    for (const node of world.nodes) {
      if (node.health !== "up" && (seeds.includes(node.index) || chance.below(2) === 0)) revive(node)
    }
    reunion = chance.below(2) === 0
  }

  const wasStopped = ({ stopped }: PureCluster.Node) => stopped === "superseded" || stopped === "evicted"

  let reunion = false

  const supervise = (): void => {
    for (const node of world.nodes) {
      if (wasStopped(node) || (node.health !== "up" && seeds.includes(node.index))) revive(node)
    }
    // Who parted comes together again by a join, and by nothing else; without the seeds nobody is found.
    for (const node of world.nodes) {
      if (!PureCluster.takesPart(node)) continue
      for (const [name, { disconnected: parted }] of node.state.members) {
        const peer = nodeWith(addressOf(name))
        if (parted && (reunion || seeds.includes(peer.index))) connect(node, peer, undefined)
      }
    }
  }

  const unrest = (): string | undefined => {
    const running = world.nodes.filter(({ health }) => health === "up")
    const apart = running.some(({ state }) => [...state.members.values()].some(({ disconnected: parted }) => parted))
    for (const node of running) {
      const { members, phase, view, viewHash } = node.state
      if (phase._tag !== "Running") return `${node.name} is ${phase._tag}`
      for (const peer of running) {
        if (peer === node) continue
        const member = members.get(peer.name)
        // They meet again by a join, and what they know of each other until then is old.
        if (member?.disconnected === true || peer.state.members.get(node.name)?.disconnected === true) continue
        if (member === undefined) return `${node.name} does not know ${peer.name}`
        if (member.link !== "up" || member.localStatus !== "alive") {
          return `${node.name} has ${peer.name} as ${member.localStatus}, link ${member.link}`
        }
        if (member.record.incarnation !== peer.state.self.incarnation) {
          return `${node.name} knows incarnation ${member.record.incarnation} of ${peer.name}, which is ${peer.state.self.incarnation}`
        }
        if (member.record.body.metadata["at"] !== peer.state.self.body.metadata["at"]) {
          return `${node.name} knows another text of ${peer.name}`
        }
        if (member.record.generation !== peer.state.self.generation) return `${node.name} knows an older ${peer.name}`
        if (PureCluster.current(world, node, peer.name) === undefined)
          return `${node.name} thinks ${peer.name} has a link`
      }
      for (const name of view.peers.keys()) {
        if (!running.some((peer) => peer.name === name)) return `${node.name} still sees ${name}`
      }
      if (!apart && viewHash !== running[0]?.state.viewHash)
        return `${node.name} has another view hash than ${running[0]?.name}`
    }
    return undefined
  }

  return { world, chance, log, runUntil, misfortune, heal, supervise, unrest }
}

/** A life of trouble, and then peace within bounded time. Gives the steps taken and the time it took. */
export const live = (options: Options & { readonly misfortunes: number; readonly patience: number }) => {
  const simulation = make(options)
  const { chance, log, world } = simulation
  const tell = (problem: string) =>
    new Violation(`seed ${options.seed}, ${options.size} nodes: ${problem}\n${log.join("\n")}`)
  try {
    simulation.runUntil(chance.draw() * 20_000)
    for (let i = 0; i < options.misfortunes; i++) {
      simulation.misfortune()
      simulation.runUntil(world.now + (chance.below(3) === 0 ? chance.draw() * 25_000 : chance.draw() * 500))
    }
    simulation.heal()
    const healedAt = world.now
    let calm = 0
    let problem: string | undefined
    while (calm < 5) {
      if (world.now > healedAt + options.patience) throw new Violation(problem ?? "no calm")
      simulation.runUntil(world.now + 1_000)
      simulation.supervise()
      problem = simulation.unrest()
      calm = problem === undefined ? calm + 1 : 0
    }
    return { steps: world.steps, took: world.now - healedAt }
  } catch (error) {
    if (error instanceof Violation) throw tell(`at ${Math.round(world.now)}: ${error.message}`)
    throw error
  }
}
