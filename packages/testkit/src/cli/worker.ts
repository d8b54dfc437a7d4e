/**
 * Thread in which simulations run, one after the other. The command runs all simulations in such threads, and loads the
 * modules of scenarios there. An endless loop in a program therefore cannot block the command, output of a program
 * cannot mix with output of the command, and every run has the same environment.
 */
import { parentPort, workerData } from "node:worker_threads"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Queue from "effect/Queue"
import * as Artifact from "../Artifact.ts"
import * as Difference from "../Difference.ts"
import type { Scenario } from "../Scenario.ts"
import * as Simulation from "../Simulation.ts"
import type { Failure, SimulationError } from "../SimulationError.ts"
import * as Swarm from "../Swarm.ts"
import type { Reply, Request, ScenarioRun, Setup } from "./protocol.ts"
import * as Scenarios from "./scenarios.ts"

/** Loads the scenarios that the setup names, in the order of their names. */
const select = (setup: Setup): Effect.Effect<ReadonlyArray<Scenario>, SimulationError> =>
  Effect.flatMap(Scenarios.load(setup.file), (all) =>
    setup.scenario === undefined
      ? Effect.succeed(all)
      : Effect.map(Effect.fromResult(Scenarios.named(all, setup.scenario)), (one) => [one]),
  )

/** Makes the copyable form of a result. */
const toRun = (scenario: string, result: Swarm.SeedResult): ScenarioRun => {
  const { found } = result
  return {
    ...result,
    scenario,
    found: found === undefined ? undefined : { artifact: Artifact.encode(found.artifact), trace: found.trace },
  }
}

/** Runner of the seeds of a thread, which can run the first seed of each scenario again at the end. */
class SeedRuns {
  private readonly scenarios: ReadonlyArray<Scenario>
  private readonly options: Swarm.SeedOptions
  private readonly first = new Map<Scenario, Swarm.SeedResult>()
  private count = 0

  constructor(scenarios: ReadonlyArray<Scenario>, { explore, isolate, shrink }: Setup) {
    this.scenarios = scenarios
    this.options = { explore, shrink, once: isolate }
  }

  run(seed: number, name: string): Effect.Effect<Reply, SimulationError> {
    return Effect.gen({ self: this }, function* () {
      const scenario = yield* Effect.fromResult(Scenarios.named(this.scenarios, name))
      this.count++
      const result = yield* Swarm.runSeed(scenario, seed, this.options)
      if (!this.first.has(scenario)) this.first.set(scenario, result)
      return { _tag: "Done", runs: [toRun(scenario.name, result)] }
    })
  }

  get repeat(): Effect.Effect<Reply, SimulationError> {
    const strict = this.count < 2 ? [] : [...this.first].filter(([scenario]) => Swarm.isRepeated(scenario))
    const runs = Effect.forEach(strict, ([scenario, first]) =>
      Effect.map(Swarm.repeatSeed(scenario, first), (found) =>
        found === undefined ? [] : [toRun(scenario.name, { ...first, found })],
      ),
    )
    return Effect.map(runs, (runs) => ({ _tag: "Done", runs: runs.flat() }))
  }
}

/** Returns the stack of the cause of a failure, if the cause is an error. */
const stackOf = (failure: Failure): string | undefined =>
  "cause" in failure && failure.cause instanceof Error ? failure.cause.stack : undefined

/** Replays an artifact twice, because only a deterministic failure can be compared. */
const replay = (scenarios: ReadonlyArray<Scenario>, text: string): Effect.Effect<Reply, SimulationError> =>
  Effect.gen(function* () {
    const artifact = yield* Effect.fromResult(Artifact.decode(text))
    const scenario = yield* Effect.fromResult(Scenarios.named(scenarios, artifact.scenario))
    yield* Effect.fromResult(Artifact.matches(artifact, scenario.name, Swarm.fingerprint(scenario)))
    const { deviations, explore, network, seed, timeline } = artifact
    const once = Simulation.outcome(scenario, {
      seed,
      explore,
      trace: true,
      replay: { network, timeline, deviations },
    })
    const first = yield* once
    const second = yield* once
    const failure =
      first.report.traceHash === second.report.traceHash
        ? first.failure
        : Difference.nonDeterministic(seed, first.report, second.report)
    const { trace, traceHash } = first.report
    return {
      _tag: "Replayed",
      asRecorded: Swarm.sameCheck(artifact.failure, failure),
      failure:
        failure === undefined ? undefined : { tag: failure._tag, message: failure.message, stack: stackOf(failure) },
      traceHash,
      trace: trace ?? { scenario: scenario.name, seed, nodes: [], skipped: 0, events: [] },
    }
  })

const serve = (port: NonNullable<typeof parentPort>, setup: Setup): Effect.Effect<void> => {
  const say = (reply: Reply): void => port.postMessage(reply)
  const refuse = ({ message, reason }: SimulationError): void => say({ _tag: "Refused", reason, message })
  return Effect.gen(function* () {
    const scenarios = yield* select(setup)
    const requests = yield* Queue.unbounded<Request>()
    port.on("message", (request: Request) => void Queue.offerUnsafe(requests, request))
    say({ _tag: "Loaded", scenarios: scenarios.map(({ name, options }) => ({ name, faults: options.faults })) })
    const runs = new SeedRuns(scenarios, setup)
    const answer = Effect.flatMap(Queue.take(requests), (request) => {
      if (request._tag === "Seed") return runs.run(request.seed, request.scenario)
      return request._tag === "Repeat" ? runs.repeat : replay(scenarios, request.artifact)
    })
    return yield* Effect.forever(Effect.match(answer, { onFailure: refuse, onSuccess: say }))
  }).pipe(Effect.catchTag("SimulationError", (error) => Effect.sync(() => refuse(error))))
}

if (parentPort !== null) {
  const setup: Setup = workerData
  Effect.runFork(serve(parentPort, setup)).addObserver((exit) => {
    // An unexpected error ends the thread. The command then reports the seed that the thread was running.
    if (Exit.isFailure(exit))
      setImmediate(() => {
        throw Cause.squash(exit.cause)
      })
  })
}
