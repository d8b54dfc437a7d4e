/** Address that a listening node tells its peers to dial. */
import * as Address from "@coterie/core/Address"
import type * as Result from "effect/Result"
import * as Net from "node:net"
import * as Os from "node:os"

/**
 * Returns the address that peers dial.
 *
 * `advertise` is a host, or `HOST:PORT`. Without it the address is the `host` of the options, or the first network interface if
 * the server is bound to all of them.
 */
export const advertisedAddress = (
  advertise: string | undefined,
  host: string,
  bound: Pick<Net.AddressInfo, "address" | "port">,
): Result.Result<Address.Address, Address.AddressError> => {
  const isWildcard = bound.address === "0.0.0.0" || bound.address === "::"
  const dialable = advertise ?? (isWildcard ? firstInterface() : host)
  // The colons of a bare IPv6 address do not begin a port.
  return Net.isIP(dialable) === 0 && dialable.includes(":") && !dialable.endsWith("]")
    ? Address.parse(dialable)
    : Address.make(dialable, bound.port)
}

/** Reports whether only this machine reaches the address. */
export const isLoopback = (address: string): boolean => /^(127\.|::1$|::ffff:127\.)/.test(address)

/** Returns the address of the first interface that other machines may reach, or the loopback if there is none. */
const firstInterface = (): string => {
  const all = Object.values(Os.networkInterfaces()).flatMap((addresses) => addresses ?? [])
  const external = all.filter(({ address, internal }) => !internal && !address.startsWith("fe80:"))
  const first = external.find(({ family }) => family === "IPv4") ?? external[0]
  return first?.address ?? "127.0.0.1"
}
