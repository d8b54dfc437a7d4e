/**
 * Control frames of one link that wait to be written, in order. Two bounds keep the memory of this node out of the hands of a
 * peer that asks and does not read: one on the number of all frames, and one on the bytes of lists of records.
 */
import type { ControlFrame } from "../protocol/Frame.ts"
import * as FrameSplitter from "../wire/FrameSplitter.ts"

/**
 * Result of {@link ControlQueue.add}. `dropped`: the frame would exceed the bytes, and the views of the two sides converge
 * without it. `full`: there are too many frames.
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

  /** Number of frames that wait. */
  get length(): number {
    return this.frames.length
  }

  /** Upper bound of the bytes that wait. It is below the bound of the queue, or above it by the last frame that was added. */
  get bytes(): number {
    return this.size
  }

  /** Appends a frame, in as many pieces as it needs. */
  add(frame: ControlFrame): Added {
    if (this.frames.length >= this.maxFrames) return "full"
    if (this.size >= this.maxBytes && isRepeated(frame)) return "dropped"
    for (const piece of FrameSplitter.split(frame)) this.push(piece)
    return "added"
  }

  /** Appends a frame whose number something else bounds. */
  push(frame: ControlFrame): void {
    this.frames.push(frame)
    this.size += FrameSplitter.bytesOf(frame)
  }

  /** Removes and returns the next frames, at most so many bytes of them but at least one frame. */
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
