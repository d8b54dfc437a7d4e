/**
 * Addresses of peers: `host:port` in one canonical spelling, so that two addresses are equal exactly when their strings are
 * (docs/protocol.md, section "Addresses").
 */
import * as Brand from "effect/Brand"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { maxHostLength } from "./internal/hosts.ts"

/**
 * A canonical `host:port`. The host is a DNS name or an IPv4 address in lower case, or an IPv6 address
 * in square brackets; the port is 1 to 65535 without leading zeros.
 *
 * @category models
 * @since 0.1.0
 */
export type Address = string & Brand.Brand<"@coterie/core/Address">

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

const hostPattern = /^(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+(?:%[a-z0-9_.-]+)?\])$/

/** Tests whether an IPv6 address in brackets has all its groups: one that was written without a port would lose its last group. */
const isWhole = (bracketed: string): boolean => {
  if (!bracketed.startsWith("[")) return true
  const groups = bracketed
    .slice(1, -1)
    .replace(/%.*$/, "")
    .replace(/\d+(?:\.\d+){3}$/, "0:0")
    .split("::")
  const count = groups.flatMap((part) => (part === "" ? [] : part.split(":"))).length
  const regular = groups.every((part) => part === "" || part.split(":").every((group) => /^[0-9a-f]{1,4}$/.test(group)))
  return regular && (groups.length === 1 ? count === 8 : groups.length === 2 && count < 8)
}

const brand = Brand.nominal<Address>()

const fail = (input: string, why: string) =>
  Result.fail(new AddressError({ input, message: `"${input.slice(0, 80)}" is not an address: ${why}` }))

/**
 * Parses an address as a person writes it: `example.org:7946`, `127.0.0.1:7946`, `[::1]:7946`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (input: string): Result.Result<Address, AddressError> => {
  const colon = input.lastIndexOf(":")
  if (colon <= 0) return fail(input, "expected HOST:PORT, for example 127.0.0.1:7946")
  return make(input.slice(0, colon), input.slice(colon + 1))
}

/**
 * Makes an address of its two parts. A bare IPv6 address gets its brackets.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (host: string, port: number | string): Result.Result<Address, AddressError> => {
  const input = `${host}:${port}`
  const bracketed = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host
  const canonical = bracketed.toLowerCase()
  if (canonical.length > maxHostLength || !hostPattern.test(canonical) || !isWhole(canonical)) {
    return fail(input, "the host must be a DNS name, an IPv4 address, or an IPv6 address in [brackets]")
  }
  const digits = String(port)
  const number = Number(digits)
  if (!/^[0-9]{1,5}$/.test(digits) || number < 1 || number > 65535) {
    return fail(input, "the port must be a number from 1 to 65535")
  }
  return Result.succeed(brand(`${canonical}:${number}`))
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
