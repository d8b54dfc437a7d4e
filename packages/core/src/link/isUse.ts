import type { Frame } from "../protocol/Frame.ts"

/**
 * Returns whether a frame shows that a side needs the other one. A heartbeat keeps the link alive and is no use of it.
 * Gossip (Update) asks for no answer, and anti-entropy replaces what is lost.
 */
export const isUse = ({ _tag }: Frame): boolean => _tag !== "Ping" && _tag !== "Pong" && _tag !== "Update"
