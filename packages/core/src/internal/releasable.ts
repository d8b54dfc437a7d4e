/** The memory of payloads that an application gives back (`Message.release`). */

/** Key of the method that frees the payload of a message. Messages whose payload others may have do not have it. */
export const release = Symbol("@coterie/core/internal/release")

/** Message that is the only one with its payload. */
export interface Releasable {
  /** Frees the payload, whose length is 0 from then on. Does nothing if the payload is a part of a larger buffer. */
  readonly [release]: () => void
}

/** Tests whether a message is the only one with its payload. */
export const isReleasable = (message: object): message is Releasable => release in message
