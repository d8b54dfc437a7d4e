/** Names of the lanes of one connection, by the numbers that their readers assigned. */
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

/** Names of the lanes that each side reads. */
export class LaneNames {
  private readonly names: { readonly [S in Side]: Map<number, string> } = { dialer: new Map(), acceptor: new Map() }

  /** Records the lanes that a side opens. A closed number may be used again with another name. */
  open(reader: Side, { lanes }: Frame.LaneOpen): void {
    for (const { lane, name } of lanes) this.names[reader].set(lane, name)
  }

  /** Returns the name of a lane that a side reads. Returns its number if the trace began after its LaneOpen. */
  nameOf(reader: Side, lane: number): string {
    return lane === inboxLane ? inboxText : (this.names[reader].get(lane) ?? `lane ${lane}`)
  }
}
