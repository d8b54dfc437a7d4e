/**
 * The bytes of what an application sends.
 */
const encoder = new TextEncoder()

/** Returns bytes as they are, and text in UTF-8. */
export const toBytes = (payload: Uint8Array | string): Uint8Array =>
  typeof payload === "string" ? encoder.encode(payload) : payload
