/** Names of the lanes of one connection by the numbers that their readers gave them. */
import type * as Frame from "../protocol/Frame.ts"
import { inboxLane } from "../protocol/constants.ts"

/**
 * Side of a connection.
 *
 * @category models
 * @since 0.1.0
 */
export type Side = "dialer" | "acceptor"

/** Returns the other side. */
export const otherSide = (side: Side): Side => (side === "dialer" ? "acceptor" : "dialer")

/** Name of the inbox in a trace. No LaneOpen announces the inbox. */
export const inboxText = "inbox"

/** Lanes that each side reads. */
export class LaneNames {
  private readonly names: { readonly [S in Side]: Map<number, string> } = { dialer: new Map(), acceptor: new Map() }

  /** Records the lanes that a side opens. A number that was closed may come again with another name. */
  open(reader: Side, { lanes }: Frame.LaneOpen): void {
    for (const { lane, name } of lanes) this.names[reader].set(lane, name)
  }

  /** Returns the name of a lane that a side reads. A trace that begins late may not have its LaneOpen. */
  nameOf(reader: Side, lane: number): string {
    return lane === inboxLane ? inboxText : (this.names[reader].get(lane) ?? `lane ${lane}`)
  }
}
