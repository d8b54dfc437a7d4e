/**
 * One question to the cluster: asks every member for its row, and members without a link through a member that has one.
 * Ends at the deadline at the latest, with the rows that have arrived.
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Row, Unanswered, UnansweredReason } from "../../Report.ts"

/** Number of requests under way at one time. It hides the round trips and bounds the memory for the answers. */
export const concurrency = 64

/** Number of requests that one relay carries at one time. With one row, it is below the limit of the relay. */
export const relayConcurrency = 2

/** Number of relays that are tried for one member. */
const maxRelays = 3

/** Reason why a request has no row. */
export interface Failure {
  readonly reason: UnansweredReason
  readonly message: string
}

/** A member to ask. */
export interface Target {
  readonly name: string
  /** `true` if this node has a link to the member. */
  readonly isLinked: boolean
  /** Name of the member that last reported a link to the member. */
  readonly through: string | undefined
}

/** Requests to other nodes. */
export interface Requests {
  readonly row: (name: string) => Effect.Effect<Row, Failure>
  readonly relay: (via: string, name: string, within: Duration.Duration) => Effect.Effect<Row, Failure>
}

export interface Options {
  readonly targets: ReadonlyArray<Target>
  readonly requests: Requests
  readonly deadline: Duration.Duration
}

const noRelay: Failure = { reason: "noLink", message: "no node that was asked has a link to the member" }

export class Question {
  private readonly options: Options
  private readonly permits = Semaphore.makeUnsafe(concurrency)
  private readonly relayPermits = new Map<string, Semaphore.Semaphore>()
  private readonly rows = new Map<string, Row>()
  private readonly failures = new Map<string, Failure>()
  /** Names of the members whose own answer arrived over a link of this node, so that they can relay. */
  private readonly relays = new Set<string>()
  /** Number of members with a link that have neither answered nor failed. */
  private waiting: number
  /** Completed and replaced when `relays` or `waiting` has changed. */
  private changed = Deferred.makeUnsafe<void>()

  constructor(options: Options) {
    this.options = options
    this.waiting = options.targets.filter(({ isLinked }) => isLinked).length
  }

  /** Asks all members. */
  readonly ask: Effect.Effect<{ readonly rows: ReadonlyArray<Row>; readonly unanswered: ReadonlyArray<Unanswered> }> =
    Effect.suspend(() => {
      const { deadline, targets } = this.options
      const asked = Effect.forEach(targets, (target) => this.askTarget(target), {
        concurrency: "unbounded",
        discard: true,
      })
      return Effect.map(Effect.timeoutOption(asked, deadline), () => this.result())
    })

  private result() {
    const late: Failure = {
      reason: "timeout",
      message: `no answer within ${Duration.format(this.options.deadline)}`,
    }
    const unanswered = this.options.targets.flatMap(({ name }): ReadonlyArray<Unanswered> =>
      this.rows.has(name) ? [] : [{ name, ...(this.failures.get(name) ?? late) }],
    )
    return { rows: [...this.rows.values()], unanswered }
  }

  private askTarget(target: Target): Effect.Effect<void> {
    if (!target.isLinked) return this.askRelays(target)
    const direct = Effect.matchEffect(this.permits.withPermit(this.options.requests.row(target.name)), {
      onSuccess: (row) => {
        this.rows.set(target.name, row)
        this.relays.add(target.name)
        return Effect.as(this.end, undefined)
      },
      onFailure: (failure) => Effect.as(this.end, failure),
    })
    return Effect.flatMap(direct, (failure) => {
      if (failure === undefined) return Effect.void
      // The link has ended since this node looked.
      if (failure.reason === "noLink") return this.askRelays({ ...target, isLinked: false })
      this.failures.set(target.name, failure)
      return Effect.void
    })
  }

  /** Notes that a member with a link has answered or failed. */
  private readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.waiting--
    const { changed } = this
    this.changed = Deferred.makeUnsafe()
    return Effect.asVoid(Deferred.succeed(changed, undefined))
  })

  private askRelays(target: Target): Effect.Effect<void> {
    const tried = new Set<string>()
    const attempt: Effect.Effect<void> = Effect.suspend(() => {
      const via = tried.size < maxRelays ? this.nextRelay(target, tried) : undefined
      if (via === undefined) {
        if (this.waiting > 0 && tried.size < maxRelays) {
          return Effect.andThen(
            Effect.suspend(() => Deferred.await(this.changed)),
            attempt,
          )
        }
        if (!this.failures.has(target.name)) this.failures.set(target.name, noRelay)
        return Effect.void
      }
      tried.add(via)
      return Effect.matchEffect(this.relayed(via, target.name), {
        onSuccess: (row) => Effect.sync(() => this.rows.set(target.name, row)),
        onFailure: (failure) => {
          this.failures.set(target.name, failure)
          return attempt
        },
      })
    })
    return attempt
  }

  private relayed(via: string, name: string): Effect.Effect<Row, Failure> {
    const { deadline, requests } = this.options
    const known = this.relayPermits.get(via) ?? Semaphore.makeUnsafe(relayConcurrency)
    this.relayPermits.set(via, known)
    return known.withPermit(this.permits.withPermit(requests.relay(via, name, deadline)))
  }

  /** Returns a member that reports a link to the target and has not been tried. */
  private nextRelay({ name, through }: Target, tried: ReadonlySet<string>): string | undefined {
    const isLinked = (via: string) => this.options.targets.some((each) => each.isLinked && each.name === via)
    if (through !== undefined && !tried.has(through) && isLinked(through)) return through
    for (const via of this.relays) {
      if (!tried.has(via) && hasLink(this.rows.get(via), name)) return via
    }
    return undefined
  }
}

const hasLink = (row: Row | undefined, name: string): boolean => {
  const i = row?.names.indexOf(name) ?? -1
  return row !== undefined && i >= 0 && row.link[i] === "u"
}
