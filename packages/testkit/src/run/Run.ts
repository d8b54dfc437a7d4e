/** Run of a scenario. It assembles the kernel, the network, the nodes, the faults and the checks. */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { DiskTable } from "../disk/DiskTable.ts"
import * as Draws from "../kernel/Draws.ts"
import * as EventLoop from "../kernel/eventLoop.ts"
import * as Globals from "../kernel/Globals.ts"
import { Kernel, lives, type Stop } from "../kernel/Kernel.ts"
import { Life } from "../kernel/Life.ts"
import * as LifeContext from "../kernel/LifeContext.ts"
import * as Prng from "../kernel/Prng.ts"
import * as Stacks from "../kernel/stacks.ts"
import { TimerCount } from "../kernel/TimerCount.ts"
import type { RunningTimer } from "../kernel/TimerHandle.ts"
import { Engine } from "../network/Engine.ts"
import * as Scenario from "../Scenario.ts"
import { SimHost } from "../SimHost.ts"
import * as SimulationError from "../SimulationError.ts"
import { Checks } from "./Checks.ts"
import { calm, FaultInjector } from "./FaultInjector.ts"
import { LeakDetector } from "./LeakDetector.ts"
import { NetworkObserver } from "./NetworkObserver.ts"
import { NodeTable, scenarioName } from "./NodeTable.ts"
import * as Recorder from "./Recorder.ts"
import * as RunFailures from "./runFailures.ts"
import { ScenarioApi } from "./ScenarioApi.ts"
import type { Runtime } from "./SimNode.ts"
import { usageError, type UsageError, validateOptions, type ValidOptions } from "./validateOptions.ts"

/** Runs the scenario synchronously. Must be called in its own turn of the event loop. */
export const run = (
  scenario: Scenario.Scenario,
  options: Scenario.RunOptions,
): Effect.Effect<Scenario.Outcome, UsageError> => {
  const valid = validateOptions(scenario, options)
  if (Result.isFailure(valid)) return Effect.fail(valid.failure)
  const run = new Run(scenario, options, valid.success)
  return Effect.fromResult(options.stacks === false ? Stacks.withoutStacks(() => run.run()) : run.run())
}

const recorderOf = ({ trace }: Scenario.RunOptions): Recorder.Recorder => {
  if (trace === undefined || trace === false) return new Recorder.Recorder(undefined)
  return new Recorder.Recorder(trace === true ? Recorder.defaultEvents : trace)
}

class Run {
  private readonly scenario: Scenario.Scenario
  private readonly options: Scenario.RunOptions
  private readonly explore: Scenario.Explore
  private readonly draws: Draws.Draws
  private readonly recorder: Recorder.Recorder
  private readonly kernel: Kernel
  private readonly engine: Engine
  private readonly disks: DiskTable
  private readonly checks: Checks
  private readonly faults: FaultInjector
  private readonly leaks: LeakDetector
  private readonly api: ScenarioApi
  private readonly table = new NodeTable()
  /** Life in which the scenario itself runs. */
  private readonly self: Life
  private readonly contexts = new WeakMap<Life, Context.Context<never>>()
  private failure: SimulationError.Failure | undefined
  /** Failure of the first fiber of the scenario that died. Reported only if the scenario succeeds otherwise. */
  private died: SimulationError.ScenarioFailed | undefined
  private usageError: UsageError | undefined

  constructor(scenario: Scenario.Scenario, options: Scenario.RunOptions, { explore, source, timeLimit }: ValidOptions) {
    const { table } = this
    const fail = (failure: SimulationError.Failure): void => this.fail(failure)
    this.scenario = scenario
    this.options = options
    this.explore = explore
    this.draws = options.replay === undefined ? Draws.seeded(options.seed) : Draws.replaying(options.replay.deviations)
    this.recorder = recorderOf(options)
    const { draws, recorder } = this
    const kernel = new Kernel({
      draws,
      explore,
      timeLimit,
      stepsPerInstant: this.stepsPerInstant,
      afterStep: (life) => this.afterStep(life),
      threw: (life, cause) => this.threw(life, cause),
      runMicrotasks: EventLoop.runMicrotasks,
    })
    this.kernel = kernel
    this.self = new Life(kernel.machine(scenarioName), 1)
    const observer = new NetworkObserver({ kernel, recorder, describe: scenario.options.describe })
    const engine = new Engine(
      {
        timeline: { now: () => kernel.now, schedule: (at, run) => kernel.events.schedule(at, run) },
        draws,
        process: (host) => {
          const life = table.nodes.get(host)?.life
          return { enqueue: (task) => (life === undefined ? task() : kernel.enqueue(life, task)) }
        },
        observe: observer.observe,
      },
      { conditions: { ...calm, ...source.network } },
    )
    this.engine = engine
    const disks = new DiskTable({ draws, now: () => kernel.now, conditions: source.disk })
    this.disks = disks
    const checks = new Checks({
      now: () => kernel.now,
      fail,
      after: (micros, run) => {
        const event = kernel.events.schedule(kernel.now + micros, run)
        return () => event.cancel()
      },
    })
    this.checks = checks
    this.leaks = new LeakDetector({ kernel, engine, enabled: scenario.options.leaks !== false, fail })
    const faults = new FaultInjector({
      source,
      draws,
      kernel,
      engine,
      disks,
      nodes: table.nodes,
      recorder,
      check: (names) => this.checkPlannedNames(names),
    })
    this.faults = faults
    this.api = new ScenarioApi({
      seed: options.seed,
      kernel,
      engine,
      checks,
      faults,
      recorder,
      table,
      fail,
      runtime: this.runtime(),
      currentLife: () => this.currentLife(),
    })
  }

  private get stepsPerInstant(): number {
    return this.scenario.options.stepsPerInstant ?? Scenario.defaultStepsPerInstant
  }

  /** Makes the services that the nodes need from this run. */
  private runtime(): Runtime {
    const { disks, engine, faults, kernel, leaks, recorder } = this
    return {
      kernel,
      slowStart: (name) => faults.slowStart(name),
      context: (life) => this.contextOf(life),
      transport: (name, identity) => engine.transport(name, undefined, identity),
      addHost: (name) => engine.addNode(name),
      host: (name) =>
        Layer.effect(SimHost)(
          Effect.map(engine.sockets(name), (sockets) => ({ name, sockets, disk: disks.get(name) })),
        ),
      loseConnections: (name, silent) => engine.crash(name, { silent }),
      losePower: (name) => disks.get(name).losePower(),
      fail: (failure) => this.fail(failure),
      record: (event) => recorder.add(event),
      stopped: (node, life) => leaks.watch(node, life),
    }
  }

  // Running.

  run(): Result.Result<Scenario.Outcome, UsageError> {
    const { kernel } = this
    const chance = Prng.make(this.options.seed, "globals")
    const stop = Globals.replacedBy(
      {
        wallMillis: () => LifeContext.wallMillis(kernel, this.currentLife()),
        monotonicNanos: () => LifeContext.monotonicNanos(kernel, this.currentLife()),
        random: () => chance.next(),
        after: (millis, task) => this.after(millis, task),
        fiberId: (context) => ++(Context.get(context, LifeContext.CurrentLife) ?? this.self).lastFiberId,
        threw: (cause) => this.threw(this.currentLife(), cause),
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
    if (stop !== undefined && this.usageError === undefined) this.failure ??= this.failureOf(stop)
    if (this.usageError !== undefined) return Result.fail(this.usageError)
    return Result.succeed({ report: this.report(), failure: this.failure })
  }

  /** Runs the scenario, waits for the goals that must hold eventually, then stops the nodes. */
  private program(): Effect.Effect<unknown, unknown> {
    const { api, checks } = this
    const sim = api.sim()
    return Effect.scoped(this.scenario.body(sim)).pipe(
      Effect.provideService(Scenario.Simulation, { ...sim, checks }),
      Effect.andThen(api.wait("settled", () => checks.isSettled())),
      Effect.andThen(Effect.suspend(() => this.stopAll())),
    )
  }

  private stopAll(): Effect.Effect<void> {
    this.checks.end()
    this.faults.end(() => false)
    return Effect.forEach(
      this.table.nodes.values(),
      (node) => {
        node.resumeAtFullSpeed()
        if (!node.isAlive) return Effect.void
        node.stop()
        return node.until(["stopped", "died", "crashed"])
      },
      { concurrency: "unbounded", discard: true },
    ).pipe(Effect.andThen(this.allFree()))
  }

  /** Waits until the stopped nodes hold nothing. The run polls, because no step of a node reports it. */
  private allFree(): Effect.Effect<void> {
    return Effect.suspend(() =>
      this.leaks.isSettled() ? Effect.void : Effect.andThen(Effect.sleep("100 millis"), this.allFree()),
    )
  }

  private ended(exit: Exit.Exit<unknown, unknown>): void {
    this.kernel.halt()
    if (this.failure !== undefined) return
    if (Exit.isSuccess(exit)) {
      if (this.died !== undefined) this.fail(this.died)
      return
    }
    const error = Cause.squash(exit.cause)
    if (error instanceof SimulationError.SimulationError) {
      this.usageError = error
      return
    }
    this.fail(
      error instanceof SimulationError.NotReached ? error : RunFailures.scenarioFailed(this.kernel.now, exit.cause),
    )
  }

  private afterStep(life: Life | undefined): void {
    if (life === undefined) this.checks.evaluateGoals()
    else this.checks.step(life === this.self ? undefined : life.machine.name)
  }

  // Failures.

  /** Ends the run with the first failure. */
  private fail(failure: SimulationError.Failure): void {
    if (this.failure !== undefined) return
    this.failure = failure
    this.kernel.halt()
  }

  private failureOf(stop: Stop): SimulationError.Failure {
    const at = this.kernel.now
    const { self, stepsPerInstant } = this
    switch (stop._tag) {
      case "stalled":
        return RunFailures.stalled(at, RunFailures.waiting(self, this.table.nodes.values()))
      case "livelock":
        return RunFailures.livelock(at, { machine: stop.machine, scenario: self.machine, stepsPerInstant })
      case "timeLimit":
        return RunFailures.timeLimit(at, RunFailures.waiting(self, this.table.nodes.values()))
    }
  }

  /** Returns `true` if all nodes that the fault plan names exist. Otherwise ends the run. */
  private checkPlannedNames(names: ReadonlyArray<string>): boolean {
    const unknown = this.table.checkKnown(names, this.kernel.now)
    if (unknown === undefined) return true
    this.usageError ??= usageError("nodeName", `the fault plan: ${unknown.message}`)
    this.kernel.halt()
    return false
  }

  private threw(life: Life, cause: unknown): void {
    const node = life === this.self ? undefined : life.machine.name
    this.fail(RunFailures.callbackThrew(this.kernel.now, node, cause))
  }

  private escaped(what: string): void {
    const site = Stacks.callSite()
    if (site === undefined) return
    this.fail(RunFailures.escaped(this.kernel.now, this.currentLife().machine.name, what, site))
  }

  // Lives.

  private currentLife(): Life {
    return LifeContext.currentLife(this.kernel) ?? this.self
  }

  private contextOf(life: Life): Context.Context<never> {
    const known = this.contexts.get(life)
    if (known !== undefined) return known
    const { kernel, recorder } = this
    const made = LifeContext.make(kernel, life, {
      seed: this.options.seed,
      died: life === this.self ? (cause) => (this.died ??= RunFailures.forkedFiberDied(kernel.now, cause)) : undefined,
      log: recorder.enabled
        ? ({ machine }, text) => recorder.add({ _tag: "Note", at: kernel.now, node: machine.name, kind: "log", text })
        : undefined,
    })
    this.contexts.set(life, made)
    return made
  }

  /** Starts a timer of a replaced global, such as `setTimeout`. */
  private after(millis: number, task: () => void): RunningTimer {
    const { kernel } = this
    const life = this.currentLife()
    const count = new TimerCount(life)
    count.set(true)
    // On a clock that runs fast, timers fire early, as sleeps do.
    const micros = Math.round((millis * 1000) / life.machine.rate)
    const timer = kernel.timer(life, kernel.now + micros, () => {
      count.set(false)
      lives.run(life, task)
    })
    return {
      cancel: () => {
        count.set(false)
        timer.cancel()
      },
      setRef: (counts) => {
        if (timer.run !== undefined) count.set(counts)
      },
    }
  }

  // Reporting.

  private report(): Scenario.Report {
    const { draws, faults, kernel, options, recorder, scenario, table } = this
    this.recordFailure()
    return {
      scenario: scenario.name,
      seed: options.seed,
      explore: this.explore,
      traceHash: kernel.hash.digest(),
      steps: kernel.steps,
      virtualSeconds: kernel.now / 1_000_000,
      faultsFired: faults.fired(),
      marks: this.checks.marks(),
      replay: { network: faults.network, timeline: faults.timeline, deviations: draws.deviations() },
      trace: recorder.enabled
        ? {
            scenario: scenario.name,
            seed: options.seed,
            nodes: [...table.nodes.keys()],
            skipped: recorder.skipped(),
            events: recorder.events(),
          }
        : undefined,
    }
  }

  private recordFailure(): void {
    const { failure, kernel, recorder, table } = this
    if (failure === undefined) return
    const node = "node" in failure ? failure.node : undefined
    recorder.add({
      _tag: "Failed",
      at: kernel.now,
      ...(node === undefined || !table.nodes.has(node) ? {} : { node }),
      text: `${failure._tag}: ${failure.message}`,
    })
  }
}
