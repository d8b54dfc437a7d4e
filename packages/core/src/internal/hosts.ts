/** Hosts as text: IP literals in the spelling of RFC 5952, and DNS names according to RFC 1123. */

/** Maximum length of a host, in characters: the length of the longest DNS name without its final dot. */
export const maxHostLength = 253

/** Maximum length of a label of a DNS name, in characters. */
const maxLabelLength = 63

/**
 * Pattern of an IPv4 address in dotted form. A leading zero is refused, because some systems read it as the prefix of
 * an octal number.
 */
const ipv4Pattern = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)\.){3}(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)$/

/** Pattern of an IPv6 zone. The characters are restricted because peers report hosts, and the log repeats them. */
const zonePattern = /^[a-z0-9_.-]+$/

/**
 * Pattern of a label of a DNS name. It allows underscores, which names of containers and services have although RFC
 * 1123 does not allow them.
 */
const labelPattern = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/

/**
 * Pattern of a last label that makes a system read the whole name as an IPv4 address, such as `256.1.1.1`, `1.2.3` or
 * `0x7f.1`.
 */
const numericPattern = /^(?:\d+|0x[0-9a-f]*)$/

/** Number of 16-bit groups of an IPv6 address. */
const groupCount = 8

/** Prefix of the IPv6 addresses that represent IPv4 addresses, `::ffff:0:0/96`. */
const mappedPrefix = "::ffff:"

/**
 * Returns an IP literal in the spelling of RFC 5952, so that two literals of one address are equal as strings. An IPv4
 * address that is mapped into IPv6 gets its dotted form, such as `::ffff:192.0.2.1`. Returns `undefined` for any other
 * host.
 */
export const canonicalIp = (host: string): string | undefined => {
  const text = (host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host).toLowerCase()
  if (ipv4Pattern.test(text)) return text
  const [address = "", zone, ...more] = text.split("%")
  const groups = ipv6Groups(address)
  if (groups === undefined || more.length > 0 || (zone !== undefined && !zonePattern.test(zone))) return undefined
  const canonical = formatGroups(groups)
  return zone === undefined ? canonical : `${canonical}%${zone}`
}

/**
 * Returns the canonical text of a host, without the brackets of an IPv6 address, or `undefined` for a text that is not
 * a host. Keeps the final dot of an absolute name, because a name without it may be looked up in the domains of a
 * search list.
 */
export const canonicalHost = (host: string): string | undefined => {
  if (host.includes(":") || host.startsWith("[")) {
    const ip = canonicalIp(host)
    return ip?.includes(":") === true && ip.length + 2 <= maxHostLength ? ip : undefined
  }
  const text = host.toLowerCase()
  return ipv4Pattern.test(text) || isName(text) ? text : undefined
}

/** Returns a canonical IP literal without its zone, which has a meaning only on the host that wrote the literal. */
export const withoutZone = (canonical: string): string => canonical.replace(/%.*$/, "")

/** Returns the IPv4 address if a canonical IP literal is mapped into IPv6, and any other literal unchanged. */
export const unmapped = (canonical: string): string =>
  canonical.startsWith(mappedPrefix) && ipv4Pattern.test(withoutZone(canonical.slice(mappedPrefix.length)))
    ? withoutZone(canonical.slice(mappedPrefix.length))
    : canonical

/** Tests whether a host is the canonical IP literal of a loopback address. */
export const isLoopback = (host: string): boolean =>
  (host.startsWith("127.") && ipv4Pattern.test(host)) || host === "::1"

/**
 * Tests whether a host is the canonical IP literal of an unspecified address, which is valid for listening and cannot
 * be dialed.
 */
export const isUnspecified = (host: string): boolean => {
  const address = unmapped(withoutZone(host))
  return address === "0.0.0.0" || address === "::"
}

/** Tests whether a text in lower case is a DNS name. */
const isName = (text: string): boolean => {
  const name = text.endsWith(".") ? text.slice(0, -1) : text
  const labels = name.split(".")
  return (
    name.length <= maxHostLength &&
    labels.every((label) => label.length <= maxLabelLength && labelPattern.test(label)) &&
    !numericPattern.test(labels.at(-1) ?? "")
  )
}

/** Returns the eight groups of an IPv6 address, or `undefined` if the text is not an IPv6 address. */
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

/** Replaces an IPv4 address at the end of an IPv6 address with its two groups. */
const withoutDots = (address: string): string | undefined => {
  if (!address.includes(".")) return address
  const start = address.lastIndexOf(":") + 1
  const ipv4 = address.slice(start)
  if (start === 0 || !ipv4Pattern.test(ipv4)) return undefined
  const [a = 0, b = 0, c = 0, d = 0] = ipv4.split(".").map(Number)
  return `${address.slice(0, start)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}

/** Returns the groups in the form of RFC 5952: `::` replaces the first of the longest runs of two or more zeros. */
const formatGroups = (groups: ReadonlyArray<number>): string => {
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (isMapped) return mappedPrefix + dotted(groups.slice(-2))
  const texts = groups.map((group) => group.toString(16))
  const { start, length } = longestZeroRun(groups)
  if (length < 2) return texts.join(":")
  return `${texts.slice(0, start).join(":")}::${texts.slice(start + length).join(":")}`
}

/** Returns the first of the longest runs of zeros. */
const longestZeroRun = (groups: ReadonlyArray<number>): { readonly start: number; readonly length: number } => {
  let longest = { start: 0, length: 0 }
  let start = 0
  for (const [i, group] of groups.entries()) {
    if (group !== 0) start = i + 1
    else if (i + 1 - start > longest.length) longest = { start, length: i + 1 - start }
  }
  return longest
}

/** Returns two groups as a dotted IPv4 address. */
const dotted = (groups: ReadonlyArray<number>): string =>
  groups.flatMap((group) => [group >> 8, group & 0xff]).join(".")
