/**
 * Frees the memory of received bytes without the garbage collector. V8 marks the whole heap after about 64 MiB of array
 * buffers have been allocated, and a node that receives a gigabyte per second allocates this amount every 65 ms
 * (docs/decisions/0023).
 */

/** Minimum size of an array to free, in bytes. Smaller arrays are left to the garbage collector. */
const minBytes = 8 * 1024

/** Tests whether an array can be freed: it fills its buffer, and is not small. */
export const isDetachable = (bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> =>
  bytes.byteLength >= minBytes && fillsBuffer(bytes)

/** Called for large arrays only, because reading `buffer` of an array is slow. */
const fillsBuffer = ({ buffer, byteLength }: Uint8Array): boolean =>
  byteLength === buffer.byteLength && buffer instanceof ArrayBuffer

/**
 * Frees the memory of an array that is no longer used. Does nothing if the array is a part of a larger buffer, because
 * other arrays may use the rest.
 */
export const detachBuffer = (bytes: Uint8Array): void => {
  if (isDetachable(bytes)) bytes.buffer.transfer(0)
}
