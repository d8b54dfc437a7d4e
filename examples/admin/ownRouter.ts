/** Server of an application whose router has the routes of the admin service. */
// #region router
import { Admin } from "@coterie/admin"
import { Effect, Layer } from "effect"
import { HttpRouter } from "effect/http"

/** Ends the open event streams before the server closes. */
export const CloseStreams = Layer.effectDiscard(
  Effect.flatMap(Admin.Admin, ({ closeStreams }) => Effect.addFinalizer(() => closeStreams)),
)

const Routes = Admin.layerRoutes({ prefix: "/coterie", withoutTokens: true })

export const ServerLive = CloseStreams.pipe(Layer.provideMerge(HttpRouter.serve(Routes)))
// #endregion
