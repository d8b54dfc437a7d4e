/** The admin service of a peer of the demo, which a peer loads only for `--dashboard`. */
import { Admin } from "@coterie/admin"
import * as AdminNode from "@coterie/admin/AdminNode"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Serves the dashboard of a peer at any free port of the loopback. */
export const DashboardLive = AdminNode.layer({ port: 0 }).pipe(Layer.provide(Admin.layer()))

/** Address of the dashboard. */
export const dashboardUrl = Effect.map(AdminNode.AdminServer, ({ url }) => url)
