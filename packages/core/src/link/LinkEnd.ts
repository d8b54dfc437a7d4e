/**
 * End of a link, as this side saw it.
 */
import type { ReadOutcome } from "./FrameReader.ts"

export type LinkEnd =
  | ReadOutcome
  /** The peer was silent for the link timeout. */
  | { readonly _tag: "Silent" }
  /** The peer did not drain the written bytes, or did not end a connection that a newer one replaced. */
  | { readonly _tag: "Slow"; readonly message: string }
  /** The peer sent Leave and did not end the link. */
  | { readonly _tag: "Overstayed" }
  /** This side closed the link. */
  | { readonly _tag: "Closed" }

/** Returns `true` if the peer sent everything on this link and continues on a better link. */
export const isMoved = (end: LinkEnd): boolean => end._tag === "Bye" && end.bye.code === "duplicate"
