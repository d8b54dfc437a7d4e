/**
 * The admin service of a node: its report, the cluster as every member sees it, its health, and its events. `Admin.layer`
 * provides the service and answers the admin services of other nodes. `Admin.layerRoutes` serves the HTTP API with the
 * router of an application; `AdminNode.layer` of `@coterie/admin/AdminNode` serves it on a port of its own.
 *
 * ```ts
 * import { Admin } from "@coterie/admin"
 * import * as AdminNode from "@coterie/admin/AdminNode"
 * import { Cluster } from "@coterie/core"
 * import { Layer } from "effect"
 *
 * const AdminLive = AdminNode.layer().pipe(
 *   Layer.provide(Admin.layer()),
 *   Layer.provideMerge(Cluster.layer({ cluster: "shop" })),
 * )
 * ```
 *
 * @since 0.1.0
 */
import { OptionsError } from "@coterie/core/ClusterError"
import type { Cluster } from "@coterie/core/Cluster"
import * as PeerRpcClient from "@coterie/rpc/PeerRpcClient"
import * as PeerRpcServer from "@coterie/rpc/PeerRpcServer"
import * as Effect from "effect/Effect"
import type * as Etag from "effect/http/Etag"
import type * as HttpPlatform from "effect/http/HttpPlatform"
import type * as HttpRouter from "effect/http/HttpRouter"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Layer from "effect/Layer"
import * as AdminService from "./internal/AdminService.ts"
import { handlers } from "./internal/question/answers.ts"
import { AdminRpcs, requestLimit, service } from "./internal/question/AdminRpcs.ts"
import { observeHealth } from "./internal/healthMetrics.ts"
import * as Access from "./internal/http/Access.ts"
import * as Routes from "./internal/http/routes.ts"
import { Admin, type Options } from "./internal/Service.ts"

export type { AccessOptions, AccessToken } from "./internal/http/Access.ts"
export { Admin, type Options, type Service } from "./internal/Service.ts"

/**
 * Provides the admin service, and answers the admin services of other nodes as the service `coterie-admin` of
 * `@coterie/rpc`. Fails with `OptionsError` if an option is invalid.
 *
 * **Details**
 *
 * Any peer with a link may ask. All requests only read, and a peer has at most four in flight. The policy of `Health` is
 * that of the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Admin, OptionsError, Cluster> =>
  Layer.unwrap(
    Effect.map(AdminService.make(options), (admin) =>
      PeerRpcServer.layer(AdminRpcs, { service, limit: requestLimit, disableTracing: true }).pipe(
        Layer.provide(AdminRpcs.toLayer(handlers(admin))),
        Layer.merge(Layer.succeed(Admin, admin.service)),
      ),
    ),
  ).pipe(Layer.provide(PeerRpcClient.layer({ service })))

/**
 * Options of {@link layerRoutes}.
 *
 * @category options
 * @since 0.1.0
 */
export interface RoutesOptions extends Access.AccessOptions {
  /** Path under which the routes are, such as `/coterie`. Absent by default. */
  readonly prefix?: `/${string}` | undefined
  /**
   * Serves the routes without tokens: everybody who reaches them may do everything. Use it only if other middleware of the
   * application checks who asks. Defaults to `false`.
   */
  readonly withoutTokens?: boolean | undefined
}

/** Services of an HTTP server that the routes need. */
type HttpServices =
  | HttpRouter.HttpRouter
  | HttpPlatform.HttpPlatform
  | Etag.Generator
  | FileSystem.FileSystem
  | Path.Path

/**
 * Adds the HTTP API, the health, `/metrics` and, below a prefix, the dashboard to the router of an application. Fails with `OptionsError` if an option is
 * invalid, and if there are no tokens without `withoutTokens`.
 *
 * **Details**
 *
 * The configuration and the bounds of the application's server apply. Its router needs `maxParamLength: 512`, because a name
 * of 128 bytes has up to 384 characters in a path. Its server should have a timeout for connections that do not read, which
 * a reader of events may otherwise keep open. Run `closeStreams` before the server closes: with an open event stream,
 * `NodeHttpServer` waits for its `gracefulShutdownTimeout`, which is 20 seconds by default, and then cuts the stream.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerRoutes = ({
  prefix,
  withoutTokens = false,
  ...access
}: RoutesOptions): Layer.Layer<never, OptionsError, Admin | Cluster | HttpServices> => {
  const problem =
    "give at least one token, or the option withoutTokens if other middleware of the application checks who asks"
  const checked =
    (access.tokens ?? []).length === 0 && !withoutTokens
      ? Effect.fail(new OptionsError({ option: "tokens", problem }))
      : Access.make({ ...access, dashboard: access.dashboard ?? prefix !== undefined })
  return Routes.admin.pipe(Routes.under(prefix), Layer.provide(Layer.effect(Access.CurrentAccess, checked)))
}

/**
 * Adds the health alone to the router of an application: `/health/started`, `/health/ready` and `/health/live`. It needs
 * neither the admin service nor a token. The policy of `Health` is that of the context.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHealth = (
  options: { readonly prefix?: `/${string}` | undefined } = {},
): Layer.Layer<never, never, Cluster | HttpServices> =>
  Layer.merge(Routes.under(options.prefix)(Routes.health), Layer.effectDiscard(observeHealth))
