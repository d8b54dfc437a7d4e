/** Log lines of events, as the code of a node writes them through the loggers of Effect. */
import * as Address from "../../packages/core/src/Address.ts"
import { StoppedError, Superseded } from "../../packages/core/src/ClusterError.ts"
import type { ClusterEvent } from "../../packages/core/src/ClusterEvent.ts"
import { logEvent } from "../../packages/core/src/cluster/logEvent.ts"
import { describeStop } from "../../packages/core/src/cluster/Shutdown.ts"
import { annotateCompactly } from "../../packages/core/src/internal/logAnnotations.ts"
import * as LogBudget from "../../packages/core/src/internal/LogBudget.ts"
import { SeedAvailability } from "../../packages/core/src/peering/SeedAvailability.ts"
import { TransportError } from "../../packages/core/src/Transport.ts"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Result from "effect/Result"

/** Lines of one event in both formats. */
export interface Lines {
  readonly logfmt: ReadonlyArray<string>
  readonly json: ReadonlyArray<string>
}

/** Labels of the node that logs. */
export const labels = { cluster: "shop", node: "web-1" }

const writeLine = (event: ClusterEvent, log: LogBudget.LogBudget): Effect.Effect<void> => {
  switch (event._tag) {
    // The node logs these two where they occur, with more than the event has.
    case "SeedUnavailable": {
      const availability = new SeedAvailability({ log, onUnavailable: () => {} })
      const address = Result.getOrThrow(Address.parse(event.address))
      return availability.failed(address, new TransportError({ reason: "refused", message: event.message }))
    }
    case "Superseded":
      return Effect.logError(describeStop(new StoppedError({ reason: new Superseded() })))
    default:
      return logEvent(event, log)
  }
}

/** Clock of the examples, so that each run writes the same lines. */
const clock = Layer.effect(
  Clock.Clock,
  Effect.map(Clock.Clock, (clock) => ({
    ...clock,
    sleep: (duration: Parameters<typeof clock.sleep>[0]) => clock.sleep(duration),
    currentTimeMillisUnsafe: () => Date.UTC(2026, 0, 1, 12),
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  })),
)

/** Replaces the number of the fiber, which differs between runs. */
const stable = (line: string): string => line.replace(/(fiber=|"fiberId":")#\d+/, "$1#1")

/** Returns the lines of an event. */
export const linesOf = (event: ClusterEvent): Lines => {
  const [logfmt, json]: [Array<string>, Array<string>] = [[], []]
  const loggers = Logger.layer([
    Logger.map(Logger.formatLogFmt, (line) => void logfmt.push(stable(line))),
    Logger.map(Logger.formatJson, (line) => void json.push(stable(line))),
  ])
  const write = Effect.flatMap(LogBudget.make, (log) => writeLine(event, log))
  Effect.runSync(
    annotateCompactly(labels)(write).pipe(
      Effect.scoped,
      Effect.provide(Layer.merge(loggers, clock)),
      Effect.provideService(References.MinimumLogLevel, "Debug"),
    ),
  )
  return { logfmt, json }
}
