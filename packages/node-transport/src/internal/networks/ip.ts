/** IP addresses as Node reports them. */
import * as Net from "node:net"

/** Returns an address without its zone, which names an interface of this machine. */
export const withoutZone = (address: string): string => address.replace(/%.*$/, "")

/** Returns the IPv4 address of an IPv6 address that represents one (`::ffff:192.0.2.1`), and any other text unchanged. */
export const unmapped = (address: string): string => {
  const [, dotted] = /^::ffff:([0-9.]+)$/i.exec(address) ?? []
  if (dotted !== undefined && Net.isIPv4(dotted)) return dotted
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(address) ?? []
  if (high === undefined || low === undefined) return address
  return [high, low].flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 0xff]).join(".")
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
const prefixOf = (ip: string): string => {
  const [head = "", tail] = ip.split("::")
  const before = head === "" ? [] : head.split(":")
  const after = tail === undefined || tail === "" ? [] : tail.split(":")
  // An IPv4 address at the end stands for two groups.
  const length = before.length + after.length + (ip.includes(".") ? 1 : 0)
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - length }, () => "0")
  return [...before, ...zeros, ...after]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":")
}
