/** Metrics without a node. They keep the values by name and labels. */
import type { NodeMetrics, SeriesOptions } from "@coterie/core/NodeMetrics"
import type { Clock } from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { AnswerTime } from "../../src/internal/client/AnswerTime.ts"
import { InFlightRequests } from "../../src/internal/client/InFlightRequests.ts"
import { RequestMetrics } from "../../src/internal/RequestMetrics.ts"
import { startIn } from "../../src/internal/startIn.ts"

export class FakeMetrics {
  /** Sum of the numbers that were added to each series, by its name and the values of its labels. */
  private readonly sums = new Map<string, number>()
  /** Numbers that were recorded in histograms. */
  readonly recorded: Array<number> = []

  readonly metrics: NodeMetrics = {
    counter: (options) => ({ increment: () => this.add(options, 1) }),
    gauge: (options) => ({ add: (change) => this.add(options, change) }),
    observe: () => () => {},
    histogram: () => ({ record: (value) => void this.recorded.push(value) }),
    laneLabel: (lane) => lane,
  }

  /** Returns the metrics of a service `work` in the direction. */
  requests(direction: "in" | "out", metrics = this.metrics): RequestMetrics {
    return new RequestMetrics({ metrics, direction, service: "work" })
  }

  /** Values of the series that are not 0. The keys omit the common parts of the names. */
  get values(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.sums].filter(([, sum]) => sum !== 0))
  }

  private add({ id, labels }: SeriesOptions, change: number): void {
    const name = [id.replace(/^coterie_requests?_/, ""), labels["direction"], labels["outcome"]]
      .filter(Boolean)
      .join(" ")
    this.sums.set(name, (this.sums.get(name) ?? 0) + change)
  }
}

/** Makes requests in flight for the scope, with the metrics that count them. */
export const inFlightRequests: Effect.Effect<
  { readonly inFlight: InFlightRequests; readonly fake: FakeMetrics },
  never,
  Scope.Scope
> = Effect.gen(function* () {
  const fake = new FakeMetrics()
  const clock: Clock = yield* Effect.clockWith(Effect.succeed)
  const inFlight = new InFlightRequests({
    start: yield* startIn(yield* Effect.scope),
    metrics: fake.requests("out"),
    answerTime: new AnswerTime(fake.metrics, "work", clock),
  })
  return { inFlight, fake }
})
