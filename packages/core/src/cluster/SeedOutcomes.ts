/**
 * How the dials of the seeds and of the discovered addresses ended: whether all have been tried, and whether one of them refused
 * this node in a way that ends it.
 */
import type { Address } from "../Address.ts"
import { StoppedError } from "../ClusterError.ts"
import { describeDial, type HandshakeError } from "../link/Handshake.ts"
import { refusalReason } from "./refusals.ts"

/**
 * Refusal that may end a node (option `failOn`):
 *
 * - `duplicate`: another process has the name of this node, and lives.
 * - `label`: the peer belongs to another cluster. `version`: it speaks another version of the protocol.
 * - `denied`: the admission policy of the peer says no.
 *
 * @category options
 * @since 0.1.0
 */
export type FailOn = "duplicate" | "label" | "denied" | "version"

/** Refusals that end a node by default: mistakes of a configuration that no retry repairs. */
export const defaultFailOn: ReadonlyArray<FailOn> = ["duplicate", "label"]

interface Outcome {
  /** Last error; `undefined` after a success, and if this node or a known peer answered. */
  readonly error: HandshakeError | undefined
  /** Refusal that may end this node, if the last error is one. */
  readonly refusal: FailOn | undefined
  /** Time of the first of the errors with this refusal in a row, in milliseconds. */
  readonly since: number
}

export interface Options {
  readonly failOn: ReadonlyArray<FailOn>
  /**
   * Time for which a namesake must live, in milliseconds, before its name counts as taken. A process that is replaced may live
   * for a moment after the next one has started.
   */
  readonly namesakeTimeout: number
  /**
   * Time after a dial of an older process of this node's name, in milliseconds, in which the refusals by such a process do not count:
   * it stops itself.
   */
  readonly olderTimeout: number
}

export class SeedOutcomes {
  private readonly options: Options
  private readonly seeds = new Set<Address>()
  private discovered: ReadonlySet<Address> = new Set()
  private readonly outcomes = new Map<Address, Outcome>()
  private isDiscoveryAwaited = true
  /** Time of the last dial of an older process of this node's name, in milliseconds. */
  private olderAt: number | undefined

  constructor(options: Options) {
    this.options = options
  }

  addSeed(address: Address): void {
    this.seeds.add(address)
  }

  /** Takes note of a set of the discovery, which replaces the one before. */
  setDiscovered(addresses: ReadonlyArray<Address>): void {
    this.discovered = new Set(addresses)
    this.isDiscoveryAwaited = false
    for (const address of this.outcomes.keys()) if (!this.isKnown(address)) this.outcomes.delete(address)
  }

  /** Takes note that the discovery gives no sets any more. */
  endDiscovery(): void {
    this.isDiscoveryAwaited = false
  }

  /** Takes note of the end of a dial. */
  note(address: Address, error: HandshakeError | undefined, now: number): void {
    if (!this.isKnown(address)) return
    const refusal = error === undefined ? undefined : this.refusalOf(error)
    const before = this.outcomes.get(address)
    const since = before !== undefined && before.refusal === refusal ? before.since : now
    // The map is in the order of the dials.
    this.outcomes.delete(address)
    this.outcomes.set(address, { error, refusal, since })
  }

  /** Takes note that an older process of this node's name dialed, and learned that this node lives. */
  noteOlder(now: number): void {
    this.olderAt = now
  }

  /** `true` if there is no address to dial. */
  get isEmpty(): boolean {
    return this.seeds.size === 0 && this.discovered.size === 0 && !this.isDiscoveryAwaited
  }

  /** Text of the last error that no success followed, with its address. */
  get lastError(): string | undefined {
    let last: string | undefined
    for (const [address, { error }] of this.outcomes) {
      if (error !== undefined && !isOwn(error)) last = describeDial(address, error)
    }
    return last
  }

  /** Returns whether every address has been tried, and no namesake is waited for. */
  isTried(now: number): boolean {
    if (this.isDiscoveryAwaited) return false
    for (const address of this.addresses()) {
      const outcome = this.outcomes.get(address)
      if (outcome === undefined || (outcome.refusal === "duplicate" && !this.isLasting(outcome, now))) return false
    }
    return true
  }

  /**
   * Returns the error that ends a node that has no link, if there is one. A lasting namesake is one wherever it answers. Any other
   * refusal is one if no address is left that may let this node in: a seed of another cluster among others, which may be down
   * for the moment, is no reason to stop.
   */
  fatal(now: number): StoppedError | undefined {
    let refused: StoppedError | undefined
    let isOpen = this.isDiscoveryAwaited
    for (const address of this.addresses()) {
      const outcome = this.outcomes.get(address)
      if (outcome?.refusal === "duplicate" && this.isLasting(outcome, now)) return stoppedError(address, outcome)
      if (outcome?.error !== undefined && isOwn(outcome.error)) continue
      if (outcome?.refusal === undefined || outcome.refusal === "duplicate") isOpen = true
      else refused ??= stoppedError(address, outcome)
    }
    return isOpen ? undefined : refused
  }

  private *addresses(): Iterable<Address> {
    yield* this.seeds
    for (const address of this.discovered) if (!this.seeds.has(address)) yield address
  }

  private isKnown(address: Address): boolean {
    return this.seeds.has(address) || this.discovered.has(address)
  }

  /**
   * Returns whether a namesake has refused this node for so long that this node is the one to stop. Of two namesakes that dial each
   * other the older one stops.
   */
  private isLasting({ error, since }: Outcome, now: number): boolean {
    const { namesakeTimeout, olderTimeout } = this.options
    const isOlderStopping = this.olderAt !== undefined && now - this.olderAt < olderTimeout
    return now - since >= namesakeTimeout && !(isOlderStopping && isByOlder(error))
  }

  private refusalOf(error: HandshakeError): FailOn | undefined {
    if (error._tag !== "HandshakeRejected") return undefined
    const { by, code } = error
    if (code === "denied" && by === "us") return undefined
    return this.options.failOn.find((each) => each === code)
  }
}

/** Returns whether this node itself answered. */
const isOwn = (error: HandshakeError): boolean => error._tag === "HandshakeRejected" && error.code === "self"

/** Returns whether an older process of this node's name answered. A third peer would give the lowest generation that it accepts. */
const isByOlder = (error: HandshakeError | undefined): boolean =>
  error?._tag === "HandshakeRejected" && error.by === "them" && error.atLeastGeneration === undefined

const stoppedError = (address: Address, { error }: Outcome): StoppedError | undefined => {
  if (error?._tag !== "HandshakeRejected") return undefined
  const reason = refusalReason(error)
  return reason._tag === "OwnAddress" ? undefined : new StoppedError({ reason, address })
}
