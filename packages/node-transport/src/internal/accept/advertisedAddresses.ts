/** Addresses that a listening node advertises to its peers. */
import * as Address from "@coterie/core/Address"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Result from "effect/Result"
import * as Net from "node:net"
import * as Os from "node:os"

type Interfaces = ReturnType<typeof Os.networkInterfaces>

/**
 * Returns the addresses that peers dial, the best first. If there is none, returns the reason, which names the option
 * to set.
 *
 * `advertise` contains hosts or `HOST:PORT`. Without it the address is the `host` of the options, or the best address
 * of a network interface if the server is bound to all interfaces.
 */
export const advertisedAddresses = (
  advertise: string | ReadonlyArray<string> | undefined,
  host: string,
  bound: Pick<Net.AddressInfo, "address" | "port">,
  interfaces: Interfaces = Os.networkInterfaces(),
): Result.Result<NonEmptyReadonlyArray<Address.Address>, string> => {
  const [first, ...others] = typeof advertise === "string" ? [advertise] : (advertise ?? [])
  if (first !== undefined) {
    return Result.mapError(
      Result.all([parse(first, bound.port), ...others.map((each) => parse(each, bound.port))]),
      ({ message }) => `the option \`advertise\` must be a host or HOST:PORT that peers can dial: ${message}`,
    )
  }
  const isWildcard = bound.address === "0.0.0.0" || bound.address === "::"
  const dialable = isWildcard ? bestAddress(interfaces, bound.address === "::") : host
  if (dialable === undefined) {
    return Result.fail(
      `no network interface has an address at which other machines reach ${bound.address}: ` +
        `set the option \`advertise\` to the address that peers dial`,
    )
  }
  return Result.mapBoth(Address.make(dialable, bound.port), {
    onFailure: ({ message }) => message,
    onSuccess: (address) => [address] as const,
  })
}

const parse = (advertise: string, port: number) =>
  hasPort(advertise) ? Address.parse(advertise) : Address.make(advertise, port)

/** Reports whether only this machine reaches the address. */
export const isLoopback = (address: string): boolean => /^(127\.|::1$|::ffff:127\.)/.test(address)

/** Reports whether a text has a port. The colons of a bare IPv6 address do not begin a port. */
const hasPort = (text: string): boolean => Net.isIP(text) === 0 && text.includes(":") && !text.endsWith("]")

/**
 * Addresses within one organization (RFC 1918, RFC 6598, RFC 4193). Machines of other organizations may not reach them.
 */
const privateAddresses = new Net.BlockList()
privateAddresses.addSubnet("10.0.0.0", 8)
privateAddresses.addSubnet("172.16.0.0", 12)
privateAddresses.addSubnet("192.168.0.0", 16)
privateAddresses.addSubnet("100.64.0.0", 10)
privateAddresses.addSubnet("fc00::", 7, "ipv6")

/** Link-local IPv4 addresses (RFC 3927). */
const linkLocalAddresses = new Net.BlockList()
linkLocalAddresses.addSubnet("169.254.0.0", 16)

/**
 * Addresses at which no other machine reaches this one: unspecified addresses, and link-local IPv6 addresses, which
 * need a zone.
 */
const unusableAddresses = new Net.BlockList()
unusableAddresses.addSubnet("0.0.0.0", 8)
unusableAddresses.addAddress("::", "ipv6")
unusableAddresses.addSubnet("fe80::", 10, "ipv6")

/**
 * Returns the address with the widest scope at which other machines may reach a server on all interfaces. Global
 * addresses come before private ones, and private ones before link-local ones. Within a scope IPv6 comes before IPv4 if
 * the server listens on both, and then the order of the system decides.
 */
const bestAddress = (interfaces: Interfaces, isDual: boolean): string | undefined =>
  Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address, family, internal }) => {
      const isUsable = !internal && !unusableAddresses.check(address, typeOf(family))
      return isUsable && (isDual || family === "IPv4")
    })
    .sort((a, b) => scope(a) - scope(b) || Number(a.family === "IPv4") - Number(b.family === "IPv4"))
    .at(0)?.address

/** Returns the rank of the scope of an address. A lower rank is a wider scope. */
const scope = ({ address, family }: Os.NetworkInterfaceInfo): number =>
  privateAddresses.check(address, typeOf(family)) ? 1 : linkLocalAddresses.check(address, typeOf(family)) ? 2 : 0

const typeOf = (family: Os.NetworkInterfaceInfo["family"]) => (family === "IPv4" ? "ipv4" : "ipv6")
