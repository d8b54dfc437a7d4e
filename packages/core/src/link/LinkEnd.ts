/**
 * How a link ended, as this side saw it.
 */
import type { ReadOutcome } from "./FrameReader.ts"

export type LinkEnd =
  | ReadOutcome
  /** Nothing was heard for the link timeout. */
  | { readonly _tag: "Silent" }
  /** The peer did not drain what was written, or did not end a connection that another one replaced. */
  | { readonly _tag: "Slow"; readonly message: string }
  /** The peer said that it leaves, and stayed. */
  | { readonly _tag: "Overstayed" }
  /** This side closed the link. */
  | { readonly _tag: "Closed" }

/** Returns `true` if the peer sent all that it had to send on this link and continues on a better one. */
export const isMoved = (end: LinkEnd): boolean => end._tag === "Bye" && end.bye.code === "duplicate"
