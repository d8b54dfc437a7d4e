/**
 * One live connection to one peer after its handshake: a fiber that reads, one that writes, and one
 * that keeps time. Control frames go before data, and nothing that the application does or fails to
 * do keeps the reader from reading (docs/protocol.md, section "Links").
 */
import * as Arr from "effect/Array"
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type { Bye, ByeCode, ControlFrame, Data, LaneFrame, MembershipFrame } from "../protocol/Frame.ts"
import * as Frame from "../protocol/Frame.ts"
import { awaitLatch } from "../internal/yieldingAwait.ts"
import { monotonicMillis, stallMillis } from "../internal/time.ts"
import type { Limits } from "../Limits.ts"
import type { PeerRecord } from "../protocol/PeerRecord.ts"
import type { Connection } from "../Transport.ts"
import * as FrameSplitter from "../wire/FrameSplitter.ts"
import * as ControlFrames from "../wire/ControlFrames.ts"
import * as FrameEncoder from "../wire/FrameEncoder.ts"
import type { Traffic } from "../wire/Traffic.ts"
import type { FrameReader, ReadOutcome } from "./FrameReader.ts"
import type * as ReceiveLane from "../flow/ReceiveLane.ts"
import type * as ReceiveLanes from "../flow/ReceiveLanes.ts"
import type * as SendLanes from "../flow/SendLanes.ts"
import * as TokenBucket from "../internal/TokenBucket.ts"
import type { WriteBuffers } from "./WriteBuffers.ts"

/** Which of two connections of one pair stays: the greater (docs/protocol.md, "Simultaneous connections"). */
export interface Rank {
  /** The dialler's counter, which was beyond that of every connection it had known before. */
  readonly epoch: number
  /** Whether the peer with the lower name dialled it. */
  readonly byLower: boolean
}

export const compareRanks = (a: Rank, b: Rank): number =>
  a.epoch === b.epoch ? Number(a.byLower) - Number(b.byLower) : a.epoch - b.epoch

/**
 * The links between two lives of two peers of which one takes over from the other, so that nothing of what is said over them
 * is lost or comes twice (docs/protocol.md, section "What a receiver may rely on").
 */
export interface Session {
  /** Number of the session on this node. */
  readonly session: number
}

/** Makers of the lanes of a link. */
export interface LaneMakers {
  readonly makeReceiveLane: typeof ReceiveLane.make
  readonly makeReceiveLanes: typeof ReceiveLanes.make
  readonly makeSendLanes: typeof SendLanes.make
}

/** How a link ended, as this side saw it. */
export type LinkEnd =
  | Exclude<ReadOutcome, { readonly _tag: "Violation" }>
  /** The peer broke the protocol. */
  | { readonly _tag: "Violation"; readonly code: ByeCode; readonly message: string }
  /** Nothing was heard for the link timeout. */
  | { readonly _tag: "Silent" }
  /** The peer did not take what was written. */
  | { readonly _tag: "Slow" }
  /** This side wanted it. */
  | { readonly _tag: "Closed" }

/** Whether the peer said all that it had to say here, and goes on elsewhere. */
export const isMoved = (end: LinkEnd): boolean => end._tag === "Bye" && end.bye.code === "duplicate"

/** What a link needs to know of time. In milliseconds. */
export interface Timing {
  readonly heartbeat: number
  readonly linkTimeout: number
}

/** What happens on a link that concerns others. None of it may wait for the application. */
export interface Hooks {
  /** How long silence is borne, in milliseconds: the link timeout, and more while this node distrusts itself. */
  readonly patience: () => number
  /** Something came after {@link Link.pingNow}. */
  readonly onHeard: (link: Link) => Effect.Effect<void>
  readonly onMembership: (link: Link, frame: MembershipFrame) => Effect.Effect<void>
  readonly onViewHash: (link: Link, viewHash: bigint) => Effect.Effect<void>
  /** Resolves, once for each lane that is opened, who takes its messages. */
  readonly sinkOf: (name: string) => ReceiveLanes.Deliver
  readonly viewHash: () => bigint
}

export interface Link {
  /** The peer as its handshake described it. */
  readonly peer: PeerRecord
  readonly rank: Rank
  /** When it came up, on the monotonic clock. */
  readonly openedAt: number
  /** The session that it belongs to now. */
  readonly session: () => Session
  /** Puts a control frame before all data. */
  readonly send: (frame: ControlFrame) => void
  /** The peer's inbox. */
  readonly inbox: SendLanes.LaneSender
  /** What the peer reads under this name; `undefined` if it does not, or did not say yet. */
  readonly lane: (name: string) => SendLanes.LaneSender | undefined
  /** Waits until the peer has said what it reads, or the link is over; `undefined` if it has. */
  readonly lanesKnown: () => Effect.Effect<void> | undefined
  /** This side reads what is sent under these names from now on, or no more under this one. */
  readonly openLanes: (names: Iterable<string>) => void
  readonly closeLane: (name: string) => void
  /** Makes the peer say something; the next that comes from it is told by `onHeard`. */
  readonly pingNow: () => void
  /** How long ago anything came from the peer, in milliseconds. */
  readonly heardAgo: () => number
  /** Ends the link: what was accepted is sent, then a Bye. */
  readonly close: (code: ByeCode, message: string) => void
  /** Ends the link at once: what is under way is lost. */
  readonly cut: () => void
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
  /** The same of the lane that is fullest. */
  readonly lane: number
  /** How late this side's timer was, in milliseconds. */
  readonly lag: number
  /** When the last byte came, on the monotonic clock. */
  readonly lastHeard: number
  /** The peer's view, as it last said. */
  readonly viewHash: bigint
}

/** How much data one write carries, or a message more, so that control frames never wait behind more. */
const writeBytes = 64 * 1024

/** What most writes fit in: what they carry at most, less what is not copied, with all headers. */
export const writeBufferBytes = writeBytes + FrameEncoder.largePayload + 1024

/** So many lanes that are opened count as a control frame more. */
const lanesPerControl = 32

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
  readonly buffers: WriteBuffers
  readonly limits: Limits
  readonly parts: LaneMakers
  readonly session: () => Session
  readonly timing: Timing
  readonly clock: Clock
  readonly hooks: Hooks
}): Link => {
  const { buffers, clock, connection, hooks, limits, parts, reader, timing } = options
  const now = (): number => monotonicMillis(clock)

  // ---- out ----
  let control: Array<ControlFrame> = []
  // Set once: nothing is accepted any more, and after what was accepted comes the Bye, if there is one.
  let farewell: { readonly bye: Bye | undefined } | undefined
  let overflow = false
  let writingSince: number | undefined
  const wake = Latch.makeUnsafe(false)
  const wakeWriter = (): void => void wake.openUnsafe()
  const outbox = parts.makeSendLanes({ window: options.peerWindow, limit: limits.outbox, wake: wakeWriter })

  const send = (frame: ControlFrame): void => {
    if (farewell !== undefined) return
    if (control.length >= limits.controlOutbox) overflow = true
    else control.push(...FrameSplitter.split(frame))
    wake.openUnsafe()
  }

  const finish = (bye: Bye | undefined): void => {
    if (farewell !== undefined) return
    farewell = { bye }
    outbox.stop(bye?.code === "duplicate" ? "moved" : "closed")
    wake.openUnsafe()
  }

  const close = (code: ByeCode, message: string): void =>
    finish({ _tag: "Bye", code, message: ControlFrames.clipMessage(message) })

  /** The next write, or `undefined` when there is nothing to say. */
  const nextBatch = (): Array<Frame.Frame> | undefined => {
    for (const frame of intake.confirmations()) control.push(frame)
    const data = outbox.next(writeBytes)
    if (control.length === 0) return data.length === 0 ? undefined : data
    const batch: Array<Frame.Frame> = control
    control = []
    for (const frame of data) batch.push(frame)
    return batch
  }

  const write = (frames: ReadonlyArray<Frame.Frame>) => {
    const chunks: Array<Uint8Array> = []
    let buffer: Uint8Array | undefined
    FrameEncoder.encodeInto(frames, chunks, options.sent, (size) => (buffer = buffers.take(size)))
    if (!Arr.isArrayNonEmpty(chunks)) return Effect.void
    writingSince = now()
    return Effect.map(connection.write(chunks), () => {
      writingSince = undefined
      if (buffer !== undefined) buffers.give(buffer)
    })
  }

  // Whoever says something is left to go on until it waits; then all of it is written, together.
  const writer = Effect.gen(function* () {
    while (true) {
      const batch = nextBatch()
      if (batch !== undefined) {
        yield* write(batch)
        outbox.written()
      } else if (farewell !== undefined) {
        if (farewell.bye !== undefined) yield* write([farewell.bye])
        return yield* connection.end
      } else {
        wake.closeUnsafe()
        yield* awaitLatch(wake)
      }
    }
  }).pipe(Effect.ignore)

  // ---- in ----
  const intake = parts.makeReceiveLanes({
    makeReceiver: parts.makeReceiveLane,
    inboxWindow: limits.inboxWindow,
    laneWindow: limits.laneWindow,
    messageBytes: limits.messageBytes,
    send,
    wake: wakeWriter,
    sinkOf: hooks.sinkOf,
  })
  const openedAt = now()
  let lastHeard = openedAt
  // The same without what a stall of this process adds to it, for those who want to know what is true of the peer.
  let heardAt = openedAt
  let asked = false
  let { viewHash } = options
  // When the peer said that it leaves. It hangs up itself, unless it lies.
  let leavingSince: number | undefined
  const rate = TokenBucket.make(limits.controlRate, limits.controlBurst, openedAt)

  const violation = (code: ByeCode, message: string): LinkEnd => ({ _tag: "Violation", code, message })

  const broken = (fault: ReceiveLanes.Fault | SendLanes.Fault | undefined): LinkEnd | undefined =>
    fault === undefined ? undefined : violation(fault.code, fault.message)

  const onLane = (frame: Data | LaneFrame): ReceiveLanes.Fault | SendLanes.Fault | undefined => {
    switch (frame._tag) {
      case "Data":
        return intake.receive(frame)
      case "Credit":
        return outbox.credit(frame.lane, frame.bytes)
      case "Taken":
        return outbox.taken(frame.lane, frame.id)
      case "LaneOpen":
        return outbox.open(frame)
      case "LaneClosed":
        return intake.closed(frame.lane)
      case "LaneClose": {
        const fault = outbox.close(frame.lane)
        if (fault === undefined) send({ _tag: "LaneClosed", lane: frame.lane })
        return fault
      }
    }
  }

  const dispatch = (frames: ReadonlyArray<Frame.Frame>) =>
    Effect.gen(function* () {
      let controls = 0
      for (const frame of frames) {
        switch (frame._tag) {
          // Of these nobody can send more than was paid for: data, and lanes that were opened.
          case "Data":
          case "Credit":
          case "Taken":
          case "LaneOpen":
          case "LaneClose":
          case "LaneClosed": {
            const end = broken(onLane(frame))
            if (end !== undefined) return end
            if (frame._tag === "LaneOpen") controls += 1 + Math.floor(frame.lanes.length / lanesPerControl)
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

  const onlyData = (frames: ReadonlyArray<Frame.Frame>): boolean => {
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
          const end = frame._tag === "Data" ? broken(intake.receive(frame)) : undefined
          if (end !== undefined) return end
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
      if (
        intake.closing() > Frame.maxLanes ||
        overflow ||
        (writingSince !== undefined && at - writingSince >= limits.drainTimeout)
      ) {
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

  const cutting = Latch.makeUnsafe(false)

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
      const cut = Effect.as(awaitLatch(cutting), { _tag: "Closed" } satisfies LinkEnd)
      const end: LinkEnd = yield* Effect.raceAllFirst([reading, keepTime, closed, cut])
      const moved = isMoved(end)
      if (outbox.state() === "open") outbox.stop(moved ? "moved" : "closed")
      outbox.end()
      yield* onEnd(end)
      // What was accepted for a peer that is gone cannot reach it; one that moved still reads to the end.
      if (!moved) outbox.clear()
      if (end._tag === "Violation") close(end.code, end.message)
      else if (end._tag === "Silent") close("silent", `nothing was heard for ${Math.round(now() - lastHeard)} ms`)
      else if (end._tag === "Slow") close("slow", "what was written was not taken")
      // The other side must hear that it has heard all, or it takes the rest for lost.
      else if (moved) close("duplicate", "")
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
    session: options.session,
    send,
    inbox: outbox.inbox,
    lane: outbox.lane,
    lanesKnown: () => (outbox.isKnown() ? undefined : outbox.known),
    openLanes: (names) => {
      // A peer that never answers when a lane is closed would use up their numbers before its time is looked at.
      if (intake.closing() > Frame.maxLanes) overflow = true
      else intake.open(names)
    },
    closeLane: intake.close,
    pingNow: () => {
      if (asked) return
      asked = true
      ping()
    },
    heardAgo: () => now() - heardAt,
    close,
    cut: () => void cutting.openUnsafe(),
    isOpen: () => outbox.state() === "open",
    gauges: () => ({
      control: control.length,
      data: outbox.size(),
      inbox: intake.used(),
      lane: intake.usedMost(),
      lag: lag(),
      lastHeard: heardAt,
      viewHash,
    }),
    run,
  }
  return link
}
