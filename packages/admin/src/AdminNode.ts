/**
 * The admin service on an HTTP server of its own, for Node: on the loopback, on a Unix socket, or beyond the loopback with
 * tokens. Needs `@effect/platform-node`.
 *
 * ```ts
 * import { Admin } from "@coterie/admin"
 * import * as AdminNode from "@coterie/admin/AdminNode"
 * import { Cluster } from "@coterie/core"
 * import { NodeTransport } from "@coterie/node-transport"
 * import { Layer } from "effect"
 *
 * const MainLive = AdminNode.layerFromEnv().pipe(
 *   Layer.provide(Admin.layer()),
 *   Layer.provideMerge(Cluster.layerFromEnv()),
 *   Layer.provide(NodeTransport.layerFromEnv()),
 * )
 * ```
 *
 * @since 0.1.0
 */
import type { Cluster } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Access from "./internal/http/Access.ts"
import { annotateWithNode } from "./internal/annotateWithNode.ts"
import { Admin } from "./internal/Service.ts"
import { environmentConfig } from "./node/environmentConfig.ts"
import * as ListenAddress from "./node/listenAddress.ts"
import { readTokens } from "./node/readTokens.ts"
import * as Server from "./node/server.ts"

/**
 * Options of the admin service on a server of its own. All are optional.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Access.AccessOptions {
  /**
   * Host or IP address at which the server listens. An address beyond the loopback requires at least one token. Defaults to
   * `127.0.0.1`.
   */
  readonly host?: string | undefined
  /** Port at which the server listens. Port 0 picks any free port. Defaults to {@link defaultPort}. */
  readonly port?: number | undefined
  /**
   * Path of a Unix socket at which the server listens, instead of a host and a port. Only the owner of the process may
   * connect, unless `socketMode` allows others.
   */
  readonly socket?: string | undefined
  /** Mode of the file of the Unix socket, such as `0o660`. Defaults to `0o600`, which is the owner alone. */
  readonly socketMode?: number | undefined
  /** Certificate chain and private key in PEM, which make the server an HTTPS server. Absent by default. */
  readonly tls?: { readonly certificate: string; readonly key: Redacted.Redacted } | undefined
  /**
   * Files with a token each, which are read once at the start. White space around the token is ignored. Absent by default.
   */
  readonly tokenFiles?: ReadonlyArray<{ readonly role: "read" | "write"; readonly path: string }> | undefined
}

/**
 * Default port. It is the port after the default port of a node (`Address.defaultPort`), so that one rule of a firewall can
 * cover both.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaultPort = ListenAddress.defaultPort

/**
 * Error of a server that cannot listen.
 *
 * @category errors
 * @since 0.1.0
 */
export class ListenError extends Schema.TaggedError<ListenError>()("ListenError", {
  /** Address, or path of the Unix socket. */
  address: Schema.String,
  /** Description of the problem. */
  problem: Schema.String,
}) {
  // A stack trace into this library would not help to find the process that uses the port.
  override readonly stack: string = `${this.name}: ${this.message}`

  override get message(): string {
    return `the admin service cannot listen at ${this.address}: ${this.problem}`
  }
}

/**
 * The server of the admin service.
 *
 * @category services
 * @since 0.1.0
 */
export class AdminServer extends Context.Service<
  AdminServer,
  {
    /** Address of the server, such as `http://127.0.0.1:24869`, or `unix:PATH` for a Unix socket. */
    readonly url: string
  }
>()("@coterie/admin/AdminServer") {}

/**
 * Errors that keep the server from starting.
 *
 * @category errors
 * @since 0.1.0
 */
export type LayerError = OptionsError | ListenError

/**
 * Serves the HTTP API, the health, `/metrics` and the dashboard.
 *
 * **Details**
 *
 * - Without tokens, the server listens only on the loopback or on a Unix socket. Every user of the machine can then operate
 *   the node over the loopback. Use tokens or a Unix socket on a machine that several people use.
 * - Every change is one line of the log at the level `Info`, with the role, the first digits of the hash of the token, and
 *   the address of the sender.
 * - When the scope closes, the server accepts no further connections, ends the event streams, and waits up to one second for
 *   the other responses. It closes idle connections at once. The node leaves afterwards.
 * - The server ends a connection on which nothing has moved for 20 to 40 seconds, and accepts up to 256 connections.
 *
 * Fails with `OptionsError` if an option is invalid or a token is missing, and with `ListenError` if the server cannot
 * listen.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<AdminServer, LayerError, Admin | Cluster> =>
  Layer.unwrap(
    Effect.gen(function* () {
      const listen = yield* ListenAddress.listenAddress(options)
      const tokens = [...(options.tokens ?? []), ...(yield* readTokens(options.tokenFiles ?? []))]
      if (tokens.length === 0 && !listen.isLocal) {
        const problem =
          `are required, because ${listen.text} may be reachable from other machines; give one, for example in the file ` +
          "that COTERIE_ADMIN_TOKEN_FILE names, or listen on the loopback or a Unix socket"
        return yield* new OptionsError({ option: "tokens", problem })
      }
      const access = yield* Access.make({ ...options, tokens })
      const { inspection } = yield* Admin
      const started = Effect.tap(Server.BoundUrl, (url) =>
        annotateWithNode(inspection, logStart(url, { isLocal: listen.isLocal, tokens: tokens.length })),
      )
      return Layer.effect(
        AdminServer,
        Effect.map(started, (url) => AdminServer.of({ url })),
      ).pipe(
        Layer.provide(Server.layer({ listen, tls: options.tls, access })),
        Layer.catchTag("ServeError", ({ cause }) =>
          Layer.effect(
            AdminServer,
            Effect.fail(new ListenError({ address: listen.text, problem: Server.listenProblem(cause) })),
          ),
        ),
      )
    }),
  )

/** Writes where the server listens and who may ask to the log. */
const logStart = (url: string, { isLocal, tokens }: { readonly isLocal: boolean; readonly tokens: number }) => {
  const who = tokens === 0 ? "without tokens" : `with ${tokens} ${tokens === 1 ? "token" : "tokens"}`
  const line = Effect.logInfo(`admin: listens at ${url} ${who}`)
  return isLocal || url.startsWith("https:")
    ? line
    : Effect.andThen(
        line,
        Effect.logWarning(
          `admin: tokens are sent unencrypted to ${url}; use the option "tls", or a tunnel to the loopback`,
        ),
      )
}

/**
 * Serves the admin service with options from the configuration: either each option is a `Config`, or one `Config` yields all
 * of them. Fails with `ConfigError` if the configuration lacks an option, and otherwise like {@link layer}.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>,
): Layer.Layer<AdminServer, LayerError | Config.ConfigError, Admin | Cluster> =>
  Layer.unwrap(Effect.map(Config.unwrap<Options>(options), layer))

/**
 * Serves the admin service with options from environment variables. Options in `given` take precedence, and their variables
 * are not read. A given `host`, `port` or `socket` replaces all three variables, and given `tokens` or `tokenFiles` replace
 * all variables of tokens.
 *
 * | variable | option |
 * | --- | --- |
 * | `COTERIE_ADMIN_HOST` | `host` |
 * | `COTERIE_ADMIN_PORT` | `port` |
 * | `COTERIE_ADMIN_SOCKET` | `socket` |
 * | `COTERIE_ADMIN_TOKEN` | `tokens`, one with the role `write` |
 * | `COTERIE_ADMIN_TOKEN_FILE` | `tokenFiles`, one with the role `write` |
 * | `COTERIE_ADMIN_READ_TOKEN` | `tokens`, one with the role `read` |
 * | `COTERIE_ADMIN_READ_TOKEN_FILE` | `tokenFiles`, one with the role `read` |
 * | `COTERIE_ADMIN_ALLOWED_HOSTS` | `allowedHosts`, separated by commas |
 * | `COTERIE_ADMIN_READ_ONLY` | `readOnly`, `true` or `false` |
 * | `COTERIE_ADMIN_OPEN_METRICS` | `openMetrics`, `true` or `false` |
 * | `COTERIE_ADMIN_DASHBOARD` | `dashboard`, `true` or `false` |
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFromEnv = (
  given: Options = {},
): Layer.Layer<AdminServer, LayerError | Config.ConfigError, Admin | Cluster> =>
  Layer.unwrap(Effect.map(environmentConfig(given), (found) => layer({ ...given, ...found })))
