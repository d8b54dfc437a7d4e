import { PeerPersistedCache } from "@coterie/reactivity"
import { Context, Effect, Layer, Schema } from "effect"
import { Persistable } from "effect/persistence"

/** Report of one year, by its key. */
export class Report extends Persistable.Class<{ payload: { readonly year: number } }>()("Report", {
  primaryKey: ({ year }) => String(year),
  success: Schema.String,
}) {}

/** Reports that take long to make. All instances share the store of the reports, for example Redis. */
export class Reports extends Context.Service<Reports>()("app/Reports", {
  make: Effect.fnUntraced(function* (make: (year: number) => Effect.Effect<string>) {
    const cache = yield* PeerPersistedCache.make(({ year }: Report) => make(year), {
      storeId: "reports",
      timeToLive: () => "1 day",
      // The memory may keep reports for long, because each instance learns when one is outdated.
      inMemoryTTL: () => "1 hour",
    })
    return {
      get: (year: number) => cache.get(new Report({ year })),
      /** Removes an outdated report from the store, and from the memory of all instances. */
      outdated: (year: number) => cache.invalidate(new Report({ year })),
    }
  }),
}) {
  static readonly layer = (make: (year: number) => Effect.Effect<string>) => Layer.effect(Reports, Reports.make(make))
}
