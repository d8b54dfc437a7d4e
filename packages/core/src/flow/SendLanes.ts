/**
 * Sending ends of all lanes of one link (docs/protocol.md, section "Lanes and credit"): the lanes that the peer has
 * open, and the queue of their frames. A lane without credit blocks its own senders only.
 */
import type * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { awaitLatch } from "../internal/yieldingAwait.ts"
import { inboxLane, inboxName, maxLanes } from "../protocol/constants.ts"
import type { Data, LaneOpen } from "../protocol/Frame.ts"
import { ProtocolViolation } from "../protocol/ProtocolViolation.ts"
import { SendLane } from "./SendLane.ts"
import { Slowness } from "./Slowness.ts"
import type { LinkState } from "./WriteQueue.ts"
import { WriteQueue } from "./WriteQueue.ts"

export interface Options {
  /** Window of the peer's inbox from the handshake, in bytes. */
  readonly window: number
  /** Maximum number of bytes that wait to be written. */
  readonly limit: number
  /** Wakes the writer of the link. */
  readonly wake: () => void
  /** Called when the peer has opened a lane. */
  readonly onOpened: (lane: SendLane) => void
  /** Called when the peer has closed a lane. */
  readonly onClosed: (lane: SendLane) => void
}

/** Sending ends of the lanes of one link. */
export class SendLanes {
  /** Lane to the peer's inbox, which is always open. */
  readonly inbox: SendLane
  /** Mark that a send timed out while it waited for the list of lanes. It lasts until the list arrives. */
  readonly listing = new Slowness()
  private readonly onOpened: Options["onOpened"]
  private readonly onClosed: Options["onClosed"]
  private readonly queue: WriteQueue
  private readonly byNumber = new Map<number, SendLane>()
  private readonly byName = new Map<string, SendLane>()
  /** Made for the first sender that waits for the list. */
  private knownLatch: Latch.Latch | undefined
  private hasList = false

  constructor({ limit, onClosed, onOpened, wake, window }: Options) {
    this.onOpened = onOpened
    this.onClosed = onClosed
    this.queue = new WriteQueue({ limit, wake })
    this.inbox = this.add(inboxLane, inboxName, window)
  }

  /** Waits until the peer has listed the lanes that it reads, or the link has ended. */
  get known(): Effect.Effect<void> {
    this.knownLatch ??= Latch.makeUnsafe(this.hasList || this.state() !== "open")
    return awaitLatch(this.knownLatch)
  }

  /** Returns the lane that the peer reads under this name, or `undefined`. */
  lane(name: string): SendLane | undefined {
    return this.byName.get(name)
  }

  /** Returns `true` once the peer has listed the lanes that it reads. */
  isKnown(): boolean {
    return this.hasList
  }

  /** Adds the lanes that the peer opened. */
  open({ lanes, last }: LaneOpen): ProtocolViolation | undefined {
    for (const { format, lane, name, window } of lanes) {
      if (this.byNumber.has(lane) || this.byName.has(name)) {
        return new ProtocolViolation("malformed", `lane ${lane} or its name is open already`)
      }
      if (this.byNumber.size > maxLanes) return new ProtocolViolation("oversize", `more than ${maxLanes} lanes`)
      this.onOpened(this.add(lane, name, window, format))
    }
    if (last) {
      this.hasList = true
      this.listing.clear()
      this.knownLatch?.openUnsafe()
    }
    return undefined
  }

  /** Removes a lane that the peer closed. Drops its unwritten frames. */
  close(number: number): ProtocolViolation | undefined {
    const lane = this.byNumber.get(number)
    if (lane === undefined) return notOpen(number)
    if (number === inboxLane) return new ProtocolViolation("malformed", "the inbox is always open")
    this.byNumber.delete(number)
    this.byName.delete(lane.name)
    lane.close()
    this.onClosed(lane)
    return undefined
  }

  /** Adds credit that the peer granted on a lane. */
  credit(number: number, bytes: number): ProtocolViolation | undefined {
    const lane = this.byNumber.get(number)
    return lane === undefined ? notOpen(number) : lane.credit(bytes)
  }

  /** Completes the acknowledgements of a lane up to the message with this number. */
  acknowledged(number: number, id: number): ProtocolViolation | undefined {
    const lane = this.byNumber.get(number)
    return lane === undefined ? notOpen(number) : lane.acknowledged(id)
  }

  /** Returns whether the link accepts messages, or the reason why it does not. */
  state(): LinkState {
    return this.queue.state
  }

  /** Stops accepting messages. Accepted messages are still written. */
  stop(why: Exclude<LinkState, "open">): void {
    this.queue.stop(why)
    this.knownLatch?.openUnsafe()
    this.wakeAll()
  }

  /** Drops all unwritten frames. */
  clear(): void {
    this.queue.clear()
  }

  /** Fails all acknowledgements, because none can arrive any more. */
  end(): void {
    for (const lane of this.byNumber.values()) lane.failAcknowledgements("closed")
  }

  /** Returns the next frames to write, from each lane in turn, until their cost reaches `bytes`. */
  next(bytes: number): Array<Data> {
    return this.queue.next(bytes)
  }

  /** Records that the frames of the last call of {@link next} are written. */
  written(): void {
    this.queue.written()
    this.wakeAll()
  }

  /** Returns the number of bytes that wait to be written. */
  size(): number {
    return this.queue.size()
  }

  /** Returns whether a sender waits for the peer, or bytes wait to be written. */
  isAwaited(): boolean {
    if (this.size() > 0 || this.knownLatch?.isOpen() === false) return true
    for (const lane of this.byNumber.values()) if (lane.isAwaited()) return true
    return false
  }

  private add(number: number, name: string, window: number, format?: string): SendLane {
    const lane = new SendLane({ number, name, format, window, queue: this.queue })
    this.byNumber.set(number, lane)
    this.byName.set(name, lane)
    return lane
  }

  private wakeAll(): void {
    for (const lane of this.byNumber.values()) lane.wake()
  }
}

const notOpen = (number: number): ProtocolViolation =>
  new ProtocolViolation("laneUnknown", `lane ${number} is not open`)
