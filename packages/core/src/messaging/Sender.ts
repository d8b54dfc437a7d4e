/**
 * Sends the messages of the application to one peer, to all peers, or to the readers of a lane, and reports their
 * outcomes.
 */
import type { Clock } from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SendError } from "../ClusterError.ts"
import type { SlowPeer } from "../ClusterEvent.ts"
import type { Extra, Refusal } from "../flow/SendLane.ts"
import { Acceptance, Acknowledgement } from "../flow/SendLane.ts"
import type { Slowness } from "../flow/Slowness.ts"
import * as Trace from "../internal/trace.ts"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import type { BroadcastReport, PublishOptions, SendOptions, Sent } from "../Lane.ts"
import type { Limits } from "../Limits.ts"
import type { PeerId, PeerRef } from "../Peer.ts"
import type { LinkManager } from "../peering/LinkManager.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import { inboxName } from "../protocol/constants.ts"
import type { MessageCount } from "./CountedSink.ts"
import type { Outlet, Route } from "./Route.ts"
import type { Destination } from "./sendErrors.ts"
import * as sendErrors from "./sendErrors.ts"
import type { Awaited, Standstill } from "./SlowSends.ts"
import { SlowSends } from "./SlowSends.ts"
import { WaitAllowance } from "./WaitAllowance.ts"

export interface Options {
  readonly loop: Pick<MembershipLoop, "state">
  /** The links to peers. */
  readonly links: {
    readonly current: (name: string) => Route | undefined
    readonly takeover: LinkManager["takeover"]
  }
  /** Route to the readers of this node. */
  readonly loopback: Route
  readonly limits: Pick<Limits, "confirmTimeout" | "messageBytes" | "slowPeerTimeout">
  readonly clock: Clock
  /** `true` if messages carry the span in which they are sent. */
  readonly tracing: boolean
  /** Called with the outcome of a message with `confirm`: `taken`, or the tag of the reason of the error. */
  readonly onConfirmed: (outcome: string) => void
  /** Called when sends to a peer make no progress. */
  readonly onSlowPeer: (event: SlowPeer) => void
  /** Returns the counter of the messages that were accepted on a lane. */
  readonly sent: (lane: string) => MessageCount
  /** Called for each peer that a message to many did not reach, with the tag of the reason. */
  readonly onPublishFailed: (lane: string, reason: string) => void
  /** Called for each slow peer that a message to many skipped. */
  readonly onSkipped: (lane: string) => void
}

const nothing = new Uint8Array(0)

const encoder = new TextEncoder()

/** Returns the UTF-8 bytes of a text, and bytes unchanged. */
export const toBytes = (payload: Uint8Array | string): Uint8Array =>
  typeof payload === "string" ? encoder.encode(payload) : payload

/** Tests whether none of the payloads is a text. */
const isBytes = (payloads: ReadonlyArray<Uint8Array | string>): payloads is ReadonlyArray<Uint8Array> => {
  for (const payload of payloads) if (typeof payload === "string") return false
  return true
}

/** Outcome of a message to many so far. */
interface Report {
  readonly sent: Array<string>
  readonly failed: Array<SendError>
}

/** Receiver of a message to many. */
type Target = Pick<PeerId, "name">

/** Receiver that a message to many has to wait for. */
interface WaitingTarget {
  readonly to: Destination
  /** Slowness of the lane, or of the list of lanes. `undefined` without a link. */
  readonly slowness: Slowness | undefined
  /** Time that the message may wait, in milliseconds. */
  readonly left: number
}

export class Sender {
  /** Watches the waiting sends. Never ends. */
  readonly watch: Effect.Effect<never>
  private readonly options: Options
  private readonly slowSends: SlowSends
  private readonly allowance: WaitAllowance

  constructor(options: Options) {
    this.options = options
    const { clock, limits } = options
    this.slowSends = new SlowSends({
      timeout: limits.slowPeerTimeout,
      clock,
      onSlow: (standstill) => this.reportSlow(standstill),
    })
    this.allowance = new WaitAllowance({ timeout: limits.slowPeerTimeout, clock })
    this.watch = this.slowSends.run
  }

  /** Sends a message to one peer on a lane. */
  send(
    lane: string,
    peer: PeerRef,
    payload: Uint8Array | string,
    options?: SendOptions,
    format?: string,
  ): Effect.Effect<Sent, SendError> {
    return Effect.suspend(() => {
      const bytes = toBytes(payload)
      const to = destinationOf(lane, peer)
      const problem = this.problemWith(to, bytes)
      if (problem !== undefined) return Effect.fail(problem)
      return this.withExtra(format, (extra) =>
        options?.confirm === true
          ? this.offerAcknowledged(to, bytes, extra, options.timeout)
          : this.offer(to, bytes, extra),
      )
    })
  }

  /** Waits until a message to one peer on a lane would be accepted at once. Fails with the errors of a send. */
  ready(lane: string, peer: PeerRef): Effect.Effect<void, SendError> {
    return Effect.suspend(() => {
      const to = destinationOf(lane, peer)
      const problem = this.problemWith(to, nothing)
      return problem === undefined ? this.awaitReady(to) : Effect.fail(problem)
    })
  }

  /** Sends many messages to the inbox of one peer, in order. */
  sendAll(peer: PeerRef, payloads: ReadonlyArray<Uint8Array | string>): Effect.Effect<Sent, SendError> {
    return Effect.suspend(() => {
      const to = destinationOf(inboxName, peer)
      const messages = isBytes(payloads) ? payloads : payloads.map(toBytes)
      const problem = this.problemWithAll(to, messages)
      if (problem !== undefined) return Effect.fail(problem)
      return this.withExtra(undefined, (extra) => this.offerFrom(0, to, messages, extra))
    })
  }

  /** Sends a message to every peer that reads the lane. Every peer reads the inbox. */
  publish(
    lane: string,
    payload: Uint8Array | string,
    { self = false }: PublishOptions = {},
    format?: string,
  ): Effect.Effect<BroadcastReport, SendError> {
    return Effect.suspend(() => {
      const bytes = toBytes(payload)
      const problem = this.problemWith({ lane, peer: sendErrors.everyone }, bytes)
      if (problem !== undefined) return Effect.fail(problem)
      return this.withExtra(format, (extra) => this.offerToReaders(lane, this.targets(self), bytes, extra))
    })
  }

  /**
   * Yields the receivers of a message to many: all peers, preceded by this node if its readers should get the message.
   */
  private *targets(self: boolean): Iterable<Target> {
    const state = this.options.loop.state()
    if (self) yield state.self
    yield* state.view.peers.values()
  }

  /** Returns the route to a name: the link to a peer, or the loopback of this node. */
  private routeToName(name: string): Route | undefined {
    const { links, loop, loopback } = this.options
    return name === loop.state().self.name ? loopback : links.current(name)
  }

  /** Returns the route to the addressed generation. */
  private routeTo({ generation, peer }: Destination): Route | undefined {
    const route = this.routeToName(peer)
    return generation === undefined || generation === route?.peer.generation ? route : undefined
  }

  /** Returns the error if there is no route to the addressed generation. */
  private noRoute(to: Destination): SendError {
    return sendErrors.noLink(this.options.loop.state(), to, this.routeToName(to.peer)?.peer.generation)
  }

  /** Returns the error of a refused message. This node closes the route to itself only when it stops. */
  private refused(to: Destination, refusal: Exclude<Refusal, "moved">, isAccepted: boolean): SendError {
    const isOwnStop = refusal === "closed" && !isAccepted && to.peer === this.options.loop.state().self.name
    return isOwnStop ? sendErrors.stopped(to) : sendErrors.refused(to, refusal, isAccepted)
  }

  private problemWith(to: Destination, bytes: Uint8Array): SendError | undefined {
    const { limits, loop } = this.options
    if (loop.state().phase._tag !== "Running") return sendErrors.stopped(to)
    return bytes.length > limits.messageBytes ? sendErrors.tooLarge(to, bytes.length, limits) : undefined
  }

  /** Returns the error of the first of many messages that cannot be sent. */
  private problemWithAll(to: Destination, messages: ReadonlyArray<Uint8Array>): SendError | undefined {
    const { messageBytes } = this.options.limits
    for (const bytes of messages) if (bytes.length > messageBytes) return this.problemWith(to, bytes)
    return this.problemWith(to, nothing)
  }

  /**
   * Sends with the format of the message, if it has one, and with the current span, if this node traces its messages.
   */
  private withExtra<A>(
    format: string | undefined,
    send: (extra: Extra | undefined) => Effect.Effect<A, SendError>,
  ): Effect.Effect<A, SendError> {
    const plain = format === undefined ? undefined : { format }
    if (!this.options.tracing) return send(plain)
    return Effect.flatMap(Effect.option(Effect.currentParentSpan), (span) => {
      const trace = Option.isSome(span) ? Trace.encode(span.value) : undefined
      return send(trace === undefined ? plain : { ...plain, trace })
    })
  }

  /** Offers a message to the current link synchronously. The effect ends when a link has accepted the message. */
  private offer(to: Destination, bytes: Uint8Array, extra?: Extra): Effect.Effect<Sent, SendError> {
    return this.through(to, bytes.length, (route, outlet) => this.offerOn(route, outlet, to, bytes, extra))
  }

  /**
   * Uses the lane to the addressed generation, synchronously if it is known. Waits for a link that is about to come up,
   * and for the list of the lanes that the peer reads.
   */
  private through<A>(
    to: Destination,
    bytes: number,
    use: (route: Route, outlet: Outlet) => Effect.Effect<A, SendError>,
  ): Effect.Effect<A, SendError> {
    const route = this.routeTo(to)
    if (route === undefined) {
      const error = this.noRoute(to)
      const takeover = error.reason._tag === "Replaced" ? undefined : this.options.links.takeover(to.peer)
      return takeover === undefined ? Effect.fail(error) : Effect.andThen(takeover, () => this.through(to, bytes, use))
    }
    const outlet = outletOf(route, to.lane)
    if (outlet !== undefined) return use(route, outlet)
    const known = route.lanesKnown()
    return known === undefined
      ? Effect.fail(sendErrors.notReading(to))
      : Effect.andThen(this.slowSends.during(awaitedOf(route, to.lane), bytes, known), () =>
          this.through(to, bytes, use),
        )
  }

  /** Waits until a lane has credit for any frame. */
  private awaitReady(to: Destination): Effect.Effect<void, SendError> {
    return this.through(to, 0, (route, outlet) =>
      Effect.catch(this.slowSends.during(awaitedOf(route, to.lane), 0, outlet.ready()), (refusal) =>
        refusal === "moved" ? this.awaitReady(to) : Effect.fail(this.refused(to, refusal, false)),
      ),
    )
  }

  private offerOn(
    route: Route,
    outlet: Outlet,
    to: Destination,
    bytes: Uint8Array,
    extra: Extra | undefined,
  ): Effect.Effect<Sent, SendError> {
    const problem = formatProblem(outlet, to, extra)
    if (problem !== undefined) return Effect.fail(problem)
    const session = route.session()
    if (outlet.tryOffer(bytes, extra)) {
      this.options.sent(to.lane).add(bytes.length)
      return this.awaitTaken(route, outlet, to, bytes.length, extra, session)
    }
    const accepted = this.slowSends.during(awaitedOf(route, to.lane), bytes.length, outlet.offer(bytes, extra))
    return Effect.matchEffect(accepted, {
      onSuccess: () => {
        this.options.sent(to.lane).add(bytes.length)
        // If the session changed in the meantime, it is unknown in which of the two the message was accepted.
        return route.session() === session
          ? this.awaitTaken(route, outlet, to, bytes.length, extra, session)
          : Effect.fail(this.refused(to, "closed", true))
      },
      onFailure: (refusal) =>
        refusal === "moved" ? this.offer(to, bytes, extra) : Effect.fail(this.refused(to, refusal, false)),
    })
  }

  /** Waits until the peer's reader has taken an accepted message, if its sender asked for that. */
  private awaitTaken(
    route: Route,
    outlet: Outlet,
    to: Destination,
    bytes: number,
    extra: Extra | undefined,
    session: Sent,
  ): Effect.Effect<Sent, SendError> {
    if (extra?.acknowledgement === undefined) return Effect.succeed(session)
    const { slowness: twin, taking: slowness } = outlet
    const awaited = { ...awaitedOf(route, to.lane), slowness, twin }
    return Effect.matchEffect(this.slowSends.during(awaited, bytes, awaitDeferred(extra.acknowledgement.result)), {
      onSuccess: () => Effect.succeed(session),
      onFailure: (refusal) => Effect.fail(this.refused(to, refusal, true)),
    })
  }

  /** Offers a message and waits until the peer's reader has taken it. */
  private offerAcknowledged(
    to: Destination,
    bytes: Uint8Array,
    extra: Extra | undefined,
    timeout: Duration.Input = this.options.limits.confirmTimeout,
  ): Effect.Effect<Sent, SendError> {
    const { onConfirmed } = this.options
    return Effect.suspend(() => {
      const acknowledgement = new Acknowledgement()
      const acceptance = new Acceptance()
      return Effect.suspend(() => this.offer(to, bytes, { ...extra, acceptance, acknowledgement })).pipe(
        Effect.timeoutOrElse({
          duration: timeout,
          orElse: () => Effect.fail(sendErrors.notConfirmed(to, timeout, acceptance.isAccepted)),
        }),
        Effect.ensuring(Effect.sync(() => acknowledgement.withdraw())),
        Effect.tapError(({ reason }) => Effect.sync(() => onConfirmed(reason._tag))),
        Effect.tap(() => Effect.sync(() => onConfirmed("taken"))),
      )
    })
  }

  /** Offers the messages starting at `index`: synchronously while there is credit, and then one at a time. */
  private offerFrom(
    index: number,
    to: Destination,
    messages: ReadonlyArray<Uint8Array>,
    extra: Extra | undefined,
  ): Effect.Effect<Sent, SendError> {
    const link = this.routeTo(to)
    const sent = this.options.sent(to.lane)
    let next = index
    for (; link !== undefined && next < messages.length; next++) {
      const message = messages[next] ?? nothing
      if (!link.inbox.tryOffer(message, extra)) break
      sent.add(message.length)
    }
    if (next === messages.length) {
      return link === undefined ? Effect.fail(this.noRoute(to)) : Effect.succeed(link.session())
    }
    // The caller may change its list while this send waits.
    const kept = index === 0 ? messages.slice() : messages
    return Effect.matchEffect(this.offer(to, kept[next] ?? nothing, extra), {
      onFailure: ({ peer, reason }) => Effect.fail(new SendError({ peer, reason, accepted: next })),
      onSuccess: (sent) => (next + 1 < kept.length ? this.offerFrom(next + 1, to, kept, extra) : Effect.succeed(sent)),
    })
  }

  /**
   * Offers a message to every peer that reads the lane: synchronously where there is credit, and then to all others in
   * parallel. Skips the peers for which earlier messages have waited in vain.
   */
  private readonly offerToReaders = Effect.fnUntraced(function* (
    this: Sender,
    lane: string,
    targets: Iterable<Target>,
    bytes: Uint8Array,
    extra: Extra | undefined,
  ) {
    const report: Report = { sent: [], failed: [] }
    const waiting: Array<WaitingTarget> = []
    for (const { name } of targets) {
      const link = this.routeToName(name)
      const sender = link === undefined ? undefined : outletOf(link, lane)
      const problem = sender === undefined ? undefined : formatProblem(sender, { lane, peer: name }, extra)
      if (problem !== undefined) report.failed.push(problem)
      else if (sender?.tryOffer(bytes, extra) === true) {
        this.options.sent(lane).add(bytes.length)
        report.sent.push(name)
      }
      // A peer with a link that does not read the lane does not appear in the report.
      else if (link !== undefined && sender === undefined && link.lanesKnown() === undefined) continue
      else this.waitOrSkip({ lane, peer: name }, link, bytes.length, report, waiting)
    }
    const offer = (target: WaitingTarget) => this.offerToSlow(target, bytes, extra, report)
    if (waiting.length > 0) yield* Effect.forEach(waiting, offer, { concurrency: "unbounded", discard: true })
    for (const { reason } of report.failed) this.options.onPublishFailed(lane, reason._tag)
    return report satisfies BroadcastReport
  })

  /** Adds a peer to those that a message to many waits for, unless earlier messages have waited for it in vain. */
  private waitOrSkip(
    to: Destination,
    link: Route | undefined,
    bytes: number,
    report: Report,
    waiting: Array<WaitingTarget>,
  ): void {
    const awaited = link === undefined ? undefined : awaitedOf(link, to.lane)
    const left = this.allowance.left(awaited?.slowness)
    if (left > 0 && !(awaited !== undefined && isSlow(awaited))) waiting.push({ to, slowness: awaited?.slowness, left })
    else if (awaited === undefined) report.failed.push(this.noRoute(to))
    else this.giveUp(awaited, bytes, sendErrors.stillSlow(to), report)
  }

  /** Offers a message to one of many peers, for as long as it may wait. */
  private offerToSlow(
    { left, slowness, to }: WaitingTarget,
    bytes: Uint8Array,
    extra: Extra | undefined,
    report: Report,
  ): Effect.Effect<void> {
    const since = this.allowance.now()
    const grants = slowness?.grants ?? 0
    const acceptance = new Acceptance()
    const offer = Effect.suspend(() => this.offer(to, bytes, { ...extra, acceptance })).pipe(
      Effect.timeoutOption(left),
      Effect.ensuring(
        Effect.sync(() => {
          // A lane of another link, or one that accepts a message at a time, may still be of no use.
          if ((slowness?.grants ?? 0) === grants) this.allowance.spend(since, slowness)
        }),
      ),
    )
    return Effect.match(offer, {
      onFailure: (error) => {
        if (error.reason._tag !== "NotReading") report.failed.push(error)
      },
      onSuccess: (sent) => {
        // The lane may have accepted the message at the moment of the timeout.
        if (Option.isSome(sent) || acceptance.isAccepted) {
          if (Option.isNone(sent)) this.options.sent(to.lane).add(bytes.length)
          return void report.sent.push(to.peer)
        }
        const link = this.routeTo(to)
        if (link === undefined) return void report.failed.push(this.noRoute(to))
        this.giveUp(awaitedOf(link, to.lane), bytes.length, sendErrors.slow(to, left), report)
      },
    })
  }

  /**
   * Reports the peer that a message to many skips. Marks the lane as slow if messages to many have waited for it for the
   * whole timeout.
   */
  private giveUp(awaited: Awaited, bytes: number, error: SendError, { failed }: Report): void {
    // Waits last whole milliseconds.
    if (awaited.slowness.waited > this.options.limits.slowPeerTimeout - 1) this.slowSends.giveUp(awaited, bytes)
    failed.push(error)
    this.options.onSkipped(awaited.lane)
  }

  private reportSlow({ bytes, lane, peer: { generation, name }, waited }: Standstill): void {
    const { loop, onSlowPeer } = this.options
    const { peers, self } = loop.state().view
    const peer = name === self.name ? self : peers.get(name)
    // The peer may have left in the meantime, or be another generation.
    if (peer?.generation !== generation) return
    onSlowPeer({ _tag: "SlowPeer", peer, lane, waited: Duration.millis(waited), bytes })
  }
}

const destinationOf = (lane: string, peer: PeerRef): Destination =>
  typeof peer === "string" ? { lane, peer } : { lane, peer: peer.name, generation: peer.generation }

/** Returns the object that a message on a lane of the link waits for: the lane and its credit, or the list of lanes. */
const awaitedOf = (link: Route, lane: string): Awaited => {
  const { generation, name } = link.peer
  const outlet = outletOf(link, lane)
  return { peer: { name, generation }, lane, slowness: outlet?.slowness ?? link.listing, twin: outlet?.taking }
}

/** Tests whether a send has waited for the lane in vain, for either of the two waits. */
const isSlow = ({ slowness, twin }: Awaited): boolean => slowness.isSlow || twin?.isSlow === true

/** Returns the error if the peer reads the lane with another format than the message has. */
const formatProblem = ({ format }: Outlet, to: Destination, extra: Extra | undefined): SendError | undefined =>
  format === undefined || extra?.format === undefined || extra.format === format
    ? undefined
    : sendErrors.incompatibleFormat(to, extra.format, format)

const outletOf = (link: Route, lane: string): Outlet | undefined => (lane === inboxName ? link.inbox : link.lane(lane))
