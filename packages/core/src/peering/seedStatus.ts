/**
 * Decision whether a seed or discovered address must be dialed now (docs/protocol.md, R11).
 */
import type { Address } from "../Address.ts"
import * as Member from "../membership/Member.ts"
import type * as State from "../membership/State.ts"

/**
 * - `settled`: the peer that advertises the address has a link, or must not be dialed.
 * - `strangersOnly`: another peer answered at the address and has a link. The address may belong to a service, so a
 * peer
 *   without a link may answer next.
 * - `open`: no peer with a link is known at the address.
 */
export type SeedStatus = "settled" | "strangersOnly" | "open"

/** Returns the status of an address. `answeredBy` is the name of the peer that last answered there. */
export const seedStatus = (
  { members }: Pick<State.State, "members">,
  address: Address,
  answeredBy: string | undefined,
): SeedStatus => {
  let status: SeedStatus = "open"
  for (const [name, member] of members) {
    const isAdvertised = member.record.body.addresses.includes(address)
    // The peer that answered at the address may not advertise it.
    if (!isAdvertised && name !== answeredBy && member.address !== address) continue
    if (member.disconnected || (isAdvertised && Member.isLinked(member))) return "settled"
    if (Member.isLinked(member)) status = "strangersOnly"
  }
  return status
}
