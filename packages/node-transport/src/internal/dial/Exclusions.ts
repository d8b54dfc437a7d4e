/** Addresses that a node does not dial, because its lists of networks exclude them. Logs each one once, up to a bound. */
import type { Address } from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Networks } from "../networks/Networks.ts"

/** Maximum number of addresses that are logged. Members announce addresses, so their number is not for this node to decide. */
export const maxLogged = 256

export class Exclusions {
  private readonly networks: Result.Result<Networks, string>
  private readonly logged = new Set<Address>()

  /** `networks` is a failure if the options are wrong. Nothing is dialed then. */
  constructor(networks: Result.Result<Networks, string>) {
    this.networks = networks
  }

  /** Returns the hosts of an address that may be dialed. Fails as `forbidden` if there is none. `hosts` are IP literals. */
  permitted(
    address: Address,
    hosts: Arr.NonEmptyReadonlyArray<string>,
  ): Effect.Effect<Arr.NonEmptyReadonlyArray<string>, Transport.TransportError> {
    return Effect.suspend(() => {
      if (Result.isFailure(this.networks)) return forbidden(`${address} is not dialed: ${this.networks.failure}`)
      const { success: networks } = this.networks
      const permitted = hosts.filter((host) => networks.excludes(host) === undefined)
      if (Arr.isReadonlyArrayNonEmpty(permitted)) return Effect.succeed(permitted)
      const [host] = hosts
      const message = `${address} is not dialed: the option "${networks.excludes(host)}" excludes ${host}`
      return Effect.andThen(this.warn(address, message), forbidden(message))
    })
  }

  private warn(address: Address, message: string): Effect.Effect<void> {
    if (this.logged.has(address) || this.logged.size >= maxLogged) return Effect.void
    this.logged.add(address)
    const isLast = this.logged.size === maxLogged
    return Effect.logWarning(isLast ? `${message}; further addresses are not logged` : message)
  }
}

const forbidden = (message: string) => Effect.fail(new Transport.TransportError({ reason: "forbidden", message }))
