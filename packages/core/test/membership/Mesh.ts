/**
 * Pure membership states with perfect links: every frame arrives at once and in order. A peer outside of the mesh may
 * also have links. The test sends its frames, and frames to it are dropped.
 */
import type { Output } from "../../src/membership/Draft.ts"
import type { Settings } from "../../src/membership/Settings.ts"
import * as State from "../../src/membership/State.ts"
import type { MembershipFrame } from "../../src/protocol/Frame.ts"
import type { PeerRecord } from "../../src/protocol/PeerRecord.ts"
import { type Node, nodeOf } from "./support.ts"
import { dialTargets } from "./dialTargets.ts"

/** Frame in flight. */
interface Packet {
  readonly from: string
  readonly to: string
  readonly frame: MembershipFrame
}

export class Mesh {
  /** Number of records that the nodes have sent in Update and SyncDelta. */
  records = 0
  /** Time at which a node last sent a record. */
  lastRecordAt = 0
  now = 0
  private readonly nodes = new Map<string, Node>()
  private readonly packets: Array<Packet> = []

  constructor(names: ReadonlyArray<string>, settingsOf: (name: string) => Partial<Settings> = () => ({})) {
    for (const name of names) this.nodes.set(name, nodeOf(name, settingsOf(name)))
    for (const [i, a] of names.entries()) for (const b of names.slice(i + 1)) this.link(a, b)
    this.runUntil(10_000)
  }

  node(name: string): Node {
    const node = this.nodes.get(name)
    if (node === undefined) throw new Error(`there is no node named ${name}`)
    return node
  }

  /** Links two nodes. */
  link(a: string, b: string): void {
    const [one, other] = [this.node(a), this.node(b)]
    const [ofOne, ofOther] = [one.state(), other.state()]
    this.perform(a, one.meet(this.now, ofOther.self, { viewHash: ofOther.viewHash }))
    this.perform(b, other.meet(this.now, ofOne.self, { viewHash: ofOne.viewHash }))
    this.deliver()
  }

  /** Ends the link between two nodes, which continue. */
  cut(a: string, b: string): void {
    for (const [name, other] of [[a, b] as const, [b, a] as const]) {
      const peer = this.node(other).state().self
      this.perform(name, this.node(name).at(this.now, { _tag: "LinkDown", peer, code: undefined, silent: true }))
    }
    this.deliver()
  }

  /** Links a peer outside of the mesh with nodes, by default with all. */
  linkStranger(record: PeerRecord, names: Iterable<string> = this.nodes.keys()): void {
    for (const name of names) {
      const node = this.node(name)
      this.perform(name, node.meet(this.now, record, { viewHash: node.state().viewHash }))
    }
    this.deliver()
  }

  /** Delivers a frame of a peer to a node. */
  say(from: PeerRecord, to: string, frame: MembershipFrame): void {
    this.perform(to, this.node(to).hear(this.now, from, frame))
    this.deliver()
  }

  /**
   * Delivers the view hash of every node to every other node, like a heartbeat, and fails the dials of all peers
   * without a link.
   */
  heartbeat(): void {
    for (const [name, node] of this.nodes) {
      for (const [from, { state }] of this.nodes) {
        const { viewHash } = state()
        if (from === name || viewHash === node.state().viewHash) continue
        this.perform(name, node.at(this.now, { _tag: "HashDiffers", from, viewHash }))
      }
      for (const target of dialTargets(node.state()).keys()) {
        this.perform(name, node.at(this.now, { _tag: "DialFailed", name: target, refused: false }))
      }
    }
    this.deliver()
  }

  /** Handles everything that is due up to a time. */
  runUntil(time: number): void {
    for (;;) {
      let due = Number.POSITIVE_INFINITY
      for (const node of this.nodes.values()) due = Math.min(due, State.deadline(node.state()) ?? due)
      if (due > time) break
      this.now = Math.max(this.now, due)
      for (const [name, node] of this.nodes) {
        if ((State.deadline(node.state()) ?? Number.POSITIVE_INFINITY) > this.now) continue
        this.perform(name, node.at(this.now, { _tag: "Tick" }))
      }
      this.deliver()
    }
    this.now = time
  }

  private deliver(): void {
    for (let packet = this.packets.shift(); packet !== undefined; packet = this.packets.shift()) {
      const { frame, from, to } = packet
      const receiver = this.nodes.get(to)
      if (receiver !== undefined) this.perform(to, receiver.hear(this.now, this.node(from).state().self, frame))
    }
  }

  private perform(from: string, outputs: ReadonlyArray<Output>): void {
    for (const output of outputs) {
      if (output._tag === "Send") for (const to of output.to) this.send(from, to, output.frame)
      if (output._tag === "Answer") {
        this.send(from, output.peer.name, output.frame)
        this.perform(from, this.node(from).at(this.now, { _tag: "AnswerWritten", peer: output.peer }))
      }
      if (output._tag === "PingNow") {
        this.perform(from, this.node(from).at(this.now, { _tag: "PeerHeard", peer: output.peer }))
      }
    }
  }

  private send(from: string, to: string, frame: MembershipFrame): void {
    this.packets.push({ from, to, frame })
    const records = frame._tag === "Update" || frame._tag === "SyncDelta" ? frame.records.length : 0
    if (records === 0) return
    this.records += records
    this.lastRecordAt = this.now
  }
}
