/**
 * Seeds and discovered addresses that do not answer, or that refuse this node. Each failed attempt is an event. The log
 * gets a line when the problem of an address begins, when its reason changes, and when it ends.
 */
import * as Effect from "effect/Effect"
import type { Address } from "../Address.ts"
import type { LogBudget } from "../internal/LogBudget.ts"
import * as Handshake from "../link/Handshake.ts"

/**
 * Maximum number of remembered addresses with a problem. With more addresses, the log repeats the line of an old one.
 */
export const maxRemembered = 1_024

/** Problem of an address. */
interface Trouble {
  readonly reason: string
  /** Number of failed attempts. */
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

  /** Records a failed attempt. */
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

  /** Records that a peer answered at the address, or that the peer there has a link. */
  answered(address: Address): Effect.Effect<void> {
    return Effect.suspend(() => {
      const before = this.troubles.get(address)
      if (before === undefined) return Effect.void
      this.troubles.delete(address)
      const attempts = before.attempts === 1 ? "1 failed attempt" : `${before.attempts} failed attempts`
      return this.write("Info", address, `a peer answers at ${address} now, after ${attempts}`)
    })
  }

  /** Drops an address that is not dialed any more. */
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
