/**
 * What the application sends: to one, to all, or to those who read, and what becomes of it.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SendError } from "../ClusterError.ts"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import * as Trace from "../internal/trace.ts"
import type { BroadcastReport, SendOptions, Sent } from "../Lane.ts"
import type { Limits } from "../Limits.ts"
import type { Link } from "../link/Link.ts"
import type { LinkManager } from "../peering/LinkManager.ts"
import type { MembershipLoop } from "../peering/MembershipLoop.ts"
import type { Extra, Refusal, SendLane } from "../flow/SendLane.ts"
import { Acknowledgement } from "../flow/SendLane.ts"
import { toBytes } from "../Message.ts"
import * as Protocol from "../protocol/constants.ts"
import type { Peer, PeerRef } from "../Peer.ts"
import { nameOf } from "../Peer.ts"

export interface Sender {
  readonly send: (
    lane: string,
    peer: PeerRef,
    payload: Uint8Array | string,
    options?: SendOptions,
  ) => Effect.Effect<Sent, SendError>
  /** Many in order, of the inbox. */
  readonly sendAll: (peer: PeerRef, payloads: ReadonlyArray<Uint8Array | string>) => Effect.Effect<Sent, SendError>
  /** To every peer that reads the lane; the inbox is read by all. */
  readonly publish: (lane: string, payload: Uint8Array | string) => Effect.Effect<BroadcastReport, SendError>
}

const nothing = new Uint8Array(0)

const sendError = (reason: SendError["reason"], peer: string, message: string) =>
  new SendError({ reason, peer, message })

const senderOf = (link: Link, lane: string): SendLane | undefined =>
  lane === Protocol.inboxName ? link.inbox : link.lane(lane)

export const make = (options: {
  readonly loop: MembershipLoop
  readonly links: LinkManager
  readonly limits: Limits
  /** Messages carry the span that sends them. */
  readonly tracing: boolean
  /** What became of a message that was to be confirmed, in a word. */
  readonly confirmed: (outcome: string) => void
  /** A message to many went on without this peer. */
  readonly slow: (peer: Peer) => void
}): Sender => {
  const { limits, links, loop } = options

  const isRunning = (): boolean => loop.state().phase._tag === "Running"

  const problemOf = (peer: string, bytes: Uint8Array): SendError | undefined => {
    if (!isRunning()) return sendError("stopped", peer, "this node has left the cluster")
    return bytes.length > limits.messageBytes
      ? sendError(
          "tooLarge",
          peer,
          `a message of ${bytes.length} bytes; the limit is ${limits.messageBytes} (limits.messageBytes)`,
        )
      : undefined
  }

  const noLink = (name: string): SendError => {
    const { members, self, tombstones } = loop.state()
    if (name === self.name) return sendError("unknownPeer", name, "a node cannot send to itself")
    if (members.has(name)) return sendError("notConnected", name, `there is no link to "${name}" now`)
    return tombstones.get(name)?.status === "left"
      ? sendError("left", name, `"${name}" has left the cluster`)
      : sendError("unknownPeer", name, `there is no peer "${name}"`)
  }

  const refused = (refusal: Exclude<Refusal, "moved">, name: string, lane: string, before: string): SendError =>
    refusal === "closed"
      ? sendError("linkLost", name, `the link to "${name}" ended before the message was ${before}`)
      : sendError("notReading", name, `"${name}" stopped to read "${lane}" before the message was ${before}`)

  /** Offers the message to the link of the moment, in this turn; the effect ends when one has accepted it. */
  const offer = (lane: string, name: string, bytes: Uint8Array, extra?: Extra): Effect.Effect<Sent, SendError> => {
    const link = links.current(name)
    if (link === undefined) {
      const takeover = links.takeover(name)
      return takeover === undefined
        ? Effect.fail(noLink(name))
        : Effect.andThen(takeover, () => offer(lane, name, bytes, extra))
    }
    const sender = senderOf(link, lane)
    if (sender === undefined) {
      const known = link.lanesKnown()
      return known === undefined
        ? Effect.fail(sendError("notReading", name, `"${name}" does not read "${lane}"`))
        : Effect.andThen(known, () => offer(lane, name, bytes, extra))
    }
    const session = link.session()
    if (sender.tryOffer(bytes, extra)) return Effect.succeed(session)
    return Effect.matchEffect(sender.offer(bytes, extra), {
      // If the session changed meanwhile, nobody knows in which of the two it was accepted.
      onSuccess: () =>
        link.session() === session ? Effect.succeed(session) : Effect.fail(refused("closed", name, lane, "accepted")),
      onFailure: (refusal) =>
        refusal === "moved" ? offer(lane, name, bytes, extra) : Effect.fail(refused(refusal, name, lane, "accepted")),
    })
  }

  /** Sends with the span of the moment, if this node traces its messages. */
  const traced = <A>(use: (extra: Extra | undefined) => Effect.Effect<A, SendError>): Effect.Effect<A, SendError> =>
    options.tracing
      ? Effect.flatMap(Effect.option(Effect.currentParentSpan), (span) => {
          const trace = Option.isSome(span) ? Trace.encode(span.value) : undefined
          return use(trace === undefined ? undefined : { trace })
        })
      : use(undefined)

  const confirming = (
    lane: string,
    name: string,
    bytes: Uint8Array,
    extra: Extra | undefined,
    timeout: Duration.Input = limits.confirmTimeout,
  ) =>
    Effect.suspend(() => {
      const acknowledgement = new Acknowledgement()
      const taken = Effect.catch(awaitDeferred(acknowledgement.result), (refusal) =>
        Effect.fail(refused(refusal, name, lane, "known to be taken")),
      )
      return Effect.suspend(() => offer(lane, name, bytes, { ...extra, acknowledgement })).pipe(
        Effect.flatMap((sent) => Effect.as(taken, sent)),
        Effect.timeoutOrElse({
          duration: timeout,
          orElse: () =>
            Effect.fail(
              sendError(
                "timeout",
                name,
                `"${name}" did not take the message within ${Duration.format(Duration.fromInputUnsafe(timeout))}`,
              ),
            ),
        }),
        Effect.ensuring(Effect.sync(() => acknowledgement.withdraw())),
        Effect.tapError(({ reason }) => Effect.sync(() => options.confirmed(reason))),
        Effect.tap(() => Effect.sync(() => options.confirmed("taken"))),
      )
    })

  const send: Sender["send"] = (lane, peer, payload, how) =>
    Effect.suspend(() => {
      const name = nameOf(peer)
      const bytes = toBytes(payload)
      const problem = problemOf(name, bytes)
      if (problem !== undefined) return Effect.fail(problem)
      return traced((extra) =>
        how?.confirm === true ? confirming(lane, name, bytes, extra, how.timeout) : offer(lane, name, bytes, extra),
      )
    })

  const sendAll: Sender["sendAll"] = (peer, payloads) =>
    Effect.suspend(() => {
      const name = nameOf(peer)
      const all = payloads.map(toBytes)
      let problem = problemOf(name, nothing)
      for (const bytes of all) problem ??= problemOf(name, bytes)
      if (problem !== undefined) return Effect.fail(problem)
      const from = (at: number, extra: Extra | undefined): Effect.Effect<Sent, SendError> => {
        const link = links.current(name)
        let next = at
        for (; link !== undefined && next < all.length; next++) {
          if (!link.inbox.tryOffer(all[next] ?? nothing, extra)) break
        }
        if (next === all.length) return link === undefined ? Effect.fail(noLink(name)) : Effect.succeed(link.session())
        return Effect.matchEffect(offer(Protocol.inboxName, name, all[next] ?? nothing, extra), {
          onFailure: ({ message, reason }) =>
            Effect.fail(new SendError({ reason, peer: name, message, accepted: next })),
          onSuccess: (sent) => (next + 1 < all.length ? from(next + 1, extra) : Effect.succeed(sent)),
        })
      }
      return traced((extra) => from(0, extra))
    })

  const toMany = Effect.fnUntraced(function* (lane: string, bytes: Uint8Array, extra: Extra | undefined) {
    const sent: Array<string> = []
    const failed: Array<SendError> = []
    const slow: Array<Peer> = []
    for (const peer of loop.state().view.peers.values()) {
      const link = links.current(peer.name)
      const sender = link === undefined ? undefined : senderOf(link, lane)
      if (sender?.tryOffer(bytes, extra) === true) sent.push(peer.name)
      // Whose link is up, and who does not read the lane, has nothing to do with it.
      else if (link === undefined || sender !== undefined || link.lanesKnown() !== undefined) slow.push(peer)
    }
    const wait = (peer: Peer) =>
      Effect.match(
        Effect.timeoutOrElse(
          Effect.suspend(() => offer(lane, peer.name, bytes, extra)),
          {
            duration: limits.slowPeerTimeout,
            orElse: () => {
              // It may have left meanwhile, or be another life.
              const now = loop.state().view.peers.get(peer.name)
              if (now?.generation === peer.generation) options.slow(now)
              return Effect.fail(
                sendError("slow", peer.name, `"${peer.name}" gave no credit within ${limits.slowPeerTimeout} ms`),
              )
            },
          },
        ),
        {
          onFailure: (error) => void (error.reason === "notReading" || failed.push(error)),
          onSuccess: () => void sent.push(peer.name),
        },
      )
    if (slow.length > 0) yield* Effect.forEach(slow, wait, { concurrency: "unbounded", discard: true })
    return { sent, failed } satisfies BroadcastReport
  })

  const publish: Sender["publish"] = (lane, payload) =>
    Effect.suspend(() => {
      const bytes = toBytes(payload)
      const problem = problemOf("*", bytes)
      if (problem !== undefined) return Effect.fail(problem)
      return traced((extra) => toMany(lane, bytes, extra))
    })

  return { send, sendAll, publish }
}
