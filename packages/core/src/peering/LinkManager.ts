/**
 * The connections of a node, from the first byte to the last: who may come in, who is dialled, and what is told to
 * membership about it (docs/protocol.md, sections "Handshake" and "Links").
 */
import type { Clock } from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Address } from "../Address.ts"
import type * as Admission from "../Admission.ts"
import type { Source } from "../Entropy.ts"
import type { ByeCode, MembershipFrame } from "../protocol/Frame.ts"
import { awaitDeferred } from "../internal/yieldingAwait.ts"
import type { Limits } from "../Limits.ts"
import * as State from "../membership/State.ts"
import type { PeerId } from "../Peer.ts"
import { compareNames } from "../protocol/PeerName.ts"
import type { PeerRecord } from "../protocol/PeerRecord.ts"
import type { Connection, Listener, Transport } from "../Transport.ts"
import { FrameReader } from "../link/FrameReader.ts"
import * as Handshake from "../link/Handshake.ts"
import type { Timing } from "../link/KeepAlive.ts"
import type { Rank } from "../link/Link.ts"
import { Link } from "../link/Link.ts"
import type { LinkEnd } from "../link/LinkEnd.ts"
import { isMoved } from "../link/LinkEnd.ts"
import { writeBufferBytes } from "../link/LinkWriter.ts"
import * as HandshakeRules from "./HandshakeRules.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"
import type * as PeerConnections from "./PeerConnections.ts"
import type { Overrides } from "./Overrides.ts"
import type { LinkObserver } from "../link/LinkObserver.ts"
import { WriteBuffers } from "../link/WriteBuffers.ts"

export interface LinkManager {
  /** The link to a peer that messages go over, if there is one. */
  readonly current: (name: string) => Link | undefined
  /** All such links. */
  readonly all: () => Iterable<Link>
  /** All links on which something may come, also those that are closing. */
  readonly heard: () => Iterable<Link>
  /** Whether a better connection to the peer is about to take over from one that has ended; then waits for it. */
  readonly takeover: (name: string) => Effect.Effect<void> | undefined
  /** Sends a frame to those of the names that have a link. */
  readonly send: (to: ReadonlyArray<string>, frame: MembershipFrame) => void
  /** Makes one life of a peer say something, of which the membership is told. */
  readonly pingNow: (peer: PeerId) => void
  /** Ends the link to one life of a peer. */
  readonly close: (peer: PeerId, code: ByeCode) => void
  /**
   * Connects to an address; ends when the link is up. `expected` is the name that must answer, `join` says that
   * the application wants it, and `stranger` that nobody is wanted who has a link.
   */
  readonly dial: (
    address: Address,
    options?: {
      readonly expected?: string | undefined
      readonly join?: boolean | undefined
      readonly stranger?: boolean | undefined
    },
  ) => Effect.Effect<Link, Handshake.HandshakeError>
  /** Takes connections from the listener, for ever. */
  readonly serve: (listener: Listener) => Effect.Effect<never>
  /** Ends all links and waits until the last bytes are out, for a bounded time. */
  readonly closeAll: (code: ByeCode) => Effect.Effect<void>
  /** How many there are at this moment: links, connections of others in the handshake, dials. */
  readonly gauges: () => { readonly links: number; readonly handshakes: number; readonly dials: number }
}

/** Epochs from here on are not followed, so that no liar can exhaust the counter. */
const followedEpochs = 2 ** 31

export const make = Effect.fnUntraced(function* (options: {
  readonly label: string
  readonly parts: Overrides
  readonly transport: Transport["Service"]
  readonly loop: MembershipLoop
  readonly limits: Limits
  readonly timing: Timing
  readonly admission: Admission.Policy
  readonly entropy: Source
  readonly clock: Clock
  readonly tally: LinkObserver
  /** Resolves, once for each lane that a link opens, who takes its messages. */
  readonly sinkOf: (name: string) => PeerConnections.Sink
  /** Nothing more comes from the link. Answers whether all that came is kept for its readers. */
  readonly onEnd: (link: Link) => boolean
  readonly onSessionEnd: (peer: PeerId, session: PeerConnections.Session) => void
  /** What the application reads besides the inbox, at this moment. */
  readonly lanes: () => Iterable<string>
}): Effect.fn.Return<LinkManager, never, Scope.Scope> {
  const { clock, limits, loop, tally, timing, transport } = options
  const fibers = yield* FiberSet.make<void, never>()
  const dialPermits = Semaphore.makeUnsafe(limits.dials)
  const pairs = options.parts.makePeerConnections({ ...options, remembered: limits.links })
  const buffers = new WriteBuffers(writeBufferBytes)
  const dialing = new Set<number>()
  /** Set when this node goes: why. */
  let closing: ByeCode | undefined
  // Starts anywhere, so that a reconnecting earlier process of this host is not taken for this one.
  let lastEpoch = options.entropy.u32() >>> 2

  const context = HandshakeRules.make({
    label: options.label,
    loop,
    limits,
    admission: options.admission,
    dialing,
    hasRoom: () => pairs.size() < limits.links,
  })

  /** The connection is used no more; membership is told if the peer has no link now. */
  const uninstall = (entry: PeerConnections.PeerConnection, end: LinkEnd | undefined) => {
    const { name, generation } = entry.peer
    const code = end?._tag === "Bye" ? end.bye.code : undefined
    if (!pairs.uninstall(entry, end !== undefined && isMoved(end))) return Effect.void
    return Effect.andThen(
      Effect.annotateLogs(
        Effect.logDebug(`link to ${name} ended: ${end === undefined ? "interrupted" : describe(end)}`),
        { peer: name, generation },
      ),
      loop.submit({ _tag: "LinkDown", peer: { name, generation }, code, silent: end?._tag === "Silent" }),
    )
  }

  /** A connection from its handshake to its end. */
  const converse = Effect.fnUntraced(function* (
    connection: Connection,
    shake: (exchange: Handshake.Exchange) => Effect.Effect<Handshake.Established, Handshake.HandshakeError>,
    onUp: (link: Link) => void,
    address: Address | undefined,
  ) {
    const reader = new FrameReader(connection, tally.received)
    let entry: PeerConnections.PeerConnection | undefined
    yield* Effect.ensuring(
      Effect.gen(function* () {
        const commit = (peer: PeerRecord, rank: Rank): void => {
          // A connection that is dialled after this one must have the greater rank, whoever dials it.
          if (rank.epoch < followedEpochs) lastEpoch = Math.max(lastEpoch, rank.epoch)
          entry = pairs.commit(peer, rank)
        }
        const result = yield* shake({ connection, reader, sent: tally.sent, commit })
        const mine = entry
        if (mine === undefined) return
        const link = new Link({
          connection,
          reader,
          peer: result.peer,
          rank: result.rank,
          drives: compareNames(loop.state().self.name, result.peer.name) < 0,
          peerWindow: result.peerWindow,
          viewHash: result.viewHash,
          sent: tally.sent,
          buffers,
          limits,
          lanes: options.parts,
          session: () => mine.session,
          timing,
          clock,
          hooks: {
            patience: () => State.effectiveLinkTimeout(loop.state()),
            onHeard: (from) => loop.submit({ _tag: "PeerHeard", peer: from.peer }),
            onMembership: (from, frame) => {
              const target = frame._tag === "ProbeRequest" ? links.current(frame.target) : undefined
              const heardAgo = target?.heardAgo()
              return loop.submit({ _tag: "Received", from: from.peer, frame, heardAgo })
            },
            onViewHash: (from, viewHash) =>
              viewHash === loop.state().viewHash
                ? Effect.void
                : loop.submit({ _tag: "HashDiffers", from: from.peer.name, viewHash }),
            sinkOf: (name) => {
              const sink = options.sinkOf(name)
              return (lane, message) => pairs.deliver(mine, sink, lane, message)
            },
            viewHash: () => loop.state().viewHash,
          },
        })
        mine.link = link
        // The other side counts on the link already, so it is told.
        const unwanted = closing ?? mine.unwanted
        if (unwanted !== undefined) link.close(unwanted, "")
        // Said first of all and also if it is nothing, for until then the peer does not know.
        else link.openLanes(options.lanes())
        if (unwanted === undefined && pairs.install(mine, link)) {
          // Membership knows the peer before the application can get a message from it.
          const { viewHash, youAre, peer } = result
          yield* loop.submitAndAwait({ _tag: "LinkUp", record: peer, address, viewHash, youAre })
        }
        Deferred.doneUnsafe(mine.settled, Effect.void)
        onUp(link)
        yield* link.run((end) =>
          Effect.suspend(() => {
            tally.ended(link, end)
            const ended = uninstall(mine, end)
            pairs.retire(mine, isMoved(end))
            return ended
          }),
        )
      }),
      Effect.suspend(() => {
        if (entry === undefined) return Effect.void
        const { done, finished, settled } = entry
        const ended = finished ? Effect.void : uninstall(entry, undefined)
        pairs.retire(entry, false)
        Deferred.doneUnsafe(settled, Effect.void)
        Deferred.doneUnsafe(done, Effect.void)
        return ended
      }),
    )
  })

  // ---- in ----

  let handshakes = 0
  const perHost = new Map<string, number>()

  let turnedAway = 0

  /** Says that there is no room, to as many as may be in the handshake; to a crowd beyond that, nothing. */
  const turnAway = (connection: Connection) =>
    Effect.suspend(() => {
      if (turnedAway >= limits.handshakes) return Effect.void
      turnedAway++
      tally.connected("in", "busy")
      return Handshake.write({ connection, sent: tally.sent }, Handshake.busy).pipe(
        Effect.andThen(connection.end),
        Effect.andThen(Effect.forever(connection.pull)),
        Effect.timeoutOption(limits.linger),
        Effect.ignore,
        Effect.ensuring(
          Effect.sync(() => {
            turnedAway--
          }),
        ),
      )
    })

  const welcome = Effect.fnUntraced(function* (connection: Connection) {
    const host = connection.remoteHost
    const ofHost = perHost.get(host) ?? 0
    if (handshakes >= limits.handshakes || ofHost >= limits.handshakesPerHost) return yield* turnAway(connection)
    handshakes++
    perHost.set(host, ofHost + 1)
    let counted = true
    const uncount = (): void => {
      if (!counted) return
      counted = false
      handshakes--
      const left = (perHost.get(host) ?? 1) - 1
      if (left > 0) perHost.set(host, left)
      else perHost.delete(host)
    }
    yield* converse(
      connection,
      (exchange) =>
        Effect.onExit(inTime(Handshake.accept(context, exchange), limits.handshakeTimeout), (exit) =>
          Effect.sync(() => {
            uncount()
            tally.connected("in", outcomeOf(exit))
          }),
        ),
      () => {},
      undefined,
    ).pipe(
      Effect.catch((error) => Effect.logDebug(`a connection from ${host} was closed: ${error.message}`)),
      Effect.ensuring(Effect.sync(uncount)),
    )
  })

  // ---- out ----

  let dials = 0

  // A dial that takes longer than the silence of a link would be borne is as good as failed.
  const dialTimeout = Math.min(limits.handshakeTimeout, timing.linkTimeout)

  const dialOnce: LinkManager["dial"] = (address, { expected, join = false, stranger = false } = {}) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const up = Deferred.makeUnsafe<Link, Handshake.HandshakeError>()
        const epoch = ++lastEpoch >>> 0
        let mayAbort = true
        // Who waits hears of a failure at once, and not when the connection, which may be to a dead end, is closed.
        const attempt = Effect.scoped(
          Effect.gen(function* () {
            const shake = (exchange: Handshake.Exchange) =>
              Handshake.dial(
                context,
                {
                  ...exchange,
                  commit: (peer, rank) => {
                    mayAbort = false
                    exchange.commit(peer, rank)
                  },
                },
                { address, epoch, expected, join, stranger },
              )
            const connection = yield* inTime(transport.connect(address), dialTimeout)
            dialing.add(epoch)
            yield* Effect.addFinalizer(() => Effect.sync(() => dialing.delete(epoch)))
            yield* converse(
              connection,
              (exchange) => inTime(shake(exchange), dialTimeout),
              (link) => Deferred.doneUnsafe(up, Effect.succeed(link)),
              address,
            )
          }).pipe(Effect.catch((error) => Effect.sync(() => Deferred.doneUnsafe(up, Effect.fail(error))))),
        ).pipe(Effect.ensuring(Effect.sync(() => Deferred.doneUnsafe(up, Effect.fail(closedError)))), Effect.asVoid)
        const fiber = yield* FiberSet.run(fibers, Effect.interruptible(attempt))
        return yield* Effect.onInterrupt(restore(awaitDeferred(up)), () =>
          mayAbort ? Fiber.interrupt(fiber) : Effect.void,
        )
      }),
    )

  const links: LinkManager = {
    current: (name) => {
      const link = pairs.current(name)
      return link?.isOpen() === true ? link : undefined
    },
    takeover: (name) => {
      for (const entry of pairs.of(name)) {
        if (entry.link === undefined && !entry.finished) return awaitDeferred(entry.settled)
      }
      return undefined
    },
    all: function* () {
      for (const link of pairs.currents()) if (link.isOpen()) yield link
    },
    heard: function* () {
      for (const { link } of pairs.all()) if (link !== undefined) yield link
    },
    send: (to, frame) => {
      for (const name of to) pairs.current(name)?.send(frame)
    },
    pingNow: ({ generation, name }) => {
      const link = links.current(name)
      if (link?.peer.generation === generation) link.pingNow()
    },
    close: (peer, code) => {
      for (const entry of pairs.of(peer.name)) {
        if (entry.peer.generation !== peer.generation) continue
        if (entry.link === undefined) entry.unwanted = code
        else entry.link.close(code, "")
      }
    },
    dial: (address, how) =>
      dialPermits.withPermit(
        Effect.acquireUseRelease(
          Effect.sync(() => dials++),
          () => dialOnce(address, how),
          (_, exit) =>
            Effect.sync(() => {
              dials--
              tally.connected("out", outcomeOf(exit))
            }),
        ),
      ),
    serve: (listener) => listener.run(welcome),
    closeAll: (code) =>
      Effect.gen(function* () {
        closing = code
        const entries = pairs.all()
        for (const { link } of entries) link?.close(code, "")
        yield* Effect.timeoutOption(
          Effect.forEach(entries, ({ done }) => Deferred.await(done), { discard: true }),
          2 * limits.linger,
        )
      }),
    gauges: () => ({ links: pairs.size(), handshakes, dials }),
  }
  return links
})

const closedError = new Handshake.HandshakeFailed({ reason: "lost", message: "the connection was given up" })

const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>, millis: number) =>
  Effect.flatMap(Effect.timeoutOption(effect, millis), (result) =>
    Option.isSome(result)
      ? Effect.succeed(result.value)
      : Effect.fail(
          new Handshake.HandshakeFailed({ reason: "timeout", message: `no complete handshake within ${millis} ms` }),
        ),
  )

/** How an attempt to make a link went, in a word. */
const outcomeOf = (exit: Exit.Exit<unknown, Handshake.HandshakeError>): string => {
  if (Exit.isSuccess(exit)) return "up"
  const error = Option.getOrUndefined(Exit.findErrorOption(exit))
  if (error === undefined) return "interrupted"
  return error._tag === "HandshakeRejected" ? error.code : error.reason
}

const describe = (end: LinkEnd): string => {
  switch (end._tag) {
    case "Bye":
      return Handshake.quote(`${end.bye.code} ${end.bye.message}`)
    case "ProtocolViolation":
      return `${end.code}: ${end.message}`
    case "Lost":
      return end.error.message
    default:
      return end._tag
  }
}
