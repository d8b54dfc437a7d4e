/**
 * The addresses where peers may be found and that do not answer or refuse now. Each failed attempt is an event. The log has a
 * line when the trouble of an address begins, when its reason changes, and when it ends.
 */
import * as Effect from "effect/Effect"
import type { Address } from "../Address.ts"
import type { LogBudget } from "../internal/LogBudget.ts"
import * as Handshake from "../link/Handshake.ts"

/** Number of addresses in trouble that are remembered, the newest ones. With more, the line of an old one is repeated. */
export const maxRemembered = 1_024

/** Trouble of an address. */
interface Trouble {
  readonly reason: string
  /** Number of attempts that failed. */
  readonly attempts: number
}

export interface Options {
  readonly log: Pick<LogBudget, "write">
  /** Called for each failed attempt. */
  readonly onUnavailable: (address: Address, error: Handshake.HandshakeError) => void
}

export class SeedAvailability {
  private readonly options: Options
  private readonly troubles = new Map<Address, Trouble>()

  constructor(options: Options) {
    this.options = options
  }

  /** Notes that an attempt failed. */
  failed(address: Address, error: Handshake.HandshakeError): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.options.onUnavailable(address, error)
      const reason = Handshake.describe(error)
      const before = this.troubles.get(address)
      this.remember(address, { reason, attempts: (before?.attempts ?? 0) + 1 })
      if (before?.reason === reason) return Effect.void
      return this.write("Warn", address, `no peer to join: ${Handshake.describeDial(address, error)}; trying again`)
    })
  }

  /** Notes that a peer answered at the address, or has a link. */
  answered(address: Address): Effect.Effect<void> {
    return Effect.suspend(() => {
      const before = this.troubles.get(address)
      if (before === undefined) return Effect.void
      this.troubles.delete(address)
      const attempts = before.attempts === 1 ? "1 failed attempt" : `${before.attempts} failed attempts`
      return this.write("Info", address, `a peer answers at ${address} now, after ${attempts}`)
    })
  }

  /** Forgets an address that is not dialed any more. */
  forget(address: Address): void {
    this.troubles.delete(address)
  }

  private remember(address: Address, trouble: Trouble): void {
    this.troubles.set(address, trouble)
    if (this.troubles.size <= maxRemembered) return
    for (const oldest of this.troubles.keys()) {
      this.troubles.delete(oldest)
      return
    }
  }

  private write(level: "Warn" | "Info", subject: Address, text: string): Effect.Effect<void> {
    return this.options.log.write({ level, kind: "seed", subject, text })
  }
}
