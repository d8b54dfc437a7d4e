/** Makes reports of the cluster: asks all members, and compares their rows. */
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import type { Inspection } from "@coterie/core/Inspection"
import type { Clock } from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type ClusterReport, makeClusterReport, type Row } from "../../Report.ts"
import * as Verdict from "../../Verdict.ts"
import type { AdminMetrics } from "../AdminMetrics.ts"
import { Question, type Requests, type Target } from "./Question.ts"

/** A report, and its text for all who ask over HTTP. */
export interface Answered {
  readonly report: ClusterReport
  readonly json: string
}

export interface Options {
  readonly inspection: Effect.Effect<Inspection>
  /** Row of this node. */
  readonly row: Effect.Effect<Row>
  readonly requests: Requests
  readonly metrics: AdminMetrics
  readonly clock: Clock
}

export class ClusterReporter {
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  /** Asks all members, and returns the report at the deadline at the latest. */
  report(deadline: Duration.Duration): Effect.Effect<Answered> {
    const { clock, inspection, metrics, requests, row } = this.options
    return Effect.gen({ self: this }, function* () {
      const began = this.now()
      const targets = targetsOf(yield* inspection)
      const { rows: others, unanswered } = yield* new Question({ targets, requests, deadline }).ask
      const own = yield* row
      const rows = [own, ...others]
      // Each of the three steps takes milliseconds with hundreds of members. Heartbeats have their turn in between.
      yield* Effect.yieldNow
      const verdict = Verdict.make({ rows, unanswered })
      yield* Effect.yieldNow
      const tookMillis = Math.round(this.now() - began)
      const at = clock.currentTimeMillisUnsafe()
      const report = makeClusterReport({ askedBy: own.name, at, tookMillis, rows, unanswered, verdict })
      yield* Effect.yieldNow
      metrics.answered(tookMillis, unanswered)
      return { report, json: JSON.stringify(report) }
    })
  }

  private now(): number {
    return MonotonicTime.millisUnsafe(this.options.clock)
  }
}

/** Returns the members to ask. */
const targetsOf = ({ peers }: Inspection): ReadonlyArray<Target> =>
  peers.flatMap(({ link, name, status, through }): ReadonlyArray<Target> =>
    status === "alive" || status === "suspect" ? [{ name, isLinked: link === "up", through }] : [],
  )
