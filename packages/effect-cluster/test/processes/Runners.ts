/** Runners as child processes. Functions start, kill and stop them, and wait until entities answer. */
import * as Effect from "effect/Effect"
import * as path from "node:path"
import * as Child from "../../../../examples/support/Child.ts"
import * as Protocol from "./Protocol.ts"

export const layer = Child.layer

export interface Runner extends Child.Child {
  /** Address at which its node can be joined. */
  readonly address: string
  /** Address of its runner under `RunnerPeers.layerByPeer`, as a text. */
  readonly runner: string
  readonly kill: Effect.Effect<void, Child.ChildFailure>
  /** Sends SIGSTOP. */
  readonly freeze: Effect.Effect<void>
  /** Sends SIGCONT. */
  readonly thaw: Effect.Effect<void>
  /** Stops it in order, as a deployment does. */
  readonly stop: Effect.Effect<void, Child.ChildFailure>
}

/** Time for a step that waits for real processes on a busy machine. It does not assert a speed. */
const patience = "120 seconds"

const report = Child.reports(Protocol.decodeReport)

/** Starts a runner and waits until its engine runs. The end of the scope ends it. */
export const start = Effect.fnUntraced(function* (options: Protocol.Options) {
  const file = path.join(import.meta.dirname, "runner.ts")
  const child = yield* Child.spawn(options.name, file, [Protocol.encodeOptions(options)])
  let isFrozen = false
  const send = (signal: NodeJS.Signals) => Effect.sync(() => void process.kill(child.pid, signal))
  const thaw = Effect.suspend(() => {
    const wasFrozen = isFrozen
    isFrozen = false
    return wasFrozen ? send("SIGCONT") : Effect.void
  })
  // A stopped process would not end with the scope.
  yield* Effect.addFinalizer(() => thaw)
  const { address, runner: runnerAddress } = yield* child.expect("that its engine runs", report("Started"), {
    within: patience,
  })
  const runner: Runner = {
    ...child,
    address,
    runner: runnerAddress,
    kill: Effect.asVoid(child.signal("SIGKILL")),
    freeze: Effect.suspend(() => {
      isFrozen = true
      return send("SIGSTOP")
    }),
    thaw,
    stop: Effect.asVoid(Effect.andThen(child.hangUp, child.ended)),
  }
  return runner
})

let commands = 0

/** Time for one entity to answer, in milliseconds. */
const attempt = 2_000

/** Asks a runner for the nodes of entities. An entity that does not answer has the node "". */
export const locate = Effect.fnUntraced(function* (
  runner: Runner,
  entities: ReadonlyArray<string>,
  within: number = attempt,
) {
  const id = ++commands
  const from = runner.mark()
  yield* runner.say(Protocol.encodeCommand({ _tag: "Locate", id, entities, within }))
  const isAnswer = report("Places", (places) => places.id === id)
  return yield* runner.expect("where the entities are", isAnswer, { from, within: patience })
})

/** Waits until all runners find all entities at the same nodes, and returns these. */
export const untilAgreed = (
  runners: ReadonlyArray<Runner>,
  entities: ReadonlyArray<string>,
  accept: (nodes: ReadonlyArray<string>) => boolean = () => true,
): Effect.Effect<ReadonlyArray<string>, Child.ChildFailure> =>
  Effect.gen(function* () {
    while (true) {
      const places = yield* Effect.forEach(runners, (runner) => locate(runner, entities), { concurrency: "unbounded" })
      const [first = { nodes: [] }] = places
      const agree = places.every(({ nodes }) => nodes.join() === first.nodes.join())
      if (agree && first.nodes.every((node) => node !== "") && accept(first.nodes)) return first.nodes
      yield* Effect.sleep("400 millis")
    }
  }).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.fail(new Child.ChildFailure({ message: "the runners do not agree where the entities are" })),
    }),
  )

/** Returns the runner that checks the health of the others. */
export const holder = Effect.fnUntraced(function* (runners: ReadonlyArray<Runner>) {
  while (true) {
    for (const runner of runners) {
      const id = ++commands
      const from = runner.mark()
      yield* runner.say(Protocol.encodeCommand({ _tag: "AskHolder", id }))
      const isAnswer = report("Holder", (answer) => answer.id === id)
      const { holds } = yield* runner.expect("whether it checks health", isAnswer, { from, within: patience })
      if (holds) return runner
    }
    yield* Effect.sleep("200 millis")
  }
})

/** Makes a persisted deposit through a runner. `outcome` waits for its result. */
export const deposit = Effect.fnUntraced(function* (runner: Runner, entity: string, deposit: string) {
  const from = runner.mark()
  yield* runner.say(Protocol.encodeCommand({ _tag: "Deposit", deposit, entity }))
  const isDone = report("Done", (done) => done.deposit === deposit)
  return { outcome: runner.expect(`that ${deposit} is done`, isDone, { from, within: patience }) }
})

/** Returns the deposits that a runner has carried out. */
export const carriedOut = (runner: Runner): ReadonlyArray<string> =>
  runner.since(0, report("CarriedOut")).map(({ deposit }) => deposit)

/** Returns the milliseconds on the clock of the reports. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6
