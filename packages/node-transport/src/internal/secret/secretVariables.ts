/** Variables of the environment that have the secrets of a node. */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/** The variables that are set. An empty one counts as not set. */
export const secretVariables = Config.all({
  secret: Config.map(
    Config.option(Config.Redacted("COTERIE_SECRET")),
    Option.filter((text) => Redacted.value(text) !== ""),
  ),
  path: Config.map(
    Config.option(Config.String("COTERIE_SECRET_FILE")),
    Option.filter((path) => path !== ""),
  ),
})

/** Fails with a `ConfigError`. */
export const configError = (message: string): Effect.Effect<never, Config.ConfigError> =>
  Effect.fail(new Config.ConfigError(new ConfigProvider.SourceError({ message })))
