/** Small invented cluster that elects the holder of a lease and records a trace. */
import type { Event } from "@coterie/testkit/Trace"

export const second = 1_000_000

interface Scheduled {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Two sides that cannot reach each other. */
export interface Cut {
  readonly from: ReadonlyArray<string>
  readonly to: ReadonlyArray<string>
}

/** Bytes of each kind of message. */
const sizes: { readonly [kind: string]: number } = {
  Heartbeat: 38,
  Ack: 21,
  RequestVote: 52,
  Vote: 30,
  Grant: 44,
  Renew: 41,
}

/** Returns a name for a pair of nodes that does not depend on their order. */
const pairOf = (x: string, y: string): string => [x, y].sort().join(" ")

export class SampleCluster {
  readonly nodes: ReadonlyArray<string>
  readonly events: Array<Event> = []
  readonly up = new Set<string>()
  readonly paused = new Set<string>()
  cut: Cut | undefined
  now = 0
  holder: string
  term = 1
  private readonly words: string
  private readonly queue: Array<Scheduled> = []
  private readonly lives = new Map<string, number>()
  private readonly connections = new Map<string, number>()
  private order = 0
  private segments = 0
  private dialed = 0
  private chance = 12_345

  constructor(nodes: ReadonlyArray<string>, words: string) {
    this.nodes = nodes
    this.words = words
    this.holder = nodes[0] ?? "a"
  }

  /** Draws an integer from 0 to `n` - 1. */
  random(n: number): number {
    this.chance = (Math.imul(this.chance, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (this.chance >>> 8) % n
  }

  schedule(at: number, run: () => void): void {
    this.queue.push({ at, order: this.order++, run })
  }

  /** Runs everything that is scheduled before the time. */
  runUntil(end: number): void {
    for (;;) {
      this.queue.sort((x, y) => y.at - x.at || y.order - x.order)
      const next = this.queue.pop()
      if (next === undefined || next.at >= end) break
      this.now = Math.round(next.at)
      next.run()
    }
    this.now = end
  }

  add(event: Event): void {
    this.events.push(event)
  }

  addNode(node: string, state: Extract<Event, { _tag: "Node" }>["state"], text?: string): void {
    const life = this.lives.get(node) ?? 1
    this.add({ _tag: "Node", at: this.now, node, state, life, ...(text === undefined ? {} : { text }) })
  }

  /** Returns the number of the connection between two nodes. */
  connection(x: string, y: string): number | undefined {
    return this.connections.get(pairOf(x, y))
  }

  start(node: string): void {
    this.lives.set(node, (this.lives.get(node) ?? 0) + 1)
    this.addNode(node, "starting")
    this.schedule(this.now + 3_000 + this.random(2_000), () => {
      this.up.add(node)
      this.addNode(node, "running")
    })
  }

  crash(node: string): void {
    this.up.delete(node)
    this.addNode(node, "crashed")
    for (const other of this.nodes) {
      const connection = this.connection(other, node)
      if (other === node || connection === undefined) continue
      const [from = "", to = ""] = pairOf(other, node).split(" ")
      this.add({ _tag: "Connection", at: this.now, connection, from, to, state: "reset", by: other })
    }
  }

  dial(from: string, to: string): void {
    const connection = ++this.dialed
    this.add({ _tag: "Connection", at: this.now, connection, from, to, state: "dialed" })
    if (!this.up.has(to)) {
      this.schedule(this.now + 900, () =>
        this.add({ _tag: "Connection", at: this.now, connection, from, to, state: "refused" }),
      )
      return
    }
    this.schedule(this.now + 2_000 + this.random(9_000), () => {
      this.connections.set(pairOf(from, to), connection)
      this.add({ _tag: "Connection", at: this.now, connection, from, to, state: "accepted", by: to })
    })
  }

  private passes(from: string, to: string): boolean {
    const { cut } = this
    return (
      cut === undefined ||
      !((cut.from.includes(from) && cut.to.includes(to)) || (cut.from.includes(to) && cut.to.includes(from)))
    )
  }

  /** Sends a message. `then` runs when the message has arrived. */
  send(from: string, to: string, kind: string, text: string, then?: () => void): void {
    if (!this.up.has(from) || this.paused.has(from)) return
    const id = ++this.segments
    const note = this.words === "" ? "" : `, note: "${this.words}"`
    const messages = kind === "" ? {} : { messages: [{ kind, text: `${kind} { ${text}${note} }` }] }
    const size = (sizes[kind] ?? 1_400) + this.random(9)
    const connection = this.connection(from, to) ?? 0
    this.add({ _tag: "Sent", at: this.now, id, connection, from, to, size, ...messages })
    if (!this.up.has(to)) return this.drop(id, 700, "the connection was reset")
    let delay = 4_000 + this.random(14_000)
    if (!this.passes(from, to)) return this.drop(id, delay, "its connection died in the partition")
    if (this.random(9) === 0) {
      const times = 1 + this.random(2)
      this.add({ _tag: "Lost", at: this.now, id, times })
      delay += times * 30_000
    }
    this.schedule(this.now + delay, () => {
      if (!this.up.has(to)) return this.add({ _tag: "Dropped", at: this.now, id, why: `${to} has crashed` })
      this.add({ _tag: "Arrived", at: this.now, id })
      then?.()
    })
  }

  private drop(id: number, delay: number, why: string): void {
    this.schedule(this.now + delay, () => this.add({ _tag: "Dropped", at: this.now, id, why }))
  }

  /** Sends the heartbeats of one round. */
  beat(round: number): void {
    const leader = this.holder
    const text = `term: ${this.term}, lease: ${round}`
    for (const peer of this.nodes) {
      if (peer === leader) continue
      this.send(leader, peer, "Heartbeat", text, () =>
        this.schedule(this.now + this.random(900), () =>
          this.send(peer, leader, "Ack", `term: ${this.term}, lease: ${round}`),
        ),
      )
    }
    const { nodes } = this
    if (round % 4 === 1) this.send(leader, nodes[this.random(nodes.length)] ?? "b", "", "")
    if (round % 3 === 2) {
      this.add({ _tag: "Note", at: this.now, node: leader, kind: "log", text: `renewed the lease for round ${round}` })
    }
  }

  /** Elects the node, unless no other node receives its requests. */
  elect(node: string): void {
    if (!this.up.has(node)) return
    this.term++
    const { nodes, term } = this
    this.add({ _tag: "Note", at: this.now, node, kind: "log", text: `no heartbeat in time: term ${term} begins` })
    const granted = new Set([node])
    for (const peer of nodes) {
      if (peer === node) continue
      this.send(node, peer, "RequestVote", `term: ${term}, candidate: ${node}`, () =>
        this.send(peer, node, "Vote", `term: ${this.term}, granted: true`, () => {
          if (granted.add(peer).size === Math.floor(nodes.length / 2) + 1) this.grant(node)
        }),
      )
    }
  }

  private grant(holder: string): void {
    this.holder = holder
    this.add({ _tag: "Note", at: this.now, node: holder, kind: "note", text: `${holder} holds the lease` })
    for (const other of this.nodes) {
      if (other !== holder) this.send(holder, other, "Grant", `holder: ${holder}, term: ${this.term}`)
    }
  }
}
