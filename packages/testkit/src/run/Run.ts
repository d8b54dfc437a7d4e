/**
 * One run of a scenario: the kernel, the network, the nodes, the faults and the checks, put together.
 */
import type * as Transport from "@coterie/core/Transport"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Micros from "../internal/Micros.ts"
import * as LifeContext from "../kernel/context.ts"
import * as Draws from "../kernel/Draws.ts"
import * as Globals from "../kernel/Globals.ts"
import { Kernel, lives, type Life, type Stop } from "../kernel/Kernel.ts"
import * as Prng from "../kernel/prng.ts"
import * as Engine from "../network/Engine.ts"
import * as Scenario from "../Scenario.ts"
import * as SimulationError from "../SimulationError.ts"
import * as Checks from "./Checks.ts"
import * as Faults from "./Faults.ts"
import { handle } from "./handle.ts"
import * as Nodes from "./Nodes.ts"
import * as Observer from "./Observer.ts"
import { type Misuse, misuse, prepare, type Prepared } from "./prepare.ts"
import * as Recorder from "./Recorder.ts"
import * as Stopping from "./Stopping.ts"

/** The name of the life in which the scenario itself runs. */
export const scenarioName = "scenario"

/** A name that is a host, too. */
const nameForm = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

/** Runs the scenario. Synchronous, and to be called from a turn of its own. */
export const run = (
  scenario: Scenario.Scenario,
  options: Scenario.RunOptions,
): Effect.Effect<Scenario.Outcome, Misuse> => {
  const prepared = prepare(scenario, options)
  if (Result.isFailure(prepared)) return Effect.fail(prepared.failure)
  const world = new World(scenario, options, prepared.success)
  return Effect.fromResult(options.stacks === false ? Globals.withoutStacks(() => world.run()) : world.run())
}

class World {
  private readonly scenario: Scenario.Scenario
  private readonly options: Scenario.RunOptions
  private readonly explore: Scenario.Explore
  private readonly draws: Draws.Draws
  private readonly recorder: Recorder.Recorder
  private readonly kernel: Kernel
  private readonly engine: Engine.Engine
  private readonly checks: Checks.Checks
  private readonly faults: Faults.Faults
  private readonly stopping: Stopping.Stopping
  private readonly host: Nodes.Host
  private readonly nodes = new Map<string, Nodes.NodeState<never>>()
  private readonly self: Life
  private readonly contexts = new WeakMap<Life, Context.Context<never>>()
  private failure: SimulationError.Failure | undefined
  /** The first fiber of the scenario that died. If the scenario ends well all the same, nobody has heard of it. */
  private died: SimulationError.ScenarioFailed | undefined
  private wrong: Misuse | undefined

  constructor(scenario: Scenario.Scenario, options: Scenario.RunOptions, prepared: Prepared) {
    const { explore, source, timeLimit } = prepared
    this.scenario = scenario
    this.options = options
    this.explore = explore
    this.draws = options.replay === undefined ? Draws.seeded(options.seed) : Draws.replaying(options.replay.deviations)
    this.recorder =
      options.trace === undefined || options.trace === false
        ? Recorder.none
        : Recorder.make(options.trace === true ? undefined : options.trace)
    this.kernel = new Kernel({
      draws: this.draws,
      explore: this.explore,
      timeLimit,
      stepsPerInstant: scenario.options.stepsPerInstant ?? Scenario.defaultStepsPerInstant,
      afterStep: (life) => {
        if (life === undefined) this.checks.look()
        else this.checks.step(life === this.self ? undefined : life.machine.name)
      },
      threw: (life, cause) => this.threw(life, cause),
      pump: Globals.pump,
    })
    const { kernel } = this
    this.self = kernel.life(kernel.machine(scenarioName), 1)
    this.engine = Engine.make(
      {
        timeline: { now: () => kernel.now, schedule: (at, run) => kernel.agenda.add(at, run) },
        draws: this.draws,
        process: (host) => {
          const life = this.nodes.get(host)?.life
          return { enqueue: (task) => (life === undefined ? task() : kernel.enqueue(life, task)) }
        },
        observe: Observer.make({
          kernel,
          recorder: this.recorder,
          describe: scenario.options.describe,
        }),
      },
      { conditions: { ...Faults.calm, ...source.network } },
    )
    this.checks = Checks.make({
      now: () => kernel.now,
      fail: (failure) => this.fail(failure),
      after: (micros, run) => {
        const entry = kernel.agenda.add(kernel.now + micros, run)
        return () => entry.cancel()
      },
    })
    this.stopping = Stopping.make({
      kernel,
      engine: this.engine,
      enabled: scenario.options.leaks !== false,
      fail: (failure) => this.fail(failure),
    })
    this.host = {
      kernel,
      context: (life) => this.contextOf(life),
      transport: (name) => this.engine.transport(name),
      loseConnections: (name, silent) => this.engine.crash(name, { silent }),
      fail: (failure) => this.fail(failure),
      record: (event) => this.recorder.add(event),
      stopped: (node, life) => this.stopping.watch(node, life),
    }
    this.faults = Faults.make({
      source,
      host: this.host,
      engine: this.engine,
      nodes: this.nodes,
      recorder: this.recorder,
      check: (names) => {
        const unknown = this.unknownName(names)
        if (unknown === undefined) return true
        this.wrong ??= misuse("nodeName", `the fault plan: ${unknown.message}`)
        this.kernel.halt()
        return false
      },
    })
  }

  run(): Result.Result<Scenario.Outcome, Misuse> {
    const { kernel } = this
    const chance = Prng.make(this.options.seed, "globals")
    const stop = Globals.within(
      {
        wallMillis: () => LifeContext.wallMillis(kernel, this.asking()),
        monotonicNanos: () => LifeContext.monotonicNanos(kernel, this.asking()),
        random: chance.next,
        after: (millis, task) => this.after(millis, task),
        threw: (cause) => this.threw(this.asking(), cause),
        used: this.scenario.options.strict === true ? (what) => this.escaped(what) : () => undefined,
      },
      () => {
        kernel.begin(this.self, () => {
          Effect.runForkWith(this.contextOf(this.self))(this.program()).addObserver((exit) => this.ended(exit))
        })
        this.faults.begin()
        return kernel.run()
      },
    )
    if (stop !== undefined && this.wrong === undefined) this.failure ??= this.stopped(stop)
    if (this.wrong !== undefined) return Result.fail(this.wrong)
    return Result.succeed({ report: this.report(), failure: this.failure })
  }

  /** The scenario, and what comes after it: what was to hold eventually, and an end in good order. */
  private program(): Effect.Effect<unknown, unknown> {
    const { checks } = this
    const sim = this.sim()
    return Effect.scoped(this.scenario.body(sim)).pipe(
      Effect.provideService(Scenario.Simulation, { ...sim, checks }),
      Effect.andThen(this.until(() => checks.settled())),
      Effect.andThen(Effect.suspend(() => this.stopAll())),
    )
  }

  private stopAll(): Effect.Effect<void> {
    this.checks.end()
    this.faults.end(() => false)
    return Effect.forEach(
      this.nodes.values(),
      (node) => {
        Nodes.hasten(this.host, node)
        if (!Nodes.isAlive(node)) return Effect.void
        Nodes.stop(this.host, node)
        return Nodes.until(this.host, node, ["stopped", "died", "crashed"])
      },
      { concurrency: "unbounded", discard: true },
    ).pipe(Effect.andThen(this.freed()))
  }

  /** Waits until all that was stopped is free. No step of a node tells, so it is looked at now and then. */
  private freed(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.stopping.settled() ? Effect.void : Effect.andThen(Effect.sleep("100 millis"), this.freed()),
    )
  }

  private ended(exit: Exit.Exit<unknown, unknown>): void {
    this.kernel.halt()
    if (this.failure !== undefined) return
    if (Exit.isSuccess(exit)) {
      if (this.died !== undefined) this.fail(this.died)
      return
    }
    const cause = Cause.squash(exit.cause)
    if (cause instanceof SimulationError.SimulationError) {
      this.wrong = cause
      return
    }
    const at = this.kernel.now
    this.fail(
      cause instanceof SimulationError.NotConverged
        ? cause
        : new SimulationError.ScenarioFailed({
            at,
            cause,
            message: `the scenario failed at ${Micros.show(at)}: ${cause instanceof Error ? cause.message : Cause.pretty(exit.cause)}`,
          }),
    )
  }

  /** Ends the run with the first failure. */
  private fail(failure: SimulationError.Failure): void {
    if (this.failure !== undefined) return
    this.failure = failure
    this.kernel.halt()
  }

  private stopped(stop: Stop): SimulationError.Failure {
    const at = this.kernel.now
    const when = Micros.show(at)
    switch (stop._tag) {
      case "stalled":
        return new SimulationError.Stalled({
          at,
          message:
            `at ${when} nothing is ready, nothing will ever happen, and the scenario is not done. ` +
            `Waiting: ${this.waiting()}. Either they wait for each other, or for something real (a socket, a file, ` +
            "a worker, crypto.subtle), which cannot happen inside of a simulation: give the node a layer without it.",
        })
      case "livelock":
        return new SimulationError.Livelock({
          at,
          ...(stop.machine === undefined ? {} : { node: stop.machine.name }),
          message:
            `more than ${this.scenario.options.stepsPerInstant ?? Scenario.defaultStepsPerInstant} steps at ${when} and time does not pass. ` +
            `${stop.machine === undefined ? "Something" : stop.machine === this.self.machine ? "The scenario" : stop.machine.name} runs in circles: look for a loop without a sleep, ` +
            "a retry without a delay, or raise `stepsPerInstant` if the work is real.",
        })
      case "timeLimit":
        return new SimulationError.TimeLimit({
          at,
          message:
            `the scenario was not done after ${when} of virtual time. Waiting: ${this.waiting()}. ` +
            "Raise `timeLimit` if it needs longer, or look for what never comes: virtual time does not wait for anything real, " +
            "such as a socket, a file, a worker or `node:timers`.",
        })
    }
  }

  /** Who has fibers that have not ended. */
  private waiting(): string {
    const of = (name: string, fibers: number) => `${name} (${fibers} ${fibers === 1 ? "fiber" : "fibers"})`
    return [
      of("the scenario", this.self.fibers),
      ...[...this.nodes.values()].flatMap(({ life, name, state }) =>
        life === undefined || life.fibers === 0 || state === "crashed" ? [] : [of(name, life.fibers)],
      ),
    ].join(", ")
  }

  /** A timer of the program that does not come from Effect. */
  private after(millis: number, task: () => void): Globals.Armed {
    const { kernel } = this
    const life = this.asking()
    let counted = false
    const count = (counts: boolean): void => {
      if (counted !== counts) life.timers += counts ? 1 : -1
      counted = counts
    }
    count(true)
    // A clock that runs fast has its timers early, as its sleeps.
    const micros = Math.round((millis * 1000) / life.machine.rate)
    const entry = kernel.timer(life, kernel.now + micros, () => {
      count(false)
      lives.during(life, task)
    })
    return {
      cancel: () => {
        count(false)
        entry.cancel()
      },
      ref: (counts) => {
        if (entry.run !== undefined) count(counts)
      },
    }
  }

  /** A callback threw, and nobody caught it. */
  private threw(life: Life, cause: unknown): void {
    const at = this.kernel.now
    const { name } = life.machine
    const what = cause instanceof Error ? cause.message : String(cause)
    this.fail(
      life === this.self
        ? new SimulationError.ScenarioFailed({
            at,
            cause,
            message: `a callback of the scenario threw at ${Micros.show(at)}: ${what}`,
          })
        : new SimulationError.NodeDied({
            at,
            node: name,
            cause,
            message: `a callback of ${name} threw at ${Micros.show(at)}, and nobody caught it: ${what}`,
          }),
    )
  }

  private asking(): Life {
    return LifeContext.asking(this.kernel) ?? this.self
  }

  private escaped(what: string): void {
    const site = Globals.callSite()
    if (site === undefined) return
    const { name } = this.asking().machine
    const at = this.kernel.now
    this.fail(
      new SimulationError.Escaped({
        at,
        what,
        site,
        node: name,
        message:
          `${name} used ${what} of the machine ${site}. Take time from Clock, chance from Random, timers from Effect.sleep or a Schedule; ` +
          "or leave `strict` off, and the simulation serves it.",
      }),
    )
  }

  private deathOf(cause: Cause.Cause<unknown>): SimulationError.ScenarioFailed {
    const at = this.kernel.now
    const defect = Cause.squash(cause)
    const what = defect instanceof Error ? defect.message : String(defect)
    return new SimulationError.ScenarioFailed({
      at,
      cause: defect,
      message: `a fiber that the scenario forked died at ${Micros.show(at)}, and nobody waited for it: ${what}`,
    })
  }

  private contextOf(life: Life): Context.Context<never> {
    const known = this.contexts.get(life)
    if (known !== undefined) return known
    const made = LifeContext.make(this.kernel, life, {
      seed: this.options.seed,
      died: life === this.self ? (cause) => (this.died ??= this.deathOf(cause)) : undefined,
      log: this.recorder.enabled
        ? (from, text) =>
            this.recorder.add({ _tag: "Note", at: this.kernel.now, node: from.machine.name, kind: "log", text })
        : undefined,
    })
    this.contexts.set(life, made)
    return made
  }

  private report(): Scenario.Report {
    const { kernel, recorder } = this
    if (this.failure !== undefined) {
      const node = "node" in this.failure ? this.failure.node : undefined
      recorder.add({
        _tag: "Failed",
        at: kernel.now,
        ...(node === undefined || !this.nodes.has(node) ? {} : { node }),
        text: `${this.failure._tag}: ${this.failure.message}`,
      })
    }
    return {
      scenario: this.scenario.name,
      seed: this.options.seed,
      explore: this.explore,
      traceHash: kernel.hash.digest(),
      steps: kernel.steps,
      virtualSeconds: kernel.now / 1_000_000,
      faultsFired: this.faults.fired(),
      marks: this.checks.marks(),
      replay: { network: this.faults.network, timeline: this.faults.timeline(), deviations: this.draws.deviations() },
      trace: recorder.enabled
        ? {
            scenario: this.scenario.name,
            seed: this.options.seed,
            nodes: [...this.nodes.keys()],
            skipped: recorder.skipped(),
            events: recorder.events(),
          }
        : undefined,
    }
  }

  // What a scenario works with.

  private sim(): Scenario.Sim {
    const { engine, faults, kernel } = this
    const sync = (run: () => unknown): Effect.Effect<void> => Effect.sync(() => void run())
    const among = (names: ReadonlyArray<string>, run: () => unknown): Effect.Effect<void, Misuse> =>
      Effect.suspend(() => {
        const unknown = this.unknownName(names)
        return unknown === undefined ? sync(run) : Effect.fail(unknown)
      })
    return {
      seed: this.options.seed,
      nodes: (names, layer) => this.startNodes(names, layer),
      network: {
        partition: (a, b) => among([...a, ...b], () => faults.cut(a, b, false)),
        partitionOneWay: (from, to) => among([...from, ...to], () => faults.cut(from, to, true)),
        heal: sync(() => faults.heal()),
        reset: (a, b) => among([a, b], () => engine.reset(a, b)),
        halfOpen: (from, to, how) => among([from, to], () => engine.halfOpen(from, to, how)),
        connections: (a, b) => engine.connections(a, b),
        bytes: (from, to) => engine.bytes(from, to),
      },
      converges: (predicate, options) => this.converges(predicate, options),
      until: (predicate) => this.until(predicate),
      note: (text) => sync(() => this.recorder.add({ _tag: "Note", at: kernel.now, kind: "note", text })),
      now: () => kernel.now,
    }
  }

  /** What is wrong with names that are not those of nodes. */
  private unknownName(names: ReadonlyArray<string>): Misuse | undefined {
    const unknown = names.find((name) => !this.nodes.has(name))
    if (unknown === undefined) return undefined
    const known = [...this.nodes.keys()].join(", ")
    return misuse(
      "nodeName",
      `there is no node "${unknown}" at ${Micros.show(this.kernel.now)}; there are: ${known || "none"}`,
    )
  }

  private startNodes<Name extends string, A>(
    names: ReadonlyArray<Name>,
    layer: (name: Name) => Layer.Layer<A, unknown, Transport.Transport>,
  ): Effect.Effect<Scenario.Nodes<Name, A>, Misuse> {
    const { host, kernel } = this
    return Effect.gen({ self: this }, function* () {
      for (const [place, name] of names.entries()) {
        const bad = this.badName(name, names.slice(0, place))
        if (bad !== undefined) return yield* Effect.fail(misuse("nodeName", bad))
      }
      const states: Array<Nodes.NodeState<A>> = []
      for (const name of names) {
        const state = new Nodes.NodeState<A>(name, kernel.machine(name), () => layer(name))
        this.nodes.set(name, state)
        states.push(state)
      }
      for (const state of states) Nodes.start(host, state)
      for (const state of states) yield* Nodes.until(host, state, ["running"])
      const handles = states.map((state) => [state.name, handle(host, state)])
      // The keys are exactly the names, which the type of `fromEntries` does not tell.
      return Object.fromEntries(handles) as Scenario.Nodes<Name, A>
    })
  }

  private badName(name: string, before: ReadonlyArray<string>): string | undefined {
    if (!nameForm.test(name) || name === scenarioName) {
      return `"${name}" cannot be the name of a node: it is a host name, too, so use a to z, 0 to 9 and "-"`
    }
    if (this.nodes.has(name) || before.includes(name))
      return `there is a node "${name}" already: give each a name of its own`
    return undefined
  }

  /** Waits until the predicate holds, for the fiber that asks. */
  private until(predicate: Checks.Predicate): Effect.Effect<void> {
    return Effect.callback((resume) => {
      const caller = this.asking()
      const stop = this.checks.goal({
        predicate,
        held: () => this.kernel.enqueue(caller, () => resume(Effect.void)),
        threw: (cause) => this.fail(Checks.threw("until", this.kernel.now, cause)),
      })
      return Effect.sync(stop)
    })
  }

  private converges: Scenario.Sim["converges"] = (predicate, options = {}) => {
    const within = Duration.fromInputUnsafe(options.within ?? Scenario.defaultConvergence)
    return Effect.suspend(() => {
      const { core } = options
      const unknown = core?.find((name) => !this.nodes.has(name))
      if (unknown !== undefined) return Effect.fail(misuse("nodeName", `there is no node "${unknown}" to converge`))
      this.heal(core)
      return this.until(predicate).pipe(
        Effect.timeoutOrElse({
          duration: within,
          orElse: () => this.notConverged(predicate, within),
        }),
      )
    })
  }

  /** The time is over. It may have come to hold just now. */
  private notConverged(predicate: Checks.Predicate, within: Duration.Duration): Effect.Effect<void> {
    return Effect.suspend(() => {
      const at = this.kernel.now
      try {
        const reason = Checks.wrong(predicate)
        if (reason === undefined) return Effect.void
        this.fail(
          new SimulationError.NotConverged({
            at,
            message: `the nodes did not converge within ${Duration.format(within)} after everything was healed: ${reason}`,
          }),
        )
      } catch (cause) {
        this.fail(Checks.threw("converges", at, cause))
      }
      return Effect.never
    })
  }

  /** Ends all faults, and brings the nodes back: all of them, or the core. */
  private heal(core: ReadonlyArray<string> | undefined): void {
    const { host } = this
    this.recorder.add({
      _tag: "Note",
      at: this.kernel.now,
      kind: "healed",
      text: core === undefined ? "everything is healed" : `${core.join(", ")} are healed, and nobody else`,
    })
    const returns = (name: string): boolean => core === undefined || core.includes(name)
    this.faults.end(returns)
    for (const node of this.nodes.values()) {
      if (returns(node.name)) Nodes.heal(host, node)
      else if (Nodes.isAlive(node)) Nodes.crash(host, node, true)
    }
  }
}
