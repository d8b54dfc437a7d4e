/**
 * Options of a node from variables of the environment.
 */
import * as Config from "effect/Config"
import * as Option from "effect/Option"
import type { Options } from "./Service.ts"

/** Reads the options that are not given. Variables of options that are given are not read. */
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

/** Returns the value that is given, or reads the variable, which may be missing. */
const unlessGiven = <A>(given: A | undefined, config: Config.Config<A>): Config.Config<A | undefined> =>
  given === undefined ? Config.map(Config.option(config), Option.getOrUndefined) : Config.succeed(given)

/** Reads a list that is separated by commas, without blanks and empty elements. */
const list = (variable: string): Config.Config<ReadonlyArray<string>> =>
  Config.map(Config.String(variable), (text) =>
    text
      .split(",")
      .map((each) => each.trim())
      .filter((each) => each !== ""),
  )
