/**
 * The two ends of the lanes of one link over a lossless pipe. For any order of sends, reads, opens, closes and
 * interruptions, two correct ends report no violation, and every reader gets a prefix of the accepted messages.
 */
import type { Data, LaneClosed, LaneFrame } from "../../src/protocol/Frame.ts"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as Protocol from "../../src/protocol/constants.ts"
import type { ProtocolViolation } from "../../src/protocol/ProtocolViolation.ts"
import { ReceiveLane } from "../../src/flow/ReceiveLane.ts"
import { ReceiveLanes } from "../../src/flow/ReceiveLanes.ts"
import type { Refusal } from "../../src/flow/SendLane.ts"
import { Acknowledgement } from "../../src/flow/SendLane.ts"
import { SendLanes } from "../../src/flow/SendLanes.ts"
import { MeasuredLane } from "./MeasuredLane.ts"

const names = ["red", "green", "blue"]
const messageBytes = 6_000
const window = Protocol.minWindow

interface Sent {
  readonly id: number
  readonly acknowledgement: Acknowledgement | undefined
  readonly fiber: Fiber.Fiber<void, Refusal>
}

/**
 * Period of a lane from its open to its close: the offered messages and the messages that its reader took, in order.
 */
interface Stretch {
  readonly name: string
  readonly sends: Array<Sent>
  /** Messages that have arrived and that the reader has not taken. */
  readonly unread: Array<{ readonly id: number; readonly take: () => void }>
  readonly taken: Array<number>
  isOpen: boolean
  receiver: MeasuredLane | undefined
}

const isAcknowledged = (acknowledgement: Acknowledgement | undefined): boolean =>
  acknowledgement !== undefined &&
  Deferred.isDoneUnsafe(acknowledgement.result) &&
  Exit.isSuccess(Effect.runSyncExit(Deferred.await(acknowledgement.result)))

const sizeOf = (seed: number): number => [0, 10, 100, 448, 449, 1_500, messageBytes][seed % 7] ?? 0

const play = Effect.fnUntraced(function* (choices: ReadonlyArray<readonly [what: number, which: number]>) {
  /** Frames in flight, oldest first. */
  const toReader: Array<Data | LaneClosed> = []
  const toSender: Array<LaneFrame> = []
  const make = (name: string): Stretch => ({
    name,
    sends: [],
    unread: [],
    taken: [],
    isOpen: true,
    receiver: undefined,
  })
  const inbox = make(Protocol.inboxName)
  const stretches: Array<Stretch> = [inbox]
  /** The stretch of each lane, by side. */
  const read = new Map<string, Stretch>([[Protocol.inboxName, inbox]])
  const written = new Map<string, Stretch>([[Protocol.inboxName, inbox]])
  const byNumber = new Map<number, Stretch>()
  let made: MeasuredLane | undefined
  let ids = 0

  const sendLanes = new SendLanes({
    window,
    limit: 2_000,
    wake: () => {},
    onOpened: () => undefined,
    onClosed: () => undefined,
  })
  const receiveLanes = new ReceiveLanes({
    makeReceiveLane: (options) => (made = new MeasuredLane(options)),
    inboxWindowBytes: window,
    laneWindowBytes: window,
    messageBytes,
    send: (frame) => {
      toSender.push(frame as LaneFrame)
      // The receivers of several lanes are indistinguishable here, so each LaneOpen opens one lane.
      if (frame._tag !== "LaneOpen") return
      for (const { lane, name } of frame.lanes) {
        const stretch = read.get(name)
        if (stretch === undefined) continue
        stretch.receiver = made
        byNumber.set(lane, stretch)
      }
    },
    wake: () => {},
    sinkOf: () => (end, message) => {
      const stretch = read.get(end.name)
      if (stretch === undefined) return assert.fail(`a message arrived on ${end.name}, which has no reader`)
      const id = new DataView(message.payload.buffer, message.payload.byteOffset).getUint32(0)
      stretch.unread.push({ id, take: () => end.acknowledge(message) })
    },
  })
  inbox.receiver = made
  const expectNoViolation = (violation: ProtocolViolation | undefined): void =>
    assert.isUndefined(violation, `${violation?.code}: ${violation?.message}`)

  const open = (name: string): void => {
    if (read.has(name)) return
    const stretch = make(name)
    stretches.push(stretch)
    read.set(name, stretch)
    receiveLanes.open([{ name }])
  }
  const close = (name: string): void => {
    const stretch = read.get(name)
    if (stretch === undefined) return
    read.delete(name)
    stretch.isOpen = false
    receiveLanes.close(name)
    // Unread messages count as taken without an acknowledgement.
    for (const { take } of stretch.unread.splice(0)) take()
  }
  const take = (stretch: Stretch): void => {
    const message = stretch.unread.shift()
    if (message === undefined) return
    stretch.taken.push(message.id)
    message.take()
  }
  const offer = (name: string, size: number, confirms: boolean) =>
    Effect.suspend(() => {
      const sender = sendLanes.lane(name)
      const stretch = written.get(name)
      if (sender === undefined || stretch === undefined) return Effect.void
      const payload = new Uint8Array(Math.max(4, size))
      const id = ids++
      new DataView(payload.buffer).setUint32(0, id)
      const acknowledgement = confirms ? new Acknowledgement() : undefined
      const extra = acknowledgement === undefined ? undefined : { acknowledgement }
      return Effect.map(Effect.forkChild(sender.offer(payload, extra), { startImmediately: true }), (fiber) => {
        stretch.sends.push({ id, acknowledgement, fiber })
      })
    })
  const giveUp = (which: number) =>
    Effect.suspend(() => {
      const waiting = stretches.flatMap(({ sends }) => sends.filter(({ fiber }) => fiber.pollUnsafe() === undefined))
      const sent = waiting[which % Math.max(1, waiting.length)]
      return sent === undefined ? Effect.void : Fiber.interrupt(sent.fiber)
    })
  const write = (bytes: number): boolean => {
    const frames = sendLanes.next(bytes)
    for (const frame of frames) toReader.push(frame)
    sendLanes.written()
    return frames.length > 0
  }
  const hear = (): boolean => {
    const frame = toReader.shift()
    if (frame !== undefined)
      expectNoViolation(frame._tag === "Data" ? receiveLanes.receive(frame) : receiveLanes.closed(frame.lane))
    return frame !== undefined
  }
  const answer = (): boolean => {
    const frame = toSender.shift()
    switch (frame?._tag) {
      case "LaneOpen":
        expectNoViolation(sendLanes.open(frame))
        for (const { lane, name } of frame.lanes) {
          const stretch = byNumber.get(lane)
          if (stretch !== undefined) written.set(name, stretch)
        }
        break
      case "LaneClose":
        expectNoViolation(sendLanes.close(frame.lane))
        written.delete(byNumber.get(frame.lane)?.name ?? "")
        toReader.push({ _tag: "LaneClosed", lane: frame.lane })
        break
      case "Credit":
        expectNoViolation(sendLanes.credit(frame.lane, frame.bytes))
        break
      case "Taken":
        expectNoViolation(sendLanes.acknowledged(frame.lane, frame.id))
        for (const { sends, taken } of stretches) {
          for (const { acknowledgement, id } of sends) if (isAcknowledged(acknowledgement)) assert.include(taken, id)
        }
    }
    return frame !== undefined
  }
  const confirm = (): boolean => {
    const frames = receiveLanes.acknowledgements()
    toSender.push(...frames)
    return frames.length > 0
  }
  const settle = Effect.repeat(Effect.yieldNow, { times: 3 })

  for (const [what, which] of choices) {
    const name = [Protocol.inboxName, ...names][which % (names.length + 1)] ?? Protocol.inboxName
    if (what < 30) yield* offer(name, sizeOf(which), which % 2 === 0)
    else if (what < 50) write(which * 100)
    else if (what < 65) hear()
    else if (what < 75) answer()
    else if (what < 85) take(stretches[which % stretches.length] ?? inbox)
    else if (what < 88) confirm()
    else if (what < 91) yield* giveUp(which)
    else if (what < 96) open(name === Protocol.inboxName ? "red" : name)
    else close(name === Protocol.inboxName ? "blue" : name)
    if (which % 3 > 0) yield* settle
  }

  /** Reads everything that is open until no frame is in flight. */
  const rest = Effect.gen(function* () {
    for (let isQuiet = false; !isQuiet;) {
      isQuiet = true
      while (write(10_000) || hear() || answer() || confirm()) isQuiet = false
      for (const stretch of stretches) {
        if (!stretch.isOpen || stretch.unread.length === 0) continue
        take(stretch)
        isQuiet = false
      }
      yield* settle
    }
  })
  return { inbox, receiveLanes, offer, sendLanes, read, rest, stretches }
})

const isAccepted = ({ fiber }: Sent): boolean => {
  const exit = fiber.pollUnsafe()
  return exit !== undefined && Exit.isSuccess(exit)
}

/**
 * Checks that the reader took the accepted messages in order and without a gap, and took all of them unless the lane
 * was closed.
 */
const checkPrefix = ({ isOpen, name, sends, taken }: Stretch): void => {
  const accepted = sends.filter(isAccepted).map(({ id }) => id)
  assert.deepStrictEqual(taken, accepted.slice(0, taken.length), `on ${name}`)
  if (isOpen) assert.strictEqual(taken.length, accepted.length, `on ${name}`)
}

/**
 * Checks that each acknowledged send knows whether its message was taken. The result may be unknown if the lane was
 * closed.
 */
const checkConfirmations = ({ isOpen, sends, taken }: Stretch): void => {
  for (const each of sends) {
    if (each.acknowledgement === undefined || !isAccepted(each)) continue
    const { result: answer } = each.acknowledgement
    assert.isTrue(Deferred.isDoneUnsafe(answer), "the result is known in the end")
    const result = Effect.runSyncExit(Deferred.await(answer))
    if (Exit.isSuccess(result)) assert.include(taken, each.id)
    else
      assert.isFalse(
        isOpen && taken.includes(each.id),
        "the message was taken, but the sender reports the result as unknown",
      )
  }
}

const integer = (maximum: number) => Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum })))

const Choices = Arbitrary.array(
  Arbitrary.flatMap(integer(99), (what) => Arbitrary.map(integer(27), (which) => [what, which] as const)),
  { minLength: 50, maxLength: 250 },
)

describe("two correct ends of the lanes of a link", () => {
  it.effect.prop(
    "never report a violation, and every reader gets a prefix of the accepted messages",
    [Choices],
    ([choices]) =>
      Effect.gen(function* () {
        const { rest, stretches } = yield* play(choices)
        yield* rest
        for (const stretch of stretches) {
          for (const { fiber } of stretch.sends) assert.isDefined(fiber.pollUnsafe(), "no sender waits without end")
          checkPrefix(stretch)
          checkConfirmations(stretch)
        }
      }),
  )

  it.effect.prop("lose no credit, and count no written frame as unwritten", [Choices], ([choices]) =>
    Effect.gen(function* () {
      const { receiveLanes, sendLanes, rest, read } = yield* play(choices)
      yield* rest
      assert.strictEqual(sendLanes.size(), 0)
      assert.strictEqual(receiveLanes.closing(), 0)
      for (const [name, { receiver }] of read) {
        const sender = sendLanes.lane(name)
        const used = receiver?.used() ?? Number.NaN
        assert.strictEqual(receiver?.held(), 0)
        assert.isBelow(used, window / 2, `on ${name}: the missing credit is not worth a frame`)
        let credit = 0
        while (credit < window && sender?.tryOffer(new Uint8Array(0)) === true) {
          credit += Protocol.dataOverhead
          sendLanes.next(window)
          sendLanes.written()
        }
        assert.strictEqual(
          credit,
          Math.floor((window - used) / Protocol.dataOverhead) * Protocol.dataOverhead,
          `on ${name}: both ends count the same credit`,
        )
      }
    }),
  )

  it.effect.prop(
    "lose no accepted message when another link takes over, and send the waiting senders to that link",
    [Choices],
    ([choices]) =>
      Effect.gen(function* () {
        const { sendLanes, rest, stretches } = yield* play(choices)
        const waiting = stretches.flatMap(({ sends }) => sends.filter(({ fiber }) => fiber.pollUnsafe() === undefined))
        sendLanes.stop("moved")
        yield* rest
        for (const { fiber } of waiting) {
          const refusal = yield* Effect.flip(Fiber.join(fiber))
          assert.include(["moved", "unread"], refusal)
        }
        sendLanes.end()
        for (const stretch of stretches) {
          checkPrefix(stretch)
          checkConfirmations(stretch)
        }
      }),
  )
})

it("a lane with many frames to write delays the other lanes by at most one frame each", () => {
  const sendLanes = new SendLanes({
    window: 0xffff_ffff,
    limit: 0xffff_ffff,
    wake: () => {},
    onOpened: () => undefined,
    onClosed: () => undefined,
  })
  const numbers = [1, 2, 3]
  const lanes = numbers.map((lane) => ({ lane, name: `lane ${lane}`, window: 0xffff_ffff }))
  assert.isUndefined(sendLanes.open({ _tag: "LaneOpen", lanes, last: true }))
  const piece = new Uint8Array(Protocol.maxFragmentBytes)
  for (let i = 0; i < 256; i++) assert.isTrue(sendLanes.inbox.tryOffer(piece))
  const order: Array<number> = []
  for (let i = 0; i < 30; i++) {
    for (const { name } of lanes) assert.isTrue(sendLanes.lane(name)?.tryOffer(new Uint8Array(i)) === true)
    for (const { lane } of sendLanes.next(Protocol.maxFragmentBytes)) order.push(lane)
    sendLanes.written()
  }
  for (const lane of numbers) {
    let since = 0
    for (const each of order) {
      since = each === lane ? 0 : since + 1
      assert.isAtMost(since, lanes.length, `before lane ${lane} come frames of others`)
    }
  }
})

it("an acknowledgement that no sender waits for is dropped before the peer sends it, because the peer may never send it", () => {
  const sendLanes = new SendLanes({
    window,
    limit: 2_000,
    wake: () => {},
    onOpened: () => undefined,
    onClosed: () => undefined,
  })
  const [kept, withdrawn] = [new Acknowledgement(), new Acknowledgement()]
  for (const acknowledgement of [withdrawn, kept]) {
    assert.isTrue(sendLanes.inbox.tryOffer(new Uint8Array(1), { acknowledgement }))
  }
  withdrawn.withdraw()
  sendLanes.end()
  assert.isTrue(Deferred.isDoneUnsafe(kept.result))
  assert.isFalse(Deferred.isDoneUnsafe(withdrawn.result))
})

it("a lane number is reused, but never while its lane is open or closing", () => {
  const opened: Array<number> = []
  const receiveLanes = new ReceiveLanes({
    makeReceiveLane: (options) => new ReceiveLane(options),
    inboxWindowBytes: window,
    laneWindowBytes: window,
    messageBytes,
    send: (frame) => {
      if (frame._tag === "LaneOpen") for (const { lane } of frame.lanes) opened.push(lane)
    },
    wake: () => {},
    sinkOf: () => () => {},
  })
  receiveLanes.open([{ name: "stays" }])
  receiveLanes.open([{ name: "goes" }])
  receiveLanes.close("goes")
  const [stays = 0, closing = 0] = opened
  for (let i = 0; i < 0x1_0000; i++) {
    receiveLanes.open([{ name: "other" }])
    const number = opened.at(-1) ?? 0
    assert.isFalse(number === stays || number === closing || number === Protocol.inboxLane)
    receiveLanes.close("other")
    assert.isUndefined(receiveLanes.closed(number))
  }
  assert.isBelow(new Set(opened).size, opened.length)
})
