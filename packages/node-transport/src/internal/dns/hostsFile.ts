/** Hosts file of the system. It has the addresses of names that need no DNS lookup. */
import * as Net from "node:net"

/**
 * Returns the addresses of a name in the text of a hosts file, in the order of its lines. The name must be in lower
 * case.
 */
export const addressesIn = (text: string, name: string): ReadonlyArray<string> => {
  const addresses = new Set<string>()
  for (const line of text.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/)
    if (Net.isIP(address) !== 0 && names.some((each) => each.toLowerCase() === name)) addresses.add(address)
  }
  return [...addresses]
}
