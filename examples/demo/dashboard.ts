/** The admin service of a peer of the demo, and state for its dashboard. A peer loads them only for `--dashboard`. */
import { Admin } from "@coterie/admin"
import * as AdminNode from "@coterie/admin/AdminNode"
import * as Cluster from "@coterie/core/Cluster"
import * as Group from "@coterie/state/Group"
import * as Placement from "@coterie/state/Placement"
import * as Presence from "@coterie/state/Presence"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

/** Jobs that the peers share out among themselves. */
const jobs = Array.from({ length: 8 }, (_, i) => `job ${i + 1}`)

/** Shares which processes run, and which of them has each job. */
const SharedLive = Layer.effectDiscard(
  Effect.gen(function* () {
    const cluster = yield* Cluster.Cluster
    const { name } = yield* cluster.self
    const processes = yield* Presence.make("processes", { value: Schema.Struct({ pid: Schema.Int }) })
    yield* processes.track(name, { pid: process.pid })
    const workers = yield* Group.make("workers", { value: Schema.Null })
    const placement = yield* Placement.make(workers)
    yield* workers.join(null)
    for (const job of jobs) yield* Effect.forkScoped(placement.whileOwner(job, Effect.never))
  }),
)

/** Serves the dashboard of a peer at any free port of the loopback. */
export const DashboardLive = AdminNode.layer({ port: 0 }).pipe(
  Layer.provide(Admin.layer()),
  Layer.provideMerge(SharedLive),
)

/** Address of the dashboard. */
export const dashboardUrl = Effect.map(AdminNode.AdminServer, ({ url }) => url)
