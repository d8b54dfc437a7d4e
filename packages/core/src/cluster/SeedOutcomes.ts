/**
 * Outcomes of the dials of seeds and discovered addresses. They determine whether all addresses have been tried, and
 * whether a refusal ends this node.
 */
import type { Address } from "../Address.ts"
import { StoppedError } from "../ClusterError.ts"
import { describeDial, type HandshakeError } from "../link/Handshake.ts"
import { reasonOf, refusalReason } from "./refusals.ts"

/**
 * Refusal that may stop a node (option `failOn`):
 *
 * - `duplicate`: another running process uses the name of this node.
 * - `otherCluster`: the peer belongs to another cluster. `version`: the peer speaks another version of the protocol.
 * - `denied`: the admission policy of the peer denied this node.
 *
 * @category options
 * @since 0.1.0
 */
export type FailOn = "duplicate" | "otherCluster" | "denied" | "version"

/** Refusals that stop a node by default: configuration mistakes that a retry cannot fix. */
export const defaultFailOn: ReadonlyArray<FailOn> = ["duplicate", "otherCluster"]

/** Origin of an address. */
export type Source = "seed" | "join" | "discovery"

export interface Outcome {
  /** Last error. `undefined` after a success, and if a peer with a link is at the address. */
  readonly error: HandshakeError | undefined
  /** Refusal of the last error that may stop this node. */
  readonly refusal: FailOn | undefined
  /** Time of the first of the consecutive errors with this refusal, in milliseconds. */
  readonly since: number
  /** Time of the last attempt, in milliseconds. */
  readonly at: number
  /** Number of consecutive attempts with an error; 0 after a success. */
  readonly failures: number
  /** Name of the peer that last answered with a link, if any. */
  readonly answeredBy: string | undefined
}

/** An address, its origin, and the outcome of its last dial. */
export interface DialedAddress {
  readonly address: Address
  readonly source: Source
  /** `undefined` before the first dial has ended. */
  readonly outcome: Outcome | undefined
}

export interface Options {
  readonly failOn: ReadonlyArray<FailOn>
  /**
   * Time for which a namesake must refuse this node before the name counts as taken, in milliseconds. A process that is
   * being replaced may run for a moment after its successor has started.
   */
  readonly namesakeTimeout: number
  /**
   * Time after a dial by an older process with this node's name during which refusals by such a process do not count,
   * in milliseconds, because the older process stops itself.
   */
  readonly olderTimeout: number
}

export class SeedOutcomes {
  private readonly options: Options
  private readonly seeds = new Map<Address, Exclude<Source, "discovery">>()
  private discovered: ReadonlySet<Address> = new Set()
  private readonly outcomes = new Map<Address, Outcome>()
  private isDiscoveryAwaited = true
  /** Time of the last dial by an older process with this node's name, in milliseconds. */
  private olderAt: number | undefined

  constructor(options: Options) {
    this.options = options
  }

  /** Adds a seed of the options, or an address that the application joined. */
  addSeed(address: Address, source: Exclude<Source, "discovery"> = "seed"): void {
    if (!this.seeds.has(address)) this.seeds.set(address, source)
  }

  /** Replaces the set of discovered addresses. */
  setDiscovered(addresses: ReadonlyArray<Address>): void {
    this.discovered = new Set(addresses)
    this.isDiscoveryAwaited = false
    for (const address of this.outcomes.keys()) if (!this.isKnown(address)) this.outcomes.delete(address)
  }

  /** Records that the discovery has ended. */
  endDiscovery(): void {
    this.isDiscoveryAwaited = false
  }

  /** Records the outcome of a dial. */
  note(address: Address, error: HandshakeError | undefined, now: number, answeredBy?: string): void {
    if (!this.isKnown(address)) return
    const refusal = error === undefined ? undefined : this.refusalOf(error)
    const before = this.outcomes.get(address)
    const since = before !== undefined && before.refusal === refusal ? before.since : now
    // The map keeps the order of the dials.
    this.outcomes.delete(address)
    const failures = error === undefined ? 0 : (before?.failures ?? 0) + 1
    this.outcomes.set(address, { error, refusal, since, at: now, failures, answeredBy })
  }

  /** Yields each address once. */
  *list(): Iterable<DialedAddress> {
    for (const address of this.addresses()) {
      const source = this.seeds.get(address) ?? "discovery"
      yield { address, source, outcome: this.outcomes.get(address) }
    }
  }

  /** Records that an older process with this node's name dialed, and has learned of this node. */
  noteOlder(now: number): void {
    this.olderAt = now
  }

  /** `true` if there is no address to dial. */
  get isEmpty(): boolean {
    return this.seeds.size === 0 && this.discovered.size === 0 && !this.isDiscoveryAwaited
  }

  /** Text and address of the last error that no success followed. */
  get lastError(): string | undefined {
    let last: string | undefined
    for (const [address, { error }] of this.outcomes) {
      if (error !== undefined && !isOwn(error)) last = describeDial(address, error)
    }
    return last
  }

  /** Tests whether every address has been tried and no namesake is still within `namesakeTimeout`. */
  isTried(now: number): boolean {
    if (this.isDiscoveryAwaited) return false
    for (const address of this.addresses()) {
      const outcome = this.outcomes.get(address)
      if (outcome === undefined || (outcome.refusal === "duplicate" && !this.isLasting(outcome, now))) return false
    }
    return true
  }

  /**
   * Returns the error that stops a node without a link, if there is one. A lasting namesake at any address stops the
   * node. Any other refusal stops the node only if no remaining address may accept it. For example, a seed of another
   * cluster is no reason to stop while another seed is unreachable.
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
    yield* this.seeds.keys()
    for (const address of this.discovered) if (!this.seeds.has(address)) yield address
  }

  private isKnown(address: Address): boolean {
    return this.seeds.has(address) || this.discovered.has(address)
  }

  /**
   * Tests whether a namesake has refused this node long enough for this node to stop. Of two namesakes that dial each
   * other, the older one stops.
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
    const reason = reasonOf(error)
    return this.options.failOn.find((each) => each === reason)
  }
}

/** Tests whether this node itself answered. */
export const isOwn = (error: HandshakeError): boolean => error._tag === "HandshakeRejected" && error.code === "self"

/**
 * Tests whether an older process with this node's name answered. Another peer would send the lowest generation that it
 * accepts.
 */
const isByOlder = (error: HandshakeError | undefined): boolean =>
  error?._tag === "HandshakeRejected" && error.by === "them" && error.atLeastGeneration === undefined

const stoppedError = (address: Address, { error }: Outcome): StoppedError | undefined => {
  if (error?._tag !== "HandshakeRejected") return undefined
  const reason = refusalReason(error)
  return reason._tag === "OwnAddress" ? undefined : new StoppedError({ reason, address })
}
