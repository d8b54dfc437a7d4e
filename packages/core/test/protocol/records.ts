/** Records that tests share. */
import * as Address from "../../src/Address.ts"
import type { Body, PeerRecord } from "../../src/protocol/PeerRecord.ts"

/** Returns the address of a peer. */
export const addressOf = (name: string): Address.Address => {
  const address = `${name.toLowerCase().replaceAll(/[^a-z0-9]/g, "x")}:24868`
  if (!Address.isAddress(address)) throw new Error(`${address} is not an address`)
  return address
}

export const bodyOf = (name: string, metadata: Readonly<Record<string, string>> = {}): Body => ({
  addresses: [addressOf(name)],
  metadata,
  versionMin: 1,
  versionMax: 1,
  features: [],
})

/** Wall clock of all tests at time 0, in milliseconds. */
export const wall = 1_000_000_000

/** Returns a record of incarnation 0, with changes. */
export const recordOf = (name: string, changes: Partial<PeerRecord> = {}): PeerRecord => ({
  name,
  generation: wall,
  incarnation: 0,
  status: "alive",
  body: bodyOf(name),
  ...changes,
})
