/** The hosts file of the system: addresses of names that are not looked up by DNS. */
import * as Net from "node:net"

/** Returns the addresses that the text of a hosts file gives a name, in the order of its lines. The name is in lower case. */
export const addressesIn = (text: string, name: string): ReadonlyArray<string> => {
  const addresses = new Set<string>()
  for (const line of text.split("\n")) {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/)
    if (Net.isIP(address) !== 0 && names.some((each) => each.toLowerCase() === name)) addresses.add(address)
  }
  return [...addresses]
}
