/** Options of transports and keyrings in the variables of the environment. */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { NameOf, ProofOptions } from "./proof.ts"

const variables = {
  host: "COTERIE_HOST",
  port: "COTERIE_PORT",
  advertise: "COTERIE_ADVERTISE",
  insecure: "COTERIE_INSECURE",
  insecureMigration: "COTERIE_INSECURE_MIGRATION",
  secret: "COTERIE_SECRET",
  secretFile: "COTERIE_SECRET_FILE",
  certificateFile: "COTERIE_TLS_CERT_FILE",
  keyFile: "COTERIE_TLS_KEY_FILE",
  authoritiesFile: "COTERIE_TLS_CA_FILE",
  revokedFile: "COTERIE_TLS_CRL_FILE",
  trust: "COTERIE_TLS_TRUST",
} as const

/** Options that have a variable. */
export interface EnvironmentOptions extends ProofOptions {
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly advertise?: string | ReadonlyArray<string> | undefined
}

/** Returns the name of an option that the program sets. */
export const optionName: NameOf = (option) => `the option "${option}"`

/** Returns the name of an option that the program sets, or the name of its variable. */
export const environmentName =
  (given: ProofOptions): NameOf =>
  (option) =>
    given[option] === undefined ? variables[option] : optionName(option)

/** Reads the secrets that are not given. */
export const secretConfig = (given: Pick<ProofOptions, "secret" | "secretFile">) =>
  Config.all({
    secret: unlessGiven(
      given.secret,
      Config.map(Config.Redacted(variables.secret), (text) =>
        Redacted.value(text) === "" ? undefined : separateSecrets(text),
      ),
    ),
    secretFile: unlessGiven(given.secretFile, text(variables.secretFile)),
  })

/** Reads the paths of certificates that are not given. */
export const certificateConfig = (
  given: Pick<ProofOptions, "certificateFile" | "keyFile" | "authoritiesFile" | "revokedFile">,
) =>
  Config.all({
    certificateFile: unlessGiven(given.certificateFile, text(variables.certificateFile)),
    keyFile: unlessGiven(given.keyFile, text(variables.keyFile)),
    authoritiesFile: unlessGiven(given.authoritiesFile, text(variables.authoritiesFile)),
    revokedFile: unlessGiven(given.revokedFile, text(variables.revokedFile)),
  })

/** Reads the options that are not given. A variable that is empty counts as not set. */
export const environmentConfig = (given: EnvironmentOptions): Config.Config<EnvironmentOptions> => {
  const read = Config.all({
    host: unlessGiven(given.host, text(variables.host)),
    port: unlessGiven(given.port, Config.schema(Port, variables.port)),
    advertise: unlessGiven(given.advertise, list(variables.advertise)),
    insecure: unlessGiven(given.insecure, Config.Boolean(variables.insecure)),
    insecureMigration: unlessGiven(given.insecureMigration, migration),
    trust: unlessGiven(given.trust, list(variables.trust)),
  })
  return Config.map(Config.all([read, secretConfig(given), certificateConfig(given)]), ([options, secrets, files]) => ({
    ...options,
    ...secrets,
    ...files,
  }))
}

/** Fails with a `ConfigError`. */
export const configError = (message: string): Effect.Effect<never, Config.ConfigError> => {
  const cause = new ConfigProvider.SourceError({ message })
  // A stack trace into this library would not help to find a configuration mistake.
  cause.stack = `${cause.name}: ${message}`
  return Effect.fail(new Config.ConfigError(cause))
}

/** Returns the given value, or reads the variable, which is optional. */
const unlessGiven = <A>(given: A | undefined, variable: Config.Config<A | undefined>): Config.Config<A | undefined> =>
  given === undefined ? Config.map(Config.option(variable), Option.getOrUndefined) : Config.succeed(given)

/** Reads a text. A provider of configuration may keep texts that are empty. */
const text = (variable: string): Config.Config<string | undefined> =>
  Config.map(Config.String(variable), (text) => (text === "" ? undefined : text))

/** Reads a list with commas as separators, and trims and drops empty elements. */
const list = (variable: string): Config.Config<ReadonlyArray<string> | undefined> =>
  Config.map(text(variable), (text) =>
    text
      ?.split(",")
      .map((each) => each.trim())
      .filter((each) => each !== ""),
  )

/** An empty text counts as not set. */
const migration: Config.Config<"listen" | "dial" | undefined> = Config.map(
  Config.Literals(["listen", "dial", ""], variables.insecureMigration),
  (step) => (step === "" ? undefined : step),
)

const Port = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 65_535 }))

/** Separates secrets at commas. Blank parts, such as the one after a comma at the end, are ignored. */
const separateSecrets = (text: Redacted.Redacted<string>): ReadonlyArray<Redacted.Redacted<string>> =>
  Redacted.value(text)
    .split(",")
    .filter((part) => part.trim() !== "")
    .map((part) => Redacted.make(part, { label: "secret" }))
