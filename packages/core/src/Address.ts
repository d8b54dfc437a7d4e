/**
 * Addresses of peers: `host:port` in one canonical spelling, so that two addresses are equal exactly when their strings
 * are (docs/protocol.md, section "Addresses").
 *
 * @since 0.1.0
 */
import * as Brand from "effect/Brand"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { canonicalHost, isUnspecified } from "./internal/hosts.ts"

/**
 * A canonical `host:port` that a peer can dial. The host is a DNS name in lower case, an IPv4 address, or an IPv6
 * address in square brackets in the spelling of RFC 5952. The port is 1 to 65535 without leading zeros.
 *
 * **Details**
 *
 * A final dot makes a DNS name absolute. `peers:24868` is looked up in the domains of a search list and `peers.:24868`
 * is not, so the two are different addresses. The unspecified addresses `0.0.0.0` and `[::]` are only for listeners and
 * are not an `Address`.
 *
 * @category models
 * @since 0.1.0
 */
export type Address = string & Brand.Brand<"@coterie/core/Address">

/**
 * Default port: the port of an address without a port, and the port on which a node listens by default.
 *
 * **Details**
 *
 * The port is below 32768, where the range that Linux uses for outgoing connections begins, so no outgoing connection
 * occupies it. IANA has not assigned it to a service (24851 to 24921 are unassigned), and no known gossip or cluster
 * system listens on it by default.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultPort = 24_868

/**
 * Error of a text that is not an address.
 *
 * @category errors
 * @since 0.1.0
 */
export class AddressError extends Schema.TaggedError<AddressError>()("AddressError", {
  input: Schema.String,
  message: Schema.String,
}) {}

const brand = Brand.nominal<Address>()

const fail = (input: string, why: string) =>
  Result.fail(new AddressError({ input, message: `"${input.slice(0, 80)}" is not an address: ${why}` }))

/**
 * Parses an address such as `example.org:24868`, `127.0.0.1:24868` or `[::1]:24868`. A host without a port, such as
 * `example.org` or `[::1]`, gets the {@link defaultPort}. Returns the address in canonical form, which always has a
 * port. Fails with {@link AddressError} if the text is not an address.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (input: string): Result.Result<Address, AddressError> => {
  if (input === "" || input.startsWith(":")) {
    return fail(input, `expected HOST or HOST:PORT, for example 127.0.0.1:${defaultPort}`)
  }
  const colon = input.lastIndexOf(":")
  if (colon === -1 || input.endsWith("]")) return fromParts(input, input, defaultPort)
  // Without brackets, the last group of an IPv6 address cannot be distinguished from a port.
  if (input[0] !== "[" && input.indexOf(":") < colon) return fail(input, "an IPv6 address must be in [brackets]")
  return fromParts(input, input.slice(0, colon), input.slice(colon + 1))
}

/**
 * Makes an address from a host and a port. Adds the brackets of a bare IPv6 address. The port defaults to
 * {@link defaultPort}. Fails with {@link AddressError} if the host or the port is invalid.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (host: string, port: number | string = defaultPort): Result.Result<Address, AddressError> =>
  fromParts(`${host}:${port}`, host, port)

/** Makes an address from a host and a port. The error quotes `input`. */
const fromParts = (input: string, host: string, port: number | string): Result.Result<Address, AddressError> => {
  const canonical = canonicalHost(host)
  if (canonical === undefined) {
    return fail(input, "the host must be a DNS name, an IPv4 address, or an IPv6 address in [brackets]")
  }
  if (isUnspecified(canonical)) {
    return fail(input, `${canonical} is for listening on all interfaces and cannot be dialed`)
  }
  const digits = String(port)
  const number = Number(digits)
  if (!/^[0-9]{1,5}$/.test(digits) || number < 1 || number > 65535) {
    return fail(input, "the port must be a number from 1 to 65535")
  }
  return Result.succeed(brand(`${canonical.includes(":") ? `[${canonical}]` : canonical}:${number}`))
}

/**
 * Tests whether the text is an address in canonical form, as frames must carry it.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAddress = (input: string): input is Address => {
  const parsed = parse(input)
  return Result.isSuccess(parsed) && parsed.success === input
}

/**
 * Returns the host, without the brackets of an IPv6 address.
 *
 * @category getters
 * @since 0.1.0
 */
export const host = (self: Address): string => {
  const text = self.slice(0, self.lastIndexOf(":"))
  return text.startsWith("[") ? text.slice(1, -1) : text
}

/**
 * Returns the port.
 *
 * @category getters
 * @since 0.1.0
 */
export const port = (self: Address): number => Number(self.slice(self.lastIndexOf(":") + 1))

/**
 * Schema of an address in canonical form. The encoded form is the same text.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Address: Schema.Codec<Address, string> = Schema.String.pipe(
  Schema.refine(isAddress, { message: "not an address in canonical form" }),
)
