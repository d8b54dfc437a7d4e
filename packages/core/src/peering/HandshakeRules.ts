/**
 * Rules by which this node judges a handshake, from what membership knows: which Hello it refuses, which life of a peer is
 * over (R8), and what a refusal by a peer means for this node (docs/protocol.md, section "How the acceptor judges a
 * Hello").
 */
import * as Effect from "effect/Effect"
import type * as Admission from "../Admission.ts"
import type { Limits } from "../Limits.ts"
import type { HandshakeError, HandshakeHost, Introduction } from "../link/Handshake.ts"
import { busy, processOf, reject } from "../link/Handshake.ts"
import type { Timing } from "../link/KeepAlive.ts"
import type { Link } from "../link/Link.ts"
import { isTooFarAhead } from "../membership/plausibility.ts"
import * as State from "../membership/State.ts"
import { maxGeneration, minLinkTimeout, protocolVersion } from "../protocol/constants.ts"
import type { Hello, HelloReject } from "../protocol/Frame.ts"
import { memberHash } from "../protocol/PeerRecord.ts"
import { compareProcesses } from "../protocol/processOrder.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"

export interface Options {
  /** Name of the cluster. */
  readonly label: string
  readonly loop: MembershipLoop
  readonly limits: Pick<Limits, "inboxWindowBytes">
  readonly timing: Pick<Timing, "linkTimeout">
  readonly admission: Admission.Policy
  /** Epochs of this node's own connections that are in the handshake. */
  readonly dialing: ReadonlySet<number>
  /** Returns `true` if there is room for another link. */
  readonly hasRoom: () => boolean
  /** Returns the wall clock, in milliseconds. */
  readonly wall: () => number
  /** Returns the link that is used with a peer and open. */
  readonly linkTo: (name: string) => Pick<Link, "peer" | "rank"> | undefined
  /** Handles that an older process of this node's name dialed, and stops. Returns `false` if this node stops itself. */
  readonly outlivesNamesake: () => boolean
}

/** Returns the node as its handshakes see it. */
export const make = (options: Options): HandshakeHost<State.State> => {
  const { admission, label, limits, loop, timing } = options
  return {
    label,
    inboxWindowBytes: limits.inboxWindowBytes,
    linkTimeout: Math.floor(timing.linkTimeout),
    admission,
    state: () => loop.state(),
    isRunning: ({ phase }) => phase._tag === "Running",
    beliefAbout: (state, { generation, name }) => State.belief(state, name, generation),
    hasLink: (name) => State.hasLink(loop.state(), name),
    judgeHello: (hello) => judgeHello(loop.state(), hello, options),
    judgePeer: (peer) => judgePeer(loop.state(), peer, options),
    meetNamesake: ({ instance, record: { generation } }) =>
      Effect.asVoid(loop.submitAndAwait({ _tag: "NamesakeMet", generation, instance })),
    outlivesNamesake: () => loop.state().phase._tag === "Running" && options.outlivesNamesake(),
    refute: (youAre) =>
      youAre === undefined ? Effect.sync(() => loop.state()) : loop.submitAndAwait({ _tag: "SelfAccused", youAre }),
    // A node that has just started may learn from its dialer that its generation is behind. Later its members tell it, and a
    // dialer that is no member must not end this life.
    onDialerRefusal: (error, before) =>
      loop.state().members.size === 0 ? onRefusal(loop, error, before, undefined) : Effect.void,
  }
}

/**
 * Handles what a refusal by a peer means for this node as a whole: another process has its name (R8). `before` is this node as it
 * was in the handshake, and `dialed` the name of the peer whose address it dialed.
 */
export const onRefusal = (
  loop: MembershipLoop,
  error: HandshakeError,
  { instance, self: { generation } }: State.State,
  dialed: string | undefined,
): Effect.Effect<void> => {
  if (error._tag !== "HandshakeRejected" || error.by === "us") return Effect.void
  const { atLeastGeneration, code } = error
  const isTaken = code === "stale" || code === "duplicate"
  if (!isTaken || atLeastGeneration === undefined) return Effect.void
  return Effect.asVoid(loop.submitAndAwait({ _tag: "NameTaken", generation, instance, atLeastGeneration, dialed }))
}

/**
 * Returns the refusal of a generation that is further ahead of the clock than the clocks of two peers may differ. Everybody who
 * met such a life would refuse the next one of its name, whose clock is right.
 */
export const judgeClock = (
  { record: { generation } }: Pick<Introduction, "record">,
  wall: number,
): HelloReject | undefined =>
  isTooFarAhead(generation, wall)
    ? reject("denied", "the generation is more than a day ahead of the other peer's clock; set the clocks right")
    : undefined

/**
 * Returns the refusal of a link timeout that would make this node send heartbeats without a bound. The bound holds for both sides,
 * so that two peers agree whether they can have a link.
 */
export const judgeTiming = ({ linkTimeout }: Pick<Introduction, "linkTimeout">): HelloReject | undefined =>
  linkTimeout < minLinkTimeout
    ? reject("denied", `a link timeout of ${linkTimeout} ms is below the least, ${minLinkTimeout} ms`)
    : undefined

/** Returns the refusal of a peer that no handshake may meet, whichever side dialed, or `undefined` if it is acceptable. */
export const judgePeer = (
  state: State.State,
  peer: Introduction,
  { linkTo, wall }: Pick<Options, "linkTo" | "wall">,
): HelloReject | undefined =>
  judgeTiming(peer) ?? judgeClock(peer, wall()) ?? judgeLife(state, peer, linkTo(peer.record.name))

/**
 * Returns the refusal of a life of a peer that a newer one replaced (R8). Only what this node met counts, for hearsay would let a
 * member with a fault keep others out. A newer life that lives refuses every older one. One that failed or left refuses only a
 * peer that has met nobody, as the view hash of its handshake says: such a peer takes a higher generation, which costs nothing.
 * Another process of the same life refuses it while there is a link to that process, if its instance is greater.
 */
export const judgeLife = (
  state: State.State,
  { instance, record, viewHash }: Omit<Introduction, "linkTimeout">,
  link: Pick<Link, "peer" | "rank"> | undefined,
): HelloReject | undefined => {
  const { generation, name } = record
  if (link?.peer.generation === generation && link.rank.instance > instance) {
    const atLeastGeneration = Math.min(generation + 1, maxGeneration)
    return reject("duplicate", "another process of this name and generation has a link", { atLeastGeneration })
  }
  const newest = State.newestMet(state, name)
  if (generation >= newest) return undefined
  if (generation >= State.livingGeneration(state, name) && viewHash !== memberHash(record)) return undefined
  const atLeastGeneration = Math.min(newest + 1, maxGeneration)
  return reject("stale", "a newer life of this name is known", { atLeastGeneration })
}

/** Returns the refusal of a Hello by everything but the admission policy, or `undefined` if it is acceptable. */
export const judgeHello = (
  state: State.State,
  hello: Hello,
  { dialing, hasRoom, label, linkTo, wall }: Pick<Options, "dialing" | "hasRoom" | "label" | "linkTo" | "wall">,
): HelloReject | undefined => {
  const { generation, name } = hello.record
  if (hello.label !== label) return reject("label", `this is the cluster "${label}"`)
  if (hello.versionMin > protocolVersion || hello.versionMax < protocolVersion) {
    return reject("version", `this node speaks version ${protocolVersion}`)
  }
  if (state.phase._tag !== "Running") return reject("busy", "this node is leaving", { retryAfter: 1_000 })
  if (name === state.self.name) {
    const order = compareProcesses(processOf(hello), { generation: state.self.generation, instance: state.instance })
    // An older process learns from this node's answer that it is to stop.
    if (order < 0) return undefined
    return order === 0 && dialing.has(hello.linkEpoch)
      ? reject("self", "a node cannot join itself")
      : reject("duplicate", `this node is "${name}" and lives; give every peer a name of its own`)
  }
  const refusal = judgePeer(state, hello, { linkTo, wall })
  if (refusal !== undefined) return refusal
  const member = state.members.get(name)
  if (member?.disconnected === true && member.record.generation === generation && hello.join !== true) {
    return reject("parted", "this node has parted from the peer; join it to come together again")
  }
  return hasRoom() || member !== undefined ? undefined : busy
}
