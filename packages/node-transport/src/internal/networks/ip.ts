/** IP addresses as Node reports them. */
import * as Net from "node:net"

/** Returns an address without its zone, which names an interface of this machine. */
export const withoutZone = (address: string): string => address.replace(/%.*$/, "")

/**
 * Returns the IPv4 address of an IPv6 address that represents one (`::ffff:192.0.2.1`), in any spelling, and any other text unchanged.
 */
export const unmapped = (address: string): string => {
  if (!Net.isIPv6(address)) return address
  const groups = groupsOf(address)
  if (groups[5] !== 0xffff || groups.slice(0, 5).some((group) => group !== 0)) return address
  return bytesOf(groups.slice(6)).join(".")
}

/**
 * Returns the host by which connections from an address are counted: an IPv4 address, or the first 64 bits of an IPv6 address. A
 * provider gives each customer 64 bits at least, so that one machine has that many addresses.
 */
export const hostOf = (address: string): string => {
  const ip = unmapped(withoutZone(address))
  return Net.isIPv6(ip) ? `${prefixOf(ip)}::/64` : ip
}

/** Returns the first four groups of an IPv6 address, without leading zeros. */
const prefixOf = (ip: string): string =>
  groupsOf(ip)
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(":")

/** Returns the eight groups of an IPv6 address. */
const groupsOf = (ip: string): ReadonlyArray<number> => {
  const [head = "", tail = ""] = ip.split("::")
  const before = groupsIn(head)
  const after = groupsIn(tail)
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
}

/** Returns the groups of a part of an IPv6 address. An IPv4 address at the end stands for two groups. */
const groupsIn = (part: string): ReadonlyArray<number> =>
  part === ""
    ? []
    : part.split(":").flatMap((group) => (group.includes(".") ? pairOf(group) : [Number.parseInt(group, 16)]))

const pairOf = (ipv4: string): ReadonlyArray<number> => {
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split(".").map(Number)
  return [a * 256 + b, c * 256 + d]
}

const bytesOf = (groups: ReadonlyArray<number>): ReadonlyArray<number> =>
  groups.flatMap((group) => [group >> 8, group & 0xff])
