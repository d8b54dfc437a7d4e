import type { PeerRef } from "../Peer.ts"

/** Returns the name of a peer that the application refers to. */
export const nameOf = (peer: PeerRef): string => (typeof peer === "string" ? peer : peer.name)
