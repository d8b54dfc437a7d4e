/** The program of docs/recipes/feature-flag.md. */
// #region program
import { Cluster } from "@coterie/core"
import { NodeTransport } from "@coterie/node-transport"
import { SharedValue } from "@coterie/state"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Context, Effect, Layer, Schedule, Schema, Stream } from "effect"

const Checkout = Schema.Literals(["old", "new"])
type Checkout = typeof Checkout.Type

/** Checkout that the customers of all instances get. */
export class Flag extends Context.Service<Flag, SharedValue.SharedValue<Checkout>>()("examples/recipes/Flag") {}

/** An instance that does not know of a switch uses the old checkout. */
export const layer = SharedValue.layer(Flag, "checkout", { value: Checkout, initial: "old" })

/** Returns the checkout of a customer. It sends no message, so call it for each request. */
export const checkout = Effect.flatMap(Flag, (flag) => flag.get)

/** Switches the checkout at all instances. */
export const switchTo = (to: Checkout) => Effect.flatMap(Flag, (flag) => flag.set(to))

/** Logs each switch, and each switch that was lost to another one at the same time. */
export const follow = Effect.gen(function* () {
  const flag = yield* Flag
  const switches = Stream.map(flag.writes, ({ by, value }) => `${by.name} switched to the ${value} checkout`)
  const lost = Stream.map(
    flag.conflicts,
    ({ lost, won }) => `the switch of ${lost.by.name} to the ${lost.value} checkout was lost to that of ${won.by.name}`,
  )
  yield* Stream.runForEach(Stream.merge(switches, lost), (line) => Effect.log(line))
})
// #endregion

// #region main
/** Switches to the checkout of the command line, if there is one, and logs every 2 seconds which one customers get. */
const Demo = Layer.effectDiscard(
  Effect.gen(function* () {
    yield* Effect.forkScoped(follow)
    const [to] = process.argv.slice(2)
    if (to !== undefined) yield* switchTo(yield* Schema.decodeUnknownEffect(Checkout)(to))
    const show = Effect.flatMap(checkout, (which) => Effect.log(`customers get the ${which} checkout`))
    yield* Effect.forkScoped(Effect.schedule(show, Schedule.spaced("2 seconds")))
  }),
)

/** Runs until the node has stopped. The value is open before `layerStart`, and `Demo` begins after it. */
export const main = Effect.flatMap(Cluster.Cluster, ({ stopped }) => stopped).pipe(
  Effect.provide(Demo.pipe(Layer.provideMerge(Cluster.layerStart), Layer.provideMerge(layer))),
  Effect.provide(Cluster.layerFromEnv({ cluster: "flags", start: "manual" })),
  Effect.provide(NodeTransport.layerFromEnv()),
)

if (import.meta.main) NodeRuntime.runMain(main)
// #endregion
