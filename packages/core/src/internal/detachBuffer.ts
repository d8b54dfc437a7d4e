/**
 * Giving memory back without the garbage collector. V8 marks the whole heap whenever about 64 MiB of array buffers have come
 * and may be gone, and a node that receives a gigabyte a second fills as many with every fifteenth of it (docs/decisions/0023).
 */

/** Smaller ones are left to the collector. */
const least = 8 * 1024

/**
 * Gives back the memory of an array that nobody will use again. Only if the array is all of its buffer: of one that is a
 * part of a larger one, others may have the rest.
 */
export const detachBuffer = ({ buffer, byteLength }: Uint8Array): void => {
  if (byteLength < least || byteLength !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return
  buffer.transfer(0)
}
