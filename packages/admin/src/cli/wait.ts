/** `coterie wait`: waits until a condition holds. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { AdminClient } from "./AdminClient.ts"
import { type CommandError, misuse } from "./CommandError.ts"
import { type ExitCode, exits } from "./exits.ts"
import { onlyClient, output, type Session } from "./Session.ts"
import { printable } from "./text.ts"

export interface Flags {
  readonly members: number | undefined
  readonly ready: boolean
  readonly one: boolean
  /** Time for which the condition must hold, in milliseconds. */
  readonly holdMillis: number
}

/** Time between two questions. A report of the cluster is kept for a second, so asking more often has no use. */
const interval = Duration.millis(500)

/** Answer to a question: the condition, and the state for people. */
interface Seen {
  readonly holds: boolean
  readonly state: string
}

type Condition = (client: AdminClient) => Effect.Effect<Seen, CommandError>

const hasMembers =
  (wanted: number): Condition =>
  (client) =>
    Effect.map(
      client.ask((api) => api.node.self({ query: {} })),
      ({ peers }) => {
        const count = 1 + peers.filter(({ status }) => status === "alive" || status === "suspect").length
        return { holds: count >= wanted, state: `${count} of ${wanted} members` }
      },
    )

const isReady: Condition = (client) =>
  Effect.map(
    client.ask((api) => api.health.ready()),
    ({ reason, status }) => ({ holds: status === "ok", state: `ready: ${status}, ${reason}` }),
  )

const isOne: Condition = (client) =>
  Effect.map(
    client.ask((api) => api.node.cluster({ query: {} })),
    ({ verdict }) => ({ holds: verdict.level === "ok", state: verdict.sentence }),
  )

const conditionOf = ({ members, one, ready }: Flags): Effect.Effect<Condition, CommandError> => {
  const given = [
    ...(members === undefined ? [] : [hasMembers(members)]),
    ...(ready ? [isReady] : []),
    ...(one ? [isOne] : []),
  ]
  const [condition] = given
  if (condition === undefined || given.length > 1) {
    return Effect.fail(misuse("wait needs one of --members N, --ready and --one"))
  }
  return members !== undefined && members < 1
    ? Effect.fail(misuse(`--members ${members} is not valid: give a number from 1`))
    : Effect.succeed(condition)
}

/** Follows the condition over time. */
class Progress {
  private readonly holdMillis: number
  private since: number | undefined
  private last: Seen | undefined
  private failure: CommandError | undefined

  constructor(holdMillis: number) {
    this.holdMillis = holdMillis
  }

  /** Records an answer. Returns the state if it is new. */
  record(result: Result.Result<Seen, CommandError>, now: number): string | undefined {
    const before = this.state
    if (Result.isSuccess(result)) {
      this.last = result.success
      this.failure = undefined
      this.since = result.success.holds ? (this.since ?? now) : undefined
    } else {
      this.failure = result.failure
      this.since = undefined
    }
    return this.state === before ? undefined : this.state
  }

  /** `true` if the condition has held for the whole time. */
  isReached(now: number): boolean {
    return this.since !== undefined && now - this.since >= this.holdMillis
  }

  /** Error of a service that never answered. */
  get neverAnswered(): CommandError | undefined {
    return this.last === undefined ? this.failure : undefined
  }

  get state(): string {
    return this.failure?.message ?? this.last?.state ?? "no answer yet"
  }
}

export const run = Effect.fnUntraced(function* (
  session: Session,
  flags: Flags,
): Effect.fn.Return<ExitCode, CommandError> {
  const client = yield* onlyClient(session)
  const condition = yield* conditionOf(flags)
  const end = (yield* Clock.currentTimeMillis) + session.timeout
  const progress = new Progress(flags.holdMillis)
  while (true) {
    const left = end - (yield* Clock.currentTimeMillis)
    if (left <= 0) break
    const result = yield* Effect.timeoutOption(Effect.result(condition(client)), Duration.millis(left))
    if (Option.isNone(result)) break
    const now = yield* Clock.currentTimeMillis
    const changed = progress.record(result.value, now)
    if (changed !== undefined && !progress.isReached(now)) yield* session.note(printable(changed))
    // The condition cannot change the answer of a refusal.
    if (Result.isFailure(result.value) && result.value.failure.exit !== exits.noAnswer) {
      return yield* Effect.fail(result.value.failure)
    }
    if (progress.isReached(now)) {
      yield* output(session, { schema: 1, reached: true, state: progress.state }, () => [printable(progress.state)])
      return exits.yes
    }
    yield* Effect.sleep(Duration.min(interval, Duration.millis(Math.max(0, end - now))))
  }
  const error = progress.neverAnswered
  if (error !== undefined) return yield* Effect.fail(error)
  yield* output(session, { schema: 1, reached: false, state: progress.state }, () => [
    `the time of ${session.timeout / 1_000} s is over (--timeout): ${printable(progress.state)}`,
  ])
  return exits.no
})
