/**
 * Nodes with one owned map, as state machines only. Connections, sessions and the order of messages follow the rules of
 * the protocol (docs/protocol.md, "What a receiver may rely on"), and the caller decides what happens next. After each
 * step the world checks the invariants of all copies.
 */
import type { PeerId } from "@coterie/core/Peer"
import { defaults, type Overrides } from "../../src/internal/Overrides.ts"
import type { Cursors } from "../../src/internal/replication/Cursors.ts"
import { decode, encode, type Message, type Part } from "../../src/internal/replication/messages.ts"
import type { MirrorEntries } from "../../src/internal/replication/MirrorEntries.ts"
import type { Mirrors } from "../../src/internal/replication/Mirrors.ts"
import type { Bounds, OwnEntries } from "../../src/internal/replication/OwnEntries.ts"
import * as Result from "effect/Result"

/** A broken invariant. */
export class Violation extends Error {}

export interface Options {
  readonly names: ReadonlyArray<string>
  readonly overrides?: Partial<Overrides> | undefined
  /** Bounds of the own entries. */
  readonly bounds: Bounds
  /** Bounds of the copies. An owner beyond them is refused. */
  readonly copyBounds: Pick<Bounds, "bytes" | "entries">
  readonly partBytes: number
  /** `true` if the requests of all instances have the same nonces. */
  readonly sameNonces?: boolean | undefined
  /** `true` if all instances have the same epoch. */
  readonly sameEpochs?: boolean | undefined
}

type Entries = ReadonlyMap<string, string>

/** Returns a text that is equal for equal entries. */
const textOf = (entries: Iterable<readonly [string, string]>): string =>
  [...entries]
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join()

/** One opening of the map at a node. */
interface Instance {
  readonly opening: number
  readonly epoch: number
  readonly entries: OwnEntries<string>
  readonly cursors: Cursors
  readonly mirrors: Mirrors<string>
  /** Own entries as they must be. */
  readonly own: Map<string, string>
  /** `true` once the own entries have exceeded the bounds of copies. */
  hasExceeded: boolean
  /** Copies by owner, folded from the changes. */
  readonly folded: Map<string, Map<string, string>>
  /** Newest copy of each life of an owner. */
  readonly versions: Map<string, { readonly epoch: number; readonly version: number }>
}

/** A connection between two lives of two nodes. */
interface Connection {
  readonly id: number
  readonly generations: Readonly<Record<string, number>>
}

/** A node as it knows one of the others. */
interface End {
  /** Connection on which the node sends. */
  connection: Connection | undefined
  /** First connection of the session. The node reads this one and all later ones. */
  since: number
  /** Connection from which the node has moved to the present one, after it ended it in good order. */
  movedFrom: number | undefined
  /** Newest connection that the node has used. */
  last: number
  session: number
  /** Opening of the map at the peer that the peer has announced. */
  opening: number | undefined
  /** The peer in the view of the node. */
  view: { readonly generation: number; readonly link: "up" | "down" } | undefined
}

interface Node {
  readonly name: string
  generation: number
  sessions: number
  openings: number
  instance: Instance | undefined
  readonly ends: Map<string, End>
}

/** A message that a sender has accepted and that is not read. */
interface Packet {
  readonly connection: number
  readonly opening: number
  readonly from: PeerId
  readonly bytes: Uint8Array
}

const newEnd = (): End => ({
  connection: undefined,
  since: 0,
  movedFrom: undefined,
  last: 0,
  session: 0,
  opening: undefined,
  view: undefined,
})

const utf8 = new TextEncoder()

export class PureMaps {
  now = 0
  readonly nodes: ReadonlyArray<Node>
  /** Parts that were lost with their sessions. */
  readonly lost: Array<{ readonly to: string; readonly from: PeerId; readonly part: Part }> = []
  /** Number of events of each kind, to know what many worlds reach. */
  readonly counts = new Map<string, number>()
  private readonly options: Options
  private connections = 0
  private readonly newest = new Map<string, Connection>()
  private readonly channels = new Map<string, Array<Packet>>()
  /** States of the owners after each step, by owner, epoch and version. */
  private readonly history = new Map<string, Set<string>>()

  constructor(options: Options) {
    this.options = options
    this.nodes = options.names.map((name) => ({
      name,
      generation: 1,
      sessions: 0,
      openings: 0,
      instance: undefined,
      ends: new Map(options.names.filter((peer) => peer !== name).map((peer) => [peer, newEnd()])),
    }))
  }

  node(name: string): Node {
    const node = this.nodes.find((each) => each.name === name)
    if (node === undefined) throw new Error(`no node ${name}`)
    return node
  }

  end(name: string, peer: string): End {
    const end = this.node(name).ends.get(peer)
    if (end === undefined) throw new Error(`no end of ${name} for ${peer}`)
    return end
  }

  channel(from: string, to: string): Array<Packet> {
    const key = `${from}>${to}`
    const channel = this.channels.get(key) ?? []
    this.channels.set(key, channel)
    return channel
  }

  /** Newest connection of two nodes, if both of its lives still run. */
  newestOf(name: string, peer: string): Connection | undefined {
    const connection = this.newest.get([name, peer].sort().join())
    const isCurrent = [name, peer].every((each) => connection?.generations[each] === this.node(each).generation)
    return isCurrent ? connection : undefined
  }

  // ---- the application ----

  change(name: string, key: string, value: string | undefined): void {
    const { instance } = this.node(name)
    if (instance === undefined) return
    const setting = value === undefined ? undefined : { bytes: utf8.encode(value), entry: value }
    const outcome = instance.entries.change(new Map([[key, setting]]))
    if (Result.isFailure(outcome)) return
    if (value === undefined) instance.own.delete(key)
    else instance.own.set(key, value)
    this.record(name, instance)
    this.check()
  }

  open(name: string): void {
    const node = this.node(name)
    if (node.instance !== undefined) return
    const { bounds, copyBounds, names, overrides, partBytes, sameEpochs, sameNonces } = this.options
    const opening = ++node.openings
    const parts = { ...defaults, ...overrides }
    const count = (what: string) => this.count(what)
    const entries = parts.makeOwnEntries<string>(bounds)
    // Unique, as random numbers are.
    const unique = 1_000 * (100 * opening + names.indexOf(name) + 1)
    const epoch = sameEpochs === true ? 7 : unique
    const instance: Instance = {
      opening,
      epoch,
      entries,
      cursors: parts.makeCursors({ entries, epoch, partBytes, messageBytes: 16_777_216, count }),
      mirrors: parts.makeMirrors<string>({
        bounds: copyBounds,
        syncMillis: 60_000,
        nonce: sameNonces === true ? 0 : unique,
        decode: (_owner, _key, value) => new TextDecoder().decode(value),
        count,
      }),
      own: new Map(),
      hasExceeded: false,
      folded: new Map(),
      versions: new Map(),
    }
    node.instance = instance
    this.record(name, instance)
    for (const [peer, { view }] of node.ends) {
      if (view !== undefined) instance.mirrors.memberChanged({ name: peer, status: "alive", ...view }, this.now)
    }
    this.observe(name)
  }

  close(name: string): void {
    this.node(name).instance = undefined
  }

  /** The node is killed and starts again. Its peers do not know it yet. */
  restart(name: string): void {
    const node = this.node(name)
    this.close(name)
    node.generation++
    for (const [peer, end] of node.ends) {
      this.drop(peer, name, Infinity)
      Object.assign(end, { ...newEnd(), last: end.last })
    }
  }

  // ---- sessions ----

  connect(name: string, peer: string): void {
    const generations = { [name]: this.node(name).generation, [peer]: this.node(peer).generation }
    this.newest.set([name, peer].sort().join(), { id: ++this.connections, generations })
  }

  /** The link of a node to a peer is lost. What the peer has sent and the node has not read is lost. */
  linkLost(name: string, peer: string): void {
    const end = this.end(name, peer)
    if (end.connection === undefined) return
    this.drop(peer, name, end.connection.id)
    Object.assign(end, { connection: undefined, movedFrom: undefined, opening: undefined })
    this.sessionEnded(name, peer, end.session)
  }

  /** A node begins a session with a peer on their newest connection. */
  sessionStarted(name: string, peer: string): void {
    const [node, end, newest] = [this.node(name), this.end(name, peer), this.newestOf(name, peer)]
    if (newest === undefined || end.connection !== undefined || end.last === newest.id) return
    Object.assign(end, { connection: newest, since: newest.id, last: newest.id, session: ++node.sessions })
  }

  /** Returns `true` if a node can go on with the newest connection in its session. One of the two nodes moves first. */
  canMove(name: string, peer: string): boolean {
    const [end, other, newest] = [this.end(name, peer), this.end(peer, name), this.newestOf(name, peer)]
    const old = end.connection?.id
    if (old === undefined || newest === undefined || old === newest.id) return false
    if (other.connection?.id === old) return true
    const isRead = this.channel(peer, name).every(({ connection }) => connection > old)
    return other.connection?.id === newest.id && other.movedFrom === old && isRead
  }

  move(name: string, peer: string): void {
    const [end, newest] = [this.end(name, peer), this.newestOf(name, peer)]
    if (newest === undefined || !this.canMove(name, peer)) return
    Object.assign(end, { connection: newest, last: newest.id, movedFrom: end.connection?.id })
  }

  /** Returns `true` if the session of a node lasts longer than the present connection. */
  canReplace(name: string, peer: string): boolean {
    const { connection, since } = this.end(name, peer)
    return connection !== undefined && since < connection.id
  }

  /** Returns `true` if the peer has not ended the connection before in good order, so that the session is over. */
  mustReplace(name: string, peer: string): boolean {
    const [end, other] = [this.end(name, peer), this.end(peer, name)]
    return (
      this.canReplace(name, peer) &&
      other.connection?.id === end.connection?.id &&
      other.since === end.connection?.id &&
      other.movedFrom !== end.movedFrom
    )
  }

  /**
   * The connection before the present one has not ended in time at a node. Its session is over, and a new one begins.
   * The peer has read everything, so its session may go on.
   */
  replaceSession(name: string, peer: string): void {
    const [node, end] = [this.node(name), this.end(name, peer)]
    const id = end.connection?.id
    if (id === undefined || !this.canReplace(name, peer)) return
    const { session } = end
    this.drop(peer, name, id - 1)
    Object.assign(end, { since: id, session: ++node.sessions })
    this.sessionEnded(name, peer, session)
  }

  private sessionEnded(name: string, peer: string, session: number): void {
    const { instance } = this.node(name)
    instance?.cursors.sessionEnded(peer)
    instance?.mirrors.sessionEnded(peer, session, this.now)
    this.check()
  }

  // ---- what a node knows ----

  /** Returns `true` if a node does not know the present link to a peer. */
  isViewOld(name: string, peer: string): boolean {
    const { connection, view } = this.end(name, peer)
    if (connection === undefined) return view?.link === "up"
    return view?.link !== "up" || view.generation !== connection.generations[peer]
  }

  /** The view of a node shows the present link to a peer. */
  updateView(name: string, peer: string): void {
    const end = this.end(name, peer)
    const generation = end.connection?.generations[peer] ?? end.view?.generation
    if (generation === undefined) return
    const view = { generation, link: end.connection === undefined ? "down" : "up" } as const
    end.view = view
    this.node(name).instance?.mirrors.memberChanged({ name: peer, status: "alive", ...view }, this.now)
    this.check()
  }

  /** A node declares a peer failed. */
  fail(name: string, peer: string): void {
    const [{ instance }, end] = [this.node(name), this.end(name, peer)]
    if (end.view === undefined || end.connection !== undefined || end.view.link === "up") return
    const { generation } = end.view
    end.view = undefined
    instance?.cursors.memberGone({ name: peer, generation })
    instance?.mirrors.memberGone(peer, "failed")
    this.check()
  }

  /** Returns `true` if a node does not know the present opening of the map at a peer. */
  isOpeningOld(name: string, peer: string): boolean {
    const { connection, opening } = this.end(name, peer)
    const isLinked = connection !== undefined && this.end(peer, name).connection?.id === connection.id
    return isLinked && opening !== this.node(peer).instance?.opening
  }

  /** A node learns whether a peer reads the map. */
  announce(name: string, peer: string): void {
    if (this.isOpeningOld(name, peer)) this.end(name, peer).opening = this.node(peer).instance?.opening
  }

  /** The map of a node learns which peers read it. */
  observe(name: string): void {
    const { ends, instance } = this.node(name)
    const readers = [...ends].flatMap(([peer, { connection, opening, session }]) =>
      connection === undefined || opening === undefined
        ? []
        : [{ name: peer, generation: connection.generations[peer] ?? 0, session, opening }],
    )
    instance?.mirrors.readersChanged(readers, this.now)
    this.check()
  }

  // ---- messages ----

  hasNext(from: string, to: string): boolean {
    const { instance } = this.node(from)
    return instance !== undefined && (instance.mirrors.hasNext(to) || instance.cursors.hasNext(to))
  }

  /** The writer of a node sends the next message to a peer. */
  write(from: string, to: string): void {
    const [{ generation, instance }, { connection, opening }] = [this.node(from), this.end(from, to)]
    const message: Message | undefined = instance?.mirrors.next(to) ?? instance?.cursors.next(to)
    if (instance === undefined || message === undefined) return
    if (connection !== undefined && opening !== undefined) {
      const packet = { connection: connection.id, opening, from: { name: from, generation }, bytes: encode(message) }
      this.channel(from, to).push(packet)
    } else if (message._tag === "Want") instance.mirrors.failed(to, message.nonce, false, this.now)
    else if (message._tag === "Part") instance.cursors.failed(to, message.nonce, opening !== undefined, this.now)
    this.check()
  }

  /** The part that is under way to a peer has waited for credit for too long. */
  dropRest(from: string, to: string): void {
    this.node(from).instance?.cursors.dropRest(to)
  }

  canDeliver(from: string, to: string): boolean {
    const [packet] = this.channel(from, to)
    return packet !== undefined && packet.connection <= this.end(to, from).last
  }

  /** A node reads the next message of a peer. */
  deliver(from: string, to: string): void {
    if (!this.canDeliver(from, to)) return
    const packet = this.channel(from, to).shift()
    const { instance } = this.node(to)
    if (packet === undefined) return
    const { connection, since } = this.end(to, from)
    const isRead = connection !== undefined && packet.connection >= since && packet.opening === instance?.opening
    const message = Result.getOrThrow(decode(packet.bytes))
    if (isRead && instance !== undefined) this.receive(instance, packet.from, message)
  }

  /** A node gets a part that was lost with an earlier session. */
  deliverLate(index: number): void {
    const late = this.lost[index]
    const instance = late === undefined ? undefined : this.node(late.to).instance
    if (late === undefined || instance === undefined) return
    const { view } = this.end(late.to, late.from.name)
    // A part with the nonce of a newer request to the same life could not be told from its answer.
    if (this.options.sameNonces === true && view?.generation === late.from.generation) return
    this.receive(instance, late.from, late.part)
  }

  private receive(instance: Instance, from: PeerId, message: Message): void {
    if (message._tag === "Part") instance.mirrors.received(from, message, this.now)
    else if (message._tag === "Want") instance.cursors.want(from, message, this.now)
    else instance.cursors.stop(from.name)
    this.check()
  }

  private drop(from: string, to: string, upTo: number): void {
    const channel = this.channel(from, to)
    const dropped = channel.filter(({ connection }) => connection <= upTo)
    this.channels.set(
      `${from}>${to}`,
      channel.filter(({ connection }) => connection > upTo),
    )
    for (const packet of dropped) {
      const message = Result.getOrThrow(decode(packet.bytes))
      if (message._tag === "Part") this.lost.push({ to, from: packet.from, part: message })
    }
  }

  // ---- time ----

  dueAt(): number {
    return Math.min(
      ...this.nodes.map(({ instance }) =>
        instance === undefined ? Infinity : Math.min(instance.mirrors.dueAt(), instance.cursors.dueAt()),
      ),
    )
  }

  tick(now: number): void {
    this.now = Math.max(this.now, now)
    for (const { instance } of this.nodes) {
      instance?.mirrors.tick(this.now)
      instance?.cursors.tick(this.now)
    }
    this.check()
  }

  // ---- checks ----

  private count(what: string): void {
    if (what === "diverged") throw new Violation("a copy has not the checksum of its owner")
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  private record(name: string, instance: Instance): void {
    const { entries, epoch, own } = instance
    instance.hasExceeded ||= this.exceeds(own)
    const key = `${name} ${epoch} ${entries.version}`
    const texts = this.history.get(key) ?? new Set()
    this.history.set(key, texts.add(textOf(own)))
  }

  private check(): void {
    for (const node of this.nodes) if (node.instance !== undefined) this.checkInstance(node, node.instance)
  }

  private checkInstance({ ends, name }: Node, instance: Instance): void {
    const expect = (isTrue: boolean, problem: () => string): void => {
      if (!isTrue) throw new Violation(`${name}: ${problem()}`)
    }
    this.fold(instance)
    const { copyBounds, sameEpochs } = this.options
    const { entries, folded, mirrors, own, versions } = instance
    expect(
      textOf(own) ===
        [...own.keys()]
          .map((key) => `${key}=${entries.get(key)}`)
          .sort()
          .join(),
      () => "I3",
    )
    expect(entries.count === own.size, () => "I3: the number of entries")
    for (const owner of folded.keys()) expect(mirrors.mirrors.has(owner), () => `I4: changes of ${owner} remain`)
    for (const [owner, mirror] of mirrors.mirrors) {
      const text = textOf(mirror.entries)
      const past = this.history.get(`${owner} ${mirror.epoch} ${mirror.version}`)
      expect(past?.has(text) === true, () => `I1: has ${text} of ${owner}, which had ${[...(past ?? [])].join(" or ")}`)
      const { generation } = mirror.owner
      expect(ends.get(owner)?.view?.generation === generation, () => `I2: ${owner}#${generation} is no member`)
      expect(textOf(folded.get(owner) ?? []) === text, () => `I4: the changes of ${owner} are not ${text}`)
      // Instances of a later opening have a greater epoch, unless all have the same.
      const key = `${owner} ${generation}`
      const newest = versions.get(key)
      const isOlder =
        newest?.epoch === mirror.epoch ? mirror.version < newest.version : mirror.epoch < (newest?.epoch ?? 0)
      expect(sameEpochs === true || !isOlder, () => `I5: the copy of ${owner} becomes older`)
      versions.set(key, { epoch: mirror.epoch, version: mirror.version })
      const { bytes, size } = mirror.entries
      expect(bytes <= copyBounds.bytes && size <= copyBounds.entries, () => `I8: ${size} entries of ${owner}`)
    }
  }

  private fold({ folded, mirrors }: Instance): void {
    const { changes, dropped } = mirrors.take()
    for (const { key, next, owner } of changes) {
      const of = folded.get(owner.name) ?? new Map<string, string>()
      folded.set(owner.name, of)
      if (next === undefined) of.delete(key)
      else of.set(key, next)
    }
    for (const { mirror } of dropped) folded.delete(mirror.owner.name)
  }

  // ---- convergence ----

  /** Connects all nodes, and lets them do what is due for some time. Returns the first difference between two nodes. */
  settle(millis = 10_000): string | undefined {
    this.forEachPair((name, peer) => {
      if (name < peer && this.newestOf(name, peer) === undefined) this.connect(name, peer)
    })
    for (const { name } of this.nodes) this.observe(name)
    const until = this.now + millis
    for (let steps = 0; steps < 10_000; steps++) {
      if (this.step()) continue
      const due = this.dueAt()
      if (due > until) break
      this.tick(due)
    }
    this.tick(until)
    return this.difference()
  }

  /** Does everything that needs no time. Returns `false` if there was nothing. */
  private step(): boolean {
    let hasDone = false
    const once = (isDue: boolean, run: () => void): void => {
      hasDone ||= isDue
      if (isDue) run()
    }
    this.forEachPair((name, peer) => {
      const newest = this.newestOf(name, peer)?.id
      const isBehind = () => this.end(name, peer).connection?.id !== newest
      once(isBehind() && this.canMove(name, peer), () => this.move(name, peer))
      once(isBehind() && this.end(name, peer).connection !== undefined, () => this.linkLost(name, peer))
      once(this.mustReplace(name, peer), () => {
        this.replaceSession(name, peer)
        this.observe(name)
      })
      const isEndedHere = () => isBehind() && this.end(name, peer).last === newest
      once(isEndedHere(), () => this.connect(name, peer))
      once(isBehind(), () => this.sessionStarted(name, peer))
      once(this.isViewOld(name, peer), () => this.updateView(name, peer))
      once(this.isOpeningOld(name, peer), () => {
        this.announce(name, peer)
        this.observe(name)
      })
      once(this.canDeliver(name, peer), () => this.deliver(name, peer))
      once(this.hasNext(name, peer), () => this.write(name, peer))
    })
    return hasDone
  }

  private forEachPair(run: (name: string, peer: string) => void): void {
    for (const { ends, name } of this.nodes) for (const peer of ends.keys()) run(name, peer)
  }

  private difference(): string | undefined {
    for (const { ends, instance, name } of this.nodes) {
      if (instance === undefined) continue
      for (const peer of ends.keys()) {
        const state = instance.mirrors.owner(peer)?.state
        const mirror: MirrorEntries<string> | undefined = instance.mirrors.mirrors.get(peer)?.entries
        const owner = this.node(peer).instance
        if (state === "refused" && owner?.hasExceeded === true) continue
        const expected = owner === undefined ? "absent" : "live"
        if (state !== expected) return `${name} shows ${peer} as ${state} in place of ${expected}`
        const [copy, own] = [textOf(mirror ?? []), textOf(owner?.own ?? [])]
        if (copy !== own) return `${name} has ${copy} of ${peer}, which has ${own}`
      }
      if (!instance.mirrors.isSynced()) return `${name} is not synced`
    }
    return undefined
  }

  /** Returns `true` if entries exceed the bounds of their copies. */
  private exceeds(own: Entries): boolean {
    const bytes = [...own].reduce((sum, [key, value]) => sum + key.length + value.length, 0)
    return own.size > this.options.copyBounds.entries || bytes > this.options.copyBounds.bytes
  }
}
