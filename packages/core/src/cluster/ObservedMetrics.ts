/**
 * Metrics that are computed when somebody reads them, in the registry for as long as a scope is open.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"

type Labels = Readonly<Record<string, string>>

export interface ObservedMetrics {
  /** Shows a state of any type. */
  readonly show: <State>(
    type: Metric.Metric.Type,
    id: string,
    description: string,
    labels: Labels,
    get: () => State,
  ) => void
  /** Shows a number that goes up and down. */
  readonly gauge: (id: string, description: string, labels: Labels, read: () => number) => void
  /** Shows a sum. */
  readonly counter: (id: string, description: string, labels: Labels, read: () => number) => void
  /** Sums under one name: gives the one with these labels, which is shown from the first time that it is asked for. */
  readonly counters: (id: string, description: string) => (labels: Labels) => Counter
}

export interface Counter {
  count: number
}

const ignore = (): void => {}

/** Series with these labels and those of the context. */
export const make = Effect.fnUntraced(function* (
  common: Labels,
): Effect.fn.Return<ObservedMetrics, never, Scope.Scope> {
  const registry = yield* Metric.MetricRegistry
  const ofContext = yield* Metric.CurrentMetricAttributes
  const shown = new Map<string, Metric.Metric.Metadata<never, unknown>>()
  let over = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      over = true
      // A newer life of the node in the same process may have taken the place.
      for (const [key, metadata] of shown) if (registry.get(key) === metadata) registry.delete(key)
    }),
  )

  // `Metric.registerUnsafe` does the same and is not stable; the registry is.
  const show: ObservedMetrics["show"] = (type, id, description, labels, get) => {
    if (over) return
    const attributes = { ...ofContext, ...common, ...labels }
    const metadata = { id, type, description, attributes, hooks: { get, update: ignore, modify: ignore } }
    const key = `${id} ${JSON.stringify(attributes)}`
    shown.set(key, metadata)
    registry.set(key, metadata)
  }

  const counter: ObservedMetrics["counter"] = (id, description, labels, read) =>
    show("Counter", id, description, labels, () => ({ count: read(), incremental: true }))

  return {
    show,
    gauge: (id, description, labels, read) => show("Gauge", id, description, labels, () => ({ value: read() })),
    counter,
    counters: (id, description) => {
      const sums = new Map<string, Counter>()
      return (labels) => {
        const key = JSON.stringify(labels)
        let sum = sums.get(key)
        if (sum === undefined) {
          const fresh = (sum = { count: 0 })
          sums.set(key, fresh)
          counter(id, description, labels, () => fresh.count)
        }
        return sum
      }
    },
  }
})
