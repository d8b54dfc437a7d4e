/**
 * `it.sim` for vitest, in addition to all members of `it` of `@effect/vitest`:
 *
 * ```ts
 * import { Cluster } from "@coterie/core"
 * import { FaultPlan } from "@coterie/testkit"
 * import { it } from "@coterie/testkit/vitest"
 * import { Effect } from "effect"
 *
 * it.sim("two nodes meet", { seeds: 20, faults: FaultPlan.swarm }, (sim) =>
 *   Effect.gen(function* () {
 *     const { a, b } = yield* sim.nodes(["a", "b"], (name) => Cluster.layer({ cluster: "test", name, seeds: ["a"] }))
 *     const peers = (node: typeof a) => node.service(Cluster.Cluster)?.viewUnsafe().peers.size
 *     yield* Effect.sleep("30 seconds") // Faults occur until `converges` ends them.
 *     yield* sim.converges(() => peers(a) === 1 && peers(b) === 1, { within: "2 minutes" })
 *   }),
 * )
 * ```
 *
 * A failing test prints the failure, the shrunk list of faults and draws that it takes, and the command that runs it
 * again. It also writes an artifact and a picture.
 *
 * @since 0.1.0
 */
import { it as effectIt } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { test, type TestContext } from "vitest"
import * as Files from "./node/files.ts"
import * as Scenario from "./Scenario.ts"
import * as Seeds from "./Seeds.ts"
import { SimulationError } from "./SimulationError.ts"
import * as Swarm from "./Swarm.ts"

/**
 * Options of a scenario and of its test.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Scenario.Options, TestOptions {}

/**
 * Options of the test of a scenario.
 *
 * @category options
 * @since 0.1.0
 */
export interface TestOptions {
  /** Number of seeds, from `base` on. Defaults to 1. */
  readonly seeds?: number | undefined
  /** First seed. `Seeds.base` makes one from the hash of a commit. Defaults to 1. */
  readonly base?: number | undefined
  /**
   * Timeout of the test with all its seeds, in milliseconds of real time. Defaults to the timeout of vitest for one
   * seed, and to {@link swarmTimeout} for several.
   */
  readonly timeout?: number | undefined
}

/**
 * Default timeout of a test with several seeds, in milliseconds. Most scenarios run hundreds of seeds in that time,
 * even on a busy machine.
 *
 * @category constants
 * @since 0.1.0
 */
export const swarmTimeout = 60_000

/**
 * Name of the environment variable with the seed that every simulated test runs instead of its own seeds.
 *
 * @category constants
 * @since 0.1.0
 */
export const seedVariable = "COTERIE_SIM_SEED"

interface Plan {
  readonly scenario: Scenario.Scenario
  readonly test: TestOptions
}

const seedsOf = ({ base = 1, seeds = 1 }: TestOptions): Result.Result<Seeds.Seeds, SimulationError> => {
  const only = onlySeed()
  return only === undefined ? Seeds.make(base, base + seeds - 1) : Seeds.parse(only)
}

const hasSeveral = ({ seeds = 1 }: TestOptions): boolean => seeds > 1

/** Returns the seed of the variable. An empty variable counts as missing. */
const onlySeed = (): string | undefined => {
  const text = process.env[seedVariable]
  return text === "" ? undefined : text
}

const quoted = (text: string): string =>
  /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

/**
 * Returns the command that runs the test again. Escapes the name for the regular expression of vitest and for the
 * shell.
 */
const again = (name: string, file: string, seed: number): string => {
  const pattern = `${name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`
  return `${seedVariable}=${seed} npx vitest run ${quoted(Files.shown(file))} -t ${quoted(pattern)}`
}

/** Maximum number of sentences in a message, so that it stays readable. */
const maxSentences = 12

const whatItTakes = (sentences: ReadonlyArray<string>, minimal: boolean): ReadonlyArray<string> =>
  sentences.length === 0
    ? ["It takes no fault and no random draw: it fails without them."]
    : [
        `What it takes${minimal ? "" : ", as far as shrinking got in its time"}:`,
        ...sentences.slice(0, maxSentences).map((sentence) => `  - ${sentence}`),
        ...(sentences.length > maxSentences
          ? [`  - and ${sentences.length - maxSentences} more, in the artifact`]
          : []),
      ]

/** Makes an error with the name of the failure. It has no stack, since all of its frames would be in the testkit. */
const named = (name: string, message: string): Error => {
  const error = new Error(message)
  error.name = name
  error.stack = `${name}: ${message}`
  return error
}

/** Writes the files of a failure. Returns the lines that name them, or the reason why they cannot be written. */
const writtenFiles = (found: Swarm.Found, line: string): ReadonlyArray<string> => {
  try {
    const { artifact, picture } = Files.write(found, { replay: () => line })
    return [`Artifact:     ${artifact}`, `Picture:      ${picture}`]
  } catch (cause) {
    // An exception would hide the failure of the scenario.
    return [`The artifact and the picture cannot be written: ${String(cause)}`]
  }
}

/** Writes the files of a failure. Returns an error with the failure, its causes, and the way to reproduce it. */
const describe = (name: string, file: string, found: Swarm.Found): Error => {
  const { artifact, failure } = found
  const line = again(name, file, artifact.seed)
  const lines = [
    failure.message,
    "",
    // The cause of a difference between two runs is not among the faults and draws.
    ...(failure._tag === "NonDeterministic"
      ? ["One seed alone may not reproduce it, because state left by other runs may cause the difference."]
      : whatItTakes(artifact.sentences ?? [], artifact.shrunk?.minimal !== false)),
    "",
    `Run it again: ${line}`,
    ...writtenFiles(found, line),
  ]
  const error = named(failure._tag, lines.join("\n"))
  // The stack of the cause shows the place in the scenario.
  if ("cause" in failure && failure.cause instanceof Error) error.cause = failure.cause
  return error
}

const execute = (name: string, file: string, { scenario, test: options }: Plan): Effect.Effect<void, Error> =>
  Effect.gen(function* () {
    const seeds = yield* Effect.fromResult(seedsOf(options))
    const { failures, never } = yield* Swarm.run(scenario, Seeds.iterate(seeds), { stopAfter: 1 })
    const [first] = failures
    if (first !== undefined) return yield* Effect.fail(describe(name, file, first))
    // A single seed of many cannot show that something never happens.
    if (onlySeed() === undefined && hasSeveral(options) && never.length > 0) {
      return yield* Effect.fail(named("NeverHappened", never.map(({ message }) => message).join("\n")))
    }
  })

/**
 * Signatures of `it.sim`: a scenario, or a name with a body and options.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sim {
  (scenario: Scenario.Scenario, options?: TestOptions): void
  (name: string, body: Scenario.Scenario["body"]): void
  (name: string, options: Options, body: Scenario.Scenario["body"]): void
}

const plan = (
  first: string | Scenario.Scenario,
  second: TestOptions | Options | Scenario.Scenario["body"] = {},
  body?: Scenario.Scenario["body"],
): Plan => {
  if (typeof second === "function") return plan(first, {}, second)
  if (typeof first !== "string") return { scenario: first, test: second }
  // The number of seeds is not an option of the scenario, so an artifact matches the test with any number of seeds.
  const { base, seeds, timeout, ...options }: Options = second
  return { scenario: Scenario.scenario(first, options, body ?? (() => Effect.void)), test: { base, seeds, timeout } }
}

const register =
  (add: (name: string, run: (context: TestContext) => Promise<void>, timeout?: number) => unknown): Sim =>
  (...args: Parameters<typeof plan>): void => {
    const planned = plan(...args)
    const { name } = planned.scenario
    // The signal stops the seeds of a test that has timed out.
    add(
      name,
      ({ signal, task }) => Effect.runPromise(execute(name, task.file.filepath, planned), { signal }),
      planned.test.timeout ?? (hasSeveral(planned.test) ? swarmTimeout : undefined),
    )
  }

const sim: Sim & { readonly only: Sim; readonly skip: Sim } = Object.assign(register(test), {
  only: register(test.only),
  skip: register(test.skip),
})

/**
 * `it` of `@effect/vitest` with the additional member `sim`.
 *
 * @category testing
 * @since 0.1.0
 */
export const it = Object.assign(effectIt, { sim })
