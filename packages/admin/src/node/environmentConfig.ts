/** Reads the options of the server from environment variables. */
import * as Config from "effect/Config"
import * as Option from "effect/Option"
import type { AccessToken } from "../internal/http/Access.ts"
import type { ListenOptions } from "./listenAddress.ts"

interface TokenFile {
  readonly role: "read" | "write"
  readonly path: string
}

/** The options that have variables. */
export interface EnvironmentOptions extends ListenOptions {
  readonly tokens?: ReadonlyArray<AccessToken> | undefined
  readonly tokenFiles?: ReadonlyArray<TokenFile> | undefined
  readonly allowedHosts?: ReadonlyArray<string> | undefined
  readonly readOnly?: boolean | undefined
  readonly openMetrics?: boolean | undefined
  readonly dashboard?: boolean | undefined
}

const optional = <A>(config: Config.Config<A>): Config.Config<A | undefined> =>
  Config.map(Config.option(config), Option.getOrUndefined)

/** Returns the given value, or reads the variable. */
const unlessGiven = <A>(given: A | undefined, config: Config.Config<A>): Config.Config<A | undefined> =>
  given === undefined ? optional(config) : Config.succeed(given)

const list = (variable: string): Config.Config<ReadonlyArray<string>> =>
  Config.map(Config.String(variable), (text) =>
    text
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== ""),
  )

const tokens: Config.Config<ReadonlyArray<AccessToken>> = Config.map(
  Config.all({
    write: optional(Config.Redacted("COTERIE_ADMIN_TOKEN")),
    read: optional(Config.Redacted("COTERIE_ADMIN_READ_TOKEN")),
  }),
  ({ read, write }) => [
    ...(write === undefined ? [] : [{ role: "write" as const, token: write }]),
    ...(read === undefined ? [] : [{ role: "read" as const, token: read }]),
  ],
)

const tokenFiles: Config.Config<ReadonlyArray<TokenFile>> = Config.map(
  Config.all({
    write: optional(Config.String("COTERIE_ADMIN_TOKEN_FILE")),
    read: optional(Config.String("COTERIE_ADMIN_READ_TOKEN_FILE")),
  }),
  ({ read, write }) => [
    ...(write === undefined ? [] : [{ role: "write" as const, path: write }]),
    ...(read === undefined ? [] : [{ role: "read" as const, path: read }]),
  ],
)

/** Reads the options that are not given. Does not read the variables of given options. */
export const environmentConfig = (given: EnvironmentOptions): Config.Config<EnvironmentOptions> => {
  // A given place replaces the place of the environment as a whole: a socket excludes a host and a port.
  const hasPlace = given.host !== undefined || given.port !== undefined || given.socket !== undefined
  const place = {
    host: hasPlace ? Config.succeed(given.host) : optional(Config.String("COTERIE_ADMIN_HOST")),
    port: hasPlace ? Config.succeed(given.port) : optional(Config.Int("COTERIE_ADMIN_PORT")),
    socket: hasPlace ? Config.succeed(given.socket) : optional(Config.String("COTERIE_ADMIN_SOCKET")),
  }
  // Given tokens replace the tokens of the environment in both forms, so that no further token is valid by accident.
  const hasTokens = given.tokens !== undefined || given.tokenFiles !== undefined
  return Config.all({
    ...place,
    tokens: hasTokens ? Config.succeed(given.tokens) : tokens,
    tokenFiles: hasTokens ? Config.succeed(given.tokenFiles) : tokenFiles,
    allowedHosts: unlessGiven(given.allowedHosts, list("COTERIE_ADMIN_ALLOWED_HOSTS")),
    readOnly: unlessGiven(given.readOnly, Config.Boolean("COTERIE_ADMIN_READ_ONLY")),
    openMetrics: unlessGiven(given.openMetrics, Config.Boolean("COTERIE_ADMIN_OPEN_METRICS")),
    dashboard: unlessGiven(given.dashboard, Config.Boolean("COTERIE_ADMIN_DASHBOARD")),
  })
}
