/**
 * `it.sim` for vitest, beside all that `it` of `@effect/vitest` has:
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
 *     yield* sim.converges(() => peers(a) === 1 && peers(b) === 1, { within: "2 minutes" })
 *   }),
 * )
 * ```
 *
 * A failure prints what went wrong, the line that runs it again, and what it takes, shrunk; and writes an
 * artifact and a picture beside it.
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
 * How a scenario is, and how it is run as a test.
 *
 * @category options
 * @since 0.1.0
 */
export interface Options extends Scenario.Options, TestOptions {}

/**
 * How a scenario is run as a test.
 *
 * @category options
 * @since 0.1.0
 */
export interface TestOptions {
  /** How many seeds, from `base` on. Default: 1. */
  readonly seeds?: number | undefined
  /** The first seed. Default: 1. `Seeds.base` makes one from the hash of a commit. */
  readonly base?: number | undefined
  /**
   * How long the test may take, with all its seeds, in milliseconds of real time. Default: that of vitest for one seed, and
   * {@link swarmTimeout} for several.
   */
  readonly timeout?: number | undefined
}

/**
 * What hundreds of seeds of most scenarios take on a machine that does other things as well.
 *
 * @category constants
 * @since 0.1.0
 */
export const swarmTimeout = 60_000

/**
 * Runs only this seed of every simulated test.
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

/** An empty variable is as good as none. */
const onlySeed = (): string | undefined => {
  const text = process.env[seedVariable]
  return text === "" ? undefined : text
}

const quoted = (text: string): string =>
  /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`

/** The line that runs it again. vitest takes the name as a regular expression, and a shell takes it apart. */
const again = (name: string, file: string, seed: number): string => {
  const pattern = `${name.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)}$`
  return `${seedVariable}=${seed} npx vitest run ${quoted(Files.shown(file))} -t ${quoted(pattern)}`
}

/** What one reads at a glance. */
const maxSentences = 12

const whatItTakes = (sentences: ReadonlyArray<string>, minimal: boolean): ReadonlyArray<string> =>
  sentences.length === 0
    ? ["It takes no fault and no bad luck: it fails in the calm."]
    : [
        `What it takes${minimal ? "" : ", as far as it was shrunk in the time for it"}:`,
        ...sentences.slice(0, maxSentences).map((sentence) => `  - ${sentence}`),
        ...(sentences.length > maxSentences
          ? [`  - and ${sentences.length - maxSentences} more, in the artifact`]
          : []),
      ]

/** An error with the name of the failure, and no stack: its places are all in the testkit. */
const named = (name: string, message: string): Error => {
  const error = new Error(message)
  error.name = name
  error.stack = `${name}: ${message}`
  return error
}

/** What a person needs to know of a failure, and how to see it again. */
const describe = (name: string, file: string, found: Swarm.Found): Error => {
  const { artifact, failure } = found
  const line = again(name, file, artifact.seed)
  const files = Files.write(found, { replay: () => line })
  const lines = [
    failure.message,
    "",
    // What it takes to be different from run to run is nothing that the simulation decides.
    ...(failure._tag === "NonDeterministic"
      ? ["One seed alone may not show it, because what is left over from other runs may be what makes it different."]
      : whatItTakes(artifact.sentences ?? [], artifact.shrunk?.minimal !== false)),
    "",
    `Run it again: ${line}`,
    `Artifact:     ${files.artifact}`,
    `Picture:      ${files.picture}`,
  ]
  const error = named(failure._tag, lines.join("\n"))
  // The place in the scenario that failed says more than this one.
  if ("cause" in failure && failure.cause instanceof Error) error.cause = failure.cause
  return error
}

const execute = (name: string, file: string, { scenario, test: options }: Plan): Effect.Effect<void, Error> =>
  Effect.gen(function* () {
    const seeds = yield* Effect.fromResult(seedsOf(options))
    const { failures, never } = yield* Swarm.run(scenario, Seeds.iterate(seeds), { stopAfter: 1 })
    const [first] = failures
    if (first !== undefined) return yield* Effect.fail(describe(name, file, first))
    // One seed out of many says nothing about what happens sometimes.
    if (onlySeed() === undefined && hasSeveral(options) && never.length > 0) {
      return yield* Effect.fail(named("NeverHappened", never.map(({ message }) => message).join("\n")))
    }
  })

/**
 * The forms in which a scenario is given.
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
  // How often it is run is no part of what it is: an artifact is good for it with any number of seeds.
  const { base, seeds, timeout, ...options }: Options = second
  return { scenario: Scenario.scenario(first, options, body ?? (() => Effect.void)), test: { base, seeds, timeout } }
}

const register =
  (add: (name: string, run: (context: TestContext) => Promise<void>, timeout?: number) => unknown): Sim =>
  (...args: Parameters<typeof plan>): void => {
    const planned = plan(...args)
    const { name } = planned.scenario
    // A test that is over by its time runs no further seeds.
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
 * All of `it`, and `it.sim`.
 *
 * @category testing
 * @since 0.1.0
 */
export const it = Object.assign(effectIt, { sim })
