/** Reads the options of a node from environment variables. */
import * as Config from "effect/Config"
import * as Option from "effect/Option"
import type { Options } from "./Service.ts"

/** Reads the options that are not given. Does not read the variables of given options. */
export const environmentConfig = (given: Partial<Options>): Config.Config<Options> => {
  const { cluster, name, seeds, tracing } = given
  const read = Config.all({
    cluster: cluster === undefined ? Config.String("COTERIE_CLUSTER") : Config.succeed(cluster),
    name: unlessGiven(name, Config.String("COTERIE_NAME")),
    seeds: unlessGiven(seeds, list("COTERIE_SEEDS")),
    tracing: unlessGiven(tracing, Config.Boolean("COTERIE_TRACING")),
  })
  return Config.map(read, (found) => ({ ...given, ...found }))
}

/** Returns the given value, or reads the variable, which is optional. */
const unlessGiven = <A>(given: A | undefined, config: Config.Config<A>): Config.Config<A | undefined> =>
  given === undefined ? Config.map(Config.option(config), Option.getOrUndefined) : Config.succeed(given)

/** Reads a list with commas as separators, and trims and drops empty elements. */
const list = (variable: string): Config.Config<ReadonlyArray<string>> =>
  Config.map(Config.String(variable), (text) =>
    text
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== ""),
  )
