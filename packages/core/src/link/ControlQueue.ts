/**
 * Control frames of one link that wait to be written, in order. Two limits prevent a peer that sends requests and does
 * not read from filling the memory of this node: one for the number of all frames, and one for the bytes of lists of
 * records.
 */
import type { ControlFrame } from "../protocol/Frame.ts"
import * as FrameSplitter from "../wire/FrameSplitter.ts"

/**
 * Result of {@link ControlQueue.add}. `dropped`: the frame would exceed the byte limit, and the views of the two sides
 * converge without it. `full`: the queue holds the maximum number of frames.
 */
export type Added = "added" | "dropped" | "full"

/** Queue of one link. */
export class ControlQueue {
  private readonly maxFrames: number
  private readonly maxBytes: number
  private frames: Array<ControlFrame> = []
  private size = 0

  constructor(options: { readonly frames: number; readonly bytes: number }) {
    this.maxFrames = options.frames
    this.maxBytes = options.bytes
  }

  /** Number of waiting frames. */
  get length(): number {
    return this.frames.length
  }

  /** Upper bound of the waiting bytes. The last added frame may exceed the limit of the queue. */
  get bytes(): number {
    return this.size
  }

  /** Appends a frame, split into as many pieces as it needs. */
  add(frame: ControlFrame): Added {
    if (this.frames.length >= this.maxFrames) return "full"
    if (this.size >= this.maxBytes && isRepeated(frame)) return "dropped"
    for (const piece of FrameSplitter.split(frame)) this.push(piece)
    return "added"
  }

  /** Appends a frame of a kind whose number is limited elsewhere. */
  push(frame: ControlFrame): void {
    this.frames.push(frame)
    this.size += FrameSplitter.bytesOf(frame)
  }

  /** Removes and returns the next frames: at least one frame, and otherwise at most `bytes` bytes. */
  next(bytes: number): Array<ControlFrame> {
    const { frames } = this
    if (this.size <= bytes) {
      this.clear()
      return frames
    }
    let count = 0
    let size = 0
    for (const frame of frames) {
      const next = size + FrameSplitter.bytesOf(frame)
      if (count > 0 && next > bytes) break
      size = next
      count++
    }
    this.size -= size
    return frames.splice(0, count)
  }

  /** Removes all frames. */
  clear(): void {
    this.frames = []
    this.size = 0
  }
}

/** Returns `true` for a frame whose content the peers exchange again if their views differ. */
const isRepeated = ({ _tag }: ControlFrame): boolean =>
  _tag === "Update" || _tag === "SyncDigest" || _tag === "SyncDelta"
