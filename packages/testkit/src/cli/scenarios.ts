/** Search for the module that exports the scenarios, and for the scenarios in it. */
import * as fs from "node:fs"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Scenario from "../Scenario.ts"
import { SimulationError } from "../SimulationError.ts"

/** Modules to look for if the command line names none. */
export const defaultFiles = ["coterie.sim.ts", "coterie.sim.js"]

const wrong = (message: string): SimulationError => new SimulationError({ reason: "options", message })

/** Returns the path of the module with the scenarios. Fails if the file does not exist. */
export const locate = (file: string | undefined): Result.Result<string, SimulationError> => {
  const found = (file === undefined ? defaultFiles : [file]).map((name) => path.resolve(name)).find(isFile)
  if (found !== undefined) return Result.succeed(found)
  return Result.fail(
    wrong(
      file === undefined
        ? `there is no ${defaultFiles.join(" or ")} in ${process.cwd()}: name the module that exports the scenarios, ` +
            "as in `coterie-sim swarm test/lease.sim.ts`"
        : `there is no file "${file}": give the path of the module that exports the scenarios`,
    ),
  )
}

const isFile = (file: string): boolean => fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => {
  if (typeof value !== "object" || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * Returns the scenarios among the exports of a module, including those in arrays and records, each once and in the
 * order of their names. Fails if two scenarios have the same name.
 */
export const among = (exports: unknown): Result.Result<ReadonlyArray<Scenario.Scenario>, SimulationError> => {
  const found = new Set<Scenario.Scenario>()
  const seen = new Set<unknown>()
  const visit = (value: unknown): void => {
    if (Scenario.isScenario(value)) {
      found.add(value)
      return
    }
    if (seen.has(value)) return
    seen.add(value)
    if (Array.isArray(value)) for (const item of value) visit(item)
    else if (isRecord(value)) for (const item of Object.values(value)) visit(item)
  }
  // The namespace of a module has no prototype.
  visit(exports)
  const scenarios = [...found].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  const twice = scenarios.find(({ name }, index) => scenarios[index + 1]?.name === name)
  if (twice !== undefined) {
    return Result.fail(
      wrong(
        `two scenarios are named "${twice.name}": artifacts identify a scenario by its name, so give each its own name`,
      ),
    )
  }
  return Result.succeed(scenarios)
}

/** Loads the module and returns its scenarios. Fails if the module cannot be loaded or exports no scenario. */
export const load = (file: string): Effect.Effect<ReadonlyArray<Scenario.Scenario>, SimulationError> =>
  Effect.gen(function* () {
    const exports = yield* Effect.tryPromise({
      try: (): Promise<unknown> => import(pathToFileURL(file).href),
      catch: (cause) =>
        /\bvitest\b/i.test(String(cause))
          ? wrong(
              `${file} is a test, which only vitest can load. Export the scenario from a module of its own, as in ` +
                "`export const x = Simulation.scenario(name, options, body)`, use `it.sim(x)` in the test, and give that module here. " +
                "The command that the test printed runs its seed again without this module.",
            )
          : wrong(
              `${file} cannot be loaded: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`,
            ),
    })
    const scenarios = yield* Effect.fromResult(among(exports))
    if (scenarios.length > 0) return scenarios
    return yield* Effect.fail(
      wrong(
        `${file} exports no scenario: export the result of \`Simulation.scenario\`, as in ` +
          '`export const lease = Simulation.scenario("one lease holder", (sim) => ...)`',
      ),
    )
  })

/** Returns the scenario with the given name. Fails if there is none. */
export const named = (
  scenarios: ReadonlyArray<Scenario.Scenario>,
  name: string,
): Result.Result<Scenario.Scenario, SimulationError> => {
  const found = scenarios.find((scenario) => scenario.name === name)
  if (found !== undefined) return Result.succeed(found)
  const names = scenarios.map((scenario) => `"${scenario.name}"`).join(", ")
  return Result.fail(wrong(`there is no scenario "${name}"; the module exports ${names}`))
}
