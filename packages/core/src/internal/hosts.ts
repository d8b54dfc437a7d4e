/**
 * Hosts as text: DNS names and IP literals.
 */

/** Greatest length of a host, in characters: that of the longest DNS name. */
export const maxHostLength = 253

const ipv4Pattern = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)$/

/** An IPv6 zone: the characters that an address may have there. Peers report hosts, and a log repeats them. */
const zonePattern = /^[a-z0-9_.-]+$/

/** Number of 16-bit groups of an IPv6 address. */
const groupCount = 8

/** Prefix of the IPv6 addresses that stand for IPv4 addresses, `::ffff:0:0/96`. */
const mappedPrefix = "0:0:0:0:0:ffff:"

/**
 * Returns an IP literal in one spelling, so that two literals of one address are equal as strings: IPv4 in dotted form, also if it
 * is mapped into IPv6, and IPv6 as eight groups without leading zeros, with its zone. Returns `undefined` for any other host.
 */
export const canonicalIp = (host: string): string | undefined => {
  const text = (host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host).toLowerCase()
  if (ipv4Pattern.test(text)) return text
  const [address = "", zone, ...more] = text.split("%")
  const groups = ipv6Groups(address)
  if (groups === undefined || more.length > 0 || (zone !== undefined && !zonePattern.test(zone))) return undefined
  const canonical = groups.map((group) => group.toString(16)).join(":")
  if (canonical.startsWith(mappedPrefix)) return dotted(groups.slice(-2))
  return zone === undefined ? canonical : `${canonical}%${zone}`
}

/** Returns a canonical IP literal without its zone, which means something to the host that wrote the literal and to no other. */
export const withoutZone = (canonical: string): string => canonical.replace(/%.*$/, "")

/** Tests whether a host is the canonical IP literal of a loopback address. */
export const isLoopback = (host: string): boolean =>
  (host.startsWith("127.") && ipv4Pattern.test(host)) || host === "0:0:0:0:0:0:0:1"

/** Returns the eight groups of an IPv6 address, or `undefined` if the text is none. */
const ipv6Groups = (address: string): ReadonlyArray<number> | undefined => {
  const halves = withoutDots(address)?.split("::")
  if (halves === undefined || halves.length > 2) return undefined
  const [head = [], tail] = halves.map((half) => (half === "" ? [] : half.split(":")))
  const missing = groupCount - head.length - (tail?.length ?? 0)
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const texts = [...head, ...Array.from({ length: tail === undefined ? 0 : missing }, () => "0"), ...(tail ?? [])]
  return texts.every((text) => /^[0-9a-f]{1,4}$/.test(text))
    ? texts.map((text) => Number.parseInt(text, 16))
    : undefined
}

/** Replaces an IPv4 address at the end of an IPv6 address by its two groups. */
const withoutDots = (address: string): string | undefined => {
  if (!address.includes(".")) return address
  const start = address.lastIndexOf(":") + 1
  const ipv4 = address.slice(start)
  if (start === 0 || !ipv4Pattern.test(ipv4)) return undefined
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split(".").map(Number)
  return `${address.slice(0, start)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

/** Returns two groups as a dotted IPv4 address. */
const dotted = (groups: ReadonlyArray<number>): string =>
  groups.flatMap((group) => [group >> 8, group & 0xff]).join(".")
