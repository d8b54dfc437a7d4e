/**
 * Memory for what the links of a node write. Each write has a buffer of its own until the network has taken it, and then the
 * next has it: a new one for each would be a piece of work for the garbage collector that costs more than the write
 * (docs/decisions/0023).
 */

export interface WriteBuffers {
  /** At least so many bytes, with anything in them. */
  readonly take: (size: number) => Uint8Array
  /** Nobody refers to it any more. */
  readonly give: (buffer: Uint8Array) => void
}

/** Most writes are done when the next begins, on whatever link, so few buffers are out at once. */
const most = 8

/** Where many are out, a write that needs so little of one gets as much as it needs. */
const smallPart = 16

export const make = (bytes: number): WriteBuffers => {
  const free: Array<Uint8Array> = []
  return {
    take: (size) =>
      size > bytes ? new Uint8Array(size) : (free.pop() ?? new Uint8Array(size < bytes / smallPart ? size : bytes)),
    give: (buffer) => {
      if (buffer.length === bytes && free.length < most) free.push(buffer)
    },
  }
}
