/** Wrong tokens by the address of their sender. A token cannot be guessed at the allowed rate. */

/** Number of wrong tokens of one address in a window. A person who mistypes a token needs fewer. */
const limit = 10

/** Length of the window, in milliseconds. */
const window = 60_000

/** Number of addresses that are kept. When there are more, the address whose last attempt is the oldest is dropped. */
const maxAddresses = 1_024

interface Attempts {
  readonly count: number
  /** Time of the first attempt of the window, in milliseconds. */
  readonly since: number
}

export class FailedAttempts {
  private readonly byAddress = new Map<string, Attempts>()

  /**
   * Records a wrong token. Returns the number of seconds that the address must wait if it has used up its attempts, and
   * `undefined` otherwise.
   */
  fail(address: string, now: number): number | undefined {
    const known = this.byAddress.get(address)
    const isCurrent = known !== undefined && now - known.since < window
    const attempts = isCurrent ? { count: known.count + 1, since: known.since } : { count: 1, since: now }
    // The map keeps the order of the attempts.
    this.byAddress.delete(address)
    this.byAddress.set(address, attempts)
    const [oldest] = this.byAddress.keys()
    if (this.byAddress.size > maxAddresses && oldest !== undefined) this.byAddress.delete(oldest)
    return attempts.count <= limit ? undefined : Math.max(1, Math.ceil((attempts.since + window - now) / 1_000))
  }
}
