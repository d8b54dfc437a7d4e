/** Implementation of the interface that a scenario uses. */
import type * as Transport from "@coterie/core/Transport"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { Kernel } from "../kernel/Kernel.ts"
import type { Life } from "../kernel/Life.ts"
import type * as Engine from "../network/Engine.ts"
import * as Scenario from "../Scenario.ts"
import type { SimHost } from "../SimHost.ts"
import type * as SimulationError from "../SimulationError.ts"
import { defaultWithdrawal } from "../SimNetwork.ts"
import * as Checks from "./Checks.ts"
import type { FaultInjector } from "./FaultInjector.ts"
import { nodeHandle } from "./nodeHandle.ts"
import type { NodeTable } from "./NodeTable.ts"
import type { Recorder } from "./Recorder.ts"
import * as RunFailures from "./runFailures.ts"
import { type Runtime, SimNode } from "./SimNode.ts"
import { durationOf, usageError, type UsageError } from "./validateOptions.ts"

interface Options {
  readonly seed: number
  readonly kernel: Kernel
  readonly engine: Engine.Engine
  readonly checks: Checks.Checks
  readonly faults: FaultInjector
  readonly recorder: Recorder
  readonly runtime: Runtime
  readonly table: NodeTable
  /** Returns the life of the caller. */
  readonly currentLife: () => Life
  readonly fail: (failure: SimulationError.Failure) => void
}

/** Returns the time that a function waits. Fails if it is not a duration. */
const withinOf = ({
  within = Scenario.defaultWithin,
}: {
  readonly within?: Duration.Input | undefined
}): Effect.Effect<Duration.Duration, UsageError> => Effect.fromResult(durationOf("within", within))

export class ScenarioApi {
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  /** Makes the interface that the body of the scenario receives. */
  sim(): Scenario.Sim {
    const { kernel, recorder, seed } = this.options
    return {
      seed,
      nodes: (names, layer, options) => this.startNodes(names, layer, options),
      network: this.network(),
      converges: (predicate, options) => this.converges(predicate, options),
      until: (name, condition, options) => this.until(name, condition, options),
      note: (text) => Effect.sync(() => recorder.add({ _tag: "Note", at: kernel.now, kind: "note", text })),
      now: () => kernel.now,
    }
  }

  private network(): Scenario.Network {
    const { engine, faults } = this.options
    return {
      partition: (a, b) => this.among([...a, ...b], () => faults.partition(a, b, false)),
      partitionOneWay: (from, to) => this.among([...from, ...to], () => faults.partition(from, to, true)),
      heal: Effect.sync(() => faults.heal()),
      reset: (a, b) => this.among([a, b], () => engine.reset(a, b)),
      halfOpen: (from, to, how) => this.among([from, to], () => engine.halfOpen(from, to, how)),
      prove: (node, identity) => this.among([node], () => engine.prove(node, identity)),
      withdraw: (node, { peer, within = defaultWithdrawal } = {}) =>
        this.among(peer === undefined ? [node] : [node, peer], () => engine.withdraw(node, peer, within)),
      connections: (a, b) => engine.connections(a, b),
      bytes: (from, to) => engine.bytes(from, to),
    }
  }

  /** Runs the function if nodes with these names exist. Otherwise fails. */
  private among(names: ReadonlyArray<string>, run: () => void): Effect.Effect<void, UsageError> {
    return Effect.suspend(() => {
      const unknown = this.options.table.checkKnown(names, this.options.kernel.now)
      return unknown === undefined ? Effect.sync(run) : Effect.fail(unknown)
    })
  }

  private startNodes<Name extends string, A>(
    names: ReadonlyArray<Name>,
    layer: (name: Name) => Layer.Layer<A, unknown, Transport.Transport | SimHost>,
    { identity, start }: Scenario.NodeOptions<Name, A> = {},
  ): Effect.Effect<Scenario.Nodes<Name, A>, UsageError> {
    const { runtime, table } = this.options
    return Effect.gen(function* () {
      const bad = table.checkNew(names)
      if (bad !== undefined) return yield* Effect.fail(bad)
      const nodes = names.map(
        (name) =>
          new SimNode<A>(
            runtime,
            name,
            () => layer(name),
            start === undefined ? undefined : () => start(name),
            () => identity?.(name),
          ),
      )
      for (const node of nodes) {
        table.add(node)
        runtime.addHost(node.name)
      }
      for (const node of nodes) node.start()
      for (const node of nodes) yield* node.until(["running"])
      const handles = nodes.map((node) => [node.name, nodeHandle(node)])
      // The keys are exactly the names, which the type of `fromEntries` does not express.
      return Object.fromEntries(handles) as Scenario.Nodes<Name, A>
    })
  }

  /** Waits without a bound until the predicate holds. The caller continues in a turn of its own life. */
  wait(name: string, predicate: Checks.Predicate): Effect.Effect<void> {
    const { checks, currentLife, fail, kernel } = this.options
    return Effect.callback((resume) => {
      const caller = currentLife()
      const remove = checks.goal({
        predicate,
        held: () => kernel.enqueue(caller, () => resume(Effect.void)),
        threw: (cause) => fail(Checks.invariantThrew(name, kernel.now, cause)),
      })
      return Effect.sync(remove)
    })
  }

  private until(
    name: string,
    condition: Checks.Predicate,
    options: Parameters<Scenario.Sim["until"]>[2] = {},
  ): Effect.Effect<void, SimulationError.NotReached | UsageError> {
    const { kernel, table } = this.options
    return Effect.flatMap(withinOf(options), (within) => {
      const from = kernel.now
      const failed = (seen: string) =>
        RunFailures.notReached({
          at: kernel.now,
          from,
          within: Duration.format(within),
          condition: name,
          seen,
          down: table.describeDown(),
        })
      return this.wait(name, condition).pipe(
        Effect.timeoutOrElse({
          duration: within,
          orElse: () =>
            Effect.flatMap(this.lastLook(name, condition), (seen) =>
              seen === undefined ? Effect.void : Effect.fail(failed(seen)),
            ),
        }),
      )
    })
  }

  /**
   * Evaluates the predicate at the last moment. Returns the reason why it does not hold, or `undefined` if it holds.
   */
  private lastLook(name: string, predicate: Checks.Predicate): Effect.Effect<string | undefined> {
    const { fail, kernel } = this.options
    return Effect.suspend(() => {
      try {
        return Effect.succeed(Checks.violation(predicate))
      } catch (cause) {
        fail(Checks.invariantThrew(name, kernel.now, cause))
        return Effect.never
      }
    })
  }

  private readonly converges: Scenario.Sim["converges"] = (predicate, options = {}) => {
    return Effect.flatMap(withinOf(options), (within): Effect.Effect<void, UsageError> => {
      const { core } = options
      const unknown = core?.find((name) => !this.options.table.nodes.has(name))
      if (unknown !== undefined) {
        return Effect.fail(usageError("nodeName", `there is no node "${unknown}" to converge`))
      }
      this.heal(core)
      return this.wait("converges", predicate).pipe(
        Effect.timeoutOrElse({ duration: within, orElse: () => this.failToConverge(predicate, within) }),
      )
    })
  }

  /** Fails the run, unless the predicate holds at the last moment. */
  private failToConverge(predicate: Checks.Predicate, within: Duration.Duration): Effect.Effect<void> {
    const { fail, kernel, table } = this.options
    return Effect.flatMap(this.lastLook("converges", predicate), (reason) => {
      if (reason === undefined) return Effect.void
      fail(RunFailures.notConverged(kernel.now, Duration.format(within), reason, table.describeDown()))
      return Effect.never
    })
  }

  /** Ends all faults and starts all nodes, or only the core. */
  private heal(core: ReadonlyArray<string> | undefined): void {
    const { faults, kernel, recorder, table } = this.options
    recorder.add({
      _tag: "Note",
      at: kernel.now,
      kind: "healed",
      text: core === undefined ? "everything is healed" : `only ${core.join(", ")} are healed`,
    })
    const returns = (name: string): boolean => core === undefined || core.includes(name)
    faults.end(returns)
    for (const node of table.nodes.values()) {
      if (returns(node.name)) node.heal()
      else if (node.isAlive) node.crash(true)
    }
  }
}
