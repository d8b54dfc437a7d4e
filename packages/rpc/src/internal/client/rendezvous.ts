/**
 * Rendezvous hashing: every node gives a key to the same one of several peers, and a peer that comes or goes moves only
 * its own keys. The hash must be the same in all versions, because the nodes of a cluster may have different ones.
 */

/** Returns the 32-bit hash of a text: FNV-1a over its UTF-16 code units. */
export const hashOf = (text: string): number => {
  let hash = 0x811c_9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193)
  return hash >>> 0
}

/**
 * Mixes the bits of a hash: the finalizer of MurmurHash3. FNV alone is almost linear in its last characters, and names
 * such as `web-1` and `web-2` differ only there.
 */
const mix = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Returns the score of a peer for a key. The peer with the greatest score gets the key. */
export const scoreOf = (nameHash: number, keyHash: number): number => mix(mix(nameHash) ^ keyHash)
