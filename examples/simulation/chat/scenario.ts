/** Scenario with three members of a chat room. One of them is killed, and one is cut off. */
// #region scenario
import { Cluster, ClusterTrace } from "@coterie/core"
import { Invariant, Simulation } from "@coterie/testkit"
import { Effect, Layer } from "effect"
import * as Chat from "./Chat.ts"

const names = ["ann", "ben", "cat"] as const

/** Returns the reason why the lines of a speaker are not in order, or `true`. */
const inOrder = (member: string, heard: ReadonlyArray<Chat.Heard>): string | true => {
  const last = new Map<string, number>()
  for (const { from, number } of heard) {
    if (number <= (last.get(from) ?? -1))
      return `${member} received line ${number} of ${from} after line ${last.get(from)}`
    last.set(from, number)
  }
  return true
}

export const chat = Simulation.scenario(
  "a chat room",
  {
    describe: ClusterTrace.describe({ topics: [Chat.Lines] }),
    faults: { network: { delay: { exponential: { min: "1 millis", mean: "20 millis" } }, loss: 0.02 } },
  },
  (sim) =>
    Effect.gen(function* () {
      const nodes = yield* sim.nodes(names, (name) =>
        Chat.layer.pipe(Layer.provide(Cluster.layer({ cluster: "chat", name, seeds: names }))),
      )
      const members = Object.values(nodes)
      yield* Invariant.always("lines arrive in order and at most once", () => {
        for (const node of members) {
          const order = inOrder(node.name, node.service(Chat.Chat)?.heard() ?? [])
          if (order !== true) return order
        }
        return true
      })

      // Every member publishes lines in each life. The numbers continue after a restart.
      let number = 0
      for (const node of members) {
        yield* Effect.flatMap(Chat.Chat, ({ say }) =>
          Effect.suspend(() => say({ number: ++number, text: "hello" })),
        ).pipe(node.run, Effect.ignore, Effect.andThen(Effect.sleep("500 millis")), Effect.forever, Effect.forkScoped)
      }
      const lists = (node: (typeof members)[number], others: number) =>
        node.service(Chat.Chat)?.members().length === others ||
        `${node.name} lists ${node.service(Chat.Chat)?.members()}`
      const all = () => members.map((node) => lists(node, 2)).find((answer) => answer !== true) ?? true
      yield* sim.until("all members list each other", all, { within: "10 seconds" })

      yield* Effect.sleep("3 seconds")
      yield* sim.note("ben is killed")
      yield* nodes.ben.crash
      yield* sim.until("ann no longer lists ben", () => lists(nodes.ann, 1), { within: "10 seconds" })
      yield* nodes.ben.restart

      yield* sim.note("cat is cut off")
      yield* sim.network.partition(["cat"], ["ann", "ben"])
      yield* sim.until("cat is alone", () => lists(nodes.cat, 0), { within: "30 seconds" })
      yield* sim.converges(all, { within: "30 seconds" })
    }),
)
// #endregion
