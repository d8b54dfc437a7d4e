/**
 * Data frames of all lanes of one link that wait to be written. Lanes take turns, one frame each. A limit on the
 * waiting bytes prevents a peer from filling the memory of this node by granting unlimited credit.
 */
import type { Data } from "../protocol/Frame.ts"
import { cost } from "./cost.ts"

/**
 * State of a link for its senders: it accepts messages (`open`), a better link took over (`moved`), or there is no link
 * any more (`closed`).
 */
export type LinkState = "open" | "moved" | "closed"

/** Frames of one lane that wait to be written, oldest first. */
export interface LaneFrames {
  frames: Array<Data>
}

/** Queue of one link. */
export class WriteQueue {
  private readonly limit: number
  private readonly wake: () => void
  private linkState: LinkState = "open"
  /** Cost of all accepted frames that are not yet written. */
  private unwritten = 0
  /** Cost of the frames that the last call of {@link next} returned. */
  private writing = 0
  /** Lanes with frames to write, in the order of their turns. */
  private readonly busy = new Set<LaneFrames>()

  constructor(options: { readonly limit: number; readonly wake: () => void }) {
    this.limit = options.limit
    this.wake = options.wake
  }

  /** State of the link. */
  get state(): LinkState {
    return this.linkState
  }

  /** Stops accepting messages. Accepted messages are still written. */
  stop(why: Exclude<LinkState, "open">): void {
    this.linkState = why
  }

  /**
   * Returns `true` if the waiting bytes, and these bytes more, are below the limit. The next frame may then exceed the
   * limit.
   */
  hasRoom(bytes = 0): boolean {
    return this.unwritten + bytes < this.limit
  }

  /** Appends a frame to a lane, and wakes the writer if the lane had nothing to write. */
  push(lane: LaneFrames, frame: Data): void {
    this.unwritten += cost(frame.payload.length)
    lane.frames.push(frame)
    if (lane.frames.length > 1) return
    this.busy.add(lane)
    this.wake()
  }

  /** Removes the frames of a lane without writing them. */
  drop(lane: LaneFrames): void {
    for (const { payload } of lane.frames) this.unwritten -= cost(payload.length)
    lane.frames = []
    this.busy.delete(lane)
  }

  /** Removes all frames after the end of the link. Their bytes still count, so that no waiting sender continues. */
  clear(): void {
    for (const lane of this.busy) lane.frames = []
    this.busy.clear()
  }

  /** Returns the next frames to write, one from each lane in turn, until their cost reaches `bytes`. */
  next(bytes: number): Array<Data> {
    let result: Array<Data> = []
    let size = 0
    for (const lane of this.busy) {
      // A single lane needs no turns.
      let count = this.busy.size === 1 ? 0 : 1
      if (count === 1) size += costOf(lane.frames[0])
      while (this.busy.size === 1 && count < lane.frames.length && size < bytes) size += costOf(lane.frames[count++])
      const frames = lane.frames.splice(0, count)
      if (result.length === 0) result = frames
      else for (const frame of frames) result.push(frame)
      this.busy.delete(lane)
      if (lane.frames.length > 0) this.busy.add(lane)
      if (size >= bytes) break
    }
    this.writing = size
    return result
  }

  /** Records that the frames of the last call of {@link next} are written. */
  written(): void {
    this.unwritten -= this.writing
    this.writing = 0
  }

  /** Returns the cost of all accepted frames that are not yet written. */
  size(): number {
    return this.unwritten
  }
}

const costOf = (frame: Data | undefined): number => cost(frame?.payload.length ?? 0)
