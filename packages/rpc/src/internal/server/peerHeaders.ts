/**
 * Headers that name the peer of a request. The server sets them on each request and overrides the values of the
 * request.
 */
import type { PeerId } from "@coterie/core/Peer"
import type { Headers } from "effect/http/Headers"

const nameHeader = "coterie-peer"
const generationHeader = "coterie-generation"

/** Returns the headers that name the peer. */
export const headersOf = ({ generation, name }: PeerId): ReadonlyArray<[string, string]> => [
  [nameHeader, name],
  [generationHeader, String(generation)],
]

/** Returns the peer that the headers name, or `undefined` if they name none. */
export const peerOf = (headers: Headers): PeerId | undefined => {
  const { [generationHeader]: generation, [nameHeader]: name } = headers
  return name === undefined ? undefined : { name, generation: Number(generation) }
}
