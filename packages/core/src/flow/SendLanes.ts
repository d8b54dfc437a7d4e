/**
 * What goes out on the lanes of one link: who may send how much, what waits for that, and what waits to be written. A lane
 * without credit stops those who send on it and nobody else (docs/protocol.md, section "Lanes and credit").
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Semaphore from "effect/Semaphore"
import type { ByeCode, Data, LaneOpen } from "../protocol/Frame.ts"
import * as Frame from "../protocol/Frame.ts"
import { awaitLatch } from "../internal/yieldingAwait.ts"
import * as ReceiveLane from "./ReceiveLane.ts"

/**
 * Why a message was not accepted: a better link took over, there is none any more, or the peer takes no more on this
 * lane.
 */
export type Refusal = "moved" | "closed" | "unread"

/** Somebody wants to know whether the reader took a message. */
export interface Confirmation {
  /** Fails when it will not be known any more. */
  readonly taken: Deferred.Deferred<void, Exclude<Refusal, "moved">>
  /** Nobody wants to know it any more. */
  withdraw: () => void
}

export const makeConfirmation = (): Confirmation => ({ taken: Deferred.makeUnsafe(), withdraw: () => {} })

/** What may go with a message. */
export interface Extra {
  readonly confirm?: Confirmation | undefined
  readonly trace?: Uint8Array | undefined
}

/** The sending end of a lane. */
export interface LaneSender {
  /** Accepts a message if there is credit for it now and nobody waits; `false` if not. */
  readonly tryOffer: (payload: Uint8Array, extra?: Extra) => boolean
  /** Accepts a message when there is credit for it; messages of a lane go out in the order of acceptance. */
  readonly offer: (payload: Uint8Array, extra?: Extra) => Effect.Effect<void, Refusal>
}

/** The peer broke the rules of the lanes. */
export interface Fault {
  readonly code: Extract<ByeCode, "laneUnknown" | "malformed" | "oversize">
  readonly message: string
}

export interface SendLanes {
  /** The lane that is always open. */
  readonly inbox: LaneSender
  /** The lane that the peer has open for this purpose. */
  readonly lane: (name: string) => LaneSender | undefined
  /** Whether the peer has said which lanes it has open. */
  readonly isKnown: () => boolean
  /** Waits until it has, or the link is over. */
  readonly known: Effect.Effect<void>
  readonly open: (frame: LaneOpen) => Fault | undefined
  /** Nothing that is not written yet will be sent on the lane. */
  readonly close: (number: number) => Fault | undefined
  readonly credit: (number: number, bytes: number) => Fault | undefined
  readonly taken: (number: number, id: number) => Fault | undefined
  /** Whether messages are accepted, or why not. */
  readonly state: () => "open" | Exclude<Refusal, "unread">
  /** Accepts no more; what was accepted stays to be written. */
  readonly stop: (why: Exclude<Refusal, "unread">) => void
  /** Forgets what is not written. */
  readonly clear: () => void
  /** Nothing will be confirmed any more. */
  readonly end: () => void
  /** The next frames to write: of each lane in turn, up to so many bytes and a frame. */
  readonly next: (bytes: number) => Array<Data>
  /** What {@link next} gave last is written. */
  readonly written: () => void
  /** Bytes that wait to be written. */
  readonly size: () => number
}

interface SendLane extends LaneSender {
  readonly number: number
  readonly name: string
  /** What waits to be written. */
  data: Array<Data>
  readonly credit: (bytes: number) => Fault | undefined
  readonly taken: (id: number) => Fault | undefined
  /** Something that {@link LaneSender.offer} waits for may have happened. */
  readonly wake: () => void
  readonly close: () => void
  /** Nothing will be confirmed any more. */
  readonly lost: (why: Exclude<Refusal, "moved">) => void
}

const fault = (code: Fault["code"], message: string): Fault => ({ code, message })

const nothing = new Uint8Array(0)

/**
 * The outbox of a link whose peer gave this window for its inbox. `limit` bounds what waits to be written, for the memory of
 * this node must not be the peer's to decide on.
 */
export const make = (options: {
  readonly window: number
  readonly limit: number
  readonly wake: () => void
}): SendLanes => {
  let state: ReturnType<SendLanes["state"]> = "open"
  let unwritten = 0
  let writing = 0
  /** Lanes that have something to write, the next first. */
  const busy = new Set<SendLane>()
  const byNumber = new Map<number, SendLane>()
  const byName = new Map<string, SendLane>()
  const known = Latch.makeUnsafe(false)
  let isKnown = false

  const makeLane = (number: number, name: string, window: number): SendLane => {
    let credit = window
    let waiting = 0
    let isOpen = true
    let confirms = 0
    let confirmed = 0
    const pending = new Map<number, Confirmation>()
    const fragment = ReceiveLane.fragmentBytes(window)
    const turn = Semaphore.makeUnsafe(1)
    const credited = Latch.makeUnsafe(false)

    const refusal = (): Refusal | undefined => (state !== "open" ? state : isOpen ? undefined : "unread")

    const hasRoom = (size: number): boolean => credit >= ReceiveLane.cost(size) && unwritten < options.limit

    const push = (frame: Data): void => {
      const cost = ReceiveLane.cost(frame.payload.length)
      credit -= frame.abort ? 0 : cost
      unwritten += cost
      lane.data.push(frame)
      if (lane.data.length > 1) return
      busy.add(lane)
      options.wake()
    }

    const whole = (payload: Uint8Array): Data => ({
      _tag: "Data",
      lane: number,
      first: true,
      last: true,
      abort: false,
      payload,
    })

    const register = (confirm: Confirmation): number => {
      confirms = (confirms + 1) >>> 0
      const id = confirms
      pending.set(id, confirm)
      confirm.withdraw = () => void pending.delete(id)
      return id
    }

    /** The fields of a first fragment that most messages do not have. */
    const extras = ({ confirm, trace }: Extra): Pick<Data, "confirm" | "trace"> => ({
      ...(confirm === undefined ? {} : { confirm: register(confirm) }),
      ...(trace === undefined ? {} : { trace }),
    })

    const offerSlowly = Effect.fnUntraced(function* (payload: Uint8Array, extra: Extra | undefined) {
      let at = 0
      const abandon = (): void => {
        extra?.confirm?.withdraw()
        if (!isOpen || at === 0 || at === payload.length) return
        push({ _tag: "Data", lane: number, first: false, last: false, abort: true, payload: nothing })
      }
      yield* Effect.onInterrupt(
        Effect.gen(function* () {
          do {
            const size = Math.min(fragment, payload.length - at)
            while (!hasRoom(size) && refusal() === undefined) {
              credited.closeUnsafe()
              yield* awaitLatch(credited)
            }
            const why = refusal()
            if (why !== undefined) {
              abandon()
              return yield* Effect.fail(why)
            }
            const first = at === 0
            const last = at + size === payload.length
            push({
              _tag: "Data",
              lane: number,
              first,
              last,
              abort: false,
              payload: first && last ? payload : payload.subarray(at, at + size),
              ...(first && !last ? { total: payload.length } : {}),
              ...(first && extra !== undefined ? extras(extra) : {}),
            })
            at += size
          } while (at < payload.length)
        }),
        () => Effect.sync(abandon),
      )
    })

    const lane: SendLane = {
      number,
      name,
      data: [],
      tryOffer: (payload, extra) => {
        if (waiting > 0 || refusal() !== undefined) return false
        if (payload.length > fragment || !hasRoom(payload.length)) return false
        push(extra === undefined ? whole(payload) : { ...whole(payload), ...extras(extra) })
        return true
      },
      offer: (payload, extra) =>
        Effect.suspend(() => {
          const why = refusal()
          if (why !== undefined) return Effect.fail(why)
          if (lane.tryOffer(payload, extra)) return Effect.void
          waiting++
          return Effect.ensuring(
            turn.withPermit(offerSlowly(payload, extra)),
            Effect.sync(() => {
              waiting--
            }),
          )
        }),
      credit: (bytes) => {
        if (bytes === 0 || credit + bytes > window) return fault("malformed", "credit that was not spent before")
        credit += bytes
        credited.openUnsafe()
        return undefined
      },
      taken: (id) => {
        const count = (id - confirmed) >>> 0
        if (count === 0 || count > (confirms - confirmed) >>> 0) {
          return fault("malformed", `taken ${id}, which is not to be confirmed`)
        }
        for (const [each, confirmation] of pending) {
          if ((each - confirmed) >>> 0 > count) break
          pending.delete(each)
          Deferred.doneUnsafe(confirmation.taken, Effect.void)
        }
        confirmed = id
        return undefined
      },
      wake: () => {
        if (waiting > 0) credited.openUnsafe()
      },
      close: () => {
        isOpen = false
        for (const { payload } of lane.data) unwritten -= ReceiveLane.cost(payload.length)
        lane.data = []
        busy.delete(lane)
        lane.lost("unread")
        credited.openUnsafe()
      },
      lost: (why) => {
        for (const confirmation of pending.values()) Deferred.doneUnsafe(confirmation.taken, Effect.fail(why))
        pending.clear()
      },
    }
    byNumber.set(number, lane)
    byName.set(name, lane)
    return lane
  }

  const wakeAll = (): void => {
    for (const lane of byNumber.values()) lane.wake()
  }

  const at = (number: number, use: (lane: SendLane) => Fault | undefined): Fault | undefined => {
    const lane = byNumber.get(number)
    return lane === undefined ? fault("laneUnknown", `lane ${number} is not open`) : use(lane)
  }

  return {
    inbox: makeLane(Frame.inboxLane, Frame.inboxName, options.window),
    lane: (name) => byName.get(name),
    isKnown: () => isKnown,
    known: awaitLatch(known),
    open: ({ lanes, last }) => {
      for (const { lane, name, window } of lanes) {
        if (byNumber.has(lane) || byName.has(name))
          return fault("malformed", `lane ${lane} or its name is open already`)
        if (byNumber.size > Frame.maxLanes) return fault("oversize", `more than ${Frame.maxLanes} lanes`)
        makeLane(lane, name, window)
      }
      if (last) {
        isKnown = true
        known.openUnsafe()
      }
      return undefined
    },
    close: (number) =>
      at(number, (lane) => {
        if (number === Frame.inboxLane) return fault("malformed", "the inbox is always open")
        byNumber.delete(number)
        byName.delete(lane.name)
        lane.close()
        return undefined
      }),
    credit: (number, bytes) => at(number, (lane) => lane.credit(bytes)),
    taken: (number, id) => at(number, (lane) => lane.taken(id)),
    state: () => state,
    stop: (why) => {
      state = why
      known.openUnsafe()
      wakeAll()
    },
    clear: () => {
      for (const lane of busy) lane.data = []
      busy.clear()
    },
    end: () => {
      for (const lane of byNumber.values()) lane.lost("closed")
    },
    next: (bytes) => {
      let frames: Array<Data> = []
      let size = 0
      for (const lane of busy) {
        // Whoever is alone needs no turn.
        let count = busy.size === 1 ? 0 : 1
        if (count === 1) size += ReceiveLane.cost(lane.data[0]?.payload.length ?? 0)
        while (busy.size === 1 && count < lane.data.length && size < bytes) {
          size += ReceiveLane.cost(lane.data[count++]?.payload.length ?? 0)
        }
        const taken = lane.data.splice(0, count)
        if (frames.length === 0) frames = taken
        else for (const frame of taken) frames.push(frame)
        busy.delete(lane)
        if (lane.data.length > 0) busy.add(lane)
        if (size >= bytes) break
      }
      writing = size
      return frames
    },
    written: () => {
      unwritten -= writing
      writing = 0
      wakeAll()
    },
    size: () => unwritten,
  }
}
