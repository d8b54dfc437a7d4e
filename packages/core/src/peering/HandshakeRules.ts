/**
 * Rules by which this node judges a handshake from its membership state (docs/protocol.md, section "How the acceptor
 * judges a Hello"): the refusal of a Hello, the lives that a newer life replaced (R8), and the effect of a refusal by a
 * peer on this node.
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
import type { Identity } from "../Transport.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"

export interface Options {
  /** Name of the cluster. */
  readonly label: string
  readonly loop: MembershipLoop
  readonly limits: Pick<Limits, "inboxWindowBytes">
  readonly timing: Pick<Timing, "linkTimeout">
  readonly admission: Admission.Policy
  /** Epochs of this node's own connections in the handshake. */
  readonly dialing: ReadonlySet<number>
  /** Returns `true` if there is room for another link. */
  readonly hasRoom: () => boolean
  /** Returns the wall clock, in milliseconds. */
  readonly wall: () => number
  /** Returns the open link to a peer. */
  readonly linkTo: (name: string) => Pick<Link, "peer" | "rank"> | undefined
  /** Returns whether a connection with this proof must not replace the link of the name. */
  readonly isWeaker: (name: string, identity: Identity | undefined) => boolean
  /**
   * Handles an older process of this node's name that dialed and then stops. Returns `false` if this node itself stops.
   */
  readonly outlivesNamesake: () => boolean
}

/** Returns this node as a host of handshakes. */
export const make = (options: Options): HandshakeHost<State.State> => {
  const { admission, label, limits, loop, timing } = options
  return {
    label,
    inboxWindowBytes: limits.inboxWindowBytes,
    linkTimeout: Math.floor(timing.linkTimeout),
    admission,
    state: () => loop.state(),
    isRunning: ({ phase }) => phase._tag === "Running",
    introductionHash: State.introductionHash,
    beliefAbout: (state, { generation, name }) => State.belief(state, name, generation),
    hasLink: (name) => State.hasLink(loop.state(), name),
    isDisconnected: (peer) => State.isDisconnected(loop.state(), peer),
    judgeHello: (hello, identity) => judgeHello(loop.state(), hello, options, identity),
    judgePeer: (peer, identity) => judgePeer(loop.state(), peer, options, identity),
    meetNamesake: ({ instance, record: { generation } }) =>
      Effect.asVoid(loop.submitAndAwait({ _tag: "NamesakeMet", generation, instance })),
    outlivesNamesake: () => loop.state().phase._tag === "Running" && options.outlivesNamesake(),
    refute: (youAre) =>
      youAre === undefined ? Effect.sync(() => loop.state()) : loop.submitAndAwait({ _tag: "SelfAccused", youAre }),
    // A node that has just started may learn from its dialer that its generation is too low. Later its members report
    // that, and a dialer that is not a member must not end this life.
    onDialerRefusal: (error, before) =>
      loop.state().members.size === 0 ? onRefusal(loop, error, before, undefined) : Effect.void,
  }
}

/**
 * Handles the effect of a refusal on this node as a whole: another process has its name (R8). `before` is the state of
 * this node in the handshake. `dialed` is the name of the peer whose address this node dialed.
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
 * Returns the refusal of a generation that is further ahead of the clock than the clocks of two peers may differ. Peers
 * that accepted such a life would refuse the next life of its name, whose clock is right.
 */
export const judgeClock = (
  { record: { generation } }: Pick<Introduction, "record">,
  wall: number,
): HelloReject | undefined =>
  isTooFarAhead(generation, wall)
    ? reject("denied", "the generation is more than a day ahead of the other peer's clock; correct the clocks")
    : undefined

/**
 * Returns the refusal of a link timeout below the minimum, which would require too many heartbeats. Both sides apply
 * the minimum, so that two peers agree on whether they can have a link.
 */
export const judgeTiming = ({ linkTimeout }: Pick<Introduction, "linkTimeout">): HelloReject | undefined =>
  linkTimeout < minLinkTimeout
    ? reject("denied", `a link timeout of ${linkTimeout} ms is below the minimum of ${minLinkTimeout} ms`)
    : undefined

/** Returns the refusal of a peer by the rules that apply to both sides, or `undefined` if the peer is acceptable. */
export const judgePeer = (
  state: State.State,
  peer: Introduction,
  { isWeaker, linkTo, wall }: Pick<Options, "isWeaker" | "linkTo" | "wall">,
  identity?: Identity,
): HelloReject | undefined =>
  judgeTiming(peer) ??
  judgeClock(peer, wall()) ??
  judgeProof(isWeaker(peer.record.name, identity)) ??
  judgeLife(state, peer, linkTo(peer.record.name))

/**
 * Returns the refusal of a connection that proves less than the link of this name, also for a newer process. Otherwise
 * a stranger could take the link of a member while this node still accepts plain connections. The refusal ends with the
 * link, so a peer that restarted without a proof only waits.
 */
export const judgeProof = (isWeaker: boolean): HelloReject | undefined =>
  isWeaker
    ? reject("busy", "the link of this name has a proof, and this connection has none", { retryAfter: 1_000 })
    : undefined

/**
 * Returns the refusal of a life of a peer that a newer life replaced (R8). Only lives that this node met count. Gossip
 * does not count, because it would let a faulty member exclude others. A newer life that has not failed refuses every
 * older life. A newer life that failed or left refuses only a peer that has met no other peer, which the view hash of
 * its handshake shows. Such a peer takes a higher generation at no cost. While there is a link to another process of
 * the same life with a greater instance, this process is refused too.
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

/**
 * Returns the refusal of a Hello by any rule except the admission policy, or `undefined` if the Hello is acceptable.
 */
export const judgeHello = (
  state: State.State,
  hello: Hello,
  options: Pick<Options, "dialing" | "hasRoom" | "isWeaker" | "label" | "linkTo" | "wall">,
  identity?: Identity,
): HelloReject | undefined => {
  const { dialing, hasRoom, label } = options
  const { name } = hello.record
  if (hello.label !== label) return reject("label", `this is the cluster "${label}"`)
  if (hello.versionMin > protocolVersion || hello.versionMax < protocolVersion) {
    return reject("version", `this node speaks version ${protocolVersion}`)
  }
  if (state.phase._tag !== "Running") return reject("busy", "this node is leaving", { retryAfter: 1_000 })
  if (name === state.self.name) {
    const order = compareProcesses(processOf(hello), { generation: state.self.generation, instance: state.instance })
    // This node's answer makes an older process stop.
    if (order < 0) return undefined
    return order === 0 && dialing.has(hello.linkEpoch)
      ? reject("self", "a node cannot join itself")
      : reject("duplicate", `a running node already has the name "${name}"`)
  }
  const refusal = judgePeer(state, hello, options, identity)
  if (refusal !== undefined) return refusal
  return hasRoom() || state.members.has(name) ? undefined : busy
}
