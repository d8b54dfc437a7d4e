/** Tests on real sockets that read the metrics of their nodes from a registry of their own. */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as NodeFs from "node:fs"
import { MetricReader } from "../../core/test/cluster/MetricReader.ts"

/** Registers a test. */
export const measured = (title: string, body: (metrics: MetricReader) => Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(title, () => {
    const registry: Metric.MetricRegistry = new Map()
    return Effect.provideService(body(new MetricReader(registry)), Metric.MetricRegistry, registry)
  })

/** Returns the number of attempts to make a link with the outcome. */
export const connections = (metrics: MetricReader, node: string, direction: "in" | "out", outcome: string): number =>
  metrics.sum(node, "coterie_connections_total", { direction, outcome })

/** Returns the names and types of the metrics in a section of the guide. */
export const listed = (section: string): Array<string> => {
  const file = new URL("../../../docs/metrics.md", import.meta.url)
  const parts = NodeFs.readFileSync(file, "utf8").split(/^#+ /m)
  const text = parts.find((part) => part.startsWith(`${section}\n`)) ?? ""
  return [...text.matchAll(/^\| `(coterie_\w+)` \| (\w+) \|/gm)].map(([, id, type]) => `${id} ${type}`)
}

/** Returns the names and types of the metrics with the label. */
export const shown = (metrics: MetricReader, label: string): Array<string> => {
  const found = metrics.all().filter(({ attributes }) => attributes?.[label] !== undefined)
  return [...new Set(found.map(({ id, type }) => `${id} ${type.toLowerCase()}`))]
}
