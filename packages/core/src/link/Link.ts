/**
 * One live connection to one peer after its handshake: a fiber that reads, one that writes, and one
 * that keeps time. Control frames go before data, and nothing that the application does or fails to
 * do keeps the reader from reading (docs/protocol.md, section "Links").
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Arr from "effect/Array"
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Semaphore from "effect/Semaphore"
import type { Bye, ByeCode, ControlFrame, Data, Frame, MembershipFrame } from "../Frame.ts"
import * as Frames from "../Frame.ts"
import { awaitLatch } from "../internal/resume.ts"
import { monotonicMillis, stallMillis } from "../internal/time.ts"
import type { Limits } from "../Limits.ts"
import type { PeerRecord } from "../PeerRecord.ts"
import type { Connection } from "../Transport.ts"
import * as Chunk from "../wire/Chunk.ts"
import * as Control from "../wire/Control.ts"
import * as FrameEncoder from "../wire/FrameEncoder.ts"
import type { Traffic } from "../wire/Traffic.ts"
import type { FrameReader, ReadEnd } from "./FrameReader.ts"
import * as Lane from "./Lane.ts"
import * as RateLimit from "./RateLimit.ts"

/** Which of two connections of one pair stays: the greater (docs/protocol.md, "Simultaneous connections"). */
export interface Rank {
  /** The dialler's counter, which was beyond that of every connection it had known before. */
  readonly epoch: number
  /** Whether the peer with the lower name dialled it. */
  readonly byLower: boolean
}

export const compareRanks = (a: Rank, b: Rank): number =>
  a.epoch === b.epoch ? Number(a.byLower) - Number(b.byLower) : a.epoch - b.epoch

/** Why a message was not accepted: a better link took over, or there is none any more. */
export type Refusal = "moved" | "closed"

/** How a link ended, as this side saw it. */
export type LinkEnd =
  | Exclude<ReadEnd, { readonly _tag: "Violation" }>
  /** The peer broke the protocol. */
  | { readonly _tag: "Violation"; readonly code: ByeCode; readonly message: string }
  /** Nothing was heard for the link timeout. */
  | { readonly _tag: "Silent" }
  /** The peer did not take what was written. */
  | { readonly _tag: "Slow" }
  /** This side wanted it. */
  | { readonly _tag: "Closed" }

/** What a link needs to know of time. In milliseconds. */
export interface Timing {
  readonly heartbeat: number
  readonly linkTimeout: number
}

/** What happens on a link that concerns others. None of it may wait for the application. */
export interface Hooks {
  /** How long silence is borne, in milliseconds: the link timeout, and more while this node distrusts itself. */
  readonly patience: () => number
  /** Something came after {@link Link.ask}. */
  readonly onHeard: (link: Link) => Effect.Effect<void>
  readonly onMembership: (link: Link, frame: MembershipFrame) => Effect.Effect<void>
  readonly onViewHash: (link: Link, viewHash: bigint) => Effect.Effect<void>
  readonly onMessage: (link: Link, message: Lane.Arrived) => void
  readonly viewHash: () => bigint
}

export interface Link {
  /** The peer as its handshake described it. */
  readonly peer: PeerRecord
  readonly rank: Rank
  /** When it came up, on the monotonic clock. */
  readonly openedAt: number
  /** Puts a control frame before all data. */
  readonly send: (frame: ControlFrame) => void
  /** Accepts a message if there is credit for it now and nobody waits; `false` if not. */
  readonly tryOffer: (payload: Uint8Array) => boolean
  /** Accepts a message when there is credit for it; messages go out in the order of acceptance. */
  readonly offer: (payload: Uint8Array) => Effect.Effect<void, Refusal>
  /** The reader of the inbox took a message of this cost. */
  readonly taken: (cost: number) => void
  /** Makes the peer say something; the next that comes from it is told by `onHeard`. */
  readonly ask: () => void
  /** How long ago anything came from the peer, in milliseconds. */
  readonly heardAgo: () => number
  /** Ends the link: what was accepted is sent, then a Bye. */
  readonly close: (code: ByeCode, message: string) => void
  /** Whether it accepts messages. */
  readonly isOpen: () => boolean
  /** How much waits on it at this moment, and what was last heard on it. */
  readonly gauges: () => Gauges
  /** Lives the life of the link, until the connection may be closed. Reports its end before the last bytes are out. */
  readonly run: (onEnd: (end: LinkEnd) => Effect.Effect<void>) => Effect.Effect<void>
}

/** What a link shows of itself. */
export interface Gauges {
  /** Control frames that wait to be written. */
  readonly control: number
  /** Bytes of messages that wait to be written. */
  readonly data: number
  /** Bytes of the inbox's window that the peer used and has not got back. */
  readonly inbox: number
  /** How late this side's timer was, in milliseconds. */
  readonly lag: number
  /** When the last byte came, on the monotonic clock. */
  readonly lastHeard: number
  /** The peer's view, as it last said. */
  readonly viewHash: bigint
}

/** How much data one write carries at most, so that control frames never wait behind more. */
const writeBytes = 64 * 1024

export const make = (options: {
  readonly connection: Connection
  readonly reader: FrameReader
  readonly peer: PeerRecord
  readonly rank: Rank
  /** Whether this side sends the Pings. */
  readonly drives: boolean
  /** The credit that the peer gave in its handshake. */
  readonly peerWindow: number
  /** The peer's view, as its handshake said. */
  readonly viewHash: bigint
  /** Counts what is written. */
  readonly sent: Traffic
  readonly limits: Limits
  readonly makeReceiver: typeof Lane.makeReceiver
  readonly timing: Timing
  readonly clock: Clock
  readonly hooks: Hooks
}): Link => {
  const { clock, connection, hooks, limits, reader, timing } = options
  const now = (): number => monotonicMillis(clock)

  // ---- out ----
  let control: Array<ControlFrame> = []
  let data: Array<Data> = []
  // Set once: nothing is accepted any more, and after what was accepted comes the Bye, if there is one.
  let farewell: { readonly bye: Bye | undefined } | undefined
  let state: "open" | Refusal = "open"
  let overflow = false
  let writingSince: number | undefined
  // What of the data is not written yet, and what of it is in the write under way, as it counts for credit.
  let unwritten = 0
  let writingData = 0
  const wake = Latch.makeUnsafe(false)

  const send = (frame: ControlFrame): void => {
    if (farewell !== undefined) return
    if (control.length >= limits.controlOutbox) overflow = true
    else control.push(...Chunk.split(frame))
    wake.openUnsafe()
  }

  const finish = (bye: Bye | undefined): void => {
    if (farewell !== undefined) return
    farewell = { bye }
    state = bye?.code === "duplicate" ? "moved" : "closed"
    wake.openUnsafe()
    credited.openUnsafe()
  }

  const close = (code: ByeCode, message: string): void =>
    finish({ _tag: "Bye", code, message: Control.clipMessage(message) })

  /** The next write, or `undefined` when there is nothing to say. */
  const nextBatch = (): Array<Frame> | undefined => {
    const batch: Array<Frame> = control
    control = []
    let bytes = 0
    let count = 0
    while (count < data.length && bytes < writeBytes) bytes += Lane.cost(data[count++]?.payload.length ?? 0)
    for (const frame of data.splice(0, count)) batch.push(frame)
    writingData = bytes
    return batch.length === 0 ? undefined : batch
  }

  const write = (frames: ReadonlyArray<Frame>) => {
    const chunks: Array<Uint8Array> = []
    FrameEncoder.encodeInto(frames, chunks, options.sent)
    if (!Arr.isReadonlyArrayNonEmpty(chunks)) return Effect.void
    writingSince = now()
    return Effect.tap(connection.write(chunks as NonEmptyReadonlyArray<Uint8Array>), () => {
      writingSince = undefined
      return Effect.void
    })
  }

  const writer = Effect.gen(function* () {
    while (true) {
      const batch = nextBatch()
      if (batch !== undefined) {
        yield* write(batch)
        unwritten -= writingData
        if (waiting > 0) credited.openUnsafe()
      } else if (farewell !== undefined) {
        if (farewell.bye !== undefined) yield* write([farewell.bye])
        return yield* connection.end
      } else {
        wake.closeUnsafe()
        yield* awaitLatch(wake)
      }
    }
  }).pipe(Effect.ignore)

  // ---- messages out ----
  let credit = options.peerWindow
  let waiting = 0
  const fragment = Lane.fragmentBytes(options.peerWindow)
  const turn = Semaphore.makeUnsafe(1)
  const credited = Latch.makeUnsafe(false)

  const push = (frame: Omit<Data, "_tag" | "lane">): void => {
    const cost = Lane.cost(frame.payload.length)
    credit -= frame.abort ? 0 : cost
    unwritten += cost
    data.push({ _tag: "Data", lane: Frames.inboxLane, ...frame })
    wake.openUnsafe()
  }

  /** Whether the peer takes so much more; and this node, for its memory must not be the peer's to decide on. */
  const hasRoom = (size: number): boolean => credit >= Lane.cost(size) && unwritten < limits.outbox

  const offerSlowly = Effect.fnUntraced(function* (payload: Uint8Array) {
    let at = 0
    const abandon = () => {
      if (at > 0 && at < payload.length) {
        push({ first: false, last: false, abort: true, payload: new Uint8Array(0) })
      }
    }
    yield* Effect.onInterrupt(
      Effect.gen(function* () {
        do {
          const size = Math.min(fragment, payload.length - at)
          while (!hasRoom(size) && state === "open") {
            credited.closeUnsafe()
            yield* awaitLatch(credited)
          }
          if (state !== "open") {
            abandon()
            return yield* Effect.fail(state)
          }
          const first = at === 0
          const last = at + size === payload.length
          push({
            first,
            last,
            abort: false,
            payload: first && last ? payload : payload.subarray(at, at + size),
            ...(first && !last ? { total: payload.length } : {}),
          })
          at += size
        } while (at < payload.length)
      }),
      () => Effect.sync(abandon),
    )
  })

  const tryOffer = (payload: Uint8Array): boolean => {
    if (state !== "open" || waiting > 0) return false
    if (payload.length > fragment || !hasRoom(payload.length)) return false
    push({ first: true, last: true, abort: false, payload })
    return true
  }

  const offer = (payload: Uint8Array): Effect.Effect<void, Refusal> =>
    Effect.suspend(() => {
      if (state !== "open") return Effect.fail(state)
      if (tryOffer(payload)) return Effect.void
      waiting++
      return Effect.ensuring(
        turn.withPermit(offerSlowly(payload)),
        Effect.sync(() => {
          waiting--
        }),
      )
    })

  // ---- in ----
  const lane = options.makeReceiver({ window: limits.inboxWindow, messageBytes: limits.messageBytes })
  const openedAt = now()
  let lastHeard = openedAt
  // The same without what a stall of this process adds to it, for those who want to know what is true of the peer.
  let heardAt = openedAt
  let asked = false
  let { viewHash } = options
  // When the peer said that it leaves. It hangs up itself, unless it lies.
  let leavingSince: number | undefined
  const rate = RateLimit.make(limits.controlRate, limits.controlBurst, openedAt)

  const grant = (): void => {
    const bytes = lane.grant()
    if (bytes > 0) send({ _tag: "Credit", lane: Frames.inboxLane, bytes })
  }

  const violation = (code: ByeCode, message: string): LinkEnd => ({ _tag: "Violation", code, message })

  const receiveData = (frame: Data): LinkEnd | undefined => {
    if (frame.lane !== Frames.inboxLane) return violation("laneUnknown", `lane ${frame.lane} was never opened`)
    const result = lane.receive(frame)
    if (result?._tag === "Broken") return violation(result.code, result.message)
    if (result?._tag === "Arrived") hooks.onMessage(link, result)
    else grant()
    return undefined
  }

  const receiveCredit = (bytes: number): LinkEnd | undefined => {
    if (bytes === 0 || credit + bytes > options.peerWindow) {
      return violation("malformed", "credit that was not spent before")
    }
    credit += bytes
    credited.openUnsafe()
    return undefined
  }

  const dispatch = (frames: ReadonlyArray<Frame>) =>
    Effect.gen(function* () {
      let controls = 0
      for (const frame of frames) {
        switch (frame._tag) {
          case "Data": {
            const broke = receiveData(frame)
            if (broke !== undefined) return broke
            continue
          }
          case "Credit": {
            const broke =
              frame.lane === Frames.inboxLane
                ? receiveCredit(frame.bytes)
                : violation("laneUnknown", `credit for lane ${frame.lane}`)
            if (broke !== undefined) return broke
            continue
          }
          case "Bye":
            return { _tag: "Bye", bye: frame } satisfies LinkEnd
          case "Ping":
            send({ _tag: "Pong", seq: frame.seq, viewHash: hooks.viewHash(), lag: lag() })
            viewHash = frame.viewHash
            yield* hooks.onViewHash(link, frame.viewHash)
            break
          case "Pong":
            viewHash = frame.viewHash
            yield* hooks.onViewHash(link, frame.viewHash)
            break
          case "Hello":
          case "HelloAck":
          case "HelloReject":
          case "Ready":
            return violation("unexpectedFrame", `${frame._tag} after the handshake`)
          case "Leave":
            if (frame.generation === options.peer.generation) leavingSince ??= now()
            yield* hooks.onMembership(link, frame)
            break
          default:
            yield* hooks.onMembership(link, frame)
        }
        controls++
      }
      return controls > 0 && !rate.take(now(), controls)
        ? violation("rate", `more than ${limits.controlRate} control frames a second`)
        : undefined
    })

  const onlyData = (frames: ReadonlyArray<Frame>): boolean => {
    for (const frame of frames) if (frame._tag !== "Data") return false
    return true
  }

  // Any byte is a sign of life: over a slow line a large frame takes longer than the link timeout.
  reader.onBytes(() => {
    heardAt = now()
    lastHeard = heardAt
  })

  const read = Effect.gen(function* () {
    while (true) {
      const frames = yield* reader.batch
      if (asked) {
        asked = false
        yield* hooks.onHeard(link)
      }
      // The common batch holds messages only and needs no generator.
      if (onlyData(frames)) {
        for (const frame of frames) {
          const broke = frame._tag === "Data" ? receiveData(frame) : undefined
          if (broke !== undefined) return broke
        }
        continue
      }
      const end = yield* dispatch(frames)
      if (end !== undefined) return end
    }
  })

  const reading: Effect.Effect<LinkEnd> = Effect.match(read, {
    onFailure: (end): LinkEnd => (end._tag === "Violation" ? violation(end.error.code, end.error.message) : end),
    onSuccess: (end) => end,
  })

  // ---- time ----
  let late = 0
  const lag = (): number => Math.min(0xffff, Math.max(0, Math.round(late)))
  let seq = 0
  const ping = (): void => send({ _tag: "Ping", seq: seq++ >>> 0, viewHash: hooks.viewHash(), lag: lag() })

  const keepTime = Effect.gen(function* () {
    let nextPing = openedAt + timing.heartbeat
    while (true) {
      const before = now()
      const due = Math.min(nextPing, lastHeard + hooks.patience())
      const pause = Math.max(1, due - before)
      yield* Effect.sleep(pause)
      const at = now()
      late = at - before - pause
      // A stall of this process says nothing about the peer, whose frames wait in the socket.
      if (late > stallMillis) {
        lastHeard = Math.min(at, lastHeard + late)
        if (writingSince !== undefined) writingSince = Math.min(at, writingSince + late)
      }
      if (overflow || (writingSince !== undefined && at - writingSince >= limits.drainTimeout)) {
        return { _tag: "Slow" } satisfies LinkEnd
      }
      if (leavingSince !== undefined && at - leavingSince >= limits.drainTimeout) {
        return { _tag: "Closed" } satisfies LinkEnd
      }
      if (at - lastHeard >= hooks.patience()) return { _tag: "Silent" } satisfies LinkEnd
      if (at >= nextPing) {
        nextPing = at + timing.heartbeat
        // A peer of another policy may be slower to speak than this side is to lose patience, so it is asked.
        if (options.drives || at - lastHeard >= timing.linkTimeout / 2) ping()
      }
    }
  })

  /** Throws away what still comes, until the other side has ended too. */
  const discard = Effect.ignore(Effect.forever(reader.batch))

  const run: Link["run"] = (onEnd) =>
    Effect.gen(function* () {
      const writing = yield* Effect.forkChild(writer)
      // After its own farewell this side still reads, for the other side may have been speaking. What it said before
      // it heard the farewell takes a round trip, and how long that may be is what the link timeout says.
      const patience = Math.max(limits.linger, timing.linkTimeout)
      const closed = Effect.as(Effect.andThen(Fiber.await(writing), Effect.sleep(patience)), {
        _tag: "Closed",
      } satisfies LinkEnd)
      const end: LinkEnd = yield* Effect.raceAllFirst([reading, keepTime, closed])
      const moved = end._tag === "Bye" && end.bye.code === "duplicate"
      if (state === "open") state = moved ? "moved" : "closed"
      credited.openUnsafe()
      yield* onEnd(end)
      // What was accepted for a peer that is gone cannot reach it; one that moved still reads to the end.
      if (!moved) data = []
      if (end._tag === "Violation") close(end.code, end.message)
      else if (end._tag === "Silent") close("silent", `nothing was heard for ${Math.round(now() - lastHeard)} ms`)
      else if (end._tag === "Slow") close("slow", "what was written was not taken")
      else finish(undefined)
      yield* Effect.ignore(
        Effect.timeoutOption(
          Effect.andThen(Fiber.await(writing), () => discard),
          moved ? patience : limits.linger,
        ),
      )
    })

  const link: Link = {
    peer: options.peer,
    rank: options.rank,
    openedAt,
    send,
    tryOffer,
    offer,
    taken: (cost) => {
      lane.taken(cost)
      grant()
    },
    ask: () => {
      if (asked) return
      asked = true
      ping()
    },
    heardAgo: () => now() - heardAt,
    close,
    isOpen: () => state === "open",
    gauges: () => ({
      control: control.length,
      data: unwritten,
      inbox: lane.used(),
      lag: lag(),
      lastHeard: heardAt,
      viewHash,
    }),
    run,
  }
  return link
}
