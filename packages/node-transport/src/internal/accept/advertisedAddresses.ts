/** Addresses that a listening node advertises to its peers. */
import * as Address from "@coterie/core/Address"
import type { NonEmptyReadonlyArray } from "effect/Array"
import * as Result from "effect/Result"
import * as Net from "node:net"
import * as Os from "node:os"
import { unmapped, withoutZone } from "../networks/ip.ts"

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
      (problem) => `the option \`advertise\` must be a host or HOST:PORT that peers can dial: ${problem}`,
    )
  }
  const boundTo = unmapped(bound.address)
  const isWildcard = boundTo === "0.0.0.0" || boundTo === "::"
  const dialable = isWildcard ? bestAddress(interfaces, boundTo === "::") : unmapped(host)
  if (dialable === undefined) {
    return Result.fail(
      `no network interface has an address at which other machines reach ${bound.address}: ` +
        `set the option \`advertise\` to the address that peers dial`,
    )
  }
  return Result.mapBoth(checked(Address.make(dialable, bound.port)), {
    onFailure: (problem) => `${problem}: set the option \`advertise\` to the address that peers dial`,
    onSuccess: (address) => [address] as const,
  })
}

const parse = (advertise: string, port: number) =>
  checked(hasPort(advertise) ? Address.parse(advertise) : Address.make(advertise, port))

/** Fails with a reason if the text is no address, or no other machine can dial the address. */
const checked = (
  parsed: Result.Result<Address.Address, Address.AddressError>,
): Result.Result<Address.Address, string> =>
  Result.flatMap(
    Result.mapError(parsed, ({ message }) => message),
    (address) => {
      const problem = undialable(Address.host(address))
      return problem === undefined ? Result.succeed(address) : Result.fail(`${address} ${problem}`)
    },
  )

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

/** Unspecified, multicast and broadcast addresses, of which none is the address of one machine. */
const groupAddresses = new Net.BlockList()
groupAddresses.addSubnet("0.0.0.0", 8)
groupAddresses.addSubnet("224.0.0.0", 4)
groupAddresses.addAddress("255.255.255.255")
groupAddresses.addAddress("::", "ipv6")
groupAddresses.addSubnet("ff00::", 8, "ipv6")

/** Link-local IPv6 addresses (RFC 4291), which can be dialed with a zone only. */
const zonedAddresses = new Net.BlockList()
zonedAddresses.addSubnet("fe80::", 10, "ipv6")

/** Returns the reason why no other machine can dial a host. Returns `undefined` for names and for all other addresses. */
const undialable = (host: string): string | undefined => {
  const ip = unmapped(withoutZone(host))
  const version = Net.isIP(ip)
  if (version === 0) return undefined
  const type = version === 4 ? "ipv4" : "ipv6"
  if (groupAddresses.check(ip, type)) return "is not the address of one machine"
  // A zone is the name of an interface of the machine that dials. In some networks all machines use one name.
  if (zonedAddresses.check(ip, type) && !host.includes("%")) return "is link-local and cannot be dialed without a zone"
  return undefined
}

/**
 * Returns the address with the widest scope at which other machines may reach a server on all interfaces. Global
 * addresses come before private ones, and private ones before link-local ones. Within a scope IPv6 comes before IPv4 if
 * the server listens on both, and then the order of the system decides.
 */
const bestAddress = (interfaces: Interfaces, isDual: boolean): string | undefined =>
  Object.values(interfaces)
    .flatMap((addresses) => addresses ?? [])
    .filter(({ address, family, internal }) => {
      const isUsable = !internal && undialable(withoutZone(address)) === undefined
      return isUsable && (isDual || family === "IPv4")
    })
    .sort((a, b) => scope(a) - scope(b) || Number(a.family === "IPv4") - Number(b.family === "IPv4"))
    .at(0)?.address

/** Returns the rank of the scope of an address. A lower rank is a wider scope. */
const scope = ({ address, family }: Os.NetworkInterfaceInfo): number =>
  privateAddresses.check(address, typeOf(family)) ? 1 : linkLocalAddresses.check(address, typeOf(family)) ? 2 : 0

const typeOf = (family: Os.NetworkInterfaceInfo["family"]) => (family === "IPv4" ? "ipv4" : "ipv6")
