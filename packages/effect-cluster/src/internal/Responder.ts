/**
 * Marks dead runners as unhealthy in the storage. Each node has a responder. The responders act one after the other, so
 * that the storage gets one write for each dead runner.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { RunnerStorage } from "effect/cluster/RunnerStorage"
import * as Stream from "effect/Stream"
import type { RunnerPeers } from "../RunnerPeers.ts"
import { judge, rankOf } from "./judge.ts"
import { readRunners, type RegisteredRunner, storageTimeout } from "./registeredRunners.ts"

/**
 * Pause before the next attempt, if the storage failed or this node must not judge. Registrations change at this rate
 * or slower.
 */
const pause = Duration.seconds(1)

export interface Options {
  readonly peers: RunnerPeers["Service"]
  readonly storage: RunnerStorage["Service"]
  /** Time between two responders. */
  readonly stagger: Duration.Duration
  /** Time by which the responders without the first address wait longer if both sides have the same size. */
  readonly tieDelay: Duration.Duration
}

/** Reason for which dead runners are still marked as healthy. */
type Hindrance = "none" | "minority" | "storage"

const deadOf = (runners: ReadonlyArray<RegisteredRunner>): ReadonlyArray<RegisteredRunner> =>
  runners.filter(({ healthy, verdict }) => healthy && verdict === "dead")

export class Responder {
  private readonly options: Options
  /** Hindrance of the last attempt, so that each one is logged once. */
  private hindrance: Hindrance = "none"

  constructor(options: Options) {
    this.options = options
  }

  /** Responds to each death until this node stops. */
  get run(): Effect.Effect<void> {
    return Stream.runForEach(this.options.peers.deaths, () => this.respond)
  }

  /** Tries until no dead runner is marked as healthy. The registration of a dead runner expires, which bounds the time. */
  private readonly respond: Effect.Effect<void> = Effect.suspend(() =>
    this.attempt().pipe(
      Effect.catchCause((cause) =>
        Effect.as(this.report("storage", "cannot mark dead runners, because the storage failed", cause), false),
      ),
      Effect.flatMap((isDone) =>
        isDone || this.options.peers.isStopped() ? Effect.void : Effect.andThen(Effect.sleep(pause), this.respond),
      ),
    ),
  )

  /** Marks the dead runners if this node may. Returns `false` if some of them are still marked as healthy. */
  private readonly attempt = Effect.fnUntraced(function* (this: Responder) {
    const { peers, stagger, storage, tieDelay } = this.options
    const first = yield* readRunners(peers, storage)
    if (peers.isStopped() || deadOf(first).length === 0) return this.done()
    const judgement = judge(first)
    if (judgement === "never") return yield* this.refrain(first)
    const wait = Duration.sum(Duration.times(stagger, rankOf(first)), judgement === "later" ? tieDelay : Duration.zero)
    if (!Duration.isZero(wait)) yield* Effect.sleep(wait)
    // An earlier responder may have marked them, and a peer may have recovered.
    const runners = Duration.isZero(wait) ? first : yield* readRunners(peers, storage)
    if (peers.isStopped()) return this.done()
    if (judge(runners) === "never") return false
    for (const { address, runnerAddress } of deadOf(runners)) {
      yield* Effect.timeout(storage.setRunnerHealth(runnerAddress, false), storageTimeout)
      yield* Effect.logInfo(`marked the runner ${address} as unhealthy, because its peer has failed or left`)
    }
    return this.done()
  })

  private done(): boolean {
    this.hindrance = "none"
    return true
  }

  private refrain(runners: ReadonlyArray<RegisteredRunner>): Effect.Effect<boolean> {
    const count = (verdict: string) => runners.filter((runner) => runner.verdict === verdict).length
    const message =
      `does not mark ${deadOf(runners).length} dead runners, because this node reaches ${count("alive")} registered ` +
      `runners and has lost ${count("dead")}, or is itself not marked as healthy; their shards are free when their ` +
      "registrations expire"
    return Effect.as(this.report("minority", message), false)
  }

  private report(hindrance: Hindrance, ...message: ReadonlyArray<unknown>): Effect.Effect<void> {
    if (this.hindrance === hindrance) return Effect.void
    this.hindrance = hindrance
    return Effect.logWarning(...message)
  }
}
